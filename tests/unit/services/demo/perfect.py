"""A perfect outcome made from what is expected: each record as the system would write it, once."""

from schemas.decision import Cause, Decision
from schemas.delivery import Delivery
from schemas.email_request import EmailRequest
from schemas.event import RULES_ACTIVATED, Event
from schemas.ids import decision_id, feedback_event_id
from schemas.instants import datetime_of
from schemas.keys import ids_of_key
from services.demo.check import ENGINE, SENDER
from services.demo.expected import Expectation, ExpectedDecision, ExpectedEvent, ExpectedMail
from services.demo.reading import CaughtMail, Observed, Record
from services.demo.script import ScriptedEvent


def perfect(script: list[ScriptedEvent], expected: Expectation) -> Observed:
    """Everything right. Each record has an offset and a stamp of its own; the tests plant the faults."""
    observed = Observed()
    sent = {event.event_id: event for event in script}
    events = [event_record(event) for event in script]
    events += [event_record(notice).model_copy(update={"source": ENGINE}) for notice in expected.notices]
    events += [hand_over_record(each, sent.get(each.event_id)) for each in expected.hand_overs]
    events += [feedback_record(mail) for mail in expected.mails.values()]
    events.append(marker_record(expected))
    observed.events += [(_record("tetik.events", position), event) for position, event in enumerate(events)]
    for position, decision in enumerate(expected.decisions):
        observed.decisions.append((_record("tetik.triggers", position), decision_record(decision)))
    for position, mail in enumerate(expected.mails.values()):
        observed.requests.append((_record("tetik.outbound", position), request_record(mail)))
        observed.deliveries.append((_record("tetik.deliveries", position), delivery_record(mail)))
        observed.mails.append(caught(mail))
    return observed


def _record(topic: str, offset: int) -> Record:
    return Record(topic, 0, offset, 1_000_000 + offset, b"")


def event_record(event: ScriptedEvent) -> Event:
    return Event(
        event_id=event.event_id,
        type=event.type,
        customer_id=event.customer_id,
        anonymous_id=event.anonymous_id,
        product_id=event.product_id,
        occurred_at=datetime_of(event.occurred_at),
        received_at=datetime_of(event.at),
        source="simulated-shoppers",
        properties=event.properties,
        backfill=event.backfill,
    )


def decision_record(decision: ExpectedDecision) -> Decision:
    return Decision.model_validate(
        {
            "decision_id": decision_id(
                decision.trigger_id, decision.occasion, decision.step, decision.outcome, decision.attempt
            ),
            "trigger_id": decision.trigger_id,
            "trigger_version": "1",
            "rules_digest": "d",
            "customer_key": decision.customer_key,
            "occasion": decision.occasion,
            "step": decision.step,
            "attempt": decision.attempt,
            "outcome": decision.outcome,
            "reason": "As it must be.",
            "send_id": decision.send_id,
            "variant": decision.variant,
            "occurred_at": datetime_of(decision.occurred_at),
            "due_at": None if decision.due_at is None else datetime_of(decision.due_at),
            "decided_at": datetime_of(decision.decided_at),
            "cause": Cause(kind="event", topic="tetik.events", partition=0, offset=0),
        }
    )


def marker_record(expected: Expectation) -> Event:
    """As publish writes it."""
    return Event(
        event_id=f"marker-{expected.rules_digest}",
        type=RULES_ACTIVATED,
        occurred_at=datetime_of(expected.activated_at),
        received_at=datetime_of(expected.activated_at),
        source="publish",
        properties={"digest": expected.rules_digest},
    )


def hand_over_record(each: ExpectedEvent, original: ScriptedEvent | None) -> Event:
    """The engine's own, or the copy of what was sent."""
    if original is not None:
        return event_record(original).model_copy(update={"customer_id": each.key})
    customer_id, anonymous_id = ids_of_key(each.key)
    return Event(
        event_id=each.event_id,
        type=each.type,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        occurred_at=datetime_of(each.occurred_at),
        received_at=datetime_of(each.received_at),
        source=ENGINE,
        properties={},
    )


def request_record(mail: ExpectedMail) -> EmailRequest:
    assert mail.expires_at is not None, "a mail has its end"
    return EmailRequest(
        send_id=mail.send_id,
        action="send",
        trigger_id=mail.trigger_id,
        trigger_version="1",
        step=mail.step,
        variant=mail.variant,
        customer_key=mail.customer_key,
        to=mail.to,
        template=mail.template,
        template_digest="d",
        kind="marketing",
        decided_at=datetime_of(mail.decided_at),
        expires_at=datetime_of(mail.expires_at),
    )


def delivery_record(mail: ExpectedMail) -> Delivery:
    return Delivery(
        send_id=mail.send_id,
        customer_key=mail.customer_key,
        status="sent",
        smtp_code=250,
        reason="The relay took it.",
        attempt=1,
        occurred_at=datetime_of(mail.decided_at),
    )


def feedback_record(mail: ExpectedMail) -> Event:
    return Event(
        event_id=feedback_event_id(mail.send_id, "sent", 1),
        type="email_sent",
        customer_id=mail.customer_key,
        occurred_at=datetime_of(mail.decided_at),
        received_at=datetime_of(mail.decided_at),
        source=SENDER,
        properties={"send_id": mail.send_id},
    )


def caught(mail: ExpectedMail) -> CaughtMail:
    assert mail.to is not None
    return CaughtMail(
        file="1.eml",
        send_id=mail.send_id,
        step=mail.step,
        to=mail.to,
        dated_at=mail.decided_at,
        arrived_at=1_000_050,
    )
