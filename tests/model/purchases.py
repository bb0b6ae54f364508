"""Section 4: what she bought, as the lines of `order_completed` tell it."""

from typing import Any

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
