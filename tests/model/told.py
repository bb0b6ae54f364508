"""The engine's records as the model puts them, for the two to be compared, and a decision in one line."""

from typing import Any

from schemas.instants import format_instant, parse_instant
from schemas.records import DecisionRecord, EmailRequestRecord
from tests.model.turn import Expected, Request


def shown(value: Any) -> str:
    """A decision in one line, instants readable."""
    if not isinstance(value, Expected):
        return str(value)
    due = None if value.due_at is None else format_instant(value.due_at)
    what = f"{value.outcome} {value.trigger_id}/{value.step}#{value.attempt} {value.occasion!r}"
    whom = f"of {value.customer_key} variant {value.variant}"
    when = f"occurred {format_instant(value.occurred_at)} due {due}"
    by = f"version {value.trigger_version} rules {value.rules_digest}"
    return f"{what} {whom} {when} {by} mail {value.send_id} id {value.decision_id}"


def expected_of(record: DecisionRecord) -> Expected:
    """The engine's decision as the model puts it."""
    return Expected(
        trigger_id=record.trigger_id,
        trigger_version=record.trigger_version,
        rules_digest=record.rules_digest,
        customer_key=record.customer_key,
        occasion=record.occasion,
        step=record.step,
        attempt=record.attempt,
        outcome=record.outcome,
        variant=record.variant,
        send_id=record.send_id,
        occurred_at=parse_instant(record.occurred_at),
        due_at=None if record.due_at is None else parse_instant(record.due_at),
        decision_id=record.decision_id,
    )


def request_of(record: EmailRequestRecord) -> Request:
    """The engine's request as the model puts it."""
    sends = record.action == "send"
    return Request(
        send_id=record.send_id,
        action=record.action,
        template=record.template if sends else None,
        variant=record.variant,
        expires_at=parse_instant(record.expires_at) if sends and record.expires_at else None,
        to=record.to if sends else None,
        offer=_offer_of(record),
    )


def _offer_of(record: EmailRequestRecord) -> tuple[str, str, int] | None:
    offer = record.data.get("offer")
    return None if offer is None else (offer["code"], offer["value"], parse_instant(offer["valid_until"]))
