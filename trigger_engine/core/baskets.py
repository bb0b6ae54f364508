"""Baskets: what was ordered together, as recommendations are made of it.

A basket holds ids of products and nothing about who bought them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.instants import Instant
from trigger_engine.core.limits import (
    BASKET_ID_LENGTH_MAX,
    BASKET_LINES_MAX,
)
from trigger_engine.core.trim import id_or_none


class Basket(NamedTuple):
    """The distinct products of an order, in its order."""

    at: Instant
    products: tuple[str, ...]


def basket_of(properties: Mapping[str, Any], at: Instant) -> Basket | None:
    """The basket of an order; None if it names no product by its id."""
    lines = properties.get("products")
    if not isinstance(lines, list):
        return None
    ids: dict[str, None] = {}
    for line in lines:
        product_id = product_id_of(line) if isinstance(line, Mapping) else None
        if product_id is not None and len(product_id) <= BASKET_ID_LENGTH_MAX:
            ids[product_id] = None
            if len(ids) == BASKET_LINES_MAX:
                break
    return Basket(at, tuple(ids)) if ids else None


def product_id_of(line: Mapping[str, Any]) -> str | None:
    """The product that a line names, by the SKU if by no id of its own."""
    return id_or_none(line.get("product_id")) or id_or_none(line.get("sku"))
