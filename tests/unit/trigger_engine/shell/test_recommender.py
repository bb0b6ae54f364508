"""The recommender over a log in memory: what it reads, what it writes, and that all of it comes at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from schemas.instants import HOUR_MS, MINUTE_MS
from schemas.records import (
    EventRecord,
    ProductRecord,
    SnapshotRecord,
    decode_event,
    decode_snapshot,
    encode_record,
)
from schemas.topics import EVENTS, PRODUCTS, SNAPSHOTS
from tests.fixtures.engine_cases import T0
from tests.fixtures.forgetful_broker import ForgetfulBroker
from tests.simulation.memory_log import MemoryBroker, MemoryLog, MemoryRecord
from trigger_engine.adapters import recommender as recommender_module
from trigger_engine.adapters import snapshot_book as book_module
from trigger_engine.adapters.log_port import Fenced
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.recommender import Recommender
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.core.baskets import Basket
from trigger_engine.core.parts import count, encode_part

PARTITIONS = 3


class Shop:
    """The topics, and a recommender that works on them while it has partition 0."""

    def __init__(self, broker: type[MemoryBroker] = MemoryBroker) -> None:
        self.now = T0
        self.broker = broker({EVENTS: PARTITIONS, PRODUCTS: PARTITIONS, SNAPSHOTS: 1})
        self.log = MemoryLog(self.broker)
        self.metrics = EngineMetrics()
        self.recommender = self.another()

    def another(self, log: Any = None) -> Recommender:
        """A worker's recommender."""
        return Recommender(
            log=log or self.log,
            group="tetik",
            partitions=PARTITIONS,
            now=lambda: self.now,
            metrics=self.metrics,
            every_ms=HOUR_MS,
        )

    def sells(self, product_id: str, **fields: Any) -> None:
        """An entry of the catalogue, in one partition or another."""
        product = ProductRecord(
            product_id=product_id, name=product_id, updated_at="2026-03-01T00:00:00.000Z", **fields
        )
        row = (f"product:{product_id}".encode(), encode_record(product), [])
        self.broker.produce(PRODUCTS, len(product_id) % PARTITIONS, row)

    def ordered(self, partition: int, *baskets: tuple[str, ...]) -> None:
        """What a partition counted."""
        part = encode_part(count(Basket(T0, products) for products in baskets))
        self.broker.produce(SNAPSHOTS, 0, (f"part:{partition}".encode(), part, []))

    def written(self, topic: str, partition: int) -> list[MemoryRecord]:
        """The committed records."""
        return self.broker.fetch(topic, partition, 0, 10_000)[0]

    def snapshots(self) -> list[SnapshotRecord]:
        """In order; forgotten ones too."""
        records = self.written(SNAPSHOTS, 0)
        return [
            decode_snapshot(each.value)
            for each in records
            if each.value and not (each.key or b"").startswith(b"part:")
        ]

    def markers(self, partition: int) -> list[EventRecord]:
        return [decode_event(each.value or b"") for each in self.written(EVENTS, partition)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0)


