"""What a completed order tells: how many there were and when, what they came to, and what she bought.

Event time decides. An order's lines are lists of maps as shops send them: what is no product is passed over,
and a field that is none of its kind is missing.
"""

from collections.abc import Mapping
from typing import Any

from schemas.instants import Instant
from trigger_engine.core.carts import as_amount, price_or_none, quantity_or, url_or_none
from trigger_engine.core.limits import CONSUMABLE_DAYS_MAX, PURCHASES_MAX
from trigger_engine.core.purchases import Purchase
from trigger_engine.core.state import Orders
from trigger_engine.core.trim import id_or_none, text_or_none


def take_order(orders: Orders, properties: Mapping[str, Any], occurred_at: Instant) -> None:
    """Count an order and keep its lines if they are among the last."""
    earliest_at = orders.earliest_at
    orders.first_at = occurred_at if earliest_at is None else min(earliest_at, occurred_at)
    orders.count += 1
    if orders.last_at is None or occurred_at > orders.last_at:
        orders.last_at = occurred_at
    total = as_amount(properties.get("total"))
    if total is not None:
        orders.total = round(orders.total + total, 2)
    lines = _lines_of(properties, occurred_at)
    purchases = orders.purchases
    if purchases.last_at is not None and occurred_at < purchases.last_at:
        purchases.unite(purchases.kept(), lines)
    else:
        for line in lines:
            purchases.add(line)


def _lines_of(properties: Mapping[str, Any], occurred_at: Instant) -> list[Purchase]:
    """The lines, the last one first: the first one is what the order was about, and so the latest."""
    products = properties.get("products")
    if not isinstance(products, list):
        return []
    read = (_line(product, occurred_at) for product in reversed(products[:PURCHASES_MAX]))
    return [line for line in read if line is not None]


def _line(product: object, occurred_at: Instant) -> Purchase | None:
    if not isinstance(product, Mapping):
        return None
    get = product.get
    product_id, name = id_or_none(get("product_id")) or id_or_none(get("sku")), text_or_none(get("name"))
    if product_id is None and name is None:
        return None
    return Purchase(
        occurred_at,
        product_id,
        text_or_none(get("category")),
        name,
        price_or_none(get("price")),
        url_or_none(get("url")),
        url_or_none(get("image_url")),
        quantity_or(get("quantity"), 1),
        _days_or_none(get("consumable_days")),
    )


def _days_or_none(value: object) -> int | None:
    """Whole days; shops send numbers as text too."""
    amount = as_amount(value)
    return int(amount) if amount is not None and 1 <= amount <= CONSUMABLE_DAYS_MAX else None
