"""Packed views: what comes out is what a plain list of the last ones would hold."""

from random import Random

import pytest

from trigger_engine.core.limits import URL_LENGTH_MAX, VIEWS_MAX
from trigger_engine.core.state import decode_state, encode_state, new_state
from trigger_engine.core.views import View, Views

WIDE = "𐍈"
URLS = [
    None,
    "https://shop.example/p/1",
    "https://shop.example/p/",
    "https://cdn.example/p/1.png",
    "no address",
    "/",
    WIDE * URL_LENGTH_MAX,
]


def random_view(random: Random) -> View:
    price = random.choice([None, 0.0, 21.9])
    product, category, name = (random.choice([None, "a", "b", "ş"]) for _ in range(3))
    at = random.randrange(-50, 50)
    return View(at, product, category, name, price, random.choice(URLS), random.choice(URLS))


@pytest.mark.parametrize("seed", range(20))
def test_the_last_ones_are_kept_in_order_of_time(seed: int) -> None:
    random = Random(seed)
    views = Views()
    expected: list[View] = []
    for _ in range(3 * VIEWS_MAX):
        view = random_view(random)
        views.add(view)
        expected = sorted([*expected, view], key=lambda one: one.at)[-VIEWS_MAX:]
        assert views.kept() == expected
        assert (len(views), views.last_at) == (len(expected), expected[-1].at)
        latest_first = [one.product_id for one in reversed(expected) if one.product_id is not None]
        assert views.products() == list(dict.fromkeys(latest_first))
        latest_first = [one.category for one in reversed(expected) if one.category is not None]
        assert views.categories() == list(dict.fromkeys(latest_first))


def test_they_outlive_the_bytes_of_a_state() -> None:
    state = new_state("c1")
    random = Random(1)
    for _ in range(VIEWS_MAX):
        state.views.add(random_view(random))
    again = decode_state(encode_state(state))
    assert again == state
    assert again.views.kept() == state.views.kept()


def test_what_addresses_share_stands_once() -> None:
    shared, apart = Views(), Views()
    for number in range(VIEWS_MAX):
        shared.add(View(number, url=f"https://shop.example/products/{number}"))
        apart.add(View(number, url=f"https://{number}.example/products/{number}"))
    assert len(shared.packed) < len(apart.packed) / 2
    assert [view.url for view in shared.kept()][:2] == [
        "https://shop.example/products/0",
        "https://shop.example/products/1",
    ]


def test_keeping_others_forgets_these() -> None:
    views = Views()
    views.add(View(1, "p1", url="https://one.example/1"))
    views.keep([View(0, "p2", url="https://two.example/2")])
    assert (views.products(), views.last_at, views.base) == (["p2"], 0, "https://two.example/")
    views.keep(())
    assert (views.kept(), views.last_at) == ([], None)
