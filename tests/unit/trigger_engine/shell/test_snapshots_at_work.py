"""A writer at work with snapshots: from their marker on, missing ones too, and when baskets are counted."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from schemas.instants import HOUR_MS
from schemas.records import SnapshotProductRecord, SnapshotRecord
from schemas.topics import EVENTS, INTERESTS
from tests.fixtures.engine_cases import T0, event, profile
from tests.unit.trigger_engine.shell.test_partition_writer import recorded
from tests.unit.trigger_engine.shell.test_recommending_partition import RULES, marker, order
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.app import PartitionWriter
from trigger_engine.core.effects import RequestMail
from trigger_engine.core.flush import Flush, PartitionRecord
from trigger_engine.core.partition import Partition
from trigger_engine.core.parts import decode_part
from trigger_engine.core.rules import Rules
from trigger_engine.core.snapshot import Snapshot


def snapshot(version: str, product_id: str) -> Snapshot:
    product = SnapshotProductRecord(product_id=product_id, name=product_id, orders=1)
    record = SnapshotRecord(
        version=version,
        made_at="2026-03-01T00:00:00.000Z",
        orders=1,
        products=[product],
        best_sellers=[product_id],
    )
    return Snapshot(record)


class Shell:
    """What stands around a writer: the log, the book, the time."""

    def __init__(self) -> None:
        self.now = T0
        self.flushes: list[Flush] = []
        self.asked: list[str] = []
        self.offset = 0
        self.known = {"v1": snapshot("v1", "tea"), "v2": snapshot("v2", "mug")}
        record = PartitionRecord(next_offsets={EVENTS: 0, INTERESTS: 0})
        self.writer = PartitionWriter(
            Partition(0, {}, record, RULES, {}),
            self,
            topic=EVENTS,
            now=lambda: self.now,
            rules_of=self.rules_of,
            snapshot_of=self.snapshot_of,
            seek=self.seek,
            metrics=EngineMetrics(),
            rejected_max=100,
            count_every_ms=HOUR_MS,
        )

    async def commit(self, flush: Flush) -> None:
        self.flushes.append(flush)

    async def close(self) -> None:
        """Nothing is open."""

    async def rules_of(self, digest: str) -> Rules:
        raise AssertionError(f"{digest} is not asked for")

    async def snapshot_of(self, version: str) -> Snapshot | None:
        self.asked.append(version)
        return self.known.get(version)

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        raise AssertionError("there are no gaps")

    async def read(self, *values: bytes) -> None:
        """Until it is acknowledged."""
        records = [recorded(self.offset + number, value) for number, value in enumerate(values)]
        batch = Batch(EVENTS, 0, self.offset, self.offset + len(values), list(records))
        self.offset += len(values)
        done = asyncio.Event()
        await self.writer.submit(batch, done.set)
        async with asyncio.timeout(5):
            await done.wait()

    def snapshots_of_mails(self) -> list[str | None]:
        """Of each mail, the snapshot that it was recommended by."""
        return [
            effect.record.data.get("recommended", {}).get("snapshot")
            for flush in self.flushes
            for effect in flush.effects
            if isinstance(effect, RequestMail)
        ]


@asynccontextmanager
async def running() -> AsyncIterator[Shell]:
    shell = Shell()
    task = asyncio.create_task(shell.writer.run())
    try:
        yield shell
    finally:
        await shell.writer.close()
        await asyncio.gather(task)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def asks(number: int) -> bytes:
    return event("article_read", "ada", f"e{number}")


async def test_a_snapshot_counts_from_its_marker_on_within_one_batch() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "p"), asks(1), marker("v1"), asks(2), marker("v2"), asks(3))
        assert shell.snapshots_of_mails() == [None, "v1", "v2"]
        assert shell.writer.next_offset == 6


async def test_a_repeated_marker_changes_nothing_and_reads_nothing() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "p"), marker("v1"), marker("v1"), asks(1))
        assert shell.asked == ["v1"]
        assert shell.snapshots_of_mails() == ["v1"]


async def test_a_missing_snapshot_leaves_the_one_before_and_holds_nothing_up() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "p"), marker("v1"), marker("gone"), asks(1))
        assert shell.asked == ["v1", "gone"]
        assert shell.snapshots_of_mails() == ["v1"]
        assert shell.writer.partition.record.snapshot_version == "v1"
        assert shell.writer.next_offset == 4


async def test_baskets_are_counted_in_a_flush_of_their_own_and_again_when_time_has_passed() -> None:
    async with running() as shell:
        await shell.read(order("ada", "1", "tea"))
        await until(lambda: len(shell.flushes) == 2)
        assert [flush.part is not None for flush in shell.flushes] == [False, True]
        await shell.read(order("ada", "2", "tea"))
        await until(lambda: len(shell.flushes) == 4)
        await shell.read(order("ada", "3", "tea"))
        await until(lambda: shell.writer.settled(shell.now))
        assert len(shell.flushes) == 5
        shell.now += HOUR_MS
        assert not shell.writer.settled(shell.now)
        shell.writer.time_passed(shell.now)
        await until(lambda: len(shell.flushes) == 6)
        part = shell.flushes[-1].part
        assert part is not None
        assert decode_part(part).products == [("tea", 3)]
        await until(lambda: shell.writer.settled(shell.now))


async def test_nothing_is_counted_while_others_may_take_over() -> None:
    async with running() as shell:
        await shell.writer.pause()
        await shell.read(order("ada", "1", "tea"))
        await until(lambda: len(shell.flushes) == 1)
        shell.writer.resume()
        await until(lambda: len(shell.flushes) == 2)
        assert shell.flushes[1].part is not None
