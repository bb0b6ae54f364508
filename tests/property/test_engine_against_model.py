"""The engine decides what the reference model decides, over the same log and the same time.

Histories are drawn by Hypothesis: events of two customers and a device, in order or late, twice, as
backfill, a few or floods; what the sender says; time that passes while somebody looks, or nobody; changes of
rules; partitions that lag behind each other; an engine that begins again from what it flushed.
Rule sets: small ones for each pattern, step and check, the shipped library, and the corpus of good files.
"""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from msgspec import structs

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, format_instant, parse_instant
from schemas.records import EventRecord
from tests.property.engine_and_model import SideBySide
from tests.property.library_world import LIBRARY_WORLDS
from tests.property.wider_worlds import WIDER_WORLDS
from tests.property.worlds import WORLDS, World

ALL_WORLDS = WORLDS | WIDER_WORLDS | LIBRARY_WORLDS

EXAMPLES = int(os.environ.get("TETIK_MODEL_EXAMPLES", "15"))
"""Histories for each world; more find more."""

START = parse_instant("2026-03-02T09:00:00.000Z")
GAPS = st.sampled_from(
    [
        0,
        1,
        1000,
        15 * 1000,
        MINUTE_MS,
        20 * MINUTE_MS,
        45 * MINUTE_MS,
        HOUR_MS,
        5 * HOUR_MS,
        DAY_MS,
        3 * DAY_MS,
        8 * DAY_MS,
    ]
)
DELAYS = st.sampled_from([0, 0, 0, 0, 0, MINUTE_MS, HOUR_MS, 25 * HOUR_MS, -HOUR_MS])
WHO = st.sampled_from([("c1", None), ("c1", None), ("c1", "d1"), (None, "d1"), ("c2", None), ("c2", "d1")])
STRANGERS = st.sampled_from(
    [
        *((None, device) for device in ("d1", "d2", "d3")),
        *((customer, device) for customer in ("c1", "c2", "c3") for device in ("d1", "d2", "d3")),
    ]
)
"""Every pair asks once."""
AGAIN = [1, 2, 256, 257]
"""How many events back the id comes from that an event repeats."""
FLOODS = [40, 70, 300]
"""Events in a flood: beyond the bounds on runs and event types, on values, and on event ids."""
OUTCOMES = [
    *("email_sent", "email_sent", "email_cancelled", "email_expired", "email_failed", "email_suppressed"),
    *("email_bounced", "email_opened", "email_clicked"),
]


def moves_of(world: World) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """What may happen in a world, in any order."""
    happens = st.tuples(
        st.just("event"),
        st.sampled_from(world.events),
        _who(world),
        DELAYS,
        st.sampled_from([False] * 9 + [True]),
        st.sampled_from([0] * 18 + AGAIN),
    )
    moves: list[st.SearchStrategy[Any]] = [
        happens,
        happens,
        happens,
        st.tuples(st.just("time"), GAPS),
        st.tuples(st.just("time"), GAPS),
        st.tuples(st.just("mail"), st.sampled_from(OUTCOMES), st.integers(0, 3)),
        st.tuples(st.just("sleep"), GAPS),
    ]
    if len(world.rule_sets) > 1:
        moves.append(st.tuples(st.just("rules"), st.integers(0, len(world.rule_sets) - 1), st.booleans()))
    if world.partitions > 1:
        moves.append(st.tuples(st.just("lag"), st.integers(0, world.partitions - 1), st.booleans()))
    if world.floods:
        moves.append(st.tuples(st.just("flood"), st.sampled_from(world.floods), st.sampled_from(FLOODS)))
    return st.lists(st.one_of(moves), min_size=1, max_size=30)


def _who(world: World) -> st.SearchStrategy[tuple[str | None, str | None]]:
    if world.strangers:
        return STRANGERS
    return WHO if world.devices else st.sampled_from([("c1", None), ("c1", None), ("c2", None)])


def play(world: World, moves: list[tuple[Any, ...]], restart_every: int = 0) -> SideBySide:
    """Play the moves; raises Differ at the first difference."""
    both = SideBySide(world.rule_sets, START, partitions=world.partitions, restart_every=restart_every)
    both.activate(0)
    for key in () if world.strangers else ("c1", "c2"):
        both.event(
            _event(
                both, "profile_updated", (key, None), START, world.profile | {"email": f"{key}@example.com"}
            )
        )
    for move in moves:
        _make(both, move, world.context)
    both.wake()
    both.pass_time(both.now + world.afterwards_ms)
    return both


def _make(both: SideBySide, move: tuple[Any, ...], context: dict[str, Any]) -> None:
    match move:
        case ("event", (type, properties), who, delay, backfill, again):
            number = both.events - again
            at = both.now - delay
            record = _event(both, type, who, at, properties, backfill, f"e{number}")
            both.event(structs.replace(record, context=context))
        case ("flood", (type, name), count):
            for number in range(count):
                of_type = type.format(number)
                both.event(_event(both, of_type, ("c1", None), both.now - number, {name: f"v{number}"}))
        case ("time", gap):
            both.late_markers()
            both.pass_time(both.now + gap)
        case ("sleep", gap):
            both.late_markers()
            both.look_away(both.now + gap)
        case ("rules", number, *apart):
            both.activate(number, apart=any(apart))
        case ("lag", partition, lags):
            both.lag(partition, lags)
        case ("mail", outcome, back) if both.open_mails:
            mail = both.open_mails[-1 - back % len(both.open_mails)]
            who = (
                (None, mail.customer_key[5:])
                if mail.customer_key[:5] == "anon:"
                else (mail.customer_key, None)
            )
            both.event(_event(both, outcome, who, both.now, {"send_id": mail.send_id, "step": mail.step}))


def _event(
    both: SideBySide,
    type: str,
    who: tuple[str | None, str | None],
    at: int,
    properties: dict[str, Any],
    backfill: bool = False,
    event_id: str | None = None,
) -> EventRecord:
    return EventRecord(
        event_id=event_id or f"e{both.events}",
        type=type,
        occurred_at=format_instant(at),
        received_at=format_instant(both.now),
        source="test",
        customer_id=who[0],
        anonymous_id=who[1],
        properties=properties,
        backfill=backfill,
    )


@pytest.mark.parametrize("name", sorted(ALL_WORLDS))
def test_the_engine_decides_as_the_model_does(name: str) -> None:
    world = ALL_WORLDS[name]

    @settings(
        max_examples=max(1, EXAMPLES // world.costs),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(moves_of(world), st.sampled_from([0, 1, 3]))
    def agree(moves: list[tuple[Any, ...]], restart_every: int) -> None:
        play(world, moves, restart_every)

    agree()
