"""Since when she has agreed to marketing, and how many orders an offer was there for: `consent.given_at`,
`orders.on_offer`."""

import msgspec
import pytest

from tests.unit.trigger_engine.core.history import T0, History, at
from tests.unit.trigger_engine.core.two_partitions import CUSTOMER, Town
from trigger_engine.core.conditions import SEGMENT_DECLARATIONS, Scene, Value
from trigger_engine.core.state import Profile, new_state

OFFER = """
id: offer
status: live
kind: marketing
when: {event: wanted}
steps: [{mail: offer, offer: {code: TEN, value: 10%, valid_for: 1d}, else: none}]
"""


def given_at(history: History) -> int | None:
    value = Value("consent.given_at", SEGMENT_DECLARATIONS).of(Scene(history.state, None, None, T0))
    assert value is None or hasattr(value, "ms")
    return getattr(value, "ms", None)


def test_it_was_given_when_it_was_said_first() -> None:
    history = History(OFFER, known=False)
    assert given_at(history) is None
    history.event("subscribed", "1h")
    history.event("profile_updated", "2h", consent={"marketing_email": True})
    assert given_at(history) == at("1h")
    history.event("unsubscribed", "3h")
    assert given_at(history) is None
    history.event("subscribed", "5h")
    assert given_at(history) == at("5h")
    history.event("unsubscribed", "4h", received="6h")
    assert given_at(history) == at("5h"), "an earlier word heard of later changes nothing"
    history.forget_nothing()
    assert given_at(history) == at("5h")


def test_a_record_from_before_it_was_kept_knows_the_last_statement() -> None:
    old = msgspec.msgpack.encode([None] * 6 + [{}, 0, True, 77])
    profile = msgspec.msgpack.decode(old, type=Profile)
    assert (profile.given_at, profile.agreed_at) == (None, 77)
    history = History(OFFER, known=False)
    history.state.profile = profile
    history.event("subscribed", "1h")
    assert given_at(history) == 77


def test_orders_are_counted_that_came_while_an_offer_was_valid() -> None:
    history = History(OFFER)
    on_offer = Value("orders.on_offer", SEGMENT_DECLARATIONS)
    seen = []
    for type, when in [
        ("order_completed", "1h"),
        ("wanted", "2h"),
        ("order_completed", "26h"),
        ("order_completed", "26h1s"),
        ("wanted", "30h"),
        ("order_completed", "31h"),
    ]:
        history.event(type, when)
        seen.append(on_offer.of(Scene(history.state, None, None, T0)))
    assert seen == [0, 0, 1, 1, 1, 2]
    history.event("order_completed", "30h30m", received="32h")
    assert history.state.orders.on_offer == 2, "behind a later one"


def test_a_new_customer_has_neither() -> None:
    state = new_state("c1")
    assert (state.profile.agreed_at, state.orders.on_offer) == (None, 0)


@pytest.mark.parametrize(
    ("hers", "device", "expected"),
    [
        ([("subscribed", "1h")], [("subscribed", "2h")], "1h"),
        ([("subscribed", "2h")], [("subscribed", "1h")], "2h"),
        ([], [("subscribed", "2h")], "2h"),
        ([("unsubscribed", "1h")], [("subscribed", "2h")], "2h"),
        ([("subscribed", "1h")], [("unsubscribed", "2h")], None),
    ],
)
def test_of_a_hand_over_hers_stays_if_she_has_agreed(
    hers: list[tuple[str, str]], device: list[tuple[str, str]], expected: str | None
) -> None:
    town = Town(OFFER)
    for type, when in hers:
        town.customer(type, when)
    for type, when in device:
        town.device(type, when)
    town.both("page_viewed", "1d")
    assert town.state(CUSTOMER).profile.agreed_at == (None if expected is None else at(expected))


def test_orders_on_an_offer_add_up_in_a_hand_over() -> None:
    town = Town(OFFER)
    for act in (town.customer, town.device):
        act("subscribed", "1h", email="a@example.com")
        act("wanted", "2h")
        act("order_completed", "3h")
    town.both("page_viewed", "1d")
    assert town.state(CUSTOMER).orders.on_offer == 2
