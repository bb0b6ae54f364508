"""What events tell about a customer: cart, orders, profile, consent, activity."""

import pytest

from tests.unit.trigger_engine.core.history import CART, History, at, product
from trigger_engine.core.carts import cart_value
from trigger_engine.core.projection import address_or_none


def lines(history: History) -> dict[str, int]:
    return {item.key: item.quantity for item in history.state.cart.items}


def test_additions_and_removals_fill_and_empty_the_cart() -> None:
    history = History(CART)
    history.event("product_added", "1s", **product("p1", price=9.99, quantity=2))
    history.event("product_added", "2s", **product("p2", price=0.02))
    history.event("product_added", "3s", **product("p1", price=9.99))
    assert lines(history) == {"p1": 3, "p2": 1}
    assert cart_value(history.state.cart) == 29.99
    history.event("product_removed", "4s", product_id="p1", quantity=1)
    history.event("product_removed", "5s", product_id="p2")
    assert lines(history) == {"p1": 2}
    history.event("product_removed", "6s", product_id="p1", quantity=9)
    assert history.state.cart.items == []
    assert history.state.cart.id is None


def test_a_product_is_known_by_its_id_else_its_sku_else_its_name() -> None:
    history = History(CART)
    history.event("product_added", "1s", product_id=7, price=1)
    history.event("product_added", "2s", sku="S", price=1)
    history.event("product_added", "3s", name="N", price=1)
    history.event("product_added", "4s", price=1)
    assert list(lines(history)) == ["7", "S", "N"]


def test_the_cart_id_is_the_shops_or_else_the_first_addition() -> None:
    shop = History(CART)
    shop.event("product_added", "1s", cart_id="k1", **product())
    assert shop.state.cart.id == "k1"
    own = History(CART)
    own.event("product_added", "1s", id="first", **product())
    own.event("product_added", "2s", id="second", **product("p2"))
    assert own.state.cart.id == "first"
    own.event("product_added", "3s", cart_id="k1", **product("p3"))
    assert own.state.cart.id == "first", "a name that comes later would make it a second occasion"
    own.event("order_completed", "4s")
    own.event("product_added", "5s", id="fifth", **product())
    assert own.state.cart.id == "fifth"


def test_another_cart_id_of_the_shop_is_another_cart() -> None:
    history = History(CART)
    history.event("product_added", "1s", cart_id="k1", **product("p1"))
    history.event("product_added", "2s", cart_id="k2", **product("p2"))
    assert (history.state.cart.id, lines(history)) == ("k2", {"p2": 1})


def test_a_snapshot_replaces_the_lines_and_an_empty_one_empties() -> None:
    history = History(CART)
    history.event("product_added", "1s", **product("p1"))
    assert history.event("cart_updated", "2s", products=[product("p2", quantity=3)]) == []
    assert lines(history) == {"p2": 3}
    assert history.event("cart_updated", "3s", products=[]) == ["cancelled cart"]
    assert lines(history) == {}


@pytest.mark.parametrize("type", ["cart_viewed", "checkout_started"])
def test_other_snapshots_fill_but_never_empty(type: str) -> None:
    history = History(CART)
    history.event(type, "1s", products=[product("p2", quantity=3)])
    assert lines(history) == {"p2": 3}
    history.event(type, "2s", products=[])
    history.event(type, "3s")
    history.event(type, "4s", products=["rubbish", {"price": 1}])
    assert lines(history) == {"p2": 3}


def test_an_older_snapshot_is_ignored() -> None:
    history = History(CART)
    history.event("product_added", "10s", **product("p1"))
    history.event("cart_updated", "5s", received="11s", products=[product("p2")])
    assert lines(history) == {"p1": 1}


def test_an_order_empties_the_cart_and_is_no_emptying() -> None:
    history = History(
        CART.replace(
            "event: [product_added, cart_updated, checkout_started], where: cart.value > 0",
            "event: cart_emptied",
        )
    )
    history.event("product_added", "1s", **product())
    assert history.event("order_completed", "2s", total="19.90") == []
    assert (history.state.cart.items, history.state.orders.count, history.state.orders.total) == ([], 1, 19.9)


def test_a_late_order_takes_only_what_it_can_have_held() -> None:
    history = History(CART)
    history.event("product_added", "1m", **product("p1"))
    history.event("product_added", "10m", **product("p2"))
    history.event("order_completed", "5m", received="11m", id="the-order")
    assert lines(history) == {"p2": 1}
    assert history.state.cart.id == "the-order", "what is left is a new cart"


def test_an_addition_from_before_the_order_does_not_come_back() -> None:
    history = History(CART)
    history.event("order_completed", "5m")
    history.event("product_added", "4m", received="6m", **product())
    assert lines(history) == {}


def test_a_removal_from_before_the_order_takes_nothing_of_the_next_cart() -> None:
    history = History(CART)
    history.event("product_added", "1m", **product("p1"))
    history.event("order_completed", "5m")
    history.event("product_added", "6m", id="next", **product("p1"))
    history.event("product_removed", "4m", received="7m", product_id="p1")
    assert lines(history) == {"p1": 1}
    assert history.state.cart.id == "next"


