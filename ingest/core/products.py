"""Products of the catalogue API: strict as native events, taken whole.

What a product does not say is null, whatever the catalogue held before: so the same call gives the same
entry, and a shop can take a price or a picture back. `null` and `""` count as absent. White space in names
is one space, as it would be on the page.
"""

import math
from difflib import get_close_matches
from typing import Any

from ingest.core.accept import check_size, read_object, rejected
from ingest.core.envelopes import Envelope, Item
from ingest.core.event_types import snake_case
from ingest.core.fields import bounded_text, product_id
from ingest.core.outcomes import Arrival, Catalogued, Limits, Outcome, Unacceptable
from schemas.ids import product_event_id
from schemas.keys import record_key
from schemas.product import (
    CONSUMABLE_DAYS_MAX,
    PRICE_MAX,
    PRODUCT_DELETED,
    PRODUCT_UPDATED,
    STOCK_MAX,
    TEXT_LENGTH_MAX,
    URL_LENGTH_MAX,
    Product,
)
from schemas.records import EventRecord, ProductRecord, encode_record

FIELDS = tuple(name for name in Product.model_fields if name != "updated_at")
_KNOWN = frozenset(FIELDS)
_OTHER_NAMES = {
    "id": "product_id",
    "sku": "product_id",
    "title": "name",
    "product_name": "name",
    "product_type": "category",
    "link": "url",
    "image": "image_url",
    "image_link": "image_url",
    "quantity": "stock",
    "inventory": "stock",
}
"""What these fields are called elsewhere."""


def accept_product(index: int, item: Item, envelope: Envelope, arrival: Arrival, limits: Limits) -> Outcome:
    """Decide on one product of a request; as `accept.accept`."""
    message: dict[str, Any] = item.message or {}
    try:
        check_size(item, envelope, limits)
        message = read_object(item, native=True)
        return _updated(read_product(message, arrival.received_text), arrival)
    except Unacceptable as reason:
        return rejected(reason, message.get("product_id"))


def accept_deletion(index: int, item: Item, envelope: Envelope, arrival: Arrival, limits: Limits) -> Outcome:
    """Decide on the deletion of a product: of one that is not there, too. As `accept.accept`."""
    message: dict[str, Any] = item.message or {}
    try:
        check_size(item, envelope, limits)
        return _deleted(_product_id(message), arrival)
    except Unacceptable as reason:
        return rejected(reason, message.get("product_id"))


def read_product(message: dict[str, Any], updated_at: str) -> ProductRecord:
    """The entry that a product makes. Raises Unacceptable: `unknown_field`, `no_identity`, `bad_field` and
    those of its id."""
    for name in message:
        if name not in _KNOWN:
            raise _unknown(name)
    return ProductRecord(
        product_id=_product_id(message),
        name=_name(message.get("name")),
        category=_text(message.get("category"), "category"),
        price=_price(message.get("price")),
        currency=_currency(message.get("currency")),
        stock=_count(message.get("stock"), "stock", 0, STOCK_MAX),
        url=_url(message.get("url"), "url"),
        image_url=_url(message.get("image_url"), "image_url"),
        consumable_days=_count(message.get("consumable_days"), "consumable_days", 1, CONSUMABLE_DAYS_MAX),
        updated_at=updated_at,
    )


def _updated(product: ProductRecord, arrival: Arrival) -> Catalogued:
    entry = encode_record(product)
    properties = {name: getattr(product, name) for name in ProductRecord.__struct_fields__}
    del properties["product_id"]
    return _catalogued(PRODUCT_UPDATED, product.product_id, properties, arrival, entry, entry.decode())


def _deleted(product: str, arrival: Arrival) -> Catalogued:
    return _catalogued(PRODUCT_DELETED, product, {}, arrival, None, arrival.received_text)


def _catalogued(
    event_type: str,
    product: str,
    properties: dict[str, Any],
    arrival: Arrival,
    entry: bytes | None,
    content: str,
) -> Catalogued:
    record = EventRecord(
        event_id=product_event_id(event_type, product, content),
        type=event_type,
        occurred_at=arrival.received_text,
        received_at=arrival.received_text,
        source=arrival.source,
        product_id=product,
        properties=properties,
    )
    key = record_key(None, None, product)
    assert key is not None, "a product has a key"
    return Catalogued(record, key, encode_record(record), arrival.received_at, id_drawn=False, entry=entry)


def _unknown(name: str) -> Unacceptable:
    if name == "updated_at":
        return Unacceptable("unknown_field", "updated_at is stamped on arrival: leave it out")
    snake = snake_case(name[:64])
    near = [_OTHER_NAMES[snake]] if snake in _OTHER_NAMES else get_close_matches(snake, FIELDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"a product has {', '.join(FIELDS)}"
    return Unacceptable("unknown_field", f"unknown field {name[:60]!r}: {hint}")


def _product_id(message: dict[str, Any]) -> str:
    found = product_id(message.get("product_id"), "product_id")
    if found is None:
        raise Unacceptable(
            "no_identity", "no product is named: it needs a product_id, the shop's own id of it"
        )
    return found


def _name(value: Any) -> str:
    name = _text(value, "name")
    if name is None:
        raise Unacceptable("bad_field", "a product needs `name`, the text that mails show")
    return name


def _text(value: Any, field: str) -> str | None:
    text = bounded_text(" ".join(value.split()) if isinstance(value, str) else value, field, TEXT_LENGTH_MAX)
    return text or None


def _price(value: Any) -> float | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _bad_price("it must be a number, as 12.5")
    if not 0 <= value <= PRICE_MAX or not math.isfinite(value):
        raise _bad_price(f"it must lie from 0 to {PRICE_MAX:,.0f}")
    return float(value)


def _bad_price(why: str) -> Unacceptable:
    return Unacceptable("bad_field", f"price: {why}; leave it out if it is unknown")


def _currency(value: Any) -> str | None:
    text = bounded_text(value, "currency", TEXT_LENGTH_MAX).strip().upper()
    if not text:
        return None
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        raise Unacceptable(
            "bad_field", f"currency {text[:20]!r} must be a code of ISO 4217, as TRY, AZN or EUR"
        )
    return text


def _count(value: Any, field: str, least: int, most: int) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Unacceptable(
            "bad_field",
            f"{field} must be a whole number from {least} to {most:,}; leave it out if it is unknown",
        )
    return value


def _url(value: Any, field: str) -> str | None:
    text = bounded_text(value.strip() if isinstance(value, str) else value, field, URL_LENGTH_MAX)
    if not text:
        return None
    scheme, separator, rest = text.partition("://")
    if scheme.lower() not in ("http", "https") or not separator or not rest:
        raise Unacceptable("bad_field", f"{field} must be a whole address, as https://shop.example/p/1")
    if rest.split() != [rest]:
        raise Unacceptable("bad_field", f"{field} holds white space: write a space as %20")
    return f"{scheme.lower()}://{rest}"
