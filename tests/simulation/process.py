"""One simulated engine process: the shell's own classes over a log in memory, and what Faust does for them.

A process ends, freezes or is cut off from its group at any step that it takes on the log. What is below
imitates Faust and the operating system; ownership, take-over, writers, rule book, timekeeper and watchdog
are the engine's.
"""

import asyncio
from collections.abc import Coroutine
from contextvars import ContextVar, copy_context
from random import Random
from typing import Any, Protocol

from schemas.instants import Instant
from schemas.topics import EVENTS
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from tests.simulation.virtual_time import passes
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.timekeeper import Timekeeper

GROUP = "tetik"
BATCH_MAX = 12
_process: ContextVar["Process | None"] = ContextVar("process", default=None)


class Killed(RuntimeError):
    """The process is no more; whatever it was about to do is not done."""


class Shop(Protocol):
    """The world of a process."""

    random: Random
    noise: float
    partitions: int
    broker: MemoryBroker
    read_to: dict[int, int]

    def now(self) -> Instant: ...
    def ended(self, process: "Process", reason: BaseException) -> None: ...


def spawn(process: "Process", work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
    """A task that dies with the process, as all that it starts."""
    context = copy_context()
    context.run(_process.set, process)
    return asyncio.get_running_loop().create_task(work, name=name, context=context)


def factory(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
    """The loop's task factory: notes whose task it is."""
    context = given.get("context")
    process = _process.get() if context is None else context.get(_process)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    if process is not None:
        process.adopt(task)
    return task


class Steps:
    """The process's steps on the log; at each it may be slow, frozen, or dead."""

    def __init__(self, process: "Process", random: Random) -> None:
        self._process = process
        self._random = random

    async def at(self, point: str) -> None:
        process = self._process
        process.step(point)
        chance = self._random.random()
        await passes(0 if chance < 0.7 else chance * 0.004 if chance < 0.98 else chance * 0.1)
        while process.frozen:
            await process.thawed.wait()
        process.check()

    def slice(self, available: int) -> int:
        return self._random.randint(1, available)


class ProcessClock:
    """Its machine's clock, which jumps."""

    def __init__(self, process: "Process", shop: Shop) -> None:
        self._process = process
        self._shop = shop
        self.offset = 0

    def now(self) -> Instant:
        return self._shop.now() + self.offset

    async def wait(self, timeout_s: float) -> None:
        await passes(timeout_s)
        while self._process.frozen:
            await self._process.thawed.wait()


class Process:
    """`frozen`: stopped in whatever it does. `member`: the group counts on it."""

    def __init__(self, shop: Shop, number: int) -> None:
        self.number = number
        self.alive = True
        self.frozen = False
        self.member = True
        self.thawed = asyncio.Event()
        self.left = asyncio.Event()
        self.point = ""
        self.flowing = False
        self._shop = shop
        self._random = shop.random
        self._doomed_in: int | None = None
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._callbacks = asyncio.Lock()
        self._positions: dict[int, int] = {}
        self._stale: list[Batch] = []
        self._metrics = EngineMetrics()
        self.steps = Steps(self, shop.random)
        self.clock = ProcessClock(self, shop)
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
        )

    def start(self) -> None:
        """Fetch, and keep the time."""
        timekeeper = Timekeeper(
            self.owned, self.log, self.clock, self._metrics, ready=lambda: self.flowing, seek=self._seek
        )
        for work, name in ((self._fetch(), "fetch"), (timekeeper.run(), "timekeeper")):
            spawn(self, work, f"{name}-{self.number}").add_done_callback(self._on_done)

    def adopt(self, task: "asyncio.Task[Any]") -> None:
        """One more task of this process."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def doom(self, steps: int) -> None:
        """Die at the so-manieth step on the log from now."""
        self._doomed_in = steps

    def step(self, point: str) -> None:
        """Note a step. Raises Killed where it is the last one."""
        self.check()
        self.point = point
        if self._doomed_in is not None:
            self._doomed_in -= 1
            if self._doomed_in <= 0:
                self.kill(Killed(f"before: {point}"))
                raise Killed(point)

    def check(self) -> None:
        """Raises Killed if it is dead."""
        if not self.alive:
            raise Killed(self.point)

    def kill(self, reason: BaseException) -> None:
        """kill -9: nothing is tidied up."""
        if self.alive:
            self.alive = False
            self.leave()
            for task in tuple(self._tasks):
                task.cancel()
            self._shop.ended(self, reason)

    def leave(self) -> None:
        """The group goes on without it."""
        self.member = False
        self.left.set()

    def join(self) -> None:
        """The group counts on it again."""
        self.member = True
        self.left.clear()

    def freeze(self) -> None:
        """Stop in whatever it does."""
        self.frozen = True
        self.thawed.clear()

    def thaw(self) -> None:
        """Go on as if nothing had been."""
        self.frozen = False
        self.thawed.set()

    async def revoked(self) -> None:
        """What Faust does before the group decides."""
        async with self._callbacks:
            self.flowing = False
            await self.owned.pause()

    async def assigned(self, partitions: set[int]) -> None:
        """What Faust does with the group's decision. At its end it seeks, most of the time, to where the
        partition records stand; else to what was committed for lag tools."""
        async with self._callbacks:
            await self.owned.on_assigned(partitions)
            self._positions = self.owned.next_offsets()
            if self._random.random() < self._shop.noise:
                self._positions = {number: self._shop.read_to.get(number, 0) for number in self._positions}
            self.flowing = True
            self._shop.broker.tell()

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
