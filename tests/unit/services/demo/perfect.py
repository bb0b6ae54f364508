"""A perfect outcome made from what is expected: each record as the system would write it, once."""

from schemas.decision import Cause, Decision
from schemas.delivery import Delivery
from schemas.email_request import EmailRequest
from schemas.event import Event
from schemas.ids import decision_id, feedback_event_id, send_id
from schemas.instants import DAY_MS, datetime_of
from services.demo.expected import ExpectedDecision
from services.demo.reading import CaughtMail, Observed, Record
from services.demo.script import ScriptedEvent


def perfect(script: list[ScriptedEvent], expected: list[ExpectedDecision]) -> Observed:
    """Everything right. Each record has an offset and a stamp of its own; the tests plant the faults."""
    observed = Observed()
    for position, event in enumerate(script):
        observed.events.append((_record("tetik.events", position), event_record(event)))
    for position, decision in enumerate(expected):
        observed.decisions.append((_record("tetik.triggers", position), decision_record(decision)))
        if decision.outcome == "fired":
            observed.requests.append((_record("tetik.outbound", position), request_record(decision)))
            observed.deliveries.append((_record("tetik.deliveries", position), delivery_record(decision)))
            observed.mails.append(mail(decision))
            observed.events.append((_record("tetik.events", 1_000 + position), feedback_record(decision)))
    return observed


def _record(topic: str, offset: int) -> Record:
    return Record(topic, 0, offset, 1_000_000 + offset, b"")


def identity(decision: ExpectedDecision) -> str:
    assert decision.step is not None
    return send_id(decision.trigger_id, decision.occasion, decision.step)


def event_record(event: ScriptedEvent) -> Event:
    return Event(
        event_id=event.event_id,
        type=event.type,
        customer_id=event.customer_id,
        anonymous_id=event.anonymous_id,
        occurred_at=datetime_of(event.at),
        received_at=datetime_of(event.at),
        source="simulated-shoppers",
        properties=event.properties,
    )


def decision_record(decision: ExpectedDecision) -> Decision:
    return Decision.model_validate(
        {
            "decision_id": decision_id(
                decision.trigger_id, decision.occasion, decision.step, decision.outcome, 1
            ),
            "trigger_id": decision.trigger_id,
            "trigger_version": "1",
            "rules_digest": "d",
            "customer_key": decision.customer_key,
            "occasion": decision.occasion,
            "step": decision.step,
            "outcome": decision.outcome,
            "reason": "As it must be.",
            "send_id": identity(decision) if decision.outcome == "fired" else None,
            "occurred_at": datetime_of(decision.decided_at),
            "due_at": datetime_of(decision.due_at),
            "decided_at": datetime_of(decision.decided_at),
            "cause": Cause(kind="event", topic="tetik.events", partition=0, offset=0),
        }
    )


def request_record(decision: ExpectedDecision) -> EmailRequest:
    assert decision.step is not None
    return EmailRequest(
        send_id=identity(decision),
        action="send",
        trigger_id=decision.trigger_id,
        trigger_version="1",
        step=decision.step,
        customer_key=decision.customer_key,
        to=decision.to,
        template=decision.step,
        template_digest="d",
        kind="marketing",
        decided_at=datetime_of(decision.decided_at),
        expires_at=datetime_of(decision.due_at + DAY_MS),
    )


def delivery_record(decision: ExpectedDecision) -> Delivery:
    return Delivery(
        send_id=identity(decision),
        customer_key=decision.customer_key,
        status="sent",
        smtp_code=250,
        reason="The relay took it.",
        attempt=1,
        occurred_at=datetime_of(decision.decided_at),
    )


def feedback_record(decision: ExpectedDecision) -> Event:
    return Event(
        event_id=feedback_event_id(identity(decision), "sent", 1),
        type="email_sent",
        customer_id=decision.customer_key,
        occurred_at=datetime_of(decision.decided_at),
        received_at=datetime_of(decision.decided_at),
        source="sender",
        properties={"send_id": identity(decision)},
    )


def mail(decision: ExpectedDecision) -> CaughtMail:
    assert decision.to is not None
    assert decision.step is not None
    return CaughtMail(
        file="1.eml",
        send_id=identity(decision),
        step=decision.step,
        to=decision.to,
        dated_at=decision.decided_at,
        arrived_at=1_000_050,
    )
