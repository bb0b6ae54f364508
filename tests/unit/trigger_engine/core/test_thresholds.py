"""Thresholds: how many or how much within a sliding window, in whatever order events arrive."""

import pytest

from tests.unit.trigger_engine.core.history import History, at
from trigger_engine.core.limits import THRESHOLD_EVENTS_MAX, THRESHOLD_VALUES_MAX

VIEWS = """
id: views
status: live
kind: marketing
when:
  count: product_viewed
  where: event.properties.price > 0
  per: event.properties.category
  within: 7d
  at_least: 3
unless: order_completed
steps: [{mail: still-looking}]
"""
SPENT = """
id: spent
status: live
kind: transactional
when: {sum: event.properties.total, of: [order_completed], within: 30d, at_least: 100}
steps: [{mail: thanks}]
"""


def view(history: History, when: str, category: object = "shoes", **more: object) -> list[str]:
    lines = history.event("product_viewed", when, **{"category": category, "price": 5, **more})
    return [line for line in lines if not line.startswith("send")]


def test_the_crossing_event_starts_and_is_the_occasion() -> None:
    history = History(VIEWS)
    assert [view(history, "1h"), view(history, "2h")] == [[], []]
    assert view(history, "3h", id="third") == ["started views", "fired views/still-looking"]
    assert history.last("started").occasion == "c1/third"
    assert history.last("started").facts["per"] == "shoes"
    assert view(history, "4h") == [], "it is above already"


def test_it_can_be_crossed_again_after_falling_below() -> None:
    history = History(VIEWS)
    for when in ("1h", "2h", "3h"):
        view(history, when)
    assert view(history, "7d2h") == []
    assert view(history, "7d2h30m") == ["started views", "fired views/still-looking"]
    assert view(history, "7d2h45m") == []


def test_the_window_is_open_at_its_beginning() -> None:
    """Exactly seven days before counts no more."""
    history = History(VIEWS)
    view(history, "1h")
    view(history, "2h")
    assert view(history, "7d1h") == []
    history = History(VIEWS)
    view(history, "1h1s")
    view(history, "2h")
    assert view(history, "7d1h") != []


def test_each_value_of_per_has_a_window_of_its_own() -> None:
    history = History(VIEWS)
    for category in ("shoes", "hats", "shoes", "hats"):
        assert view(history, "1h", category) == []
    assert view(history, "2h", "hats") != []
    assert history.last("started").facts["per"] == "hats"


def test_the_text_of_per_counts_and_null_or_an_error_is_passed_over() -> None:
    history = History(VIEWS)
    for category in (7, "7", None, ["a"], {"a": 1}):
        view(history, "1h", category)
    history.event("product_viewed", "1h", price=5)
    assert set(history.state.windows["views"]) == {"7"}
    assert view(history, "2h", 7) != []


def test_a_where_that_fails_is_noted_and_counts_nothing() -> None:
    history = History(VIEWS)
    assert history.event("product_viewed", "1h", category="shoes") == ["error views"]
    assert history.state.windows == {}


def test_an_event_that_arrives_out_of_order_counts_where_it_belongs() -> None:
    history = History(VIEWS)
    view(history, "1h")
    view(history, "6d")
    assert view(history, "3h", received="6d1h", id="late") == ["late views"]


def test_an_event_out_of_order_crosses_in_a_window_that_ends_later() -> None:
    history = History(VIEWS)
    view(history, "10h")
    view(history, "11h")
    assert view(history, "2h", received="12h", id="first") == ["started views", "fired views/still-looking"]
    assert history.last("started").occasion == "c1/first"
    assert history.last("started").occurred_at.startswith("2026-03-02T11:00")


def test_a_late_or_backfilled_event_is_kept_and_starts_nothing() -> None:
    history = History(VIEWS)
    view(history, "1h")
    view(history, "2h")
    assert history.event("product_viewed", "3h", backfill=True, category="shoes", price=5) == []
    assert view(history, "3h30m") == [], "with the backfilled one it was above already"
    other = History(VIEWS)
    view(other, "1h")
    view(other, "2h")
    assert view(other, "3h", received="2d") == ["late views"]


