"""What templates see: the request's data, with every field of a product present, if only as none.

Real shops send products without pictures, links or prices, and prices as text. A template should ask
`{% if item.image_url %}`, not guard against five kinds of absence.
"""

from typing import Any

PROFILE_FIELDS = ("first_name", "last_name")
CART_FIELDS = ("id", "value", "currency")
ORDER_FIELDS = ("order_id", "total", "currency")
TEXT_FIELDS = ("product_id", "sku", "name", "category", "url", "image_url")
NUMBER_FIELDS = ("price", "quantity")


def template_data(data: dict[str, Any]) -> dict[str, Any]:
    """`profile`, `cart` (or none) and `event` for a template."""
    profile, cart, event = (_object(data.get(name)) for name in ("profile", "cart", "event"))
    seen_event: dict[str, Any] = {**dict.fromkeys(ORDER_FIELDS), **event}
    seen_event["products"] = _products(event.get("products"))
    seen_cart = None
    if data.get("cart") is not None:
        seen_cart = {**dict.fromkeys(CART_FIELDS), **cart, "items": _products(cart.get("items"))}
    return {
        "profile": {**dict.fromkeys(PROFILE_FIELDS), **profile},
        "cart": seen_cart,
        "event": seen_event,
    }


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _products(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [_product(item) for item in items if isinstance(item, dict)]


def _product(item: dict[str, Any]) -> dict[str, Any]:
    seen = {**item, **{name: _text(item.get(name)) for name in TEXT_FIELDS}}
    seen.update({name: _number(item.get(name)) for name in NUMBER_FIELDS})
    seen["name"] = seen["name"] or seen["product_id"] or seen["sku"] or ""
    return seen


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
