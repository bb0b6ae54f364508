"""The recommender: makes snapshots for recommendations, on the worker that owns partition 0.

It reads what all partitions counted and the catalogue, and now and then merges both (`core/merging.py`). A
snapshot and its markers, one in every partition of the events, are one transaction: there is never one
without the others, whenever the process dies. Its writer has a name of its own, so that a worker that lost
partition 0 without noticing can write nothing more.

Nothing here may hold mails up: whatever fails is said in the log, counted, and begun anew.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack

from schemas.event import SNAPSHOT_ACTIVATED, Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.ids import snapshot_marker_id
from schemas.instants import Instant, parse_instant
from schemas.keys import PRODUCT_PREFIX
from schemas.records import (
    EventRecord,
    Malformed,
    SnapshotRecord,
    decode_product,
    decode_snapshot,
    encode_record,
)
from schemas.snapshot import Snapshot
from schemas.topics import EVENTS, PRODUCTS, SNAPSHOTS
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.adapters.dead_letters import SOURCE
from trigger_engine.adapters.left_open import end_left_open
from trigger_engine.adapters.log_port import EngineLog, Fenced, LogReader, LogWriter, Row
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.tasks import ended
from trigger_engine.core.limits import CATALOGUE_MAX
from trigger_engine.core.merging import Merging
from trigger_engine.core.parts import PART_KEY_PREFIX, PartError, decode_part

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
BEGIN_AGAIN_S = 5.0
NO_HEADERS: KafkaHeaders = []
WRITTEN = {SNAPSHOTS: 0, EVENTS: None}
"""Of the events a marker in each partition, beside what others write."""


class Recommender:
    """Works while this worker owns partition 0. `every_ms`: how far apart snapshots are, as a rule."""

    def __init__(
        self,
        *,
        log: EngineLog,
        group: str,
        partitions: int,
        now: Callable[[], Instant],
        metrics: EngineMetrics,
        every_ms: int,
    ) -> None:
        self._log = log
        self._name = f"{group}-recommender"
        self._partitions = partitions
        self._now = now
        self._metrics = metrics
        self._every_ms = every_ms
        self._task: asyncio.Task[None] | None = None

    async def assigned(self, partitions: set[int]) -> None:
        """Begin or stop, as partition 0 is this worker's or not."""
        if 0 not in partitions:
            await self.close()
        elif self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="recommender")

    async def close(self) -> None:
        """Stop; what was not committed is undone by the next one."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task)

    async def _run(self) -> None:
        while True:
            try:
                await self._work()
            except Fenced:
                logger.info("another worker makes the snapshots now")
                return
            except Exception:  # whatever it is, partitions must go on without recommendations
                self._metrics.recommender_failures.inc()
                logger.exception("snapshots for recommendations: beginning anew in %s s", BEGIN_AGAIN_S)
                await asyncio.sleep(BEGIN_AGAIN_S)

    async def _work(self) -> None:
        """Raises Fenced and what the log raises."""
        async with AsyncExitStack() as opened:
            writer = await self._log.open_writer(self._name)
            opened.push_async_callback(writer.close)
            # else the next snapshot would bring markers to light of one that was never finished
            if places := await end_left_open(writer, self._log, WRITTEN):
                logger.info("the recommender ended what may have been left open in %s", places)
            desk = _Desk(self._log, self._partitions, Merging(self._every_ms))
            opened.push_async_callback(desk.close)
            while True:
                await desk.read()
                now = self._now()
                if desk.merging.due(now):
                    # in a thread: 20,000 products take some tenths of a second, and mails must not wait
                    made = await asyncio.to_thread(desk.merging.merge, now)
                    if made is not None:
                        await self._activate(writer, desk.merging, made, now)
                await asyncio.sleep(LOOK_EVERY_S)

    async def _activate(
        self, writer: LogWriter, merging: Merging, made: SnapshotRecord, now: Instant
    ) -> None:
        outdated = [version for version in merging.outdated(now) if version != made.version]
        async with writer.transaction() as transaction:
            await transaction.append(SNAPSHOTS, 0, _snapshot_rows(made, outdated, now))
            for number in range(self._partitions):
                await transaction.append(EVENTS, number, [_marker_row(made, number, now)])
        merging.activate(made)
        self._metrics.snapshots_made.inc()
        logger.info(
            "snapshot %s: %d products, %d orders counted", made.version, len(made.products), made.orders
        )


class _Desk:
    """Reads parts, snapshots and the catalogue, and goes on reading where they grew."""

    def __init__(self, log: EngineLog, partitions: int, merging: Merging) -> None:
        self.merging = merging
        self._log = log
        self._partitions = partitions
        self._readers: dict[tuple[str, int], LogReader] = {}
        self._ends: dict[tuple[str, int], int] = {}

    async def read(self) -> None:
        """Take in what is new."""
        latest: bytes | None = None
        async for record in self._new(SNAPSHOTS, 1):
            latest = self._take_snapshot(record) or latest
        if latest is not None:
            self.merging.activate(decode_snapshot(latest))
        passed_over = self.merging.passed_over
        async for record in self._new(PRODUCTS, self._partitions):
            self._take_product(record)
        if self.merging.passed_over > passed_over:
            logger.warning("the catalogue has more than %d products; the rest is left out", CATALOGUE_MAX)

    async def close(self) -> None:
        """Stop reading."""
        for reader in self._readers.values():
            await reader.close()

    async def _new(self, topic: str, partitions: int) -> AsyncIterator[LogRecord]:
        """The new records of a topic; only partitions that grew are asked for them."""
        for number, end in (await self._log.end_offsets(topic, list(range(partitions)))).items():
            if self._ends.get((topic, number)) == end:
                continue
            reader = self._readers.get((topic, number))
            if reader is None:
                reader = self._readers[topic, number] = await self._log.open_reader(topic, number)
            async for records in reader.read_on():
                for record in records:
                    yield record
            self._ends[topic, number] = end

    def _take_snapshot(self, record: LogRecord) -> bytes | None:
        """A part, or a snapshot, which is given back if it can be read."""
        key = (record.key or b"").decode()
        if key.startswith(PART_KEY_PREFIX):
            self._take_part(int(key.removeprefix(PART_KEY_PREFIX)), record.value)
            return None
        if record.value is None:
            self.merging.take_version(key, None)
            return None
        try:
            made_at = parse_instant(decode_snapshot(record.value).made_at)
        except (Malformed, ValueError) as error:
            logger.error("%s holds a record that is no snapshot, passed over: %s", SNAPSHOTS, error)
            return None
        self.merging.take_version(key, made_at)
        return record.value

    def _take_part(self, partition: int, value: bytes | None) -> None:
        try:
            self.merging.take_part(partition, None if value is None else decode_part(value))
        except PartError as error:
            logger.error("the counts of partition %d on %s are passed over: %s", partition, SNAPSHOTS, error)

    def _take_product(self, record: LogRecord) -> None:
        product_id = (record.key or b"").decode().removeprefix(PRODUCT_PREFIX)
        try:
            product = None if record.value is None else decode_product(record.value)
        except Malformed as error:
            logger.error("the product %r on %s is passed over: %s", product_id, PRODUCTS, error)
            return
        self.merging.take_product(product_id, product)


def _snapshot_rows(made: SnapshotRecord, outdated: list[str], now: Instant) -> Iterator[Row]:
    headers = cloud_event_headers(Snapshot, record_id=made.version, source=SOURCE, time=now)
    yield made.version.encode(), encode_record(made), headers
    for version in outdated:
        yield version.encode(), None, NO_HEADERS


def _marker_row(made: SnapshotRecord, partition: int, now: Instant) -> Row:
    """The marker that activates a snapshot in a partition."""
    marker = EventRecord(
        event_id=snapshot_marker_id(made.version, made.made_at, partition),
        type=SNAPSHOT_ACTIVATED,
        occurred_at=made.made_at,
        received_at=made.made_at,
        source="engine",
        properties={"version": made.version},
    )
    headers = cloud_event_headers(Event, record_id=marker.event_id, source=SOURCE, time=now)
    return None, encode_record(marker), headers
