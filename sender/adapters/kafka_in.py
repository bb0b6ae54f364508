"""What the sender reads: requests, one consumer of the group; committed only when done.

Several records are in work at once. An offset is committed when everything below it has its outcome in the
ledger and reported; a crash before the commit re-reads, and the ledger answers "done". Only committed
records are read, so positions step over transaction markers.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from sender.core.offsets import OffsetTracker
from sender.core.origin import Origin

log = logging.getLogger("tetik.sender")

POLL_MS = 100
COMMIT_EVERY_S = 1.0
RETRY_S_MAX = 10.0
WORK_TIME_MS_MAX = 3_600_000
"""How long a poll may wait for room: while Redis is away, records are held longer than Kafka's 5 min."""


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """A record in work. Call `done` when its outcome is reported or the ledger holds it; after a rebalance
    that concerns a tracker nobody asks."""

    key: bytes | None
    value: bytes
    origin: Origin
    done: Callable[[], None]


class Inbox(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka ships no types
    """The assigned partitions of `tetik.outbound` and how far each is done."""

    def __init__(
        self, bootstrap: str, topic: str, group: str, instance: str, *, check_crcs: bool = True
    ) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._group = group
        self._instance = instance
        self._check_crcs = check_crcs
        self._consumer: AIOKafkaConsumer | None = None
        self._trackers: dict[TopicPartition, OffsetTracker] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._commit_at_s = 0.0
        self._assigned = False
        self.connected = False

    async def open(self) -> None:
        """Joins the group; waits until Kafka is there, with one line a minute at most."""
        delay_s = 0.5
        while True:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._bootstrap,
                group_id=self._group,
                group_instance_id=self._instance,
                client_id=self._instance,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                check_crcs=self._check_crcs,
                max_poll_interval_ms=WORK_TIME_MS_MAX,
                fetch_max_wait_ms=500,
            )
            try:
                await consumer.start()
                if self._topic in await consumer.topics():
                    break
                problem = f"it has no topic {self._topic}; create the topics"
            except (KafkaError, OSError) as error:
                problem = str(error) or type(error).__name__
            await consumer.stop()
            log.warning("Kafka at %s: %s; trying again in %.0f s", self._bootstrap, problem, max(delay_s, 1))
            await asyncio.sleep(delay_s)
            delay_s = min(2 * delay_s, RETRY_S_MAX)
        self._consumer = consumer
        consumer.subscribe([self._topic], listener=self)
        self.connected = True
        log.info("Reading %s on Kafka at %s", self._topic, self._bootstrap)

    async def read(self, room: int) -> list[InboxRecord]:
        """The next records, at most `room`; returns soon, and empty if there are none."""
        consumer = self._consumer
        if consumer is None:
            raise RuntimeError("open() comes first")
        try:
            batches = await consumer.getmany(timeout_ms=POLL_MS, max_records=room)
            records = [record for batch in batches.values() for record in batch]
            if records:  # a second look, without waiting, steps over the markers behind them
                more = await consumer.getmany(timeout_ms=0, max_records=room)
                records += [record for batch in more.values() for record in batch]
        except KafkaError as error:
            log.warning("Kafka at %s: %s; reading on", self._bootstrap, error or type(error).__name__)
            await asyncio.sleep(1)
            return []
        taken = [self._begin(record) for record in records]
        await self._note_positions(consumer)
        return taken

    async def commit(self, *, at_once: bool = False) -> None:
        """Commits what is done, at most once a second. A failed commit only means reading it again."""
        now_s = time.monotonic()
        if self._consumer is None or (now_s < self._commit_at_s and not at_once):
            return
        self._commit_at_s = now_s + COMMIT_EVERY_S
        await self._commit(self._trackers)

    def positions(self) -> dict[str, int] | None:
        """The next offset of each partition; None while a record is in work or a position unknown."""
        if not self._assigned or any(each.busy for each in self._trackers.values()):
            return None
        found = {f"{tp.topic}/{tp.partition}": each.next_offset for tp, each in self._trackers.items()}
        if any(offset is None for offset in found.values()):
            return None
        return {name: offset for name, offset in found.items() if offset is not None}

    async def close(self) -> None:
        """Commits and leaves."""
        if self._consumer is not None:
            await self.commit(at_once=True)
            await self._consumer.stop()
            self._consumer = None

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """aiokafka revokes everything at each rebalance."""
        await self._commit({tp: self._trackers[tp] for tp in revoked if tp in self._trackers})
        self._assigned = False
        self._trackers.clear()
        self._committed.clear()

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Each begins at its committed offset."""
        self._trackers = {tp: OffsetTracker() for tp in assigned}
        self._committed.clear()
        self._assigned = True

    def _begin(self, record: ConsumerRecord) -> InboxRecord:
        tracker = self._trackers.setdefault(TopicPartition(record.topic, record.partition), OffsetTracker())
        tracker.begin(record.offset)
        return InboxRecord(
            key=record.key,
            value=record.value or b"",
            origin=Origin(record.partition, record.offset),
            done=lambda: tracker.done(record.offset),
        )

    async def _note_positions(self, consumer: AIOKafkaConsumer) -> None:
        for partition in list(self._trackers):
            try:
                async with asyncio.timeout(1):
                    position = await consumer.position(partition)
            except (IllegalStateError, KafkaError, TimeoutError):
                continue
            if tracker := self._trackers.get(partition):
                tracker.position = position

    async def _commit(self, trackers: dict[TopicPartition, OffsetTracker]) -> None:
        offsets = {}
        for partition, tracker in trackers.items():
            offset = tracker.next_offset
            if offset is not None and offset != self._committed.get(partition):
                offsets[partition] = offset
        if not offsets or self._consumer is None:
            return
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError, KafkaError) as error:
            log.info(
                "offsets not committed (%s); the ledger knows what is done", error or type(error).__name__
            )
            return
        self._committed.update(offsets)
