"""A soak: a fixed population, half load, rules that change to and fro, and a look every ten seconds."""

import asyncio
import time
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.cpu import usage_of
from benchmarks.live.engine import ProgressWatch, hold_alive, memory_mib, metrics
from benchmarks.live.population import name_of, spread
from benchmarks.live.traffic import Shop, Traffic
from benchmarks.live.watching import DecisionWatch, Seen, spread_of
from benchmarks.soak.mix import BadHour, rule_sets
from benchmarks.soak.peers import Answers, DeadLetters, StateSize
from benchmarks.soak.verdict import Sample, flatness, problems
from benchmarks.timers.bed import (
    TakenOver,
    capacity,
    make_ready,
    met,
    now_ms,
    sleep_until,
    start_engine,
    take_over,
)
from schemas.instants import MINUTE_MS, SECOND_MS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench

LOOK_EVERY_S = 10.0
DRAIN_S = 20.0
POOL = 100_000
GENERATIONS = 3
RENEWED_MS = 90 * SECOND_MS
"""How long a new engine works before its memory is held against the old one's: all customers come in it."""


@dataclass(frozen=True, slots=True)
class Soak:
    """What is asked for: `per_s` 0 stands for half of what the engine can take."""

    minutes: float
    customers: int
    per_s: float
    rules_every_s: float
    seed: int


def run_soak(bench: EngineBench, asked: Soak) -> dict[str, Any]:
    """Load, take over, find out what it can take, go on at half of that; do some of it with a new engine."""
    shop = Shop(min(POOL, 10 * asked.customers), asked.customers, asked.seed)
    rules = rule_sets()
    pattern = make_ready(bench, now_ms())
    start = now_ms() + 10 * SECOND_MS
    taken = take_over(bench, pattern, spread(0, asked.customers, start, start + MINUTE_MS))
    size = len(pattern)
    states = StateSize(bench.kafka, PARTITIONS, {name_of(n).encode(): size for n in range(asked.customers)})
    dead, answers = DeadLetters(bench.kafka), Answers(bench.kafka, PARTITIONS)
    watch = DecisionWatch(bench.kafka, PARTITIONS)
    readers = (states, dead, answers, watch)
    for reader in readers:
        reader.start()
    asyncio.run(publish(bench.kafka, rules[0], PARTITIONS, now_ms()))
    backlog = min(POOL, 5 * asked.customers)
    can_take = capacity(bench, taken.engine, shop, backlog)
    per_s = asked.per_s or can_take / 2
    hour = BadHour(shop, asked.seed)
    traffic = Traffic(bench.kafka, hour, per_s)
    generation = met(bench)
    traffic.start()
    soaking = _Soaking(bench, taken.engine, states, watch)
    changes = soaking.go_on(asked, rules)
    traffic.stop()
    soaking.drain()
    rebalances = met(bench) - generation
    new_mib = _renewed(bench, taken, shop, backlog, Traffic(bench.kafka, hour, per_s))
    soaking.drain()
    for reader in readers:
        reader.stop()
    soaking.hear(watch.take())
    flat = flatness(soaking.samples, new_mib)
    said = problems(
        soaking.samples,
        flat=flat,
        doubled=[each._asdict() for each in soaking.doubled],
        rebalances=rebalances,
        broken=hour.broken,
        dead=dead.count,
        per_s=per_s,
    )
    return {
        **taken.as_json(asked.customers),
        "minutes": asked.minutes,
        "events_per_s_possible": round(can_take),
        "events_per_s": round(per_s),
        "sender_behind_max_s": round(traffic.behind_max_s, 3),
        "events": traffic.sent,
        "mails_answered": answers.answered,
        "broken": hour.broken,
        "dead_letters": dead.count,
        "decisions": soaking.decisions,
        "rules_changed": changes,
        "flatness": asdict(flat),
        "problems": said,
        "samples": [asdict(sample) for sample in soaking.samples],
    }


def _renewed(bench: EngineBench, taken: TakenOver, shop: Shop, backlog: int, traffic: Traffic) -> float:
    """MiB of a new engine in place of the old one, with the same states, behind as large a backlog and
    `RENEWED_MS` of the same traffic."""
    taken.engine.terminate()
    engine = start_engine(bench, taken.pattern).engine
    capacity(bench, engine, shop, backlog)
    traffic.start()
    sleep_until(now_ms() + RENEWED_MS, engine)
    traffic.stop()
    return memory_mib(engine.process.pid)[0]


class _Soaking:
    """The looks, and what they found."""

    def __init__(self, bench: EngineBench, engine: Engine, states: StateSize, watch: DecisionWatch) -> None:
        self._bench = bench
        self._engine = engine
        self._states = states
        self._watch = watch
        self._progress = ProgressWatch(bench.kafka, PARTITIONS)
        self._begun = time.monotonic()
        self._known: set[int] = set()
        self.decisions = 0
        self.doubled: list[Seen] = []
        self.samples: list[Sample] = []

    def go_on(self, asked: Soak, rules: list[Any]) -> int:
        """Look every ten seconds and change the rules now and then; returns how often they changed."""
        changes = 0
        end = self._begun + asked.minutes * 60
        while time.monotonic() < end:
            time.sleep(min(LOOK_EVERY_S, max(0.0, end - time.monotonic())))
            self.look()
            if (time.monotonic() - self._begun) // asked.rules_every_s > changes:
                changes += 1
                asyncio.run(publish(self._bench.kafka, rules[changes % len(rules)], PARTITIONS, now_ms()))
        return changes

    def drain(self) -> None:
        """Let it come to the end of the log."""
        deadline = time.monotonic() + DRAIN_S
        while self._progress.lag() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(1)

    def hear(self, seen: list[Seen]) -> None:
        """Count decisions, and keep those that came before."""
        for each in seen:
            digest = hash(each.decision_id)
            if digest in self._known:
                self.doubled.append(each)
            self._known.add(digest)
        self.decisions += len(seen)

    def look(self) -> None:
        """Take a sample. Raises EngineEnded if there is no engine any more."""
        hold_alive(self._engine)
        seen = self._watch.take()
        self.hear(seen)
        late = spread_of(
            each.seen_at - each.due_at for each in seen if each.cause is None and each.due_at is not None
        )
        told = metrics(self._engine)
        pid = self._engine.process.pid
        self.samples.append(
            Sample(
                at_s=round(time.monotonic() - self._begun, 1),
                rss_mib=round(memory_mib(pid)[0], 1),
                states_mib=round(self._states.total / 2**20, 1),
                customers=self._states.customers,
                lag=self._progress.lag(),
                fired=late.count,
                lateness_p50_ms=late.p50,
                lateness_p99_ms=late.p99,
                collections=[
                    round(told[f'python_gc_collections_total{{generation="{number}"}}'])
                    for number in range(GENERATIONS)
                ],
                cpu_s=usage_of([pid]).cpu_s,
            )
        )
