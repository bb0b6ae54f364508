"""Where a round takes place: a Kafka of its own, the shop's rules, its shoppers and engines; and its verdict.

After the chaos the shop closes, the engines do what is left, and the verifier gets what is on the log.
"""

import asyncio
import pickle
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.rule_set import RuleSet
from schemas.topics import EVENTS, TRIGGERS
from services.publish import publish
from tests.chaos.broker import Broker, broker
from tests.chaos.fleet import Fleet
from tests.chaos.load import Load, machine_now
from tests.chaos.reading import evidence_of
from tests.chaos.rules import LONGEST_MS, shop_rules
from tests.chaos.shoppers import Shoppers
from tests.chaos.verifier import CLASSES, Fault, faults_of
from tests.chaos.waiting import NotInTime, until, until_asked
from tests.fixtures.engine import PARTITIONS, EngineBench

EVIDENCE = "evidence.pickle"
"""Beside the logs, where something was wrong: `python -m tests.chaos --verify FILE` looks at it again."""
SETTLES_WITHIN_S = 90.0
SHOPS_WITHIN_S = 120.0
PROGRESSES_WITHIN_S = 150.0
PROGRESS = 40
"""So many decisions show that the engines work."""


@dataclass
class Round:
    """What came of one round of a scenario."""

    scenario: str
    seed: int
    events: int
    decisions: int
    requests: int
    dead_letters: int
    kills: dict[str, int]
    stops: dict[str, int]
    ends: dict[str, int]
    unknown: int
    seconds: float
    verifying_s: float
    faults: list[Fault] = field(default_factory=list)

    def by_class(self) -> dict[str, int]:
        """How many faults of each class there are."""
        counted = Counter(fault.kind for fault in self.faults)
        return {name: counted[name] for name in CLASSES}


@dataclass
class Site:
    """The parts of a round. `ahead_ms` and `behind_ms` are for who moves the engines' clock."""

    broker: Broker
    bench: EngineBench
    fleet: Fleet
    load: Load
    rules: RuleSet
    random: Random
    seed: int
    began: float
    ahead_ms: int = 0
    behind_ms: int = 0

    def set_clock(self, ahead_ms: int) -> None:
        """The engines' clocks are ahead of the machine's from now on; behind it where that is negative."""
        shifted = self.fleet.clock.with_suffix(".new")
        shifted.write_text(str(ahead_ms))
        shifted.replace(self.fleet.clock)
        self.ahead_ms = max(self.ahead_ms, ahead_ms)
        self.behind_ms = max(self.behind_ms, -ahead_ms)

    async def shopped(self, records: int) -> None:
        """Until so many more records are acknowledged. Raises NotInTime."""
        wanted = len(self.load.acknowledged) + records
        await until(
            lambda: len(self.load.acknowledged) >= wanted,
            f"{records} more records on the log",
            SHOPS_WITHIN_S,
            lambda: f"{wanted - len(self.load.acknowledged)} are missing",
        )

    async def progressed(self) -> None:
        """Until the engines have decided something more. Raises NotInTime."""
        before = [-1]

        async def more() -> bool:
            try:
                decided = sum((await self._ends(TRIGGERS)).values())
            except (KafkaError, OSError):
                return False  # the broker is away still
            before[0] = decided if before[0] < 0 else before[0]
            return decided >= before[0] + PROGRESS

        async with self._explained():
            await until_asked(more, "more decisions", PROGRESSES_WITHIN_S)

    @asynccontextmanager
    async def _explained(self) -> AsyncIterator[None]:
        """Who waits for the engines in vain has them tell what they wait for."""
        try:
            yield
        except NotInTime:
            await self.fleet.tell_tasks()
            raise

    async def _ends(self, topic: str) -> dict[str, int]:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bench.kafka, enable_auto_commit=False)
        try:
            await consumer.start()
            ends = await consumer.end_offsets(partitions)
        finally:
            await consumer.stop()
        return {f"{topic}/{each.partition}": end for each, end in ends.items()}

    async def settled(self) -> None:
        """Until the engines have read all there is and nothing is due any more, ever. Raises NotInTime."""
        wanted = await self._ends(EVENTS)
        seen: list[object] = [None]

        async def done() -> bool:
            progress = seen[0] = await self.fleet.progress()
            if progress is None or progress["due"]:
                return False
            return all(progress["positions"].get(name, -1) >= end for name, end in wanted.items())

        what = "the engines to have done everything"
        async with self._explained():
            await until_asked(done, what, SETTLES_WITHIN_S, lambda: f"wanted {wanted}, seen {seen[0]}")

    async def judged(self, scenario: str) -> Round:
        """Settle, end the engines, and verify. The load must have ended."""
        await self.settled()
        # Nothing is due ever, the engines say; so the model must find nothing to do for as long as any wait.
        settled_at = machine_now() + LONGEST_MS
        await self.fleet.release()
        self.bench.close()
        evidence = await evidence_of(
            self.bench,
            [self.rules],
            self.load.acknowledged,
            settled_at,
            ahead_ms=self.ahead_ms,
            behind_ms=self.behind_ms,
        )
        ended = time.monotonic()
        faults = await asyncio.to_thread(faults_of, evidence)
        if faults:
            (self.fleet.clock.parent / EVIDENCE).write_bytes(pickle.dumps(evidence))
        return Round(
            scenario,
            self.seed,
            events=len(evidence.events),
            decisions=len(evidence.decisions),
            requests=len(evidence.requests),
            dead_letters=len(evidence.dead_letters),
            kills=dict(self.fleet.kills),
            stops=dict(self.fleet.stops),
            ends=dict(self.fleet.ends),
            unknown=self.load.unknown,
            seconds=round(ended - self.began, 1),
            verifying_s=round(time.monotonic() - ended, 1),
            faults=faults,
        )


@asynccontextmanager
async def site(
    directory: Path,
    seed: int,
    *,
    rate: float = 150,
    poison: float = 0.005,
    proxied: bool = False,
    **settings: str,
) -> AsyncIterator[Site]:
    """A round's place; its engines end with the block. `settings` are the engines', as `TETIK_…`."""
    began = time.monotonic()
    async with broker(directory, proxied=proxied) as kafka:
        rules = shop_rules()
        await publish(kafka.bootstrap, rules, PARTITIONS, machine_now())
        bench = EngineBench(kafka.bootstrap, directory)
        clock = directory / "clock"
        clock.write_text("0")
        fleet = Fleet(bench, clock, settings)
        load = Load(kafka.bootstrap, Shoppers(seed, poison), rate)
        made = Site(kafka, bench, fleet, load, rules, Random(f"chaos-{seed}"), seed, began)
        try:
            yield made
        finally:
            await fleet.release()
            bench.close()
