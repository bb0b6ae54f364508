"""A request's body, opened: its events still as bytes, and what they share.

Events stay raw until `accept` reads each, so that the size of each is known and one that is broken
inside (bad UTF-8 in a string) costs nothing but itself.
"""

from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from ingest.core.decoding import Unreadable, decode_json, repair_json
from ingest.core.fields import pool_name
from ingest.core.outcomes import Form, MessageKind, Refused

T = TypeVar("T")

WRITE_KEY_FIELDS = ("writeKey", "write_key")


@dataclass(frozen=True, slots=True)
class Item:
    """One event, product or code, as it came; `message` where opening the body has read it already."""

    raw: bytes
    message: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """What a Segment batch says once for all its events; `context_raw` is its context's text."""

    context: dict[str, Any] = field(default_factory=dict)
    context_raw: bytes = b""
    sent_at: Any = None
    timestamp: Any = None


@dataclass(frozen=True, slots=True)
class Envelope:
    """The events of one request. `kind` is the call of a single-message path; a batch's events say theirs."""

    native: bool
    kind: MessageKind | None
    items: list[Item]
    shared: Shared
    write_key: str | None


class _Batch(msgspec.Struct):
    """Segment's batch, as the SDKs write it."""

    batch: list[msgspec.Raw]
    context: dict[str, Any] | None = None
    sentAt: Any = None  # noqa: N815 - the wire's own names
    timestamp: Any = None
    writeKey: Any = None  # noqa: N815


_decode_any = msgspec.json.Decoder()
_decode_batch = msgspec.json.Decoder(_Batch)
_decode_list = msgspec.json.Decoder(list[msgspec.Raw])
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


def open_envelope(body: bytes, form: Form, batch_events_max: int) -> Envelope:
    """Open a body. Raises Refused: `malformed_json`, `bad_body`, `unknown_field`, `too_many_events`."""
    envelope = _open_native(body) if form == "native" else _open_segment(body, form)
    return _bounded(envelope, batch_events_max)


def open_products(body: bytes, batch_events_max: int) -> Envelope:
    """Open a body of the catalogue: a product, or a list of them. Raises Refused as `open_envelope`."""
    if body.lstrip()[:1] == b"[":
        return _bounded(
            _native([Item(bytes(raw)) for raw in _read(_decode_list, body)], None), batch_events_max
        )
    return _open_native_event(body)


def open_deletion(product_id: str) -> Envelope:
    """The deletion of one product, whose id stands in the path; the body says nothing."""
    named = {"product_id": product_id}
    return _native([Item(msgspec.json.encode(named), dict(named))], None)


def open_codes(body: bytes, batch_events_max: int) -> Envelope:
    """Open a body of codes for one pool: `{"pool": …, "codes": […]}`. Each item is such a body with one code,
    so that a dead letter can be sent as it is. Raises Refused as `open_envelope`, and `bad_pool`."""
    fields = _read(_decode_fields, body)
    if "codes" not in fields:
        raise Refused("bad_body", "the body needs `codes`, a list of the codes to take into `pool`")
    listed = _bounded(_open_list(fields, "codes", "pool"), batch_events_max)
    pool = pool_name(_read(_decode_any, bytes(fields["pool"])) if "pool" in fields else None)
    head = b'{"pool":"%s","codes":[' % pool.encode()
    return _native([Item(head + item.raw + b"]}") for item in listed.items], listed.write_key)


def _bounded(envelope: Envelope, items_max: int) -> Envelope:
    if len(envelope.items) > items_max:
        raise Refused(
            "too_many_events",
            f"the request holds {len(envelope.items)} items; at most {items_max} are taken at once",
        )
    return envelope


def _open_native(body: bytes) -> Envelope:
    if body.lstrip()[:1] == b"[":
        return _native([Item(bytes(raw)) for raw in _read(_decode_list, body)], None)
    fields = _read(_decode_fields, body)
    if "events" not in fields:
        return _open_native_event(body)
    return _open_list(fields, "events")


def _open_list(fields: dict[str, msgspec.Raw], name: str, *others: str) -> Envelope:
    """The list of items under `name`; a write key, and `others`, may stand beside it."""
    unknown = sorted(fields.keys() - {name, *others, *WRITE_KEY_FIELDS})
    if unknown:
        raise Refused("unknown_field", f"beside `{name}` stands the unknown field {unknown[0][:60]!r}")
    keys = {field: _read(_decode_any, bytes(fields[field])) for field in WRITE_KEY_FIELDS if field in fields}
    return _native([Item(bytes(raw)) for raw in _read(_decode_list, bytes(fields[name]))], _key_of(keys))


def _open_native_event(body: bytes) -> Envelope:
    message = _object(body)
    key = _key_of(message)
    for name in WRITE_KEY_FIELDS:
        message.pop(name, None)
    return _native([Item(body, message)], key)


def _native(items: list[Item], write_key: str | None) -> Envelope:
    return Envelope(native=True, kind=None, items=items, shared=Shared(), write_key=write_key)


def _open_segment(body: bytes, form: Form) -> Envelope:
    try:
        return _open_valid_segment(body, form)
    except Refused as refused:
        try:
            repaired = repair_json(body)
        except Unreadable:
            raise refused from None
        return _open_valid_segment(repaired, form)


def _open_valid_segment(body: bytes, form: Form) -> Envelope:
    if form == "native" or form == "batch":
        return _open_batch(body)
    message = _object(body)
    return Envelope(
        native=False,
        kind=form,
        items=[Item(body, message)],
        shared=Shared(),
        write_key=_key_of(message),
    )


def _open_batch(body: bytes) -> Envelope:
    batch = _read(_decode_batch, body)
    context = batch.context or {}
    shared = Shared(
        context=context,
        context_raw=msgspec.json.encode(context) if context else b"",
        sent_at=batch.sentAt,
        timestamp=batch.timestamp,
    )
    return Envelope(
        native=False,
        kind=None,
        items=[Item(bytes(raw)) for raw in batch.batch],
        shared=shared,
        write_key=batch.writeKey if isinstance(batch.writeKey, str) else None,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        message = decode_json(body)
    except Unreadable as error:
        raise Refused("malformed_json", f"the body is no valid JSON: {error}") from error
    if not isinstance(message, dict):
        raise Refused("bad_body", "the body must be a JSON object")
    return message


def _read(decoder: "msgspec.json.Decoder[T]", body: bytes) -> T:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise Refused("bad_body", f"the body has not the expected shape: {error}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("malformed_json", f"the body is no valid JSON: {error}") from error


def _key_of(fields: dict[str, Any]) -> str | None:
    for name in WRITE_KEY_FIELDS:
        if isinstance(fields.get(name), str):
            return str(fields[name])
    return None
