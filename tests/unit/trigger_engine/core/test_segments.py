"""Segments: who is in one, when that changes by an event or by time alone, and what it starts."""

import pytest

from schemas.instants import DAY_MS, format_instant
from tests.unit.trigger_engine.core.history import T0, History, at
from trigger_engine.core.cel import CelError
from trigger_engine.core.experiments import position
from trigger_engine.core.segments import LOOK_AHEAD_DAYS, compile_segment

VIP = {"vip": "orders.count >= 2"}
WELCOME = """
id: welcome-vip
status: live
kind: marketing
when: {enters: vip}
steps: [{mail: vip}]
"""
FAREWELL = """
id: farewell
status: live
kind: marketing
when: {leaves: keen}
steps: [{mail: miss-you}]
"""
LOST = """
id: lost
status: live
kind: marketing
when: {enters: lost}
steps: [{mail: where-are-you}]
"""
KEEN = {"keen": "now - activity.last_seen_at < duration('72h')"}
LOST_BUYERS = {"lost": "orders.count > 0 && now - orders.last_at > duration('2160h')"}
ENTERED = ["started welcome-vip", "fired welcome-vip/vip", "send vip"]


def members(history: History) -> list[str]:
    return sorted(history.state.segments)


def test_coming_in_starts_a_run_of_its_transition() -> None:
    history = History(WELCOME, segments=VIP)
    assert history.event("order_completed", "1h") == []
    assert history.event("order_completed", "2h") == ENTERED
    assert history.last("started").occasion == "c1/vip/2026-03-02T11:00:00.000Z"
    assert history.requests[-1].data["event"] == {"segment": "vip"}
    assert history.state.segments == {"vip": at("2h")}
    assert history.event("order_completed", "3h") == [], "she is in already"


def test_decisions_name_the_segments_she_is_in() -> None:
    history = History(WELCOME, segments=VIP)
    history.event("order_completed", "1h")
    history.event("order_completed", "2h")
    assert history.last("fired").segments == ["vip"]


def test_dropping_out_by_time_needs_no_event() -> None:
    history = History(FAREWELL, segments=KEEN)
    history.event("page_viewed", "1h")
    assert members(history) == ["keen"]
    assert history.until("73h") == ["started farewell", "fired farewell/miss-you", "send miss-you"]
    assert history.last("started").occasion == "c1/keen/2026-03-05T10:00:00.000Z"
    assert history.last("started").cause.kind == "wake_up"
    assert members(history) == []


def test_an_event_in_between_moves_the_flip() -> None:
    history = History(FAREWELL, segments=KEEN)
    history.event("page_viewed", "1h")
    history.event("page_viewed", "50h")
    assert history.until("121h") == []
    assert history.until("122h")[0] == "started farewell"


def test_a_flip_that_was_put_off_counts_as_of_its_own_time_however_late_it_is_handed_in() -> None:
    history = History(FAREWELL, segments=KEEN)
    history.event("page_viewed", "1h")
    history.event("page_viewed", "50h")
    assert history.state.segments_flip_at == at("73h"), "it is worked out anew only when it comes"
    assert history.until("130h", now="130h")[0] == "started farewell"
    assert history.last("started").occasion == "c1/keen/2026-03-07T11:00:00.000Z"


@pytest.mark.parametrize(
    ("when", "puts_off"),
    [
        ("now - activity.last_seen_at < duration('72h')", True),
        ('orders.count > 0 &&\n now-orders.last_at >= duration("2160h")', True),
        ("!(now - views.last_at > duration('1h')) ? cart.value > 1.0 : false", True),
        ("now - activity.last_seen_at == duration('72h')", False),
        ("now - orders.last_at > duration('1h') + duration('1h')", False),
        ("now - cart.updated_at > duration('1h')", False),
        ("now - orders.last_at > duration('1h') || now - views.last_at < duration('9h')", False),
        ("now - orders.last_at > duration('1h') || cart.age < duration('9h')", False),
        ("now - orders.last_at > duration('1h') && engagement.score > 1.0", False),
        ("now - orders.last_at > duration('1h') && !profile.paused", False),
        ("now - orders.last_at < now - views.last_at", False),
        ("orders.last_at - now > duration('1h')", False),
        ("now > timestamp('2026-05-01T00:00:00Z')", False),
    ],
)
def test_only_the_age_of_what_moves_on_can_be_put_off(when: str, puts_off: bool) -> None:
    assert compile_segment({"id": "s", "when": when}).puts_off is puts_off


