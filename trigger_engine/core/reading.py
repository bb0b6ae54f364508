"""From a record of the log to an input: whom it concerns, and when it was received."""

import re
from sys import intern
from typing import NamedTuple, TypeAlias

from schemas.event import (
    CONTROL_TYPES,
    OFFER_CODE,
    OFFER_CODE_LENGTH_MAX,
    OFFER_CODES,
    SNAPSHOT_ACTIVATED,
)
from schemas.instants import Instant, parse_instant
from schemas.keys import RESERVED_STATE_PREFIX, customer_key
from schemas.product import PRODUCT_TYPES
from schemas.records import CauseRecord, EventRecord, Malformed, decode_event
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import EVENT_DEPTH_MAX, TEXT_LENGTH_MAX
from trigger_engine.core.markers import activated_snapshot
from trigger_engine.core.product_changes import ProductChange, change_of
from trigger_engine.core.trim import nests_too_deeply

_CODE = re.compile(OFFER_CODE)
_OF_NO_CUSTOMER = CONTROL_TYPES | PRODUCT_TYPES

Source: TypeAlias = tuple[str, int, bytes | None, bytes]
"""A record of the log: topic, offset, key, value."""


class Marker(NamedTuple):
    """The marker of a change of rules: when it was received, and where it stands."""

    received_at: Instant
    cause: CauseRecord


class NewCodes(NamedTuple):
    """Codes for a pool."""

    pool: str
    codes: list[str]


def read_record(
    source: Source, partition: int
) -> tuple[Instant, EventInput | Marker | NewCodes | ProductChange | None]:
    """`received_at`, and the event if it concerns a customer, the change of a product, or the control record;
    None for what else is said of a product, and for the marker of a snapshot, which the shell acts on.

    Raises ValueError for what cannot be used.
    """
    topic, offset, _, value = source
    event = decode_event(value)
    if nests_too_deeply(value):
        raise Malformed(f"the record nests deeper than {EVENT_DEPTH_MAX}")
    received_at = parse_instant(event.received_at)
    occurred_at = parse_instant(event.occurred_at)
    if event.type in _OF_NO_CUSTOMER and (event.type in CONTROL_TYPES or event.product_id is not None):
        return received_at, _told_to_all(source, event, occurred_at, received_at, partition)
    subject = _subject(event)
    if subject is None:
        return received_at, None
    return received_at, EventInput(
        event.event_id,
        intern(event.type),  # it stays in the state of each customer, and is looked up all along the way
        subject,
        event.customer_id,
        event.anonymous_id,
        occurred_at,
        received_at,
        event.source,
        event.properties,
        event.context,
        event.backfill,
        CauseRecord("event", topic, partition, offset, event.event_id),
    )


def _told_to_all(
    source: Source, event: EventRecord, occurred_at: Instant, received_at: Instant, partition: int
) -> Marker | NewCodes | ProductChange | None:
    """What an event says that concerns the partition or a product."""
    if event.type == OFFER_CODES:
        return _new_codes(event)
    if event.type in PRODUCT_TYPES:
        return change_of(event, occurred_at, received_at)
    if event.type == SNAPSHOT_ACTIVATED:
        return None
    topic, offset, _, _ = source
    return Marker(received_at, CauseRecord("rules", topic, partition, offset, event.event_id))


def concerns_all(read: object, value: bytes) -> bool:
    """Whether a record changes what every customer of the partition is decided by: a marker, or codes."""
    if isinstance(read, EventInput):  # nearly all are
        return False
    return isinstance(read, Marker | NewCodes) or (read is None and activated_snapshot(value) is not None)


def _new_codes(event: EventRecord) -> NewCodes:
    pool, codes = event.properties.get("pool"), event.properties.get("codes")
    if not isinstance(pool, str) or not 0 < len(pool) <= TEXT_LENGTH_MAX:
        raise Malformed(f"{OFFER_CODES} names no pool: import the codes with `tetik import codes`")
    if not isinstance(codes, list) or not codes or not all(_is_code(code) for code in codes):
        raise Malformed(
            f"{OFFER_CODES} for {pool} has no list of codes: letters, digits, - and _, "
            f"at most {OFFER_CODE_LENGTH_MAX} characters each"
        )
    return NewCodes(pool, codes)


def _is_code(code: object) -> bool:
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


def _subject(event: EventRecord) -> str | None:
    """The customer an event concerns; None for product events.

    Raises ValueError for a key that would collide with our own records.
    """
    key = customer_key(event.customer_id, event.anonymous_id)
    if key is not None and key.startswith(RESERVED_STATE_PREFIX):
        raise ValueError(f"the id {key!r} begins with the reserved prefix {RESERVED_STATE_PREFIX!r}")
    return key
