"""What a change of the catalogue means to those who are interested in the product (semantics, section 11).

Compared with what was told last: back in stock, or cheaper by enough to write home about, and only one of
them, since nobody wants two mails of one change.
"""

from typing import Any

import msgspec

from schemas.event import PRODUCT_NOTICE
from schemas.ids import product_notice_id
from schemas.instants import Instant, format_instant
from schemas.product import PRODUCT_DELETED
from schemas.records import EventRecord, Malformed, ProductRecord
from trigger_engine.core.erasure import SOURCE

BACK_IN_STOCK = "back_in_stock"
PRICE_DROP = "price_drop"
PRICE_DROP_MIN_PERCENT = 5
"""A price that falls by less is no news."""


class ProductChange(msgspec.Struct, frozen=True):
    """A product as an event tells it; `entry` is None if it is gone."""

    event_id: str
    product_id: str
    entry: ProductRecord | None
    occurred_at: Instant
    received_at: Instant
    backfill: bool


class KnownProduct(msgspec.Struct, array_like=True):
    """What is remembered of a product. Price and stock stay as they were told last where an event does not
    tell them; `told_at` is -1 while only customers told of it."""

    told_at: Instant = -1
    price: float | None = None
    currency: str | None = None
    stock: int | None = None
    interests: int = 0
    buckets: int = 1


class FanOut(msgspec.Struct, array_like=True):
    """One notice on its way to all who are interested: what it says, and how far it has come."""

    event_id: str
    kind: str
    occurred_at: Instant
    queued_at: Instant
    properties: dict[str, Any]
    begun: bool = False
    bucket: int = 0
    after: str = ""
    """The customer met last in this bucket."""


def change_of(event: EventRecord, occurred_at: Instant, received_at: Instant) -> ProductChange:
    """What an event of a product tells. Raises Malformed for what ingest does not write."""
    assert event.product_id is not None, "asked of a product's event only"
    entry = None
    if event.type != PRODUCT_DELETED:
        try:
            entry = msgspec.convert({**event.properties, "product_id": event.product_id}, ProductRecord)
        except msgspec.ValidationError as error:
            raise Malformed(f"{event.type} holds no entry of the catalogue: {error}") from error
    return ProductChange(
        event.event_id, event.product_id, entry, min(occurred_at, received_at), received_at, event.backfill
    )


def kind_of(known: KnownProduct, entry: ProductRecord) -> str | None:
    """What the change is news of, if it is any."""
    if known.stock == 0 and entry.stock is not None and entry.stock > 0:
        return BACK_IN_STOCK
    stock = known.stock if entry.stock is None else entry.stock
    if stock == 0 or known.price is None or entry.price is None or known.currency != entry.currency:
        return None
    asked_percent = entry.price * 100 - known.price * (100 - PRICE_DROP_MIN_PERCENT)
    return PRICE_DROP if entry.price < known.price and round(asked_percent, 6) <= 0 else None


def learn(known: KnownProduct, change: ProductChange) -> None:
    """Remember what the change tells; of a product that is gone, nothing but when."""
    entry = change.entry
    known.told_at = change.occurred_at
    if entry is None:
        known.price = known.currency = known.stock = None
        return
    if entry.price is not None:
        known.price, known.currency = entry.price, entry.currency
    if entry.stock is not None:
        known.stock = entry.stock


def fan_out_of(change: ProductChange, known: KnownProduct, kind: str, now: Instant) -> FanOut:
    """The notice of a change; `known` is what was known before."""
    entry = change.entry
    assert entry is not None, "a product that is gone is no news"
    same_money = known.currency == entry.currency
    properties = {
        "kind": kind,
        "product_id": change.product_id,
        "name": entry.name,
        "category": entry.category,
        "price": entry.price,
        "old_price": known.price if same_money else None,
        "currency": entry.currency,
        "url": entry.url,
        "image_url": entry.image_url,
        "stock": known.stock if entry.stock is None else entry.stock,
    }
    return FanOut(change.event_id, kind, change.occurred_at, now, properties)


def notice_of(fan_out: FanOut, customer_id: str, now: Instant) -> EventRecord:
    """The event that tells one customer."""
    return EventRecord(
        event_id=product_notice_id(fan_out.event_id, customer_id),
        type=PRODUCT_NOTICE,
        occurred_at=format_instant(fan_out.occurred_at),
        received_at=format_instant(now),
        source=SOURCE,
        customer_id=customer_id,
        properties=fan_out.properties,
    )
