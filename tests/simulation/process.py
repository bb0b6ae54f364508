"""One simulated engine process: the shell's own classes over a log in memory, and what Faust does for them.

A process ends, freezes or is cut off at any step that it takes on the log (`mortal.py`). What is below
imitates Faust and the operating system; ownership, take-over, writers, rule book, timekeeper and watchdog
are the engine's.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any, Protocol

from schemas.instants import Instant
from schemas.topics import EVENTS, INTERESTS
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from tests.simulation.mortal import Mortal, ProcessClock, spawn
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.adapters.timekeeper import Timekeeper

GROUP = "tetik"
BATCH_MAX = 12


class Shop(Protocol):
    """The world of a process."""

    random: Random
    noise: float
    partitions: int
    broker: MemoryBroker
    read_to: dict[int, int]

    def now(self) -> Instant: ...
    def ended(self, process: "Process", reason: BaseException) -> None: ...


class Process(Mortal):
    """`flowing`: batches reach it, as far as Faust is concerned."""

    def __init__(self, shop: Shop, number: int) -> None:
        super().__init__(number, shop.random, shop.ended)
        self.flowing = False
        self._shop = shop
        self._callbacks = asyncio.Lock()
        self._calls = 0
        self._positions: dict[int, int] = {}
        self._stale: list[Batch] = []
        self._metrics = EngineMetrics()
        self.clock = ProcessClock(self, shop.now)
        self.log = MemoryLog(shop.broker, self.steps)
        self.owned = PartitionsOwned(
            log=self.log,
            group=GROUP,
            partitions=shop.partitions,
            rules=RuleBook(self.log),
            seek=self._seek,
            now=self.clock.now,
            metrics=self._metrics,
            rejected_max=100,
            failed=self._failed,
            snapshots=SnapshotBook(self.log, self._metrics),
            standing_by=bool(number % 2),
            interrupted=self._called_again,
        )

    def start(self) -> None:
        """Fetch, and keep the time."""
        timekeeper = Timekeeper(
            self.owned, self.log, self.clock, self._metrics, ready=lambda: self.flowing, seek=self._seek
        )
        for work, name in ((self._fetch(), "fetch"), (timekeeper.run(), "timekeeper")):
            spawn(self, work, f"{name}-{self.number}").add_done_callback(self._on_done)

    @asynccontextmanager
    async def _called(self) -> AsyncIterator[None]:
        """One callback after the other."""
        self._calls += 1
        try:
            async with self._callbacks:
                yield
        finally:
            self._calls -= 1

    async def revoked(self) -> None:
        """What Faust does before the group decides."""
        async with self._called():
            self.flowing = False
            await self.owned.pause()

    async def assigned(self, partitions: set[int]) -> None:
        """What Faust does with the group's decision. At its end it seeks, most of the time, to where the
        partition records stand; else to what was committed for lag tools."""
        async with self._called():
            await self.owned.on_assigned(partitions)
            self._positions = self.owned.next_offsets()
            if self._random.random() < self._shop.noise:
                self._positions = {number: self._shop.read_to.get(number, 0) for number in self._positions}
            self.flowing = True
            self._shop.broker.tell()

    def _called_again(self) -> bool:
        """Whether the group's next decision waits for this process: a take-over is broken off for it."""
        return self._calls > 1

    def has_read(self, number: int) -> bool:
        """Whether the writer of this partition has come to the end of both of its logs."""
        writer, broker = self.owned.writers[number], self._shop.broker
        if writer.next_offset < broker.partition(EVENTS, number).end:
            return False
        return writer.next_interest >= broker.partition(INTERESTS, number).end

    async def _seek(self, partition: int, offset: int) -> None:
        await self.steps.at("seek")
        if partition in self._positions and self._random.random() >= self._shop.noise:
            self._positions[partition] = offset
            self._shop.broker.tell()

    async def _fetch(self) -> None:
        while True:
            await self.steps.at("fetch")
            numbers = sorted(self._positions)
            self._random.shuffle(numbers)
            brought = False
            for number in numbers:
                brought = await self._fetch_from(number) or brought
            if not brought:
                await self._shop.broker.news()

    async def _fetch_from(self, number: int) -> bool:
        if not self.flowing or number not in self._positions:
            return False
        start = self._positions[number]
        limit = self._random.randint(1, BATCH_MAX)
        records, end = self._shop.broker.fetch(EVENTS, number, start, limit)
        if end == start:
            return False
        self._positions[number] = end
        for batch in self._delivered(Batch(EVENTS, number, start, end, list(records))):
            await self.steps.at("route")
            await self.owned.route(batch, lambda: self._acknowledge(number, end))
        return True

    def _delivered(self, batch: Batch) -> list[Batch]:
        """Faust's queues lose batches in a rebalance, and bring others after it."""
        chance, noise = self._random.random(), self._shop.noise
        if chance < noise / 3:
            return []
        if chance < noise * 2 / 3:
            return [batch, batch]
        if chance < noise:
            self._stale.append(batch)
            return []
        if self._stale and chance > 0.9:
            return [self._stale.pop(), batch] if chance < 0.95 else [batch, self._stale.pop()]
        return [batch]

    def _acknowledge(self, number: int, end: int) -> None:
        if self.alive:
            self._shop.read_to[number] = end

    def _on_done(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)

    def _failed(self, error: BaseException) -> None:
        """A process ends with its first error and acknowledges nothing."""
        self.kill(error)
