"""A change of rules that changes what a segment or a date hangs on (semantics, sections 3 and 8)."""

from tests.unit.trigger_engine.core.history import History, rules_of
from tests.unit.trigger_engine.core.two_partitions import Town

FRESH = {"fresh": "now - activity.last_seen_at <= duration('48h')"}
BOUGHT = {"fresh": "orders.count >= 1"}
GONE_QUIET = """
id: gone-quiet
status: live
kind: marketing
when: {leaves: fresh}
steps: [{mail: where-are-you}]
"""
NOON = """
id: noon
status: live
kind: marketing
when: {date: profile.traits.day, at: "12:00"}
steps: [{mail: today}]
"""


def test_a_segment_that_no_longer_hangs_on_time_wakes_nobody() -> None:
    history = History(GONE_QUIET, segments=FRESH)
    history.event("page_viewed", "0s")
    history.change(GONE_QUIET, segments=BOUGHT, when="1h")
    assert history.state.flips == {}
    assert history.state.next_wake_up_at is None
    assert history.until("10d") == []
    assert history.event("order_completed", "11d") == []
    assert list(history.state.segments) == ["fresh"]


def test_a_segment_that_hangs_on_time_from_now_on_is_woken() -> None:
    history = History(GONE_QUIET, segments=BOUGHT)
    history.event("page_viewed", "0s")
    history.change(GONE_QUIET, segments=FRESH, when="1h")
    assert history.until("2d1s") == [
        "started gone-quiet",
        "fired gone-quiet/where-are-you",
        "send where-are-you",
    ]


def test_another_zone_of_the_policy_plans_all_dates_anew_as_of_the_marker() -> None:
    history = History(NOON, policy={"time_zone": "UTC"})
    history.event("profile_updated", "0s", day="2026-03-05")
    history.change(NOON, policy={"time_zone": "Europe/Istanbul"}, when="1h")
    history.until("5d")
    assert history.last("started").due_at == "2026-03-05T09:00:00.000Z"


def test_a_sweep_tells_another_zone_to_everybody_who_may_have_a_date() -> None:
    """Or the wake-up of the zone before would come hours after the day's hour."""
    town = Town(NOON, policy={"time_zone": "UTC"})
    town.customer("profile_updated", "0s", day="2026-03-05")
    town.activate(
        rules_of(NOON, policy={"time_zone": "Europe/Istanbul"}, earlier=tuple(town.rules.values())), "1h"
    )
    town.until("5d")
    assert town.decisions[0].decided_at == "2026-03-05T09:00:00.000Z"


def test_an_existing_member_starts_with_the_segment_as_the_event() -> None:
    welcome = GONE_QUIET.replace("{leaves: fresh}", "{enters: fresh, start_with_existing: true, spread: 1d}")
    history = History(segments=BOUGHT)
    history.event("order_completed", "0s")
    history.change(welcome, segments=BOUGHT, when="1h")
    assert history.until("2d") == [
        "started gone-quiet",
        "fired gone-quiet/where-are-you",
        "send where-are-you",
    ]
    assert history.requests[-1].data["event"] == {"segment": "fresh"}