def test_an_empty_snapshot_of_an_empty_cart_is_no_emptying_but_counts_from_its_time_on() -> None:
    """Shops send one behind an order."""
    winback = CART.replace(
        "event: [product_added, cart_updated, checkout_started], where: cart.value > 0",
        "event: cart_emptied",
    )
    history = History(winback)
    history.event("product_added", "1s", **product())
    history.event("order_completed", "2s")
    assert history.event("cart_updated", "4s", products=[]) == []
    history.event("product_added", "3s", received="5s", **product())
    assert lines(history) == {}


def test_a_late_order_takes_what_a_snapshot_has_kept_since() -> None:
    history = History(CART)
    history.event("product_added", "1m", **product("p1"))
    history.event("cart_updated", "10m", products=[product("p1"), product("p2")])
    history.event("order_completed", "5m", received="11m")
    assert lines(history) == {"p2": 1}


def test_broken_prices_and_quantities_do_not_spoil_the_value() -> None:
    history = History(CART)
    for number, (price, quantity) in enumerate(
        [("12.50", "2"), ("x", None), (-5, 1), (float("nan"), 1), (1e300, 1), (True, True), (None, -3)]
    ):
        history.event("product_added", f"{number}s", product_id=f"p{number}", price=price, quantity=quantity)
    assert cart_value(history.state.cart) == 25.0


def test_newer_traits_replace_older_ones_only_fill() -> None:
    history = History(CART, known=False)
    history.event("profile_updated", "10m", first_name="Ayşe", email="new@example.com")
    history.event(
        "profile_updated", "5m", received="11m", first_name="Old", last_name="Y", email="old@example.com"
    )
    profile = history.state.profile
    assert (profile.first_name, profile.last_name, profile.email) == ("Ayşe", "Y", "new@example.com")
    history.event("profile_updated", "12m", first_name=None, city="Baku", age=31)
    assert (profile.first_name, profile.traits) == (None, {"city": "Baku", "age": 31})
    history.event("profile_updated", "13m", city=None)
    assert profile.traits == {"age": 31}


def test_an_event_without_traits_makes_no_earlier_trait_an_old_one() -> None:
    history = History(CART, known=False)
    history.event("signed_up", "1m", email="first@example.com")
    history.event("subscribed", "10m")
    history.event("profile_updated", "11m", consent={"marketing_email": True})
    history.event("profile_updated", "5m", received="12m", email="new@example.com")
    assert history.state.profile.email == "new@example.com"


def test_sign_ups_and_subscriptions_carry_traits() -> None:
    history = History(CART, known=False)
    history.event("signed_up", "1s", email="a@example.com", consent={"marketing_email": True})
    assert history.state.profile.email == "a@example.com"
    assert history.state.profile.marketing_email is True
    history.event("subscribed", "2s", email="b@example.com")
    assert history.state.profile.email == "b@example.com"


def test_the_last_word_on_consent_counts_and_a_tie_is_a_no() -> None:
    history = History(CART, known=False)
    history.event("unsubscribed", "10m")
    history.event("subscribed", "5m", received="11m")
    assert history.state.profile.marketing_email is False
    history.event("subscribed", "10m", received="12m")
    assert history.state.profile.marketing_email is False
    history.event("subscribed", "13m")
    assert history.state.profile.marketing_email is True
    history.event("unsubscribed", "13m", received="14m")
    assert history.state.profile.marketing_email is False


def test_a_guests_order_tells_the_address_but_replaces_none() -> None:
    history = History(CART, known=False)
    history.event("order_completed", "1s", email="guest@example.com")
    assert history.state.profile.email == "guest@example.com"
    history.event("order_completed", "2s", email="gift@example.com")
    assert history.state.profile.email == "guest@example.com"


@pytest.mark.parametrize(
    "address", ["", "a", "@b", "a@", "a b@c", "a@b\nBcc: x", "x" * 250 + "@b.cd", None, 5, ["a@b"]]
)
def test_what_is_no_address_is_none(address: object) -> None:
    assert address_or_none(address) is None


def test_an_address_is_taken_without_the_spaces_around_it() -> None:
    assert address_or_none(" ayşe@example.com ") == "ayşe@example.com"


def test_only_what_she_does_counts_as_activity() -> None:
    history = History(CART)
    history.event("page_viewed", "1m")
    history.event("own_event", "2m")
    for minute, type in enumerate(["profile_updated", "order_shipped", "email_sent", "unsubscribed"]):
        history.event(type, f"{3 + minute}m")
    history.event("page_viewed", "30s", received="10m")
    assert history.state.last_seen_at == at("2m")


def test_what_is_said_of_a_cart_at_the_instant_it_was_emptied_counts_no_more() -> None:
    for type, properties in (
        ("cart_updated", {"products": [product("p2")]}),
        ("checkout_started", {"products": [product("p2")]}),
        ("product_added", product("p2")),
        ("product_removed", {"product_id": "p3"}),
    ):
        history = History(CART)
        history.event("product_added", "1s", **product())
        history.event("cart_emptied", "2s")
        assert history.event(type, "2s", **properties) == []
        assert (lines(history), history.state.cart.id) == ({}, None)
