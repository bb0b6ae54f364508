"""msgspec twins of the contracts, for paths that meet every event.

Same names, same JSON, about ten times as fast as the pydantic models; `tests/contract` runs every
example through both. The twins refuse what the models refuse, with two exceptions, both of events, where
strictness would double the cost of reading: an event's instants are checked for their length only
(`parse_instant` refuses the rest with ValueError where the number is needed, so its caller must expect
that), and so is its type (an odd one matches no rule).
Limits hold when a record is read; constructing one checks nothing.
"""

from collections.abc import Callable
from itertools import chain
from typing import Annotated, Any, TypeVar, get_args

import msgspec
from msgspec import Meta

from schemas.decision import CauseKind, Outcome
from schemas.email_request import SEND_NEEDS, MessageKind
from schemas.event import CONTROL_TYPES
from schemas.instants import RFC_3339_LENGTH, parse_instant
from schemas.interest import InterestAction
from schemas.product import (
    CONSUMABLE_DAYS_MAX,
    CURRENCY,
    PRICE_MAX,
    STOCK_MAX,
    TEXT_LENGTH_MAX,
    URL,
    URL_LENGTH_MAX,
)
from schemas.snapshot import BEST_SELLERS_MAX, PARTNERS_MAX, SNAPSHOT_PRODUCTS_MAX


def _one_of(values: tuple[str, ...]) -> Meta:
    """Closed sets stay `str` for the type checker: writers take them from decoded files."""
    return Meta(pattern=f"^(?:{'|'.join(values)})$")


Identifier = Annotated[str, Meta(min_length=1, max_length=256)]
EventType = Annotated[str, Meta(min_length=1, max_length=64)]
Source = Annotated[str, Meta(min_length=1, max_length=64)]
InstantText = Annotated[str, Meta(min_length=RFC_3339_LENGTH[0], max_length=RFC_3339_LENGTH[1])]
Reason = Annotated[str, Meta(min_length=1, max_length=1000)]
Count = Annotated[int, Meta(ge=0)]
Offset = Annotated[int, Meta(ge=-1)]
OutcomeText = Annotated[str, _one_of(get_args(Outcome))]
CauseKindText = Annotated[str, _one_of(get_args(CauseKind))]
MessageKindText = Annotated[str, _one_of(get_args(MessageKind))]
Action = Annotated[str, _one_of(("send", "cancel"))]
InterestActionText = Annotated[str, _one_of(get_args(InterestAction))]
ProductText = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Currency = Annotated[str, Meta(min_length=3, max_length=3, pattern=CURRENCY)]
Url = Annotated[str, Meta(max_length=URL_LENGTH_MAX, pattern=URL)]
Price = Annotated[float, Meta(ge=0, le=PRICE_MAX)]
Stock = Annotated[int, Meta(ge=0, le=STOCK_MAX)]
BestSellers = Annotated[list[Identifier], Meta(max_length=BEST_SELLERS_MAX)]
ConsumableDays = Annotated[int, Meta(ge=1, le=CONSUMABLE_DAYS_MAX)]


class Malformed(ValueError):
    """The bytes are no valid record; the message says what is wrong."""


class Record(msgspec.Struct, frozen=True, omit_defaults=False, gc=False):
    """What the twins share: immutable, unknown fields ignored, and no part of a cycle."""


class EventRecord(Record, frozen=True):
    """Twin of `schemas.event.Event`."""

    event_id: Identifier
    type: EventType
    occurred_at: InstantText
    received_at: InstantText
    source: Source
    customer_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    product_id: Identifier | None = None
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    backfill: bool = False


class CauseRecord(Record, frozen=True):
    """Twin of `schemas.decision.Cause`."""

    kind: CauseKindText
    topic: str
    partition: Count
    offset: Offset
    event_id: str | None = None


class DecisionRecord(Record, frozen=True, kw_only=True):
    """Twin of `schemas.decision.Decision`."""

    decision_id: Identifier
    trigger_id: str
    trigger_version: str
    rules_digest: str
    customer_key: str
    occasion: str
    step: str | None = None
    attempt: Count = 0
    outcome: OutcomeText
    reason: Reason
    facts: dict[str, Any] = {}
    segments: list[str] = []
    variant: str | None = None
    send_id: str | None = None
    occurred_at: InstantText
    due_at: InstantText | None = None
    decided_at: InstantText
    cause: CauseRecord


class EmailRequestRecord(Record, frozen=True):
    """Twin of `schemas.email_request.EmailRequest`."""

    send_id: Identifier
    action: Action
    trigger_id: str
    trigger_version: str
    step: str
    customer_key: str
    kind: MessageKindText
    decided_at: InstantText
    variant: str | None = None
    to: str | None = None
    locale: str | None = None
    template: str | None = None
    template_digest: str | None = None
    data: dict[str, Any] = {}
    expires_at: InstantText | None = None
    not_between: list[tuple[InstantText, InstantText]] = []


