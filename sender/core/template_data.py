"""What templates see: the request's data, with every field present, if only as none.

Real shops send products without pictures, links or prices, and prices as text. A template should ask
`{% if item.image_url %}`, not guard against five kinds of absence. Lists are bounded, so that a mail is.
"""

import math
from typing import Any

PROFILE_FIELDS = ("first_name", "last_name")
CART_TEXTS = ("id", "currency")
PRODUCT_TEXTS = ("product_id", "sku", "name", "category", "currency", "url", "image_url", "reason")
PRODUCT_NUMBERS = ("price", "quantity")
OFFER_TEXTS = ("code", "value", "valid_until")
ANSWER_TEXTS = ("survey", "answer")
EVENT_TEXTS = (
    "order_id", "currency",
    "tracking_number", "tracking_url", "carrier", "delivery_estimate",
    "kind", "product_id", "name", "url", "image_url", "category",
    "plan", "renews_at", "level", "expires_at", "topic", "title", "date",
)  # fmt: skip
EVENT_NUMBERS = ("total", "missing_for_free_shipping", "price", "old_price", "points")

REASONS = frozenset({"viewed", "bought_together", "similar", "best_sellers"})
"""Why products are recommended; for another reason the heading says nothing of it."""
RECOMMENDED_MAX = 12
VIEWS_MAX = 12


def template_data(data: dict[str, Any]) -> dict[str, Any]:
    """`profile`, `cart`, `event`, `offer`, `recommended`, `answer`, `views` and `purchase` for a template."""
    profile, event, views, purchase = (
        _object(data.get(name)) for name in ("profile", "event", "views", "purchase")
    )
    return {
        "profile": {**dict.fromkeys(PROFILE_FIELDS), **profile},
        "cart": _cart(data.get("cart")),
        "event": {
            **_fields(event, EVENT_TEXTS, EVENT_NUMBERS),
            **_missing(event, _object(data.get("cart"))),
            "products": _products(event.get("products")),
        },
        "offer": _offer(data.get("offer")),
        "recommended": _recommended(data.get("recommended")),
        "answer": _fields(data["answer"], ANSWER_TEXTS) if _object(data.get("answer")) else None,
        "views": {
            "items": _products(views.get("items"))[:VIEWS_MAX],
            "category": _text(views.get("category")),
        },
        "purchase": _purchase(purchase),
    }


def _cart(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    cart = _object(value)
    return {**_fields(cart, CART_TEXTS, ("value",)), "items": _products(cart.get("items"))}


def _missing(event: dict[str, Any], cart: dict[str, Any]) -> dict[str, float]:
    """What the cart lacks for free shipping as it is now; the event that told the limit may be long ago."""
    limit, value = _number(event.get("free_shipping_limit")), _number(cart.get("value"))
    if limit is None or value is None or value >= limit:
        return {}
    return {"missing_for_free_shipping": round(limit - value, 2)}


def _offer(value: Any) -> dict[str, Any] | None:
    """None without a code: there is nothing to give then."""
    offer = _fields(_object(value), OFFER_TEXTS)
    return offer if offer["code"] else None


def _recommended(value: Any) -> dict[str, Any] | None:
    """None without products."""
    recommended = _object(value)
    items = _products(recommended.get("items"))[:RECOMMENDED_MAX]
    reason = _text(recommended.get("reason"))
    if not items:
        return None
    return {**recommended, "reason": reason if reason in REASONS else None, "items": items}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _products(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [_product(item) for item in items if isinstance(item, dict)]


def _product(item: dict[str, Any]) -> dict[str, Any]:
    seen = _fields(item, PRODUCT_TEXTS, PRODUCT_NUMBERS)
    return {**seen, "name": seen["name"] or seen["product_id"] or seen["sku"] or ""}


def _purchase(value: dict[str, Any]) -> dict[str, Any] | None:
    """A product as events name one: it may have had a higher price. None if it is not named at all."""
    product = _product(value)
    return {**product, "old_price": _number(value.get("old_price"))} if product["name"] else None


def _fields(values: dict[str, Any], texts: tuple[str, ...], numbers: tuple[str, ...] = ()) -> dict[str, Any]:
    """The values, with the fields we know present and of their type; others stay as they came."""
    seen = {**values, **{name: _text(values.get(name)) for name in texts}}
    seen.update({name: _number(values.get(name)) for name in numbers})
    return seen


def _text(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value).strip() or None


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
