"""A row as a product of the catalogue API: columns by their names or the feeds' names, texts as numbers.

What a product may be is ingest's to say: its own reader judges each row before anything is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from typing import Any

from ingest.core.event_types import snake_case
from ingest.core.outcomes import Unacceptable
from ingest.core.products import FIELDS, read_product
from services.importing.lines import Unreadable
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
_NEEDED = ("product_id", "name")
_TARGETS = {**{name: name for name in (*FIELDS, AVAILABILITY)}, **ALIASES}
_AVAILABLE = frozenset(
    {"in_stock", "preorder", "pre_order", "backorder", "back_order", "available_for_order"}
)
_GONE = frozenset({"out_of_stock", "sold_out", "discontinued"})
_UNDATED = ""
"""`updated_at` is ingest's to say; its reader does not look at it."""


class Unusable(ValueError):
    """The row makes no product; the message says why."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column fills which field, and which fill none."""

    by_field: Mapping[str, str]
    ignored: tuple[str, ...]


@lru_cache(maxsize=64)
def columns_of(names: tuple[str, ...]) -> Columns:
    """The columns by field. The field's own name goes before another name of it, else the first counts."""
    targets = {name: _TARGETS.get(_plain(name)) for name in names}
    own = {target: name for name, target in targets.items() if target is not None and _plain(name) == target}
    by_field: dict[str, str] = {}
    for name, target in targets.items():
        if target is not None:
            by_field.setdefault(target, own.get(target, name))
    used = set(by_field.values())
    return Columns(by_field, tuple(name for name in names if name not in used))


def check_header(names: tuple[str, ...]) -> None:
    """Raises Unreadable if no product can come of these columns."""
    by_field = columns_of(names).by_field
    for field in _NEEDED:
        if field not in by_field:
            others = ", ".join(other for other, target in ALIASES.items() if target == field)
            raise Unreadable(
                f"no column is named {field} (or {others}); the header has {', '.join(names)[:200] or 'none'}"
            )


def suggestion_for(column: str) -> str | None:
    """What an ignored column's name may have been meant to be."""
    near = get_close_matches(_plain(column), _TARGETS, n=1, cutoff=0.75)
    return near[0] if near and near[0] != _plain(column) else None


def product_of(cells: Mapping[str, Any], decimal: Decimal = "auto") -> dict[str, Any]:
    """The product, as the API takes it. Raises Unusable."""
    by_field = columns_of(tuple(cells)).by_field
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
    word = _plain(str(value).rpartition("/")[2])
    if word not in _GONE | _AVAILABLE:
        raise Unusable(f"availability {str(value)[:40]!r} is unknown: write in_stock or out_of_stock")
    return word in _GONE


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


@lru_cache(maxsize=1024)
def _plain(name: str) -> str:
    """`g:image_link`, `Image Link` and `imageLink` as `image_link`."""
    return snake_case(name.strip().removeprefix("g:")[:200])
