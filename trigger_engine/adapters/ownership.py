"""Which partitions this worker owns, and their writers.

A rebalance goes: `pause` (every writer finishes its turn), the group decides, `on_assigned`. Kept
partitions keep producer and state and go on; lost ones are dropped; new ones are taken over side by
side. Had another worker owned a kept one meanwhile, its take-over fenced us and the next flush fails.

A take-over may be long, and the group may decide anew in its middle. Then it is broken off: what it has read
is kept, and the next assignment, which follows at once, goes on from there.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from schemas.instants import HOUR_MS
from schemas.topics import EVENTS, STATE_CHANGELOG
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.interest_feed import InterestFeed
from trigger_engine.adapters.log_port import EngineLog
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.recommender import Recommender
from trigger_engine.adapters.restoring import Restoring
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.adapters.standby import Standby
from trigger_engine.adapters.state_store import StateStore
from trigger_engine.adapters.stores import Stores
from trigger_engine.adapters.takeover import Interrupted, TakenOver, take_over
from trigger_engine.adapters.tasks import ended
from trigger_engine.adapters.transaction import Portions, portions_of
from trigger_engine.app import Acknowledge, PartitionWriter
from trigger_engine.core.partition import Partition

logger = logging.getLogger(__name__)


class Core(NamedTuple):
    """What decides in a partition, and what its flushes write where."""

    partition: Callable[..., Partition]
    portions: Portions


FULL_CORE = Core(Partition, portions_of)
"""The engine's. The benchmark measures the shell around less."""


