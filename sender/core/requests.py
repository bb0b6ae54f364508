"""Requests as the sender works with them: complete, checked, instants as numbers.

Reading is strict here, once, so that no later step has to ask whether a field is there.
"""

from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from schemas.instants import Instant, parse_instant
from schemas.records import EmailRequestRecord, Malformed, decode_email_request


@dataclass(frozen=True, slots=True)
class Requested:
    """What a send and a cancel share: which mail of whom."""

    send_id: str
    trigger_id: str
    trigger_version: str
    step: str
    variant: str | None
    customer_key: str
    kind: Literal["marketing", "transactional"]
    decided_at: Instant


@dataclass(frozen=True, slots=True)
class SendRequest(Requested):
    """One mail to send. `not_between`: quiet hours as (from, to) pairs, `to` excluded."""

    to: str
    locale: str | None
    template: str
    template_digest: str
    data: dict[str, Any]
    expires_at: Instant
    not_between: tuple[tuple[Instant, Instant], ...]


@dataclass(frozen=True, slots=True)
class CancelRequest(Requested):
    """The wish that a requested mail be not sent."""


def read_request(value: bytes) -> SendRequest | CancelRequest:
    """Decode and check a record of `tetik.outbound`. Raises schemas.records.Malformed."""
    record = decode_email_request(value)
    if record.kind not in ("marketing", "transactional"):
        raise Malformed(f"kind is {record.kind!r}: marketing or transactional is known")
    for name in ("send_id", "trigger_id", "customer_key"):
        if not getattr(record, name):
            raise Malformed(f"{name} is empty")
    shared: dict[str, Any] = {
        "send_id": record.send_id,
        "trigger_id": record.trigger_id,
        "trigger_version": record.trigger_version,
        "step": record.step,
        "variant": record.variant,
        "customer_key": record.customer_key,
        "kind": record.kind,
        "decided_at": _instant("decided_at", record.decided_at),
    }
    if record.action == "cancel":
        return CancelRequest(**shared)
    if record.action != "send":
        raise Malformed(f"action is {record.action!r}: send or cancel is known")
    return SendRequest(**shared, **_mail_fields(record))


def _mail_fields(record: EmailRequestRecord) -> dict[str, Any]:
    if not (record.to and record.template and record.template_digest and record.expires_at):
        raise Malformed("a request to send needs to, template, template_digest and expires_at")
    return {
        "to": record.to,
        "locale": record.locale,
        "template": record.template,
        "template_digest": record.template_digest,
        "data": record.data,
        "expires_at": _instant("expires_at", record.expires_at),
        "not_between": tuple(
            (_instant("not_between", start), _instant("not_between", end))
            for start, end in record.not_between
        ),
    }


def _instant(name: str, text: str) -> Instant:
    try:
        return parse_instant(text)
    except ValueError as error:
        raise Malformed(f"{name}: {error}") from error


def identity_of(value: bytes) -> tuple[str, str] | None:
    """(send_id, customer_key) of a record that `read_request` refused, if it still names them.

    The engine waits for an answer to each send_id, even to a request that cannot be read as a whole.
    """
    try:
        fields = msgspec.json.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    if not isinstance(fields, dict):
        return None
    send_id, customer_key = fields.get("send_id"), fields.get("customer_key")
    if isinstance(send_id, str) and send_id and isinstance(customer_key, str) and customer_key:
        return send_id, customer_key
    return None


class _LaneFields(msgspec.Struct):
    action: str
    customer_key: str


_decode_lane = msgspec.json.Decoder(_LaneFields).decode


def lane_of(value: bytes) -> str | None:
    """The customer whose earlier mails go first; None for a cancel, which must overtake what it cancels, and
    for what can't be read."""
    try:
        fields = _decode_lane(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return None if fields.action == "cancel" else fields.customer_key