class ProductRecord(Record, frozen=True, kw_only=True):
    """Twin of `schemas.product.Product`."""

    product_id: Identifier
    name: ProductText
    category: ProductText | None = None
    price: Price | None = None
    currency: Currency | None = None
    stock: Stock | None = None
    url: Url | None = None
    image_url: Url | None = None
    consumable_days: ConsumableDays | None = None
    updated_at: InstantText


class InterestRecord(Record, frozen=True):
    """Twin of `schemas.interest.Interest`."""

    interest_id: Identifier
    customer_id: Identifier
    product_id: Identifier
    action: InterestActionText
    occurred_at: InstantText


class SnapshotProductRecord(Record, frozen=True, kw_only=True):
    """Twin of `schemas.snapshot.SnapshotProduct`."""

    product_id: Identifier
    name: ProductText
    category: ProductText | None = None
    price: Price | None = None
    currency: Currency | None = None
    stock: Stock | None = None
    url: Url | None = None
    image_url: Url | None = None
    orders: Count = 0


class PartnerRecord(Record, frozen=True):
    """Twin of `schemas.snapshot.Partner`."""

    product_id: Identifier
    orders: Count


class SnapshotRecord(Record, frozen=True, kw_only=True):
    """Twin of `schemas.snapshot.Snapshot`."""

    version: Identifier
    made_at: InstantText
    orders: Count
    products: Annotated[list[SnapshotProductRecord], Meta(max_length=SNAPSHOT_PRODUCTS_MAX)]
    best_sellers: BestSellers = []
    best_sellers_by_category: dict[str, BestSellers] = {}
    bought_together: dict[str, Annotated[list[PartnerRecord], Meta(max_length=PARTNERS_MAX)]] = {}


R = TypeVar("R")
_decode_event = msgspec.json.Decoder(EventRecord).decode
_decode_decision = msgspec.json.Decoder(DecisionRecord).decode
_decode_email_request = msgspec.json.Decoder(EmailRequestRecord).decode
_decode_product = msgspec.json.Decoder(ProductRecord).decode
_decode_interest = msgspec.json.Decoder(InterestRecord).decode
_decode_snapshot = msgspec.json.Decoder(SnapshotRecord).decode
_encode = msgspec.json.Encoder().encode


def _read(decode: Callable[[bytes], R], value: bytes) -> R:
    try:
        return decode(value)
    except msgspec.MsgspecError as error:
        raise Malformed(str(error)) from error
    except UnicodeDecodeError as error:
        raise Malformed(f"the record is not UTF-8: {error}") from error
    except RecursionError as error:
        raise Malformed("the record nests too deeply") from error


def _check_instants(*texts: str | None) -> None:
    for text in texts:
        if text is not None:
            try:
                parse_instant(text)
            except ValueError as error:
                raise Malformed(f"{text!r} is no instant: {error}") from error


def decode_event(value: bytes) -> EventRecord:
    """Read an event. Raises Malformed."""
    event = _read(_decode_event, value)
    if (
        event.customer_id is None
        and event.anonymous_id is None
        and event.product_id is None
        and event.type not in CONTROL_TYPES
    ):
        raise Malformed("an event needs a customer_id, an anonymous_id or a product_id")
    return event


def decode_decision(value: bytes) -> DecisionRecord:
    """Read a decision. Raises Malformed."""
    decision = _read(_decode_decision, value)
    _check_instants(decision.occurred_at, decision.due_at, decision.decided_at)
    return decision


def decode_email_request(value: bytes) -> EmailRequestRecord:
    """Read an e-mail request. Raises Malformed."""
    request = _read(_decode_email_request, value)
    if request.action == "send" and not all(getattr(request, name) for name in SEND_NEEDS):
        raise Malformed(f"a request to send needs {', '.join(SEND_NEEDS)}")
    _check_instants(request.decided_at, request.expires_at, *chain.from_iterable(request.not_between))
    return request


def decode_product(value: bytes) -> ProductRecord:
    """Read an entry of the catalogue; a null value, which says that a product is gone, is none.

    Raises Malformed.
    """
    product = _read(_decode_product, value)
    _check_instants(product.updated_at)
    return product


def decode_interest(value: bytes) -> InterestRecord:
    """Read an interest. Raises Malformed."""
    interest = _read(_decode_interest, value)
    _check_instants(interest.occurred_at)
    return interest


def decode_snapshot(value: bytes) -> SnapshotRecord:
    """Read a snapshot. Raises Malformed."""
    snapshot = _read(_decode_snapshot, value)
    _check_instants(snapshot.made_at)
    return snapshot


def encode_record(record: Record) -> bytes:
    """One flat JSON object."""
    return _encode(record)