def test_coming_in_by_time_needs_no_event() -> None:
    """No order in 90 days."""
    history = History(LOST, segments=LOST_BUYERS)
    history.event("order_completed", "1h")
    assert history.until("90d1h") == [], "not yet longer than that"
    assert history.until("90d1h1s")[0] == "started lost"


def test_the_starting_event_is_made() -> None:
    text = WELCOME.replace("steps:", "wait: 1h\nsteps:")
    history = History(text, segments=VIP)
    history.event("order_completed", "1h")
    history.event("order_completed", "2h", received="3h")
    start = history.state.runs[0].start
    assert (start.type, start.occurred_at, start.properties) == (
        "segment_entered",
        at("2h"),
        {"segment": "vip"},
    )


def test_a_late_transition_is_noted_and_a_backfilled_one_is_not() -> None:
    history = History(WELCOME, segments=VIP)
    history.event("order_completed", "1h")
    assert history.event("order_completed", "2h", received="3d") == ["late welcome-vip"]
    assert members(history) == ["vip"]
    other = History(WELCOME, segments=VIP)
    other.event("order_completed", "1h", backfill=True)
    assert other.event("order_completed", "2h", backfill=True) == []
    assert members(other) == ["vip"]


def test_an_error_counts_as_outside() -> None:
    history = History(segments={"old": "profile.traits.age > 60"})
    history.event("page_viewed", "1h")
    assert members(history) == []
    history.event("profile_updated", "2h", age=61)
    assert members(history) == ["old"]
    history.event("profile_updated", "3h", age="sixty")
    assert members(history) == []


def test_a_newcomer_is_held_against_all_segments() -> None:
    history = History(WELCOME, segments={"vip": "orders.count == 0"}, known=False)
    assert history.event("page_viewed", "1h") == ["started welcome-vip", "no_address welcome-vip/vip"]


def test_other_conditions_can_ask_for_segments() -> None:
    text = WELCOME.replace("{enters: vip}", "{event: page_viewed, where: \"'vip' in segments\"}")
    history = History(text, segments=VIP)
    assert history.event("page_viewed", "1h") == []
    history.event("order_completed", "2h")
    history.event("order_completed", "3h")
    assert history.event("page_viewed", "4h")[0] == "started welcome-vip"


def test_several_transitions_of_one_event_start_by_trigger_id() -> None:
    second = WELCOME.replace("welcome-vip", "a-first").replace("enters: vip", "leaves: newcomer")
    history = History(WELCOME, second, segments={**VIP, "newcomer": "orders.count < 2"})
    history.event("order_completed", "1h")
    lines = history.event("order_completed", "2h")
    assert [line for line in lines if line.startswith("started")] == [
        "started a-first",
        "started welcome-vip",
    ]


def test_at_a_flip_the_highest_priority_starts_first() -> None:
    second = LOST.replace("id: lost", "id: a-later")
    first = LOST.replace("kind: marketing", "kind: marketing\npriority: 90")
    history = History(first, second, segments=LOST_BUYERS)
    history.event("order_completed", "1h")
    lines = history.until("91d")
    assert [line for line in lines if line.startswith("started")] == ["started lost", "started a-later"]


# --- a score that falls


