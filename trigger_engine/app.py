"""The path of the engine, one partition at a time: admit, apply, fire, flush, acknowledge.

A `PartitionWriter` is the only one who touches its partition: it applies the log in order, hands in due
wake-ups once the log has been read far enough, tells those who wait for news of a product, and makes
everything durable in one transaction before it acknowledges. A turn has a bit of each, however much there is
to do: neither a burst of wake-ups nor a backlog of events makes the other wait. Infrastructure errors are
not handled here: they end the process, which acknowledges nothing, and the next owner goes on from the
partition record.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from schemas.instants import HOUR_MS, Instant
from schemas.topics import INTERESTS
from trigger_engine.adapters.bad_deploy import BadDeployGuard
from trigger_engine.adapters.batches import Batch, LogRecord
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.core.limits import WAKE_UPS_PER_FLUSH_MAX
from trigger_engine.core.markers import activated_snapshot
from trigger_engine.core.partition import Flush, Partition
from trigger_engine.core.rules import Rules
from trigger_engine.core.snapshot import Snapshot

QUEUED_BATCHES_MAX = 8
"""Batches waiting in front of a writer: enough for a whole flush, few enough to stay small."""
FLUSH_INPUTS_MAX = 8_000
"""Inputs per transaction: while catching up, a busy customer is written once for all that she did in them:
in a shop of 200,000 0.58 states an event, with half as many inputs 0.66. A commit costs next to nothing."""
SWEEP_PER_FLUSH = 500
"""Customers brought in line with new rules in one turn: some 10 ms, which nobody waits for."""
FAN_OUT_PER_FLUSH = 1_000
"""Customers told of a product in one turn: some 30 ms, and less than a megabyte."""
SEEK_AGAIN_AFTER = 64
"""Batches dropped before a seek is repeated: the first one may have been lost in a rebalance."""

Acknowledge = Callable[[], object]


class FlushLog(Protocol):
    """Where flushes become durable."""

    async def commit(self, flush: Flush) -> None: ...
    async def close(self) -> None: ...


async def no_snapshot(version: str) -> None:
    """Nothing is recommended."""


class PartitionWriter:
    """Owns one partition. `run` works until `close`; it raises what the infrastructure raises."""

    def __init__(
        self,
        partition: Partition,
        log: FlushLog,
        *,
        topic: str,
        now: Callable[[], Instant],
        rules_of: Callable[[str], Awaitable[Rules]],
        seek: Callable[[str, int, int], Awaitable[None]],
        metrics: EngineMetrics,
        rejected_max: int,
        snapshot_of: Callable[[str], Awaitable[Snapshot | None]] = no_snapshot,
        count_every_ms: int = HOUR_MS,
    ) -> None:
        self.partition = partition
        self._log = log
        self._topic = topic
        self._now = now
        self._rules_of = rules_of
        self._snapshot_of = snapshot_of
        self._seek = seek
        self._metrics = metrics
        self._guard = BadDeployGuard(rejected_max)
        self._count_every_ms = count_every_ms
        self._queue: deque[tuple[Batch, Acknowledge]] = deque()
        self._work = asyncio.Event()
        self._room = asyncio.Event()
        self._turn = asyncio.Lock()
        self._paused = False
        self._closed = False
        self._tail: tuple[Instant, int] = (-1, 0)
        self._interests_end = 0
        self._fan_outs_ready = 0
        self._fan_outs_asked = 0
        self._dropped_while_seeking: dict[str, int] = {}
        self.flushes = 0
        """How many are durable: who stands at one offset may get on all the same."""

    @property
    def next_offset(self) -> int:
        """The next offset of the log to apply."""
        return self._next_of(self._topic)

    @property
    def next_interest(self) -> int:
        """The next offset of the interests to apply."""
        return self._next_of(INTERESTS)

    def _next_of(self, topic: str) -> int:
        offset = self.partition.next_offset(topic)
        assert offset is not None, "the take-over sets it"
        return offset

    @property
    def next_due_at(self) -> Instant:
        """When the earliest wake-up is due."""
        return self.partition.timers.next_due_at

    def waits_for_tail(self, now: Instant) -> bool:
        """Whether a wake-up is due for which the log's end is not known yet."""
        return not self._paused and self.next_due_at <= now and self._tail[0] < self.next_due_at

    @property
    def busy(self) -> bool:
        """Whether it is at work on something read already."""
        return bool(self._queue) or self._turn.locked()

    def settled(self, now: Instant) -> bool:
        """Whether everything known up to `now` is applied and durable."""
        partition = self.partition
        behind = self.next_due_at <= now or self.next_interest < self._interests_end
        telling = partition.sweeping or partition.notices.waiting
        counting = partition.baskets.due(now, self._count_every_ms)
        return not (self.busy or partition.dirty or behind or telling or counting)

    async def submit(self, batch: Batch, acknowledge: Acknowledge) -> None:
        """Queue a batch; waits while the writer is behind (that is the back-pressure)."""
        while len(self._queue) >= QUEUED_BATCHES_MAX and not self._closed:
            self._room.clear()
            await self._room.wait()
        if self._closed:
            acknowledge()  # to Faust only, which else waits for it: the partition record knows it is not done
            return
        self._queue.append((batch, acknowledge))
        self._work.set()

    def time_passed(self, now: Instant) -> None:
        """Look again if a wake-up is due: the end of its log may be known already, since the machine's clock
        was set back after it was asked. Or if baskets are to be counted."""
        if self.next_due_at <= now or self.partition.baskets.due(now, self._count_every_ms):
            self._work.set()

    def log_ended(self, asked_at: Instant, end: int) -> None:
        """The log ended at `end` when asked at `asked_at`: wake-ups due by then may fire once it is read."""
        self._tail = (asked_at, end)
        self._work.set()

    def interests_ended(self, queued: int, end: int) -> None:
        """The interests ended at `end` when asked, and so many fan-outs had been queued before: these may
        begin once they are read so far."""
        self._interests_end = end
        self._fan_outs_asked = queued
        if self.partition.notices.waiting:
            self._work.set()

    async def run(self) -> None:
        """Work until closed."""
        while not self._closed:
            self._work.clear()
            async with self._turn:
                worked = await self._read_on()
                worked = await self._sweep() or worked
                worked = await self._fan_out() or worked
                worked = await self._count_baskets() or worked
            if not worked:
                await self._work.wait()

    async def pause(self) -> None:
        """Finish the present turn and fire nothing more: during a rebalance others may take over."""
        self._paused = True
        self._tail = (-1, 0)
        async with self._turn:
            pass

    def resume(self) -> None:
        """Still ours after the rebalance."""
        self._paused = False
        self._work.set()

    async def close(self) -> None:
        """Give the partition up; what is queued is read again by the next owner."""
        self._closed = True
        for _, acknowledge in self._queue:
            acknowledge()
        self._queue.clear()
        self._room.set()
        self._work.set()
        async with self._turn:
            await self._log.close()

    async def _read_on(self) -> bool:
        """Apply what is queued, hand in a slice of what is due, flush, acknowledge."""
        acknowledgements: list[Acknowledge] = []
        inputs, begun = 0, asyncio.get_running_loop().time()
        while self._queue and inputs < FLUSH_INPUTS_MAX:
            batch, acknowledge = self._queue.popleft()
            self._room.set()
            await self._apply(batch)
            inputs += len(batch.records)
            acknowledgements.append(acknowledge)
            await asyncio.sleep(0)  # others have their turn between two batches
        fired = self._fire_due()
        await self._flush()
        for acknowledge in acknowledgements:
            acknowledge()
        if acknowledgements:
            self._metrics.flow.batch_seconds.observe(asyncio.get_running_loop().time() - begun)
        return bool(acknowledgements) or fired > 0

    async def _apply(self, batch: Batch) -> None:
        """Hold the batch's span against the partition record; apply what is next and nothing else."""
        if self._paused and batch.topic == INTERESTS:
            return  # nobody drains these before a rebalance: they are read again when it is over
        expected = self._next_of(batch.topic)
        if batch.end <= expected:
            self._metrics.records_dropped.labels("applied before").inc(len(batch.records))
            return
        if batch.start > expected:
            await self._go_back(batch, expected)
            return
        self._dropped_while_seeking.pop(batch.topic, None)
        if batch.topic == INTERESTS:
            self._note_interests(batch, expected)
        else:
            await self._read_log(batch, expected)
        self.partition.advance(batch.topic, batch.end)

    def _note_interests(self, batch: Batch, expected: int) -> None:
        now = self._now()
        for record in batch.records:
            if record.offset >= expected:
                self.partition.apply_interest(
                    batch.topic, record.offset, record.key, record.value or b"", now
                )

    async def _read_log(self, batch: Batch, expected: int) -> None:
        now, topic, apply = self._now(), self._topic, self.partition.apply_record
        for record in batch.records:
            if record.offset < expected:
                continue
            if record.key is None:  # what concerns nobody has no key, markers among it
                await self._read_marker(record, now)
            elif not apply(topic, record.offset, record.key, record.value or b"", now):
                now = await self._read_in_slices(record)

    async def _read_marker(self, record: LogRecord, now: Instant) -> None:
        """A record that may change what the partition decides by."""
        value = record.value or b""
        digest, version = self.partition.activates_rules(value), activated_snapshot(value)
        if digest is not None:
            await self._finish_sweep(record.offset)
        if not self.partition.apply_record(self._topic, record.offset, None, value, now):
            await self._read_in_slices(record)
        if digest is not None or version is not None:
            await self._activate(digest, version, record.offset)

    async def _read_in_slices(self, record: LogRecord) -> Instant:
        """Apply a record that more wake-ups come before than fit one flush; returns the time by then."""
        applied = False
        while not applied:
            self.partition.advance(self._topic, record.offset)
            await self._flush()
            now = self._now()
            applied = self.partition.apply_record(
                self._topic, record.offset, record.key, record.value or b"", now
            )
        return now

    async def _go_back(self, batch: Batch, expected: int) -> None:
        """A gap: whatever Faust's queues, seeks and commits did, read again from where we stand."""
        self._metrics.records_dropped.labels("above a gap").inc(len(batch.records))
        dropped = self._dropped_while_seeking.get(batch.topic)
        if dropped is None or dropped >= SEEK_AGAIN_AFTER:
            self._metrics.seeks.inc()
            await self._seek(batch.topic, self.partition.number, expected)
            dropped = 0
        self._dropped_while_seeking[batch.topic] = dropped + 1

    async def _finish_sweep(self, offset: int) -> None:
        """Tell everybody of the last change of rules before the next one: what it planned for a customer and
        falls due before the next marker would else be lost."""
        while self.partition.sweeping:
            self.partition.advance(self._topic, offset)
            self.partition.sweep(self._now(), SWEEP_PER_FLUSH)
            await self._flush()

    async def _activate(self, digest: str | None, version: str | None, offset: int) -> None:
        """Decide by another rule set, or recommend by another snapshot, from the marker on; what came before
        is flushed by the old one. A snapshot that cannot be read is passed over: no mail waits for it."""
        partition = self.partition
        partition.advance(self._topic, offset)
        await self._flush()
        if digest is not None and digest != partition.rules.digest:
            partition.activate(await self._rules_of(digest))
        if version is not None and version != partition.record.snapshot_version:
            snapshot = await self._snapshot_of(version)
            if snapshot is not None:
                partition.activate_snapshot(snapshot)
        partition.advance(self._topic, offset + 1)

    def _fire_due(self) -> int:
        """Hand in a slice of the wake-ups that are due, as far as the log's own clock has passed them or the
        log was read to an end asked for since. Returns how many customers it met."""
        asked_at, end = self._tail
        if self._paused or asked_at < 0:  # asked once a rebalance is over: nothing is written in the middle
            return 0
        now = self._now()
        until = self.partition.passed(now)
        if self.next_offset >= end:
            until = max(until, min(asked_at, now))
        if self.next_due_at > until:
            return 0
        self._metrics.timer_lateness.observe((now - self.next_due_at) / 1000)
        fired = self.partition.fire_due(until, now, WAKE_UPS_PER_FLUSH_MAX)
        self._metrics.wake_ups.inc(fired)
        return fired

    async def _sweep(self) -> bool:
        """Tell a slice of the customers of a change of rules. A slice a turn, however much there is to read:
        dates and waits that the new rules bring must not wait for a quiet hour."""
        if self._paused or not self.partition.sweep(self._now(), SWEEP_PER_FLUSH):
            return False
        await self._flush()
        return True

    async def _fan_out(self) -> bool:
        """Tell a slice of those who wait for news of a product. A slice a turn: a million of them hold up
        nothing else, and what was noted before the product changed is read first."""
        if self._paused or not self.partition.notices.waiting:
            return False
        if self.next_interest >= self._interests_end:
            self._fan_outs_ready = self._fan_outs_asked
        if not self.partition.fan_out(FAN_OUT_PER_FLUSH, self._now(), queued=self._fan_outs_ready):
            return False
        await self._flush()
        return True

    async def _count_baskets(self) -> bool:
        """Now and then, count what was ordered, a slice a turn, and tell it."""
        if self._paused or not self.partition.count_baskets(self._now(), self._count_every_ms):
            return False
        await self._flush()
        await asyncio.sleep(0)  # others have their turn between two slices
        return True

    async def _flush(self) -> None:
        """Everything since the last flush, in one transaction."""
        partition = self.partition
        if not partition.dirty:
            return
        flush = partition.take_flush()
        self._guard.look(partition, flush)
        with self._metrics.flush_seconds.time():
            await self._log.commit(flush)
        partition.committed(flush)
        self.flushes += 1
        self._metrics.count(flush, self._now())
        self._metrics.products.interests_dropped.inc(partition.notices.take_dropped())
