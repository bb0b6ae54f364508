"""Quiet hours and the calendar: marketing waits for its recipient's morning, whatever her clocks do."""

import pytest

from schemas.instants import format_instant, parse_instant
from tests.unit.trigger_engine.core.history import ORDER, T0, History
from trigger_engine.core.durations import format_duration

NEWS = """
id: news
status: live
kind: marketing
when: {event: article_read}
expires_after: 3d
steps: [{mail: hello}]
"""
NIGHT = {"quiet_hours": {"from": "22:00", "to": "08:00"}}


def since_t0(instant: str) -> str:
    return format_duration(parse_instant(instant) - T0)


def put_off(zone: str | None, instant: str, country: str | None = None) -> str | None:
    """When a mail that is due at `instant` goes out, if it is put off."""
    history = History(NEWS, policy=NIGHT)
    history.event("profile_updated", "0s", time_zone=zone, country=country)
    history.event("article_read", since_t0(instant))
    decision = history.decisions[-1]
    if decision.outcome == "fired":
        return None
    assert decision.outcome == "rescheduled"
    due_at = decision.due_at
    assert due_at is not None
    shown = history.until(since_t0(due_at))
    assert shown == ["fired news/hello", "send hello"], "put off once, then sent"
    return due_at


@pytest.mark.parametrize(
    ("zone", "instant", "until"),
    [
        # Istanbul has had no change of clocks since 2016: always UTC+3.
        ("Europe/Istanbul", "2026-07-01T19:00:00.000Z", "2026-07-02T05:00:00.000Z"),
        ("Europe/Istanbul", "2026-12-01T19:00:00.000Z", "2026-12-02T05:00:00.000Z"),
        ("Europe/Istanbul", "2026-07-01T18:59:59.999Z", None),
        ("Europe/Istanbul", "2026-07-02T05:00:00.000Z", None),
        # Berlin goes forward on 29 March 2026: the night is an hour shorter.
        ("Europe/Berlin", "2026-03-28T21:00:00.000Z", "2026-03-29T06:00:00.000Z"),
        # and back on 25 October: an hour longer.
        ("Europe/Berlin", "2026-10-24T20:00:00.000Z", "2026-10-25T07:00:00.000Z"),
        # Lord Howe moves by half an hour (5 April 2026).
        ("Australia/Lord_Howe", "2026-04-04T11:00:00.000Z", "2026-04-04T21:30:00.000Z"),
        ("Asia/Kathmandu", "2026-05-01T16:15:00.000Z", "2026-05-02T02:15:00.000Z"),
        ("Mars/Olympus", "2026-05-01T22:00:00.000Z", "2026-05-02T08:00:00.000Z"),
    ],
)
def test_quiet_hours_end_by_the_recipients_clocks(zone: str, instant: str, until: str | None) -> None:
    assert put_off(zone, instant) == until


def test_without_a_zone_the_countrys_counts() -> None:
    assert put_off(None, "2026-07-01T20:00:00.000Z", country="TR") == "2026-07-02T05:00:00.000Z"


def test_a_request_names_the_next_quiet_hours() -> None:
    history = History(NEWS, policy=NIGHT)
    history.event("profile_updated", "0s", time_zone="Europe/Istanbul")
    history.event("article_read", "1h")
    assert history.requests[-1].not_between == [("2026-03-02T19:00:00.000Z", "2026-03-03T05:00:00.000Z")]


def test_a_request_at_the_end_of_a_night_names_the_next_one() -> None:
    history = History(NEWS, policy=NIGHT)
    history.event("profile_updated", "0s", time_zone="Europe/Istanbul")
    history.event("article_read", since_t0("2026-03-02T20:00:00.000Z"))
    history.until(since_t0("2026-03-03T05:00:00.000Z"))
    assert history.requests[-1].not_between == [("2026-03-03T19:00:00.000Z", "2026-03-04T05:00:00.000Z")]


def test_transactional_mails_know_no_night() -> None:
    history = History(ORDER, policy=NIGHT)
    assert "send confirmation" in history.event("order_completed", "14h", order_id="o1")
    assert history.requests[-1].not_between == []


def test_what_is_put_off_beyond_its_expiry_is_not_sent() -> None:
    history = History(NEWS.replace("3d", "2h"), policy=NIGHT)
    history.event("article_read", "13h")
    assert history.until("2d") == ["expired news/hello"]


def test_a_change_of_zone_while_the_mail_waits_counts_when_it_is_checked_again() -> None:
    """Put off to eight in Berlin, it is one in the morning in New York: put off again."""
    history = History(NEWS, policy=NIGHT)
    history.event("profile_updated", "0s", time_zone="Europe/Berlin")
    history.event("article_read", since_t0("2026-05-01T21:00:00.000Z"))
    history.event("profile_updated", since_t0("2026-05-01T22:00:00.000Z"), time_zone="America/New_York")
    assert history.until(since_t0("2026-05-03T00:00:00.000Z")) == [
        "rescheduled news/hello",
        "fired news/hello",
        "send hello",
    ]
    assert history.last("fired").due_at == "2026-05-02T12:00:00.000Z"


def test_blackouts_put_off_to_their_end() -> None:
    span = {"from": "2026-03-02T00:00:00.000Z", "to": "2026-03-04T00:00:00.000Z"}
    history = History(NEWS, policy={"calendar": {"blackouts": [span]}})
    assert history.event("article_read", "0s") == ["started news", "rescheduled news/hello"]
    assert history.last("rescheduled").due_at == "2026-03-04T00:00:00.000Z"
    assert history.until("3d") == ["fired news/hello", "send hello"]
    assert history.last("fired").due_at == "2026-03-04T00:00:00.000Z"
    fired = format_instant(parse_instant("2026-03-04T00:00:00.000Z"))
    assert history.last("fired").decided_at == fired


def test_overlapping_blackouts_are_left_one_after_the_other() -> None:
    spans = [
        {"from": "2026-03-02T00:00:00.000Z", "to": "2026-03-03T00:00:00.000Z"},
        {"from": "2026-03-02T12:00:00.000Z", "to": "2026-03-04T00:00:00.000Z"},
    ]
    history = History(NEWS, policy={"calendar": {"blackouts": spans}})
    history.event("article_read", "0s")
    assert history.until("2d") == ["rescheduled news/hello", "fired news/hello", "send hello"]


def test_transactional_mails_ignore_blackouts() -> None:
    span = {"from": "2026-03-02T00:00:00.000Z", "to": "2026-03-04T00:00:00.000Z"}
    history = History(ORDER, policy={"calendar": {"blackouts": [span]}})
    assert "send confirmation" in history.event("order_completed", "0s", order_id="o1")
