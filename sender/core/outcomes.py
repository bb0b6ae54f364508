"""Outcomes and how they are reported: one `Delivery` for analysts, one event for the engine.

An outcome is recorded in the ledger before it is reported, with its instant, so that a report after a
crash has the same ids and the same bytes.
"""

import msgspec

from schemas.ids import feedback_event_id
from schemas.instants import Instant, format_instant
from schemas.keys import ids_of_key
from schemas.records import EventRecord, Record

SOURCE = "sender"
REASON_LENGTH_MAX = 1000

# The engine gives a cap slot back for a mail that certainly wasn't sent; an ambiguous one may have been,
# so it counts as sent there (`status` tells the difference).
FEEDBACK_TYPES = {
    "sent": "email_sent",
    "ambiguous": "email_sent",
    "cancelled": "email_cancelled",
    "expired": "email_expired",
    "suppressed": "email_suppressed",
    "failed": "email_failed",
}


class DeliveryRecord(Record, frozen=True):
    """Twin of `schemas.delivery.Delivery`."""

    send_id: str
    customer_key: str
    status: str
    reason: str
    attempt: int
    occurred_at: str
    smtp_code: int | None = None
    enhanced_code: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What became of a request, as the ledger keeps it."""

    send_id: str
    customer_key: str
    trigger_id: str
    step: str
    status: str
    reason: str
    attempt: int
    occurred_at: Instant
    smtp_code: int | None = None
    enhanced_code: str | None = None


_encode = msgspec.json.Encoder().encode
_decode_outcome = msgspec.json.Decoder(Outcome).decode


def encode_outcome(outcome: Outcome) -> bytes:
    """For the ledger."""
    return _encode(outcome)


def decode_outcome(value: bytes) -> Outcome:
    """From the ledger. Raises msgspec.MsgspecError."""
    return _decode_outcome(value)


def after_silence(outcome: Outcome) -> Outcome:
    """The outcome of a mail whose first try was never answered and that was not sent by its second: the first
    copy may have gone out, so it is ambiguous, whatever ended it."""
    if outcome.status in ("sent", "ambiguous"):
        return outcome
    reason = f"the first try was not answered; afterwards it was {outcome.status}: {outcome.reason}"
    return msgspec.structs.replace(outcome, status="ambiguous", reason=reason)


def delivery_of(outcome: Outcome) -> DeliveryRecord:
    """The record for `tetik.deliveries`."""
    return DeliveryRecord(
        send_id=outcome.send_id,
        customer_key=outcome.customer_key,
        status=outcome.status,
        reason=outcome.reason[:REASON_LENGTH_MAX],
        attempt=outcome.attempt,
        occurred_at=format_instant(outcome.occurred_at),
        smtp_code=outcome.smtp_code,
        enhanced_code=outcome.enhanced_code,
    )


def feedback_of(outcome: Outcome) -> EventRecord:
    """The event that tells the engine what became of the mail."""
    customer_id, anonymous_id = ids_of_key(outcome.customer_key)
    at = format_instant(outcome.occurred_at)
    properties = {
        "send_id": outcome.send_id,
        "trigger_id": outcome.trigger_id,
        "step": outcome.step,
        "status": outcome.status,
        "reason": outcome.reason[:REASON_LENGTH_MAX],
        "smtp_code": outcome.smtp_code,
    }
    return EventRecord(
        event_id=feedback_event_id(outcome.send_id, outcome.status, outcome.attempt),
        type=FEEDBACK_TYPES[outcome.status],
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        occurred_at=at,
        received_at=at,
        source=SOURCE,
        properties=properties,
    )
