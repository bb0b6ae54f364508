"""`accept`: one event as it came → the record to write, or the reason why not. Never raises on input."""

from typing import Any

from ingest.core.decoding import Unreadable, count_brackets, decode_json, nested_deeper, repair_json
from ingest.core.drafts import Draft
from ingest.core.envelopes import Envelope, Item
from ingest.core.fields import ID_LENGTH_MAX
from ingest.core.native import read_native
from ingest.core.occurrence import settle
from ingest.core.outcomes import Accepted, Arrival, Limits, Outcome, Rejected, Unacceptable
from ingest.core.segment import read_segment
from schemas.instants import format_instant
from schemas.keys import record_key
from schemas.records import EventRecord, encode_record

MESSAGE_LENGTH_MAX = 500


def accept(index: int, item: Item, envelope: Envelope, arrival: Arrival, limits: Limits) -> Outcome:
    """Decide on the event at `index` of a request."""
    message: dict[str, Any] = item.message or {}
    try:
        check_size(item, envelope, limits)
        message = read_object(item, native=envelope.native)
        draft = (
            read_native(message)
            if envelope.native
            else read_segment(message, envelope.kind, envelope.shared, arrival, limits)
        )
        _check_depth(draft, item, envelope, limits)
        return _settle(index, draft, arrival)
    except Unacceptable as reason:
        return rejected(reason, message.get("messageId", message.get("event_id")))


def rejected(reason: Unacceptable, stated_id: Any) -> Rejected:
    """What the client is told; `stated_id` helps to find the item, if it is a text."""
    message_id = stated_id[:ID_LENGTH_MAX] if isinstance(stated_id, str) else None
    return Rejected(reason.code, reason.message[:MESSAGE_LENGTH_MAX], message_id)


def check_size(item: Item, envelope: Envelope, limits: Limits) -> None:
    """Raises Unacceptable `event_too_large`."""
    size = len(item.raw) + len(envelope.shared.context_raw)
    if size > limits.event_bytes_max:
        raise Unacceptable(
            "event_too_large",
            f"it has {size} bytes with the context of its batch; at most {limits.event_bytes_max}",
        )


def read_object(item: Item, *, native: bool) -> dict[str, Any]:
    """The item as an object. Raises Unacceptable: `malformed_json`, `bad_body`."""
    try:
        message = _decode(item.raw, native) if item.message is None else item.message
    except Unreadable as error:
        raise Unacceptable("malformed_json", f"it is no valid JSON: {error}") from error
    if not isinstance(message, dict):
        raise Unacceptable("bad_body", "each event or product must be a JSON object")
    return message


def _decode(raw: bytes, native: bool) -> Any:
    try:
        return decode_json(raw)
    except Unreadable:
        if native:
            raise
        return decode_json(repair_json(raw))


def _check_depth(draft: Draft, item: Item, envelope: Envelope, limits: Limits) -> None:
    brackets = count_brackets(item.raw) + count_brackets(envelope.shared.context_raw)
    if nested_deeper([draft.properties, draft.context], brackets, limits.depth_max + 1):
        raise Unacceptable("nested_too_deeply", f"the event nests deeper than {limits.depth_max} levels")


def _settle(index: int, draft: Draft, arrival: Arrival) -> Accepted:
    key = record_key(draft.customer_id, draft.anonymous_id, draft.product_id)
    if key is None:
        raise Unacceptable(
            "no_identity",
            "nobody is named: the event needs a customer id (userId), an anonymous id or a product_id",
        )
    occurred_at, clamped_from = settle(draft.claim, arrival.received_at)
    record = EventRecord(
        event_id=draft.event_id or f"{arrival.request_id}-{index}",
        type=draft.type,
        occurred_at=format_instant(occurred_at),
        received_at=arrival.received_text,
        source=draft.source or arrival.source,
        customer_id=draft.customer_id,
        anonymous_id=draft.anonymous_id,
        product_id=draft.product_id,
        properties=draft.properties,
        context=draft.context if clamped_from is None else {**draft.context, "clamped_from": clamped_from},
        backfill=draft.backfill,
    )
    return Accepted(record, key, encode_record(record), occurred_at, id_drawn=draft.event_id is None)
