"""Without `once_per`, each pattern has an occasion of its own (DESIGN section 4)."""

from tests.unit.trigger_engine.core.history import CART, CUSTOMER, History, product


def trigger(when: str, more: str = "") -> str:
    return f"""
id: one
status: live
kind: transactional
when: {when}
steps: [{{mail: hello}}]
{more}
"""


def occasions(history: History) -> list[str]:
    """Of the runs started, without her key."""
    started = [decision.occasion for decision in history.decisions if decision.outcome == "started"]
    assert all(occasion.startswith(f"{CUSTOMER}/") for occasion in started)
    return [occasion.partition("/")[2] for occasion in started]


def test_event_and_absence_the_first_event_of_the_run() -> None:
    history = History(trigger("{event: product_viewed}", "wait: 1h"))
    history.event("product_viewed", "0s", id="first")
    history.event("product_viewed", "30m", id="second")
    history.until("2h")
    history.event("product_viewed", "3h", id="third")
    assert occasions(history) == ["first", "third"]
    at_once = History(trigger("{event: product_viewed}"))
    at_once.event("product_viewed", "0s", id="first")
    at_once.event("product_viewed", "1s", id="second")
    assert occasions(at_once) == ["first", "second"]


def test_threshold_the_crossing_event() -> None:
    history = History(trigger("{count: product_viewed, within: 1h, at_least: 2}"))
    history.event("product_viewed", "0s", id="first")
    history.event("product_viewed", "1m", id="second")
    assert occasions(history) == ["second"]


def test_inactivity_the_last_activity() -> None:
    history = History(trigger("{inactive: 1d}"))
    history.event("page_viewed", "1h")
    history.until("9d")
    history.event("page_viewed", "10d")
    history.until("19d")
    assert occasions(history) == ["2026-03-02T10:00:00.000Z", "2026-03-12T09:00:00.000Z"]


def test_date_the_local_date_or_its_year() -> None:
    """22:00 in UTC is the next day in Istanbul."""
    once = History(trigger("{date: timestamp(profile.traits.day)}"))
    once.event("profile_updated", "0s", day="2026-03-04T22:00:00Z", time_zone="Europe/Istanbul")
    once.until("9d")
    assert occasions(once) == ["2026-03-05"]
    yearly = History(trigger("{date: profile.traits.day, repeat: yearly}"))
    yearly.event("profile_updated", "0s", day="1990-03-04")
    yearly.until("400d")
    assert occasions(yearly) == ["2026", "2027"]


def test_segment_the_transition() -> None:
    history = History(trigger("{enters: buyers}"), segments={"buyers": "orders.count >= 2"})
    history.event("order_completed", "1h")
    history.event("order_completed", "2h", received="3h")
    assert occasions(history) == ["buyers/2026-03-02T11:00:00.000Z"]


def test_a_cart_without_an_id_of_the_shop_is_named_by_its_first_addition() -> None:
    history = History(CART)
    history.event("product_added", "0s", id="a1", **product())
    history.event("product_added", "1m", id="a2", **product("p2"))
    history.event("cart_emptied", "2m")
    history.event("product_added", "3m", id="a3", **product())
    history.event("order_completed", "4m", id="o1")
    history.event("product_added", "5m", id="a4", **product())
    assert occasions(history) == ["a1", "a3", "a4"]
