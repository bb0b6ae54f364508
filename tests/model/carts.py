"""The cart as events tell it.

Section 4 is silent on it; the rules are those of DESIGN section 4 (`cart.id`) and of the module
`trigger_engine.core.carts` as its docstrings state them:
event time decides, so what happened before the last order or emptying no longer fills the cart, and a late
order takes only the lines it can have held. A snapshot (`cart_updated`, `cart_viewed`, `checkout_started`
with `products`) replaces the lines; an older one than the last change is ignored. An order is no emptying.
"""

from typing import Any

from tests.model.customer import Customer, Happening

UPDATED = "cart_updated"
EMPTIED = "cart_emptied"
AMOUNT_MAX = 1e9


def empty_cart() -> dict[str, Any]:
    """A cart nobody has filled yet."""
    return {"id": None, "lines": [], "began": None, "updated_at": None, "cleared_at": None, "currency": None}


def meet(customer: Customer, event: Happening) -> str | None:
    """Apply an event to her cart. Returns the type it counts as beside its own, or None."""
    cart = customer.cart = customer.cart or empty_cart()
    match event.type:
        case "product_added":
            return _add(cart, event)
        case "product_removed":
            return _remove(cart, event)
        case "cart_updated" | "cart_viewed" | "checkout_started":
            return _replace(cart, event)
        case "cart_emptied":
            return _empty(cart, event)
        case "order_completed":
            _order(cart, event)
    return None


def _add(cart: dict[str, Any], event: Happening) -> str | None:
    if _before_clearing(cart, event.at):
        return None
    product = _product(event.properties, event.at)
    if product is None:
        return None
    _name(cart, event)
    for line in cart["lines"]:
        if line["product_id"] == product["product_id"]:
            product["quantity"] += line["quantity"]
            product["at"] = max(product["at"], line["at"])
            for part, value in product.items():
                if value is not None:
                    line[part] = value
            break
    else:
        cart["lines"].append(product)
    return _changed(cart, event)


def _remove(cart: dict[str, Any], event: Happening) -> str | None:
    if _before_clearing(cart, event.at):
        return None
    product = _product(event.properties, event.at)
    line = next(
        (line for line in cart["lines"] if product and line["product_id"] == product["product_id"]), None
    )
    if line is None or product is None:
        return None
    left = line["quantity"] - product["quantity"] if "quantity" in event.properties else 0
    if left > 0:
        line["quantity"] = left
    else:
        cart["lines"].remove(line)
    return _changed(cart, event) if cart["lines"] else _cleared(cart, event.at)


def _replace(cart: dict[str, Any], event: Happening) -> str | None:
    products = event.properties.get("products")
    if not isinstance(products, list) or _before_clearing(cart, event.at):
        return None
    if cart["updated_at"] is not None and event.at < cart["updated_at"]:
        return None
    lines = {
        line["product_id"]: line
        for line in (_product(product, event.at) for product in products)
        if line is not None
    }
    if lines:
        for line in cart["lines"]:
            if line["product_id"] in lines:
                lines[line["product_id"]]["at"] = line["at"]  # it has been in the cart since
        _name(cart, event)
        cart["lines"] = list(lines.values())
        return _changed(cart, event)
    if event.type == "cart_updated" and not products:
        return _empty(cart, event)
    return None


def _empty(cart: dict[str, Any], event: Happening) -> str | None:
    had_lines = bool(cart["lines"])
    _clear(cart, event)
    return EMPTIED if had_lines and not cart["lines"] else None


def _order(cart: dict[str, Any], event: Happening) -> None:
    """What a late order leaves is a cart begun since; unless the shop named it, the order does."""
    before = _before_clearing(cart, event.at)
    _clear(cart, event)
    if cart["lines"] and not cart["by_shop"] and not before:
        cart["id"] = event.id


def _clear(cart: dict[str, Any], event: Happening) -> None:
    cart["lines"] = [line for line in cart["lines"] if line["at"] > event.at]
    if cart["lines"]:
        cart["cleared_at"] = max(cart["cleared_at"] or event.at, event.at)
    else:
        _cleared(cart, event.at)


def _cleared(cart: dict[str, Any], at: int) -> str:
    cart["lines"] = []
    cart["id"] = cart["began"] = cart["currency"] = None
    cart["cleared_at"] = max(cart["cleared_at"] or at, at)
    cart["updated_at"] = max(cart["updated_at"] or at, at)
    return EMPTIED


def _changed(cart: dict[str, Any], event: Happening) -> str:
    cart["updated_at"] = max(cart["updated_at"] or event.at, event.at)
    currency = event.properties.get("currency")
    cart["currency"] = currency if isinstance(currency, str) else cart["currency"]
    return UPDATED


def _before_clearing(cart: dict[str, Any], at: int) -> bool:
    return cart["cleared_at"] is not None and at <= cart["cleared_at"]


def _name(cart: dict[str, Any], event: Happening) -> None:
    """The shop's id if the cart begins with one, else the event id of its first addition."""
    given = event.properties.get("cart_id")
    shop_id = (
        str(given) if isinstance(given, str | int) and not isinstance(given, bool) and given != "" else None
    )
    if not cart["lines"]:
        cart["id"], cart["began"] = shop_id or event.id, event.at
        cart["by_shop"] = shop_id is not None
    elif shop_id is not None and cart["by_shop"] and shop_id != cart["id"]:
        cart["id"], cart["lines"] = shop_id, []  # another cart


def _product(form: Any, at: int) -> dict[str, Any] | None:
    if not isinstance(form, dict):
        return None
    given = form.get("product_id") or form.get("sku")
    if given is None:
        return None
    quantity = form.get("quantity", 1)
    return {
        "product_id": str(given),
        "name": form.get("name"),
        "price": amount_of(form.get("price")),
        "quantity": quantity if isinstance(quantity, int) and quantity > 0 else 1,
        "url": form.get("url"),
        "image_url": form.get("image_url"),
        "at": at,
    }


def amount_of(value: Any) -> float | None:
    """An amount of money; shops send numbers as text too. None for anything else or beyond a billion."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(value)
    except ValueError:
        return None
    return amount if abs(amount) <= AMOUNT_MAX else None


def value_of(cart: dict[str, Any]) -> float:
    """The sum of price times quantity, rounded to cents; lines without a price count nothing."""
    return float(round(sum((line["price"] or 0.0) * line["quantity"] for line in cart.get("lines", [])), 2))
