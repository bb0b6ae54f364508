"""The cart as events tell it: lines added, removed, replaced, ordered.

Rules: event time decides, so what happened before the last order or emptying no longer fills the cart, and
a late order takes only the lines it can have held. A snapshot (`cart_updated`, `cart_viewed`,
`checkout_started` with `products`) replaces the lines; an older one than the last change is ignored.

Each function says what the change amounts to: `UPDATED`, `EMPTIED` or None. An order empties the cart and
is no emptying: nobody who bought has given up.
"""

from collections.abc import Mapping
from typing import Any

from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import CART_ITEMS_MAX, PRICE_MAX, QUANTITY_MAX, URL_LENGTH_MAX
from trigger_engine.core.state import Cart, Item
from trigger_engine.core.trim import id_or_none, text_or_none

UPDATED = "cart_updated"
EMPTIED = "cart_emptied"


def cart_value(cart: Cart) -> float:
    """The sum of price times quantity, rounded to cents; lines without a price count nothing."""
    value = 0.0
    for item in cart.items:
        if item.price is not None:
            value += item.price * item.quantity
    return round(value, 2)


def add(cart: Cart, event: EventInput, occurred_at: int) -> str | None:
    """`product_added`: one more line, or more of the same."""
    properties = event.properties
    key = _product_key(properties)
    if key is None or occurred_at <= cart.cleared_at:
        return None
    if cart.id is None or "cart_id" in properties:
        _name_cart(cart, event)
    quantity = quantity_or(properties.get("quantity"), 1)
    for item in cart.items:
        if item.key == key:
            item.quantity = min(item.quantity + quantity, QUANTITY_MAX)
            if occurred_at > item.added_at:
                item.added_at = occurred_at
            price = price_or_none(properties.get("price"))
            if price is not None:
                item.price = price
            break
    else:
        if len(cart.items) < CART_ITEMS_MAX:
            cart.items.append(_item(key, properties, quantity, occurred_at))
    _touch(cart, properties, occurred_at)
    return UPDATED


def remove(cart: Cart, event: EventInput, occurred_at: int) -> str | None:
    """`product_removed`: `quantity` of the line, or all of it where no quantity is given."""
    key = _product_key(event.properties)
    if occurred_at <= cart.cleared_at:
        return None  # it was taken out of the cart before
    for position, item in enumerate(cart.items):
        if item.key != key:
            continue
        item.quantity -= quantity_or(event.properties.get("quantity"), item.quantity)
        if item.quantity <= 0:
            del cart.items[position]
        _touch(cart, event.properties, occurred_at)
        return UPDATED if cart.items else empty(cart, occurred_at)
    return None


def replace(cart: Cart, event: EventInput, occurred_at: int) -> str | None:
    """A snapshot. Only in `cart_updated` an empty list empties the cart; elsewhere it says nothing."""
    products = event.properties.get("products")
    if not isinstance(products, list) or occurred_at <= cart.cleared_at or occurred_at < cart.updated_at:
        return None
    if not products:
        if event.type != UPDATED:
            return None
        had_items = bool(cart.items)
        emptied = empty(cart, occurred_at)
        return emptied if had_items else None  # shops send it behind an order as well
    added_at = {item.key: item.added_at for item in cart.items}
    items = {}
    for product in products[:CART_ITEMS_MAX]:
        key = _product_key(product) if isinstance(product, Mapping) else None
        if key is not None:
            quantity = quantity_or(product.get("quantity"), 1)
            items[key] = _item(key, product, quantity, added_at.get(key, occurred_at))
    if not items:
        return None
    _name_cart(cart, event)
    cart.items = list(items.values())
    _touch(cart, event.properties, occurred_at)
    return UPDATED if event.type == UPDATED else None


def empty(cart: Cart, occurred_at: int) -> str:
    """`cart_emptied`, or what amounts to it: lines added later than `occurred_at` stay."""
    order(cart, occurred_at, None)
    return EMPTIED


def order(cart: Cart, occurred_at: int, next_id: str | None) -> None:
    """`order_completed` takes the lines there were; `next_id` names what is left, a cart begun since."""
    if occurred_at <= cart.cleared_at:
        return
    cart.cleared_at = occurred_at
    cart.items = [item for item in cart.items if item.added_at > occurred_at]
    cart.updated_at = max(cart.updated_at, occurred_at)
    if not cart.items:
        cart.id, cart.from_shop = None, False
    elif not cart.from_shop and next_id is not None:
        cart.id = next_id


def _name_cart(cart: Cart, event: EventInput) -> None:
    """The shop's id if the cart begins with one, else the event id of its first addition.

    A shop's id that turns up later does not rename a cart: it would be mailed about twice. Another id of the
    shop is another cart.
    """
    shop_id = id_or_none(event.properties.get("cart_id"))
    if cart.id is None:
        cart.id, cart.from_shop = (event.event_id, False) if shop_id is None else (shop_id, True)
    elif cart.from_shop and shop_id is not None and shop_id != cart.id:
        cart.id, cart.items = shop_id, []


def _touch(cart: Cart, properties: Mapping[str, Any], occurred_at: int) -> None:
    if occurred_at > cart.updated_at:
        cart.updated_at = occurred_at
    currency = properties.get("currency")
    if isinstance(currency, str) and 0 < len(currency) <= 8:
        cart.currency = currency


def _product_key(product: Mapping[str, Any]) -> str | None:
    return (
        id_or_none(product.get("product_id"))
        or id_or_none(product.get("sku"))
        or text_or_none(product.get("name"))
    )


def _item(key: str, product: Mapping[str, Any], quantity: int, added_at: int) -> Item:
    return Item(
        key=key,
        added_at=added_at,
        quantity=quantity,
        price=price_or_none(product.get("price")),
        product_id=id_or_none(product.get("product_id")),
        name=text_or_none(product.get("name")),
        url=url_or_none(product.get("url")),
        image_url=url_or_none(product.get("image_url")),
    )


def url_or_none(value: object) -> str | None:
    """A cut address leads nowhere, so one that is too long is none."""
    return value if isinstance(value, str) and 0 < len(value) <= URL_LENGTH_MAX else None


def as_amount(value: object) -> float | None:
    """An amount of money; shops send numbers as text too. None for anything else or beyond a billion."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if not isinstance(value, (int, float)) or value is True or value is False:
        return None
    return float(value) if -PRICE_MAX <= value <= PRICE_MAX else None  # false for NaN too


def price_or_none(value: object) -> float | None:
    if type(value) is float and 0 <= value <= PRICE_MAX:
        return value
    amount = as_amount(value)
    return None if amount is None or amount < 0 else amount


def quantity_or(value: object, default: int) -> int:
    """How many: a whole number from 1 to a million, or the default for what is none."""
    if type(value) is int and 0 < value <= QUANTITY_MAX:
        return value
    amount = as_amount(value)
    return default if amount is None or amount < 1 else min(int(amount), QUANTITY_MAX)
