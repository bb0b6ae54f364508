"""The simulated shoppers: the same from the same seed, named as simulated, and never two things at a time."""

from collections import Counter, defaultdict

import pytest

from ingest.core.event_types import type_of_name
from schemas.instants import MINUTE_MS
from services.demo.goods import catalogue
from services.demo.retail import read_invoices
from services.demo.script import ScriptedEvent, span
from services.demo.sending import sdk_name
from services.demo.shoppers import HABITS, simulate

START, END = span(7)


@pytest.fixture(scope="module")
def products() -> list[dict[str, object]]:
    return catalogue(read_invoices(START, END))


@pytest.fixture(scope="module")
def events(products: list[dict[str, object]]) -> list[ScriptedEvent]:
    return list(simulate(150, 1, START, 7, products))


def test_the_same_seed_gives_the_same_events(
    events: list[ScriptedEvent], products: list[dict[str, object]]
) -> None:
    assert list(simulate(150, 1, START, 7, products)) == events
    assert list(simulate(150, 2, START, 7, products)) != events


def test_everybody_is_named_as_simulated(events: list[ScriptedEvent]) -> None:
    assert all((event.customer_id or event.anonymous_id or "").startswith("sim-") for event in events)
    addresses = {event.properties["email"] for event in events if "email" in event.properties}
    assert all(address.startswith("sim-") and address.endswith("@shoppers.example") for address in addresses)


def test_a_shopper_does_one_thing_a_minute(events: list[ScriptedEvent]) -> None:
    by_shopper = defaultdict(list)
    for event in events:
        by_shopper[event.key].append(event)
    assert len(by_shopper) == 150
    for acts in by_shopper.values():
        assert acts == sorted(acts, key=lambda event: event.at)
        times = Counter(event.at for event in acts if event.type != "profile_updated")
        assert max(times.values()) == 1
        assert all(event.at % MINUTE_MS == 0 for event in acts)


def test_a_short_demo_shows_every_habit(products: list[dict[str, object]]) -> None:
    assert sum(share for share, _ in HABITS) == 100
    types = Counter(event.type for event in simulate(len(HABITS), 1, START, 1, products))
    assert set(types) == {
        "profile_updated", "signed_up", "product_viewed", "product_added", "product_removed",
        "checkout_started", "order_completed", "unsubscribed",
    }  # fmt: skip


def test_three_languages_and_some_without_a_name(events: list[ScriptedEvent]) -> None:
    profiles = [event.properties for event in events if event.type == "profile_updated"]
    assert {each["locale"] for each in profiles} == {"tr", "az", "en"}
    unnamed = sum("first_name" not in each for each in profiles)
    assert 0 < unnamed < len(profiles) / 2
    assert {each["consent"]["marketing_email"] for each in profiles} == {True, False}


def test_products_are_the_real_shops(products: list[dict[str, object]]) -> None:
    assert len(products) > 1_000
    assert all(product["name"] and product["price"] > 0 for product in products)


def test_ingest_reads_the_sdk_names_as_our_types(events: list[ScriptedEvent]) -> None:
    assert sdk_name("product_added") == "Product Added"
    for event_type in {event.type for event in events}:
        assert type_of_name(sdk_name(event_type)) == event_type
