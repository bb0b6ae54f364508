"""What each part begins with: rules, a population in the changelog, and an engine that takes it over."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.live.engine import ProgressWatch, generations, hold_alive, memory_mib, ready, wait_until
from benchmarks.live.population import Pattern, append_all, load_population, make_pattern, name_of, named
from benchmarks.live.traffic import Shop, Traffic
from benchmarks.live.watching import DecisionWatch, Seen, Spread, event_times
from schemas.instants import Instant
from schemas.topics import EVENTS
from services.publish import TEMPLATES, publish, read_rule_set
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.shop import SHOP
from trigger_engine.adapters.worker import GROUP

ENVIRONMENT = {"TETIK_ENGINE_INSTANCE": "the-only-one", "TETIK_SESSION_TIMEOUT_S": "6"}
"""A short session: a heartbeat late by more shows in the group's generations."""
TAKE_OVER_WITHIN_S = 600.0
WORK_WITHIN_S = 900.0
GROUP_PARTITIONS = 4
"""Of the coordinator's topic (services/platform/kafka.py)."""
REMINDER = "cart-abandoned"
STEP = "cart-reminder"
ON_TIME_MS = 2_000
LOOKED_BACK = 200
FLOW_ON_MS, READ_ON_MS = 5_000, 2_000
"""How long events flow on behind the last of a pile, and how long decisions are read after the last event."""
PARKED_FROM_MS, PARKED_TO_MS = 3_600_000, 6 * 3_600_000
"""Who is not due during the measurement is due between so long from now and so long."""


@dataclass(frozen=True, slots=True)
class TakenOver:
    """An engine that owns the population, and what it held behind the take-over."""

    engine: Engine
    pattern: Pattern
    after_mib: float
    peak_mib: float
    take_over_s: float

    def as_json(self, customers: int) -> dict[str, Any]:
        return {
            "customers": customers,
            "state_bytes": len(self.pattern),
            "take_over_s": round(self.take_over_s, 1),
            "rss_empty_mib": round(self.pattern.engine_mib),
            "rss_mib": round(self.after_mib),
            "rss_peak_mib": round(self.peak_mib),
            "rss_bytes_per_customer": round((self.after_mib - self.pattern.engine_mib) * 2**20 / customers),
        }


def now_ms() -> Instant:
    return time.time_ns() // 1_000_000


def make_ready(bench: EngineBench, at: Instant) -> Pattern:
    """Publish the shop's rules and make the customer who is copied, at `at`: there the log's clock stands."""
    asyncio.run(publish(bench.kafka, read_rule_set(SHOP, TEMPLATES), PARTITIONS, at))
    return make_pattern(bench, at, **ENVIRONMENT)


def take_over(
    bench: EngineBench, pattern: Pattern, customers: Iterable[tuple[int, Instant]], **environment: str
) -> TakenOver:
    """Load the customers, and wait for an engine that has taken them over."""
    load_population(bench.kafka, pattern, named(customers))
    return start_engine(bench, pattern, **environment)


def start_engine(bench: EngineBench, pattern: Pattern, **environment: str) -> TakenOver:
    """Wait for an engine that has taken everything over."""
    engine = bench.start(**{**ENVIRONMENT, **environment})
    took_s = wait_until("the take-over", lambda: ready(engine), engine, TAKE_OVER_WITHIN_S)
    now, peak = memory_mib(engine.process.pid)
    return TakenOver(engine, pattern, now, peak, took_s)


def met(bench: EngineBench) -> int:
    """The last generation of the group."""
    return max(generations(bench.kafka, GROUP, GROUP_PARTITIONS))


def capacity(bench: EngineBench, engine: Engine, shop: Shop, events: int) -> float:
    """Events a second that the engine works off from a backlog, beside what falls due meanwhile."""
    progress = ProgressWatch(bench.kafka, PARTITIONS)
    engine.freeze()
    try:
        at = now_ms()
        append_all(bench.kafka, EVENTS, (shop.next_event(at) for _ in range(events)))
    finally:
        engine.thaw()
    thawed_at = now_ms()
    wait_until("the backlog", lambda: progress.lag() == 0, engine, WORK_WITHIN_S)
    progress.close()
    return events / (progress.flushed_at - thawed_at) * 1000


def sleep_until(at: Instant, engine: Engine, look: Callable[[], None] = lambda: None) -> None:
    """Wait for an instant, and look each second. Raises EngineEnded if the engine does not live so long."""
    while (left := (at - now_ms()) / 1000) > 0:
        hold_alive(engine)
        look()
        time.sleep(min(1.0, left))


def reminders(seen: Iterable[Seen], due: dict[str, Instant]) -> list[Seen]:
    """The first reminders of these customers, each of whom is due at an instant."""
    return [
        each
        for each in seen
        if each.step == STEP and each.outcome == "fired" and due.get(each.customer_key) == each.due_at
    ]


def wait_for_all(
    watch: DecisionWatch, due: dict[str, Instant], engine: Engine, within_s: float = WORK_WITHIN_S
) -> None:
    """Until every one of these customers had her reminder. Raises EngineTooSlow, EngineEnded."""

    def all_fired() -> bool:
        seen = watch.seen[:]
        return len(seen) >= len(due) and len({each.customer_key for each in reminders(seen, due)}) == len(due)

    # Now and then: looking through so many takes its time, and the reader waits meanwhile.
    wait_until("all that was due", all_fired, engine, within_s, every_s=0.5)


@dataclass(frozen=True, slots=True)
class WorkedOff:
    """What was seen of a pile of wake-ups, until a while after the last of them."""

    seen: list[Seen]
    fired: list[Seen]
    last_at: Instant
    event_times: dict[tuple[int, int], Instant]
    rebalances: int


def wind_down(
    bench: EngineBench,
    engine: Engine,
    watch: DecisionWatch,
    traffic: Traffic,
    due: dict[str, Instant],
    generation: int,
) -> WorkedOff:
    """Once all have fired: let events flow on, stop, and read back. `generation`: the group's before."""
    sleep_until(now_ms() + FLOW_ON_MS, engine)
    traffic.stop()
    sleep_until(now_ms() + READ_ON_MS, engine)
    rebalances = met(bench) - generation
    seen = watch.stop()
    fired = reminders(seen, due)
    last_at = max(each.seen_at for each in fired)
    return WorkedOff(seen, fired, last_at, event_times(bench.kafka, PARTITIONS), rebalances)


def on_time(watch: DecisionWatch) -> bool:
    """Whether a wake-up was among what was seen last, and on time."""
    return any(
        each.cause is None and each.due_at is not None and now_ms() - each.due_at < ON_TIME_MS
        for each in watch.seen[-LOOKED_BACK:]
    )


def problems(fired: list[Seen], due: dict[str, Instant]) -> list[str]:
    """What is wrong with these reminders: one a customer, and none early."""
    times = Counter(each.customer_key for each in fired)
    found = []
    if missing := len(due.keys() - times.keys()):
        found.append(f"{missing} of {len(due)} wake-ups did not fire")
    if doubled := sum(count - 1 for count in times.values()):
        found.append(f"{doubled} wake-ups fired more than once")
    if early := sum(each.due_at is not None and each.appended_at < each.due_at for each in fired):
        found.append(f"{early} wake-ups fired early")
    return found


def by_name(customers: Iterable[tuple[int, Instant]]) -> dict[str, Instant]:
    return {name_of(number): due_at for number, due_at in customers}


def as_json(spread: Spread) -> dict[str, int]:
    return asdict(spread)