class PartitionsOwned:
    """The writers by partition. `failed` gets the first error of any of them; `interrupted` says whether the
    group is about to decide anew; `standing_by`: copies of the others' partitions are kept at hand."""

    def __init__(
        self,
        *,
        log: EngineLog,
        group: str,
        partitions: int,
        rules: RuleBook,
        seek: Callable[[int, int], Awaitable[None]],
        now: Callable[[], int],
        metrics: EngineMetrics,
        rejected_max: int,
        failed: Callable[[BaseException], None],
        snapshots: SnapshotBook,
        recommender: Recommender | None = None,
        count_every_ms: int = HOUR_MS,
        stores: Stores | None = None,
        standing_by: bool = False,
        interrupted: Callable[[], bool] = lambda: False,
        core: Core = FULL_CORE,
    ) -> None:
        metrics.partitions.set(partitions)
        self.writers: dict[int, PartitionWriter] = {}
        self._log = log
        self._group = group
        self._partitions = partitions
        self._rules = rules
        self._seek = seek
        self._now = now
        self._metrics = metrics
        self._rejected_max = rejected_max
        self._failed = failed
        self.feeds: dict[int, InterestFeed] = {}
        self._snapshots = snapshots
        self._recommender = recommender
        self._count_every_ms = count_every_ms
        self.stores: dict[int, StateStore] = {}
        self._stores = stores or Stores(log, now, lasting=standing_by)
        self._standby = Standby(log, self._stores, now, metrics, following=standing_by)
        self._restoring = Restoring(metrics, asyncio.get_running_loop().time)
        self._interrupted = interrupted
        self._core = core
        self._tasks: dict[int, list[asyncio.Task[None]]] = {}
        self._changelog_ends: dict[int, int] = {}
        self.settling = True
        self.taking_over = False
        self._changing = asyncio.Lock()
        self._closing = False

    def customer_count(self) -> int:
        """Customers of the partitions owned; an estimate where they are kept in files."""
        return sum(map(len, self.stores.values()))

    def changelog_end(self, partition: int) -> int | None:
        """The changelog's end at the last assignment."""
        return self._changelog_ends.get(partition)

    def next_offsets(self) -> dict[int, int]:
        """Where the log of each partition goes on."""
        return {number: writer.next_offset for number, writer in self.writers.items()}

    async def pause(self) -> None:
        """Before the group decides anew: no writer is in the middle of anything when this returns."""
        self.settling = True
        await asyncio.gather(*(writer.pause() for writer in self.writers.values()))

    async def on_assigned(self, partitions: set[int]) -> None:
        """Own exactly these partitions from now on. If it is interrupted, some are not owned yet, and all
        stand still until the assignment that follows. Nothing is owned any more once `close` was called."""
        async with self._changing:
            if not self._closing:
                await self._own(partitions)

    async def _own(self, partitions: set[int]) -> None:
        await self._standby.pause()
        for number in sorted(self.writers.keys() - partitions):
            await self._give_up(number)
        self.taking_over = True
        await asyncio.gather(*(self._take(number) for number in sorted(partitions - self.writers.keys())))
        self.taking_over = False
        self._metrics.partitions_owned.set(len(self.writers))
        if partitions - self.writers.keys():
            logger.info("the group decides anew while partitions are restored: going on after it")
            return
        self._changelog_ends = await self._log.end_offsets(STATE_CHANGELOG, sorted(partitions))
        for number, writer in self.writers.items():
            writer.resume()
            self.feeds[number].reopen()  # what it read meanwhile was not applied
        if self._recommender is not None:
            await self._recommender.assigned(partitions)
        others = set(range(self._partitions)) - partitions
        self._standby.follow(others if self._standby.following else set())
        self.settling = False

    async def route(self, batch: Batch, acknowledge: Acknowledge) -> None:
        """Hand a batch to its partition's writer, which acknowledges it once it is durable."""
        writer = self.writers.get(batch.partition)
        if writer is None:
            acknowledge()  # fetched for a partition just given up: its new owner reads it
        else:
            await writer.submit(batch, acknowledge)

    def interests_ended(self, number: int, queued: int, end: int) -> None:
        """The interests of a partition ended at `end`; so many fan-outs had been queued when it was asked."""
        if number in self.writers:
            self.writers[number].interests_ended(queued, end)
            self.feeds[number].log_ended(end)

    async def reread_interests(self, number: int, offset: int) -> None:
        """Read a partition's interests again from where its record stands, which is `offset`."""
        if number in self.feeds:
            self._metrics.seeks.inc()
            self.feeds[number].reopen()

    async def _read_again(self, topic: str, number: int, offset: int) -> None:
        if topic == EVENTS:
            await self._seek(number, offset)
        elif number in self.feeds:
            self.feeds[number].reopen()

    async def close(self) -> None:
        """Give everything up. A take-over under way is broken off."""
        self._closing = True
        async with self._changing:
            if self._recommender is not None:
                await self._recommender.close()
            await self._standby.pause()
            for number in sorted(self.writers):
                await self._give_up(number)
            await self._standby.close()

    async def _take(self, number: int) -> None:
        """Take a partition over, with the copy of it if there is one. Interrupted, the copy is kept."""
        store = self._standby.take_out(number)
        if store is None:
            store = await self._stores.open(number)
        source = "copy" if store.stood_at else "changelog"
        elapsed = asyncio.get_running_loop().time
        begun = elapsed()
        try:
            taken = await take_over(
                self._log,
                self._group,
                number,
                partitions=self._partitions,
                store=store,
                now=self._now(),
                restoring=self._restoring,
                interrupted=lambda: self._closing or self._interrupted(),
            )
        except Interrupted:
            self._standby.put_in(number, store)
            return
        self._metrics.state.take_over_seconds.labels(source).observe(elapsed() - begun)
        self.stores[number] = store
        await self._begin(number, taken)

    async def _begin(self, number: int, taken: TakenOver) -> None:
        """Let a partition that was taken over work."""
        taken.log.portions = self._core.portions
        partition = self._core.partition(
            number,
            taken.customers,
            taken.record,
            await self._rules.rules_of(taken.record.rules_digest),
            taken.wake_ups,
            taken.pools,
            products=taken.products,
            baskets=taken.baskets,
            snapshot=await self._snapshots.snapshot_of(taken.record.snapshot_version),
        )
        writer = PartitionWriter(
            partition,
            taken.log,
            topic=EVENTS,
            now=self._now,
            rules_of=self._rules.rules_of,
            snapshot_of=self._snapshots.snapshot_of,
            seek=self._read_again,
            metrics=self._metrics,
            rejected_max=self._rejected_max,
            count_every_ms=self._count_every_ms,
        )
        feed = InterestFeed(self._log, number, writer)
        self.writers[number], self.feeds[number] = writer, feed
        self._tasks[number] = [
            asyncio.create_task(writer.run(), name=f"partition-{number}"),
            asyncio.create_task(feed.run(), name=f"interests-{number}"),
        ]
        for task in self._tasks[number]:
            task.add_done_callback(self._on_done)
        logger.info(
            "partition %d taken over: %d customers, %d pending wake-ups, going on at offset %d",
            number,
            len(taken.customers),
            len(taken.wake_ups),
            writer.next_offset,
        )

    async def _give_up(self, number: int) -> None:
        writer, (working, feeding) = self.writers.pop(number), self._tasks.pop(number)
        del self.feeds[number]
        feeding.cancel()
        await writer.close()
        await ended(feeding)
        await asyncio.gather(working, return_exceptions=True)  # its error, if any, has been reported
        store = self.stores.pop(number)
        if self._standby.following:
            self._standby.put_in(number, store)
        else:
            store.close()
        logger.info("partition %d given up", number)

    def _on_done(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(error)