@asynccontextmanager
async def shop(
    monkeypatch: pytest.MonkeyPatch, broker: type[MemoryBroker] = MemoryBroker
) -> AsyncIterator[Shop]:
    monkeypatch.setattr(recommender_module, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(recommender_module, "BEGIN_AGAIN_S", 0.0)
    made = Shop(broker)
    try:
        yield made
    finally:
        await made.recommender.close()


async def test_it_merges_what_partitions_counted_and_activates_it_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea", category="drinks")
        here.sells("mug")
        here.ordered(0, ("tea", "mug"))
        here.ordered(2, ("mug",))
        await here.recommender.assigned({0, 1})
        await here.until(lambda: len(here.markers(PARTITIONS - 1)) == 1)
        (snapshot,) = here.snapshots()
        assert snapshot.best_sellers == ["mug", "tea"]
        assert snapshot.orders == 2
        ids = set()
        for partition in range(PARTITIONS):
            (marker,) = here.markers(partition)
            assert (marker.type, marker.source) == ("snapshot_activated", "engine")
            assert marker.properties == {"version": snapshot.version}
            ids.add(marker.event_id)
        assert len(ids) == PARTITIONS


async def test_only_the_worker_of_partition_0_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea")
        await here.recommender.assigned({1, 2})
        other = here.another()
        await other.assigned({0})
        await here.until(lambda: bool(here.snapshots()))
        await other.assigned({1})
        here.sells("mug")
        here.now += HOUR_MS
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(here.snapshots()) == 1
        await here.recommender.assigned({0})
        await here.until(lambda: len(here.snapshots()) == 2)
        assert [each.product_id for each in here.snapshots()[-1].products] == ["mug", "tea"]


async def test_who_lost_partition_0_without_noticing_writes_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea")
        await here.recommender.assigned({0})
        await here.until(lambda: bool(here.snapshots()))
        other = here.another()
        await other.assigned({0})
        here.now += HOUR_MS
        here.sells("mug")
        await here.until(lambda: len(here.snapshots()) == 2)
        await here.until(lambda: here.recommender._task is not None and here.recommender._task.done())
        await other.close()
        assert [len(here.markers(number)) for number in range(PARTITIONS)] == [2] * PARTITIONS


async def test_what_a_former_recommender_left_open_comes_to_light_with_no_snapshot_of_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with shop(monkeypatch, ForgetfulBroker) as here:
        here.sells("tea")
        former = await here.log.open_writer("tetik-recommender")
        with suppress(Fenced):
            async with former.transaction() as transaction:
                for topic, number in ((SNAPSHOTS, 0), (EVENTS, 0), (EVENTS, 2)):
                    await transaction.append(topic, number, [(b"left", b"left open", [])])
                await here.recommender.assigned({0})
                await here.until(lambda: bool(here.snapshots()))
        await here.broker.settled()
        for topic, number in ((SNAPSHOTS, 0), (EVENTS, 0), (EVENTS, 2)):
            assert b"left open" not in [record.value for record in here.written(topic, number)]
        assert [len(here.markers(number)) for number in range(PARTITIONS)] == [1] * PARTITIONS


async def test_another_worker_goes_on_where_the_last_one_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea")
        await here.recommender.assigned({0})
        await here.until(lambda: bool(here.snapshots()))
        await here.recommender.close()
        here.now += MINUTE_MS
        await here.recommender.assigned({0})
        for _ in range(50):
            await asyncio.sleep(0)
        assert len(here.snapshots()) == 1
        here.sells("tea", stock=0)
        await here.until(lambda: len(here.snapshots()) == 2)


async def test_an_error_is_counted_and_the_work_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea")
        await here.recommender.close()
        real, failures = MemoryLog.end_offsets, iter([True, True, False])

        async def failing(log: MemoryLog, *given: Any, **more: Any) -> dict[int, int]:
            if next(failures, False):
                raise ConnectionError("planted")
            return await real(log, *given, **more)

        monkeypatch.setattr(MemoryLog, "end_offsets", failing)
        await here.recommender.assigned({0})
        await here.until(lambda: bool(here.snapshots()))
        assert here.metrics.registry.get_sample_value("tetik_recommender_failures_total") == 2


async def test_records_that_cannot_be_read_are_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shop(monkeypatch) as here:
        here.sells("tea")
        here.broker.produce(PRODUCTS, 0, (b"product:bad", b"{", []))
        here.broker.produce(SNAPSHOTS, 0, (b"part:1", b"{", []))
        here.broker.produce(SNAPSHOTS, 0, (b"version", b"{", []))
        await here.recommender.assigned({0})
        await here.until(lambda: bool(here.markers(0)))
        (marker,) = here.markers(0)
        rows = [
            each for each in here.written(SNAPSHOTS, 0) if each.key == marker.properties["version"].encode()
        ]
        assert [each.product_id for each in decode_snapshot(rows[0].value or b"").products] == ["tea"]


async def test_the_book_gives_the_snapshot_of_a_version_also_an_older_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(book_module, "ATTEMPT_WAIT_S", 0.0)
    monkeypatch.setattr(book_module, "LATEST_KEPT", 1)
    here = Shop()
    book = SnapshotBook(here.log, here.metrics)
    for number in range(3):
        record = SnapshotRecord(
            version=f"v{number}", made_at="2026-03-01T00:00:00Z", orders=number, products=[]
        )
        here.broker.produce(SNAPSHOTS, 0, (f"v{number}".encode(), encode_record(record), []))
    here.ordered(0, ("tea",))
    here.broker.produce(SNAPSHOTS, 0, (b"v1", None, []))
    found = [await book.snapshot_of(f"v{number}") for number in range(3)]
    assert [None if each is None else each.orders for each in found] == [0, None, 2]
    assert await book.snapshot_of("v0") is found[0]
    assert await book.snapshot_of("") is None
    assert here.metrics.registry.get_sample_value("tetik_snapshots_missing_total") == 1
    await book.close()


async def test_the_book_waits_a_moment_for_what_is_not_visible_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book_module, "ATTEMPT_WAIT_S", 0.01)
    here = Shop()
    book = SnapshotBook(here.log, here.metrics)
    asked = asyncio.create_task(book.snapshot_of("v"))
    await asyncio.sleep(0)
    record = SnapshotRecord(version="v", made_at="2026-03-01T00:00:00Z", orders=1, products=[])
    here.broker.produce(SNAPSHOTS, 0, (b"v", encode_record(record), []))
    found = await asyncio.wait_for(asked, 5)
    assert found is not None
    await book.close()
