"""Which instants a condition sees: an event's own time, clamped, and `now` (semantics, section 2)."""

from tests.unit.trigger_engine.core.history import History

VIEWED = """
id: viewed
status: live
kind: transactional
when: {event: product_viewed, where: event.occurred_at <= now}
once_per: string(event.occurred_at)
steps: [{mail: seen}]
"""
RECENT = """
id: recent
status: live
kind: transactional
when: {event: product_viewed}
wait: 2d
unless: [{event: order_completed, where: "now - event.occurred_at < duration('1h')"}]
steps: [{mail: seen}]
"""


def test_a_condition_sees_a_time_in_the_future_clamped_to_the_arrival() -> None:
    history = History(VIEWED)
    assert history.event("product_viewed", "2d", received="1h")[0] == "started viewed"
    assert history.last("started").occasion == "c1/2026-03-02T10:00:00Z"


def test_now_is_the_arrival_of_the_ending_also_where_it_is_kept_for_later_starts() -> None:
    history = History(RECENT)
    history.event("order_completed", "1m", received="3h")
    assert history.event("product_viewed", "30s", received="3h1m") == ["started recent"]
    other = History(RECENT)
    other.event("order_completed", "1m", received="30m")
    assert other.event("product_viewed", "30s", received="3h1m") == []


def test_now_is_the_arrival_of_the_start_for_endings_that_compare_with_it() -> None:
    text = RECENT.replace("now - event.occurred_at", "now - start.occurred_at")
    history = History(text)
    history.event("order_completed", "1m")
    assert history.event("product_viewed", "30s", received="3h") == ["started recent"]
    other = History(text)
    other.event("order_completed", "1m")
    assert other.event("product_viewed", "30s", received="30m") == []