def test_endings_clear_what_came_before_them() -> None:
    history = History(VIEWS)
    view(history, "1h")
    view(history, "2h")
    history.event("order_completed", "2h")
    assert view(history, "3h") == []
    assert view(history, "4h") == []
    assert view(history, "5h") != []


def test_an_ending_that_arrives_late_clears_what_came_before_it() -> None:
    history = History(VIEWS)
    view(history, "1h")
    view(history, "2h")
    history.event("order_completed", "90m", received="150m")
    assert view(history, "3h") == []
    assert view(history, "4h") != []


def test_an_ending_that_compares_with_the_start_clears_its_own_kind() -> None:
    text = VIEWS.replace(
        "unless: order_completed",
        "unless: {event: order_completed, where: event.properties.category == start.properties.category}",
    )
    history = History(text)
    for category in ("shoes", "hats"):
        view(history, "1h", category)
        view(history, "2h", category)
    history.event("order_completed", "150m", category="shoes")
    assert view(history, "3h", "shoes") == []
    assert view(history, "3h", "hats") != []


def test_amounts_add_up_and_negative_ones_count() -> None:
    history = History(SPENT)
    assert history.event("order_completed", "1h", total=60) == []
    assert history.event("order_completed", "2h", total=-10) == []
    assert history.event("order_completed", "3h", total=49.99) == []
    assert history.event("order_completed", "4h", total=0.01)[0] == "started spent"


@pytest.mark.parametrize("total", [None, "60", True, 10**400, [60], {"x": 1}])
def test_what_is_no_number_is_passed_over(total: object) -> None:
    history = History(SPENT)
    history.event("order_completed", "1h", total=total)
    history.event("order_completed", "2h")
    assert history.state.windows.get("spent", {}) == {}


def test_totals_add_up_as_on_paper() -> None:
    history = History(SPENT.replace("at_least: 100", "at_least: 0.3"))
    history.event("order_completed", "1h", total=0.1)
    history.event("order_completed", "2h", total=0.1)
    assert history.event("order_completed", "3h", total=0.1)[0] == "started spent"


def test_windows_are_bounded() -> None:
    history = History(
        VIEWS.replace("at_least: 3", "at_least: 100").replace("where: event.properties.price > 0", "")
    )
    for number in range(THRESHOLD_VALUES_MAX + 5):
        history.event("product_viewed", f"{number + 1}m", category=f"c{number}")
    windows = history.state.windows["views"]
    assert len(windows) == THRESHOLD_VALUES_MAX
    assert "c4" not in windows
    assert "c5" in windows
    for number in range(THRESHOLD_EVENTS_MAX + 5):
        history.event("product_viewed", f"{100 + number}m", category="c5")
    kept = history.state.windows["views"]["c5"].events
    assert len(kept) == THRESHOLD_EVENTS_MAX
    assert kept[-1][0] == at(f"{100 + THRESHOLD_EVENTS_MAX + 4}m")


def test_what_no_window_can_hold_any_more_is_dropped() -> None:
    history = History(VIEWS)
    view(history, "1h", "hats")
    view(history, "1h")
    view(history, "30d")
    assert len(history.state.windows["views"]["shoes"].events) == 1
    view(history, "30d", "ties")
    assert set(history.state.windows["views"]) == {"shoes", "ties"}


def test_amounts_that_no_sum_could_hold_are_passed_over() -> None:
    history = History(SPENT)
    for number, total in enumerate((1e308, 1e308, -1e308, 10**30, 2.0**1000)):
        assert history.event("order_completed", f"{number + 1}m", total=total) == []
    assert history.state.windows == {}
    assert history.event("order_completed", "1h", total=100)[0] == "started spent"


def test_the_crossing_event_is_the_start_that_conditions_read() -> None:
    audience = "audience: start.type == 'product_viewed' && start.properties.category == 'shoes'\n"
    history = History(VIEWS + audience)
    for when in ("1h", "2h"):
        view(history, when)
    assert view(history, "3h") == ["started views", "fired views/still-looking"]
