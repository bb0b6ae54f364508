"""On time under load: a million pending, some hundred due each second, events at half of what it can take."""

import contextlib
from dataclasses import dataclass
from typing import Any

from benchmarks.cpu import usage_of
from benchmarks.live.engine import EngineTooSlow, memory_mib, wait_until
from benchmarks.live.population import spread
from benchmarks.live.traffic import Shop, Traffic
from benchmarks.live.watching import DecisionWatch, Seen, event_times, latencies, spread_of
from benchmarks.timers.bed import (
    PARKED_FROM_MS,
    PARKED_TO_MS,
    as_json,
    by_name,
    capacity,
    make_ready,
    met,
    now_ms,
    on_time,
    problems,
    reminders,
    sleep_until,
    take_over,
    wait_for_all,
)
from schemas.instants import MINUTE_MS, SECOND_MS, Instant
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench

SETTLE_MS = 10 * SECOND_MS
"""How long events flow before the measurement begins, once what was overdue is done."""
CAUGHT_UP_WITHIN_S = 180.0
"""How long the engine may take for what fell due while it was taking over, before the measurement begins."""
LATE_S = 60.0
"""How long the reader waits behind it for what is late."""
LEAD_PER_CUSTOMER_MS = 0.25
LEAD_MS = 30 * SECOND_MS
"""Loading, taking over and measuring what the engine can take lie before the measurement; wake-ups are due
all along, so that it matters little how long that takes."""
POOL = 100_000


@dataclass(frozen=True, slots=True)
class Steady:
    """What is asked for: `per_s` 0 stands for half of what the engine can take."""

    customers: int
    due_per_s: int
    minutes: float
    per_s: float
    seed: int


def run_steady(bench: EngineBench, asked: Steady) -> dict[str, Any]:
    """Load, take over, find out what it can take, and measure at half of that."""
    shop = Shop(min(POOL, 2 * asked.customers), asked.customers // 2, asked.seed)
    pattern = make_ready(bench, now_ms())
    start = now_ms() + 10 * SECOND_MS
    lasts = round(LEAD_MS + LEAD_PER_CUSTOMER_MS * asked.customers + asked.minutes * MINUTE_MS)
    soon = min(asked.due_per_s * lasts // SECOND_MS, asked.customers // 2)
    first = asked.customers - soon
    due = by_name(spread(first, soon, start, start + lasts))
    parked = spread(0, first, start + lasts + PARKED_FROM_MS, start + lasts + PARKED_TO_MS)
    watch = DecisionWatch(bench.kafka, PARTITIONS)
    watch.start()
    customers = [*spread(first, soon, start, start + lasts), *parked]
    taken = take_over(bench, pattern, customers, TETIK_SESSION_TIMEOUT_S="20")
    can_take = capacity(bench, taken.engine, shop, min(POOL, 10 * asked.customers))
    caught_up_s = wait_until("what is overdue", lambda: on_time(watch), taken.engine, CAUGHT_UP_WITHIN_S)
    traffic = Traffic(bench.kafka, shop, asked.per_s or can_take / 2)
    return {
        **taken.as_json(asked.customers),
        "events_per_s_possible": round(can_take),
        "caught_up_s": round(caught_up_s, 1),
        **_measure(bench, asked, taken.engine, watch, due, traffic),
    }


def _measure(
    bench: EngineBench,
    asked: Steady,
    engine: Engine,
    watch: DecisionWatch,
    due: dict[str, Instant],
    traffic: Traffic,
) -> dict[str, Any]:
    """Let events flow for so many minutes, and hold what was due meanwhile against what was seen."""
    pid = engine.process.pid
    traffic.start()
    generation = met(bench)
    sleep_until(now_ms() + SETTLE_MS, engine)
    since, spent_s = now_ms(), usage_of([pid]).cpu_s
    memory: list[float] = []
    sleep_until(since + round(asked.minutes * MINUTE_MS), engine, lambda: memory.append(memory_mib(pid)[0]))
    until, spent_s = now_ms(), usage_of([pid]).cpu_s - spent_s
    wanted = {name: at for name, at in due.items() if since <= at < until}
    with contextlib.suppress(EngineTooSlow):
        wait_for_all(watch, wanted, engine, LATE_S)
    traffic.stop()
    return {
        "events_per_s": round(traffic.per_s),
        "sender_behind_max_s": round(traffic.behind_max_s, 3),
        "seconds": round((until - since) / 1000),
        "cpu_share": round(spent_s / (until - since) * 1000, 2),
        "rss_first_mib": round(memory[0]),
        "rss_last_mib": round(memory[-1]),
        "rebalances": met(bench) - generation,
        **_told(bench, watch.stop(), wanted, since, until),
    }


def _told(
    bench: EngineBench, seen: list[Seen], wanted: dict[str, Instant], since: Instant, until: Instant
) -> dict[str, Any]:
    fired = reminders(seen, wanted)
    late = [(each.seen_at - each.due_at, each.appended_at - each.due_at) for each in fired if each.due_at]
    times = event_times(bench.kafka, PARTITIONS)
    return {
        "due_per_s": round(len(wanted) / (until - since) * 1000),
        "lateness_ms": as_json(spread_of(to_reader for to_reader, _ in late)),
        "lateness_to_append_ms": as_json(spread_of(to_log for _, to_log in late)),
        "event_to_decision_ms": as_json(spread_of(latencies(seen, times, since, until))),
        "problems": problems(fired, wanted),
    }
