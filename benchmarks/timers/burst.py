"""A hundred thousand due within one second, while events flow: how long until all fired, and what waited."""

from dataclasses import dataclass
from typing import Any

from benchmarks.cpu import usage_of
from benchmarks.live.population import spread
from benchmarks.live.traffic import Shop, Traffic
from benchmarks.live.watching import DecisionWatch, latencies, spread_of
from benchmarks.timers.bed import (
    PARKED_FROM_MS,
    PARKED_TO_MS,
    as_json,
    by_name,
    make_ready,
    met,
    now_ms,
    problems,
    sleep_until,
    take_over,
    wait_for_all,
    wind_down,
)
from schemas.instants import SECOND_MS
from tests.fixtures.engine import PARTITIONS, EngineBench

LEAD_MS = 30 * SECOND_MS
LEAD_PER_CUSTOMER_MS = 0.12
FLOW_BEFORE_MS = 12 * SECOND_MS
"""How long events flow before the burst; the last ten seconds of it are what the burst is compared with."""
POOL = 50_000


@dataclass(frozen=True, slots=True)
class Burst:
    """What is asked for: so many of the customers are due in the same second."""

    customers: int
    due: int
    per_s: float
    seed: int


def run_burst(bench: EngineBench, asked: Burst) -> dict[str, Any]:
    """Load, take over, let events flow, and wait for the second."""
    shop = Shop(POOL, asked.customers - asked.due, asked.seed)
    pattern = make_ready(bench, now_ms())
    start = now_ms()
    at = start + round(LEAD_MS + LEAD_PER_CUSTOMER_MS * asked.customers)
    first = asked.customers - asked.due
    parked = spread(0, first, at + PARKED_FROM_MS, at + PARKED_TO_MS)
    watch = DecisionWatch(bench.kafka, PARTITIONS)
    watch.start()
    taken = take_over(bench, pattern, [*spread(first, asked.due, at, at + SECOND_MS), *parked])
    sleep_until(at - FLOW_BEFORE_MS, taken.engine)
    begun_late_ms = max(0, now_ms() - (at - FLOW_BEFORE_MS))
    traffic = Traffic(bench.kafka, shop, asked.per_s)
    traffic.start()
    generation = met(bench)
    due = by_name(spread(first, asked.due, at, at + SECOND_MS))
    sleep_until(at, taken.engine)
    spent_s = usage_of([taken.engine.process.pid]).cpu_s
    wait_for_all(watch, due, taken.engine)
    spent_s = usage_of([taken.engine.process.pid]).cpu_s - spent_s
    done = wind_down(bench, taken.engine, watch, traffic, due, generation)
    took_ms = done.last_at - at
    return {
        **taken.as_json(asked.customers),
        "due": asked.due,
        "events_per_s": round(asked.per_s),
        "begun_late_ms": begun_late_ms,
        "sender_behind_max_s": round(traffic.behind_max_s, 3),
        "worked_off_s": round(took_ms / 1000, 2),
        "wake_ups_per_s": round(asked.due / took_ms * 1000),
        "cpu_us_per_wake_up": round(spent_s / asked.due * 1e6, 1),
        "lateness_ms": as_json(spread_of(each.seen_at - each.due_at for each in done.fired if each.due_at)),
        "event_to_decision_before_ms": as_json(
            spread_of(latencies(done.seen, done.event_times, at - FLOW_BEFORE_MS + 2 * SECOND_MS, at))
        ),
        "event_to_decision_during_ms": as_json(
            spread_of(latencies(done.seen, done.event_times, at, done.last_at))
        ),
        "rebalances": done.rebalances,
        "problems": problems(done.fired, due),
    }
