"""What the state keeps of her orders, and what conditions read of it."""

from pathlib import Path
from random import Random

import msgspec
import pytest

from tests.unit.trigger_engine.core.history import CART, History, at
from tests.unit.trigger_engine.core.test_activity import asked
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town
from trigger_engine.core.cel import Timestamp
from trigger_engine.core.limits import PURCHASES_MAX, URL_LENGTH_MAX
from trigger_engine.core.purchases import Purchase, Purchases
from trigger_engine.core.state import Orders, decode_state, encode_state, new_state

OLDER = bytes.fromhex("".join(Path("tests/fixtures/states/v2-before-purchases.hex").read_text().split()))
"""Bytes of version 2 from before orders had lines: two orders, two views, a series, a cart."""
COFFEE = {
    "product_id": "coffee",
    "category": "drinks",
    "name": "Kahve",
    "price": "9.90",
    "quantity": 2,
    "consumable_days": 30,
    "url": "https://shop.example/p/coffee",
    "image_url": "https://shop.example/p/coffee.png",
}


def order(history: History, when: str, *products: object, received: str | None = None) -> None:
    history.event("order_completed", when, received=received, products=list(products))


def line(product: str, category: str | None = None) -> dict[str, object]:
    return {"product_id": product} if category is None else {"product_id": product, "category": category}


# --- packed


@pytest.mark.parametrize("seed", range(10))
def test_the_last_ones_are_kept_in_order_of_time(seed: int) -> None:
    random = Random(seed)
    urls = [None, "https://shop.example/p/1", "https://shop.example/p/", "no address", "𐍈" * URL_LENGTH_MAX]
    purchases = Purchases()
    expected: list[Purchase] = []
    for _ in range(3 * PURCHASES_MAX):
        product, category, name = (random.choice([None, "a", "ş"]) for _ in range(3))
        price, quantity, days = (random.choice(any_of) for any_of in ([None, 21.9], [1, 10**6], [None, 3650]))
        links = random.choice(urls), random.choice(urls)
        bought = Purchase(random.randrange(-50, 50), product, category, name, price, *links, quantity, days)
        purchases.add(bought)
        expected = sorted([*expected, bought], key=lambda one: one.at)[-PURCHASES_MAX:]
        assert purchases.kept() == expected
        assert (len(purchases), purchases.last_at) == (len(expected), expected[-1].at)
    state = new_state("c1")
    state.orders.purchases = purchases
    assert decode_state(encode_state(state)).orders.purchases.kept() == expected


# --- read from orders


def test_a_line_keeps_what_conditions_and_mails_ask_for() -> None:
    history = History()
    order(history, "1h", COFFEE)
    (item,) = asked(history, "orders.items")  # type: ignore[misc]
    assert item == {**COFFEE, "at": Timestamp(at("1h")), "price": 9.9}


def test_lines_are_read_as_carts_are_and_what_is_no_product_is_passed_over() -> None:
    history = History()
    strange = [5, None, {}, {"price": 3}, {"product_id": "", "quantity": 1}]
    odd = {"product_id": 7, "price": -1, "quantity": "none", "category": 5, "url": "x" * 2000}
    order(history, "1h", *strange, odd, {"sku": "s1", "consumable_days": "7.9"}, {"name": "Çay"})
    assert asked(history, "orders.items.map(i, i.product_id)") == ["7", "s1", None]
    assert asked(history, "orders.items.map(i, i.quantity)") == [1, 1, 1]
    assert asked(history, "orders.items.map(i, i.consumable_days)") == [None, 7, None]
    assert asked(history, "orders.items.filter(i, i.product_id == '7')[0].price") is None
    history.event("order_completed", "2h", products={"product_id": "p"})
    history.event("order_completed", "3h")
    assert asked(history, "[orders.count, size(orders.items)]") == [3, 3]


@pytest.mark.parametrize("days", [0, -1, 3651, 0.5, True, "soon", None, [30]])
def test_what_is_no_number_of_days_is_none(days: object) -> None:
    history = History()
    order(history, "1h", {"product_id": "p", "consumable_days": days})
    assert asked(history, "orders.items[0].consumable_days == null") is True


