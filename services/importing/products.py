"""A row as a product of the catalogue API: columns by their names or the feeds' names, texts as numbers.

What a product may be is ingest's to say: its own reader judges each row before anything is sent.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ingest.core.outcomes import Unacceptable
from ingest.core.products import FIELDS, read_product
from services.importing.columns import Names, plain
from services.importing.kinds import Kind, Unusable
from services.importing.numerals import Decimal, read_price, read_whole

AVAILABILITY = "availability"
ALIASES = {
    "id": "product_id",
    "title": "name",
    "product_type": "category",
    "link": "url",
    "image_link": "image_url",
}
"""Names of Google's feed specification, which other shops' feeds follow."""
NAMES = Names((*FIELDS, AVAILABILITY), ALIASES, needed=("product_id", "name"))
_AVAILABLE = frozenset(
    {"in_stock", "preorder", "pre_order", "backorder", "back_order", "available_for_order"}
)
_GONE = frozenset({"out_of_stock", "sold_out", "discontinued"})
_UNDATED = ""
"""`updated_at` is ingest's to say; its reader does not look at it."""


def products(decimal: Decimal) -> Kind:
    """Products of the catalogue, with this mark before decimals."""
    return Kind(
        noun="products", path="/v1/products", names=NAMES, item_of=partial(product_of, decimal=decimal)
    )


def product_of(cells: Mapping[str, Any], decimal: Decimal = "auto") -> dict[str, Any]:
    """The product, as the API takes it. Raises Unusable."""
    by_field = NAMES.columns_of(tuple(cells)).by_field
    values = {field: _stripped(cells[column]) for field, column in by_field.items()}
    product = {field: value for field, value in values.items() if value not in (None, "")}
    availability = product.pop(AVAILABILITY, None)
    try:
        _read_price(product, decimal)
        for field in ("stock", "consumable_days"):
            if isinstance(product.get(field), str):
                product[field] = _named(field, read_whole, product[field])
        if availability is not None and _is_gone(availability):
            product["stock"] = 0
        read_product(product, _UNDATED)
    except Unacceptable as reason:
        raise Unusable(reason.message) from reason
    return product


def _read_price(product: dict[str, Any], decimal: Decimal) -> None:
    if not isinstance(product.get("price"), str):
        return
    price, currency = _named("price", lambda text: read_price(text, decimal), product["price"])
    product["price"] = price
    if currency is not None:
        stated = product.setdefault("currency", currency)
        if str(stated).upper() != currency:
            raise Unusable(f"the price is in {currency}, the column currency says {str(stated)[:20]!r}")


def _named(field: str, read: Any, text: str) -> Any:
    try:
        return read(text)
    except ValueError as error:
        raise Unusable(f"{field}: {error}") from error


def _is_gone(value: Any) -> bool:
    word = plain(str(value).rpartition("/")[2])
    if word not in _GONE | _AVAILABLE:
        raise Unusable(f"availability {str(value)[:40]!r} is unknown: write in_stock or out_of_stock")
    return word in _GONE


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value
