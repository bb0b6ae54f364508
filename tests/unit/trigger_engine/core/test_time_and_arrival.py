"""Event time, arrival and `now`: what DESIGN section 4 says of them beyond single patterns."""

import pytest

from schemas.instants import parse_instant
from schemas.records import CauseRecord
from tests.unit.trigger_engine.core.history import CART, T0, History, at, product, rules_of
from trigger_engine.core.durations import format_duration
from trigger_engine.core.effects import Decide, Effect
from trigger_engine.core.inputs import EventInput, Input, WakeUp
from trigger_engine.core.state import encode_state, new_state
from trigger_engine.core.step import step

DAY = """
id: day
status: live
kind: transactional
when: {date: profile.traits.day}
steps: [{mail: today}]
"""
GONE = """
id: gone
status: live
kind: transactional
when: {leaves: keen}
steps: [{mail: come-back}]
"""
KEEN = {"keen": "now - activity.last_seen_at <= duration('240h')"}
SERIES = """
id: series
status: live
kind: transactional
when: {event: signed_up}
steps: [{wait: 24h}, {mail: one}, {wait: 24h}, {mail: two}]
"""


@pytest.mark.parametrize("backfill", [True, False])
def test_dates_that_fall_due_after_a_late_or_backfilled_event_count_it(backfill: bool) -> None:
    history = History(DAY)
    history.event("profile_updated", "1h", received="3d", backfill=backfill, day="2026-03-07")
    assert history.until("9d")[0] == "started day"
    past = History(DAY)
    past.event("profile_updated", "1h", received="3d", backfill=backfill, day="2026-03-04")
    assert past.until("9d") == []


@pytest.mark.parametrize("backfill", [True, False])
def test_flips_that_fall_due_after_a_late_or_backfilled_event_count_it(backfill: bool) -> None:
    history = History(GONE, segments=KEEN)
    history.event("page_viewed", "1d", received="4d", backfill=backfill)
    assert list(history.state.segments) == ["keen"]
    assert history.until("12d")[0] == "started gone"
    assert history.last("started").due_at == "2026-03-13T09:00:00.001Z", "ten days after it happened"


@pytest.mark.parametrize("night", ["2026-03-28", "2026-10-24"])
def test_durations_are_absolute_whatever_the_clocks_do(night: str) -> None:
    """Berlin's clocks change in the night after: a day of 23 or 25 hours, a wait of 24."""
    history = History(SERIES)
    history.event("profile_updated", "0s", time_zone="Europe/Berlin")
    start = parse_instant(f"{night}T12:00:00.000Z")
    history.event("signed_up", format_duration(start - T0))
    history.until("300d")
    hours = [(parse_instant(str(one.due_at)) - start) / 3_600_000 for one in history.decisions[1:]]
    assert hours == [24, 48]


def test_a_rerun_with_the_wake_ups_at_their_recorded_positions_is_the_same_to_the_byte() -> None:
    """Events and wake-ups in the order in which they were handed in, each with its `now`."""
    given: list[tuple[Input, int]] = []
    for offset, (type, when, received, wake_up) in enumerate(
        [
            ("profile_updated", "0s", "0s", None),
            ("product_added", "1m", "2m", None),
            ("page_viewed", "50m", "50m", "46m"),
            ("order_completed", "40m", "3h", None),
            ("product_added", "4h", "4h", None),
            ("page_viewed", "5h", "5h", "4h45m"),
        ]
    ):
        cause = CauseRecord("event", "tetik.events", 0, offset, f"e{offset}")
        if wake_up is not None:
            given.append(
                (WakeUp(at(wake_up), CauseRecord("wake_up", "tetik.events", 0, offset - 1)), at("6h"))
            )
        properties = product() if type == "product_added" else {}
        if type == "profile_updated":
            properties = {"email": "a@example.com", "consent": {"marketing_email": True}}
        event = EventInput(
            f"e{offset}", type, "c1", "c1", None, at(when), at(received), "t", properties, {}, False, cause
        )
        given.append((event, at("6h")))

    def played() -> tuple[bytes, list[Effect]]:
        rules, state, effects = rules_of(CART), new_state("c1"), []
        for one, now in given:
            state, more = step(rules, state, one, now)
            effects += more
        return encode_state(state), effects

    assert played() == played()
    decisions = [effect.record for effect in played()[1] if isinstance(effect, Decide)]
    fired = [one for one in decisions if one.outcome == "fired"]
    assert [(one.due_at, one.decided_at, one.cause.offset) for one in fired] == [
        ("2026-03-02T09:46:00.000Z", "2026-03-02T15:00:00.000Z", 1),
        ("2026-03-02T13:45:00.000Z", "2026-03-02T15:00:00.000Z", 4),
    ]