def test_a_score_changes_at_midnight_in_utc_only() -> None:
    history = History(FAREWELL, segments={"keen": "engagement.score >= 10.0"})
    history.event("order_completed", "1h")
    assert members(history) == ["keen"]
    assert history.state.segments_flip_at == (T0 // DAY_MS + 1) * DAY_MS
    assert history.until("15h")[0] == "started farewell"
    assert history.last("started").occasion == "c1/keen/2026-03-03T00:00:00.000Z"


def test_a_falling_score_is_followed_for_as_long_as_it_matters() -> None:
    history = History(
        FAREWELL,
        segments={"keen": "engagement.score > 1.0"},
        policy={"engagement": {"half_life": "30d", "points": {"order_completed": 10}}},
    )
    history.event("order_completed", "1h")
    wake_ups = 0
    while history.state.segments:
        assert history.state.next_wake_up_at is not None
        history.until_instant(history.state.next_wake_up_at)
        wake_ups += 1
    assert wake_ups <= 100 // LOOK_AHEAD_DAYS + 2, "once a month and not every midnight"
    assert history.last("started").occurred_at == "2026-06-10T00:00:00.000Z", "10 × 0.5^(100/30) is below 1"


def test_a_score_that_is_gone_wakes_nobody() -> None:
    history = History(segments={"keen": "engagement.score > 1.0"})
    history.event("product_viewed", "1h")
    history.until("2000d")
    assert history.state.next_wake_up_at is None


def test_a_pause_ends_at_a_known_instant() -> None:
    trigger = """
id: pause
status: live
kind: transactional
when: {event: feedback_given}
steps: [{set: {pause: 10d}}]
"""
    history = History(trigger, FAREWELL, segments={"keen": "profile.paused"})
    history.event("feedback_given", "1h")
    assert members(history) == ["keen"], "what a step sets counts at the same event"
    assert history.until("9d") == []
    lines = history.until("10d1h")
    assert lines[0] == "started farewell"


def test_what_a_step_sets_by_itself_counts_at_the_next_event() -> None:
    trigger = """
id: prefer
status: live
kind: transactional
when: {event: signed_up}
steps: [{wait: 1h}, {set: {preferences: {pace: slow}}}]
"""
    history = History(trigger, segments={"slow": "has(profile.preferences.pace)"})
    history.event("signed_up", "1h")
    history.until("2h")
    assert members(history) == []
    history.event("email_opened", "3h")
    assert members(history) == ["slow"]


# --- changes of rules


def test_publishing_takes_todays_state_as_the_baseline() -> None:
    history = History(WELCOME, segments={"vip": "orders.count >= 1000"})
    history.event("order_completed", "1h")
    history.event("order_completed", "2h")
    assert history.change(WELCOME, segments=VIP, when="3h") == []
    assert history.state.segments == {"vip": at("3h")}
    assert history.event("order_completed", "4h") == []


def test_only_later_transitions_fire() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.change(WELCOME, segments=VIP, when="3h")
    assert history.event("order_completed", "4h") == ENTERED


def test_time_dependent_members_are_woken_after_a_publish() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.change(LOST, segments=LOST_BUYERS, when="3h")
    assert history.until("91d")[0] == "started lost"


def test_a_baseline_counts_as_of_the_marker() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.change(LOST, segments=LOST_BUYERS, when="100d")
    assert members(history) == ["lost"]
    assert history.decisions == []


def test_a_segment_that_time_changes_no_longer_wakes_nobody() -> None:
    history = History(WELCOME.replace("vip}", "keen}"), segments=KEEN)
    history.event("page_viewed", "0s")
    history.change(WELCOME.replace("vip}", "keen}"), segments={"keen": "orders.count > 0"}, when="1h")
    assert (history.state.flips, history.state.next_wake_up_at) == ({}, None)


def test_a_segment_that_is_gone_is_forgotten() -> None:
    history = History(FAREWELL, segments=KEEN)
    history.event("page_viewed", "1h")
    history.change(when="2h")
    assert (history.state.segments, history.state.flips, history.state.next_wake_up_at) == ({}, {}, None)


def test_an_unchanged_segment_goes_on() -> None:
    history = History(FAREWELL, segments=KEEN)
    history.event("page_viewed", "1h")
    history.change(FAREWELL, WELCOME, segments={**KEEN, **VIP}, when="2h")
    assert history.state.segments == {"keen": at("1h")}
    assert history.until("73h")[0] == "started farewell"


# --- start_with_existing

EXISTING = WELCOME.replace("{enters: vip}", "{enters: vip, start_with_existing: true, spread: 10d}")


def existing(**more: str) -> History:
    history = History()
    history.event("order_completed", "1h")
    history.event("order_completed", "2h")
    history.change(EXISTING, segments=VIP, when="1d")
    return history


def test_who_is_in_already_starts_over_the_stated_time() -> None:
    history = existing()
    due_at = at("1d") + int(10 * DAY_MS * position("welcome-vip", "c1"))
    assert history.state.next_wake_up_at == due_at
    assert at("1d") < due_at < at("11d")
    assert history.until("11d") == ENTERED
    assert history.last("started").occasion == "c1/vip/2026-03-03T09:00:00.000Z"
    assert history.last("started").occurred_at == format_instant(due_at)
    assert history.state.watches == []


def test_who_is_out_by_then_does_not_start() -> None:
    history = History()
    history.event("page_viewed", "23h")
    text = EXISTING.replace("vip,", "keen,").replace("spread: 10d", "spread: 200d")
    history.change(text, segments=KEEN, when="1d")
    assert history.state.watches[0].due_at > at("4d")
    assert history.until("250d") == []
    assert history.state.watches == []


def test_without_start_with_existing_nobody_starts() -> None:
    history = History()
    history.event("order_completed", "1h")
    history.event("order_completed", "2h")
    history.change(WELCOME, segments=VIP, when="1d")
    assert history.until("100d") == []


def test_another_publish_does_not_start_them_again() -> None:
    history = existing()
    history.until("11d")
    history.change(EXISTING, LOST, segments={**VIP, **LOST_BUYERS}, when="12d")
    assert history.until("30d") == []
    history.change(EXISTING.replace("mail: vip", "mail: dear-vip"), segments=VIP, when="31d")
    assert history.until("60d") == []


def test_another_condition_starts_them_as_of_its_marker() -> None:
    history = existing()
    history.until("11d")
    history.change(EXISTING, segments={"vip": "orders.count >= 1"}, when="12d")
    assert history.until("30d")[0] == "started welcome-vip"
    assert history.last("started").occasion == "c1/vip/2026-03-14T09:00:00.000Z"


def test_a_paused_trigger_lets_its_existing_members_wait() -> None:
    history = existing()
    history.change(EXISTING.replace("live", "paused"), segments=VIP, when="1d1s")
    assert history.until("11d") == []
    lines = history.change(EXISTING, segments=VIP, when="12d")
    assert lines + history.until("12d") == ENTERED


# --- the conditions themselves


@pytest.mark.parametrize(
    "source", ["event.type == 'x'", "'a' in segments", "runs['a'].pending", "start.type == 'x'"]
)
def test_a_segment_is_a_condition_on_the_customer_alone(source: str) -> None:
    with pytest.raises(CelError):
        compile_segment({"id": "s", "when": source})


def test_a_condition_on_time_that_names_no_instant_is_refused() -> None:
    with pytest.raises(CelError):
        compile_segment({"id": "s", "when": "now.getSeconds() == 5"})


def test_the_digest_tells_one_condition_from_another() -> None:
    one, other = (
        compile_segment({"id": "s", "when": when}).digest for when in ("orders.count > 1", "orders.count > 2")
    )
    again = compile_segment({"id": "s", "when": "orders.count > 1", "description": "x"}).digest
    assert (one == again, one == other) == (True, False)
