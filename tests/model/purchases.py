"""Section 4: what she bought, as the lines of `order_completed` tell it, and when it runs out."""

from statistics import median_high, median_low
from typing import Any

from schemas.instants import DAY_MS
from tests.model import carts
from tests.model.customer import Customer, Happening

KEPT = 40
DAYS_MAX = 3_650
TEXTS = ("category", "name", "url", "image_url")


def lines_of(event: Happening) -> list[dict[str, Any]]:
    """An order's lines as they come in: its first line as the latest."""
    products = event.properties.get("products")
    given = products[:KEPT] if isinstance(products, list) else []
    lines = [_line(product, event.at) for product in given if isinstance(product, dict)]
    return [line for line in lines[::-1] if line["product_id"] is not None or line["name"] is not None]


def kept(customer: Customer) -> list[dict[str, Any]]:
    """The last lines by *at*, latest first; of one instant, what came in last."""
    return sorted(customer.purchases, key=lambda line: line["at"])[::-1][:KEPT]


def dues(customer: Customer) -> list[dict[str, Any]]:
    """Of each consumable when it is due, and the last line of it; earliest first, ties by product."""
    found = []
    in_order = kept(customer)[::-1]
    consumables = {line["product_id"] for line in in_order if line["consumable_days"] is not None} - {None}
    for product_id in consumables:
        lines = [line for line in in_order if line["product_id"] == product_id]
        days = [line["consumable_days"] for line in lines if line["consumable_days"] is not None]
        gaps = [lines[n + 1]["at"] - lines[n]["at"] for n in range(len(lines) - 1)]
        gaps = [gap for gap in gaps if gap >= DAY_MS] or [days[-1] * DAY_MS]
        interval = (median_low(gaps) + median_high(gaps)) // 2
        found.append({"at": lines[-1]["at"] + interval, "line": lines[-1]})
    return sorted(found, key=lambda due: (due["at"], due["line"]["product_id"]))


def next_due(customer: Customer, now: int) -> dict[str, Any] | None:
    """The first that is not a day past."""
    return next((due for due in dues(customer) if due["at"] > now - DAY_MS), None)


def _line(product: dict[str, Any], at: int) -> dict[str, Any]:
    product_id = product.get("product_id") or product.get("sku")
    price = carts.amount_of(product.get("price"))
    quantity = carts.amount_of(product.get("quantity"))
    days = carts.amount_of(product.get("consumable_days"))
    return (
        {"at": at, "product_id": None if product_id is None else str(product_id)}
        | {name: product[name] if isinstance(product.get(name), str) else None for name in TEXTS}
        | {
            "price": price if price is not None and price >= 0 else None,
            "quantity": int(quantity) if quantity is not None and quantity >= 1 else 1,
            "consumable_days": int(days) if days is not None and 1 <= days <= DAYS_MAX else None,
        }
    )