def test_the_latest_order_comes_first_and_in_it_its_first_line() -> None:
    history = History()
    order(history, "3h", line("a", "x"), line("b", "y"))
    order(history, "1h", line("c", "z"), line("d", "x"), received="3h")
    order(history, "4h", line("b", "y"))
    assert asked(history, "orders.items.map(i, i.product_id)") == ["b", "a", "b", "c", "d"]
    assert asked(history, "orders.products") == ["b", "a", "c", "d"], "distinct"
    assert asked(history, "orders.categories") == ["y", "x", "z"]
    assert asked(history, "orders.first_at") == Timestamp(at("1h"))
    assert asked(history, "orders.last_at") == Timestamp(at("4h"))


def test_the_favourite_category_is_that_of_most_lines_and_of_equals_the_latest() -> None:
    history = History()
    assert asked(history, "orders.favourite_category == null && views.favourite_category == null") is True
    order(history, "1h", line("a", "x"), line("b", "y"), line("c"), line("d"), line("e"))
    assert asked(history, "orders.favourite_category") == "x"
    order(history, "2h", line("b", "y"))
    order(history, "3h", line("a", "x"))
    assert asked(history, "orders.favourite_category") == "x"
    order(history, "4h", line("b", "y"))
    assert asked(history, "orders.favourite_category") == "y"
    for number, category in enumerate(("hats", "shoes", "shoes", "hats", None)):
        history.event("product_viewed", f"{5 + number}h", category=category)
    assert asked(history, "views.favourite_category") == "hats"


def test_forty_lines_are_kept_and_read() -> None:
    history = History()
    order(history, "1h", line("first"))
    order(history, "2h", *(line(f"p{number}") for number in range(PURCHASES_MAX + 1)))
    assert asked(history, "orders.products") == [f"p{number}" for number in range(PURCHASES_MAX)]
    order(history, "90m", line("too-late"), received="3h")
    assert asked(history, "size(orders.items)") == PURCHASES_MAX
    order(history, "4h", line("new"))
    assert asked(history, "orders.products[0] == 'new' && size(orders.items) == 40") is True
    assert asked(history, "'p39' in orders.products") is False


# --- kept with the customer


def test_lines_of_a_device_become_hers() -> None:
    town = Town(CART)
    town.customer("order_completed", "1m", products=[line("a", "x")])
    town.device("order_completed", "2m", products=[line("b", "y")])
    town.device("order_completed", "30s", received="3m", products=[line("c", "x")])
    town.device("order_completed", "1m", received="3m", products=[line("d", "x")])
    town.both("page_viewed", "4m")
    orders = town.state(CUSTOMER).orders
    assert [one.product_id for one in orders.purchases.kept()] == ["c", "d", "a", "b"], "d before a"
    assert (orders.count, orders.first_at, orders.last_at) == (4, at("30s"), at("2m"))


def test_erasure_forgets_them() -> None:
    history = History()
    order(history, "1h", COFFEE)
    assert b"coffee" in encode_state(history.state)
    history.event("customer_erased", "2h")
    assert history.state.orders == Orders()
    assert b"coffee" not in encode_state(history.state)


def test_a_state_from_before_lines_were_kept_is_read_and_goes_on() -> None:
    assert [2, at("4m"), 40.5] in msgspec.msgpack.decode(OLDER[1:]), "as it was written then: three fields"
    history = History()
    history.state = decode_state(OLDER)
    assert (history.state.orders.count, len(history.state.orders.purchases)) == (2, 0)
    assert [view.product_id for view in history.state.views.kept()] == ["p1", "p2"]
    assert asked(history, "orders.first_at") == Timestamp(at("4m")), "as far as is known"
    history.event("order_completed", "2h", id="o-new", products=[COFFEE])
    again = decode_state(encode_state(history.state))
    assert (again.orders.count, again.orders.first_at) == (3, at("4m"))
    assert again.orders.purchases.products() == ["coffee"]
