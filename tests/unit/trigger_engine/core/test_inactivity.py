"""Inactivity: nothing done for a while, counted from what she did last, or from an event of a type."""

from tests.unit.trigger_engine.core.history import History, at
from trigger_engine.core.state import FOREVER

AWAY = """
id: away
status: live
kind: marketing
when: {inactive: 30d}
steps: [{mail: come-back}]
"""
ACTIVATION = """
id: activation
status: live
kind: marketing
when: {inactive: 7d, after: signed_up}
steps: [{wait: 1h}, {mail: first-steps}]
exit: order_completed
"""
GONE = ["started away", "fired away/come-back", "send come-back"]


def test_it_falls_due_after_the_last_activity() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    assert history.until("30d23h") == []
    assert history.until("31d") == GONE
    started = history.last("started")
    assert started.occasion == "c1/2026-03-03T09:00:00.000Z"
    assert started.occurred_at == "2026-04-02T09:00:00.000Z"
    assert started.cause.kind == "wake_up"


def test_the_starting_event_is_made() -> None:
    history = History(AWAY.replace("steps:", "wait: 1h\nsteps:"))
    history.event("page_viewed", "1d")
    history.until("31d")
    start = history.state.runs[0].start
    assert (start.type, start.occurred_at) == ("inactive", at("31d"))
    assert start.properties == {"last_seen_at": "2026-03-03T09:00:00.000Z"}


def test_each_later_activity_moves_it() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    history.event("email_clicked", "20d")
    assert history.until("49d") == []
    assert history.until("50d") == GONE


def test_what_she_did_not_do_herself_does_not_move_it() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    for type in ("email_sent", "email_opened", "profile_updated", "order_shipped", "campaign_mailed"):
        assert history.event(type, "20d") == []
    assert history.until("31d") == GONE


def test_there_is_no_second_run_for_an_anchor() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    history.until("31d")
    history.forget_nothing()
    assert history.event("email_opened", "32d") == []
    assert history.until("200d") == []
    assert history.state.next_wake_up_at is None
    history.event("page_viewed", "200d")
    assert history.until("230d") == GONE


def test_who_was_never_seen_is_not_inactive() -> None:
    history = History(AWAY)
    assert history.until("400d") == []


def test_with_after_nothing_is_planned_before_that_event() -> None:
    history = History(ACTIVATION)
    history.event("page_viewed", "1d")
    assert history.until("9d") == []
    history.event("signed_up", "10d")
    assert history.until("17d") == ["started activation"]
    assert history.until("17d1h") == ["fired activation/first-steps", "send first-steps"]


def test_with_after_the_latest_of_both_is_the_anchor() -> None:
    history = History(ACTIVATION)
    history.event("signed_up", "1d")
    history.event("page_viewed", "3d")
    assert history.until("9d") == []
    assert history.until("10d") == ["started activation"]


def test_after_may_be_something_she_did_not_do_herself() -> None:
    history = History(ACTIVATION.replace("after: signed_up", "after: order_delivered"))
    history.event("order_delivered", "5d")
    assert history.until("12d") == ["started activation"]
    assert history.last("started").occasion == "c1/2026-03-07T09:00:00.000Z"


def test_its_runs_end_like_others() -> None:
    history = History(ACTIVATION)
    history.event("signed_up", "1d")
    assert history.until("8d") == ["started activation"]
    assert history.event("order_completed", "8d30m") == ["exited activation"]


def test_a_late_event_is_planned_only_if_it_falls_due_after_its_arrival() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d", received="20d")
    assert history.until("31d") == GONE
    late = History(AWAY)
    late.event("page_viewed", "1d", received="31d")
    assert late.state.watches[0].due_at == FOREVER
    assert late.until("100d") == []


def test_backfilled_history_fires_for_what_falls_due_after_its_arrival() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d", received="20d", backfill=True)
    assert history.until("31d") == GONE
    old = History(AWAY)
    old.event("page_viewed", "1d", received="31d", backfill=True)
    assert old.until("100d") == []


def test_an_event_not_late_is_planned_even_if_it_is_due_already() -> None:
    history = History(AWAY.replace("30d", "2h"))
    history.event("page_viewed", "1h", received="5h")
    assert history.state.next_wake_up_at == at("3h")
    assert history.until("5h", now="5h")[0] == "started away"


def test_inactivity_counts_from_the_marker_on() -> None:
    """A new trigger does not start for who has been away already; of who falls due later, it does."""
    history = History()
    history.event("page_viewed", "1d")
    assert history.change(AWAY, when="40d") == []
    assert history.until("200d") == []
    other = History()
    other.event("page_viewed", "1d")
    assert other.change(AWAY, when="20d") == []
    assert other.until("31d") == GONE


def test_a_paused_trigger_is_not_due_and_goes_on_from_then() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    paused = AWAY.replace("live", "paused")
    history.change(paused, when="20d")
    assert history.until("40d") == []
    history.change(AWAY, when="41d")
    assert history.until("90d") == [], "it fell due while it was paused"
    again = History(AWAY)
    again.event("page_viewed", "1d")
    again.change(paused, when="20d")
    again.change(AWAY, when="30d")
    assert again.until("31d") == GONE


def test_a_trigger_that_is_gone_is_watched_no_more() -> None:
    history = History(AWAY)
    history.event("page_viewed", "1d")
    history.change(when="2d")
    assert history.state.watches == []
    assert history.state.next_wake_up_at is None
