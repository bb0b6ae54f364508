"""After an hour's downtime: what fell due and what was received in that hour, worked off together.

The engine is killed (-9); the hour is not waited for: due times and the times at which events were received
lie in the hour before its start. While it works, the shop goes on.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from benchmarks.live.population import append_all, load_population, named, spread
from benchmarks.live.traffic import Shop, Traffic
from benchmarks.live.watching import DecisionWatch, latencies, spread_of
from benchmarks.timers.bed import (
    PARKED_FROM_MS,
    PARKED_TO_MS,
    WorkedOff,
    as_json,
    by_name,
    make_ready,
    met,
    now_ms,
    problems,
    start_engine,
    wait_for_all,
    wind_down,
)
from schemas.instants import HOUR_MS, Instant
from schemas.topics import EVENTS
from tests.fixtures.engine import PARTITIONS, EngineBench

POOL = 100_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is asked for: so many wake-ups and events of the hour, and events a second after it."""

    customers: int
    due: int
    events: int
    per_s: float
    seed: int


def run_backlog(bench: EngineBench, asked: Backlog) -> dict[str, Any]:
    """Load customers and the hour's events, start, and wait until nothing is left."""
    first = asked.customers - asked.due
    shop = Shop(min(POOL, asked.events), first, asked.seed)
    killed_at = now_ms() - HOUR_MS
    pattern = make_ready(bench, killed_at)
    due = by_name(spread(first, asked.due, killed_at, killed_at + HOUR_MS))
    parked = spread(0, first, now_ms() + PARKED_FROM_MS, now_ms() + PARKED_TO_MS)
    load_population(bench.kafka, pattern, [*due.items(), *named(parked)])
    step = HOUR_MS / asked.events
    received = (killed_at + round(number * step) for number in range(asked.events))
    append_all(bench.kafka, EVENTS, map(shop.next_event, received))
    watch = DecisionWatch(bench.kafka, PARTITIONS)
    watch.start()
    taken = start_engine(bench, pattern)
    ready_at = now_ms()
    generation = met(bench)
    traffic = Traffic(bench.kafka, shop, asked.per_s)
    traffic.start()
    wait_for_all(watch, due, taken.engine)
    done = wind_down(bench, taken.engine, watch, traffic, due, generation)
    return {
        **taken.as_json(asked.customers),
        "due": asked.due,
        "events": asked.events,
        "events_per_s": round(asked.per_s),
        "worked_off_s": round((done.last_at - min(each.seen_at for each in done.fired)) / 1000, 2),
        "worked_off_after_ready_s": round((done.last_at - ready_at) / 1000, 2),
        "apart_max_percent": round(100 * apart(done, ready_at), 1),
        "live_event_to_decision_ms": as_json(
            spread_of(latencies(done.seen, done.event_times, ready_at, done.last_at))
        ),
        "event_to_decision_after_ms": as_json(
            spread_of(latencies(done.seen, done.event_times, done.last_at, now_ms()))
        ),
        "rebalances": done.rebalances,
        "problems": problems(done.fired, due),
    }


def apart(done: WorkedOff, ready_at: Instant) -> float:
    """How far wake-ups and events of the hour were apart at most: the share of the one that was done less the
    share of the other, at any moment. 0: side by side; 1: the one waited until the other was done."""
    of_events = [
        each.seen_at
        for each in done.seen
        if each.cause is not None and done.event_times[each.cause] < ready_at
    ]
    of_wake_ups = [each.seen_at for each in done.fired]
    steps = [(at, 1 / len(of_events)) for at in of_events]
    steps += [(at, -1 / len(of_wake_ups)) for at in of_wake_ups]
    by_time: dict[Instant, float] = {}
    for at, step in steps:
        by_time[at] = by_time.get(at, 0.0) + step
    return max(map(abs, accumulate(by_time[at] for at in sorted(by_time))), default=0.0)
