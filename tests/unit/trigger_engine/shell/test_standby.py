"""Standing by and owning, over the simulator's log: who follows what, and what becomes of copies."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from schemas.topics import STATE_CHANGELOG
from tests.simulation.memory_log import MemoryBroker, MemoryLog, NoPace, every_topic
from trigger_engine.adapters import standby, tasks
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.adapters.state_store import AGE_MAX_MS, MemoryStore
from trigger_engine.core.state import CustomerState, encode_state

NOW = 1_000_000_000_000
PARTITIONS = 3
READ = "tetik_changelog_records_read_total"


class Slices(NoPace):
    """A fetch brings ten records; `fails` breaks what is asked of the log."""

    fails = False
    seen: Callable[[], object] = staticmethod(lambda: None)
    """Called at each fetch."""

    def slice(self, available: int) -> int:
        self.seen()
        return min(available, 10)

    async def at(self, point: str) -> None:
        if self.fails and point == f"ends {STATE_CHANGELOG}":
            raise OSError("the broker is away")
        await super().at(point)


class Worker:
    """What a worker is without Faust."""

    def __init__(self, broker: MemoryBroker, *, standing_by: bool) -> None:
        self.pace = Slices()
        self.metrics = EngineMetrics()
        self.called_again = False
        self.failed: list[BaseException] = []
        log = MemoryLog(broker, self.pace)
        self.owned = PartitionsOwned(
            log=log,
            group="tetik",
            partitions=PARTITIONS,
            rules=RuleBook(log),
            seek=self._seek,
            now=lambda: NOW,
            metrics=self.metrics,
            rejected_max=100,
            failed=self.failed.append,
            snapshots=SnapshotBook(log, self.metrics),
            standing_by=standing_by,
            interrupted=lambda: self.called_again,
        )

    async def _seek(self, partition: int, offset: int) -> None:
        """Nothing is fetched here."""

    def value(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                await asyncio.sleep(0)


@asynccontextmanager
async def worker(broker: MemoryBroker, *, standing_by: bool = True) -> AsyncIterator[Worker]:
    made = Worker(broker, standing_by=standing_by)
    try:
        yield made
    finally:
        await made.owned.close()
        assert made.failed == []


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other without a pause."""
    monkeypatch.setattr(standby, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(standby, "BEGIN_AGAIN_S", 0)


@pytest.fixture
def broker() -> MemoryBroker:
    """Each partition has a hundred customers."""
    made = MemoryBroker(every_topic(PARTITIONS))
    for number in range(PARTITIONS):
        write(made, number, *range(100))
    return made


def write(broker: MemoryBroker, partition: int, *customers: int) -> None:
    for number in customers:
        key = f"c{partition}-{number}"
        state = encode_state(CustomerState(key, recent=b"12345678"))
        broker.produce(STATE_CHANGELOG, partition, (key.encode(), state, []))


async def test_a_copy_follows_and_the_take_over_reads_what_it_lacks(broker: MemoryBroker) -> None:
    async with worker(broker) as one:
        await one.owned.on_assigned({0})
        await one.until(lambda: one.value("tetik_standby_customers") == 200)
        write(broker, 1, 100, 101)
        await one.until(lambda: one.value(READ, purpose="standby") == 202)
        assert one.value("tetik_standby_lag_records") == 0
        assert one.value(READ, purpose="take-over") == 100
        await one.owned.on_assigned({0, 1})
        assert one.value(READ, purpose="take-over") == 100, "partition 0 is kept, 1 was at hand"
        assert one.value("tetik_take_over_seconds_count", source="copy") == 1
        assert len(one.owned.writers[1].partition.customers) == 102


async def test_what_is_given_up_is_followed_on_and_comes_back_without_being_read(
    broker: MemoryBroker,
) -> None:
    async with worker(broker) as one:
        await one.owned.on_assigned({0, 1, 2})
        await one.owned.on_assigned({0})
        write(broker, 2, 100)
        await one.until(lambda: one.value(READ, purpose="standby") == 1)
        await one.owned.on_assigned({0, 1, 2})
        assert one.value(READ, purpose="take-over") == 300
        assert len(one.owned.writers[2].partition.customers) == 101


async def test_without_standby_what_is_given_up_is_read_again(broker: MemoryBroker) -> None:
    async with worker(broker, standing_by=False) as one:
        await one.owned.on_assigned({0, 1})
        await one.owned.on_assigned({0})
        await one.owned.on_assigned({0, 1})
        assert one.value(READ, purpose="take-over") == 300
        assert one.value("tetik_take_over_seconds_count", source="copy") == 0


async def test_following_that_fails_is_begun_anew_and_takes_nothing_else_down(
    broker: MemoryBroker, caplog: pytest.LogCaptureFixture
) -> None:
    async with worker(broker) as one:
        await one.owned.on_assigned({0})
        one.pace.fails = True
        await one.until(lambda: one.value("tetik_standby_failures_total") >= 2)
        one.pace.fails = False
        await one.until(lambda: one.value("tetik_standby_customers") == 200)
        assert "the broker is away" in caplog.text


async def test_a_copy_of_a_topic_that_was_re_created_is_begun_anew(broker: MemoryBroker) -> None:
    async with worker(broker) as one:
        await one.owned.on_assigned({0})
        await one.until(lambda: one.value("tetik_standby_customers") == 200)
        broker.create(STATE_CHANGELOG, PARTITIONS)
        write(broker, 1, 7)
        await one.until(lambda: one.value("tetik_standby_customers") == 1)
        await one.owned.on_assigned({0, 1})
        assert list(one.owned.writers[1].partition.customers.keys_after("")) == ["c1-7"]


@pytest.mark.parametrize("standing_by", [False, True])
async def test_a_take_over_that_was_broken_off_goes_on_at_the_next_assignment(
    broker: MemoryBroker, standing_by: bool
) -> None:
    async with worker(broker, standing_by=standing_by) as one:
        await one.owned.on_assigned({0})
        await one.owned.pause()
        one.called_again = True
        await one.owned.on_assigned({0, 1, 2})
        assert one.owned.settling, "nobody may think that it owns what it was assigned"
        assert set(one.owned.writers) == {0}
        broken_off = one.value(READ, purpose="take-over") - 100
        assert 0 < broken_off < 200

        one.called_again = False
        await one.owned.on_assigned({0, 1})
        assert not one.owned.settling
        assert one.value(READ, purpose="take-over") == 200 + broken_off / 2, "what 1 had read, it kept"
        assert len(one.owned.writers[1].partition.customers) == 100


async def test_a_copy_too_old_to_know_of_deletions_is_begun_anew_before_it_is_followed(
    broker: MemoryBroker,
) -> None:
    """As files are that an engine finds behind two days of downtime. To follow them would make them young."""
    made: list[MemoryStore] = []

    async def old(partition: int) -> MemoryStore:
        store = MemoryStore(lambda: NOW, lasting=True)
        store.take_in([], 50)
        store.put([("erased", b"long ago")])
        store.stood_at = NOW - AGE_MAX_MS - 1
        made.append(store)
        return store

    async with worker(broker) as one:
        one.owned._stores.open = old
        await one.owned._standby.pause()
        one.owned._standby.follow({1})
        await one.until(lambda: bool(made) and len(made[0]) == 100)
        assert made[0].get("erased") is None


async def test_how_far_copies_are_behind_is_told_from_the_start(broker: MemoryBroker) -> None:
    seen: list[float] = []
    async with worker(broker) as one:
        one.pace.seen = lambda: seen.append(one.value("tetik_standby_lag_records"))
        await one.owned.on_assigned({0})
        await one.until(lambda: one.value("tetik_standby_customers") == 200)
        await one.until(lambda: one.value("tetik_standby_lag_records") == 0)
    assert max(seen) == 200
    assert {90, 100} <= set(seen), "one is read, and the other is still to be"


async def test_a_clean_stop_breaks_a_take_over_off_and_nothing_is_owned_behind_it(
    broker: MemoryBroker,
) -> None:
    async with worker(broker) as one:
        await one.owned.on_assigned({0})
        taking = asyncio.create_task(one.owned.on_assigned({0, 1, 2}))
        await asyncio.sleep(0)
        await one.owned.close()
        await taking
        await one.owned.on_assigned({0, 1, 2})
        assert one.owned.writers == {}


async def test_a_task_that_swallows_its_cancellation_is_ended_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "SAID_AGAIN_S", 0.01)
    swallowed = 0

    async def deaf() -> None:
        nonlocal swallowed
        while swallowed < 3:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await tasks.ended(task)
    assert (task.done(), swallowed) == (True, 3)


async def test_copies_of_what_is_not_followed_are_given_up(broker: MemoryBroker) -> None:
    """Broken off, and somebody else got it: without standby there is no use for what was read."""
    closed: list[int] = []

    class Seen(MemoryStore):
        def close(self) -> None:
            closed.append(self.stands_at)

    async with worker(broker, standing_by=False) as one:
        one.owned._stores.open = opened(Seen)
        one.called_again = True
        await one.owned.on_assigned({0})
        one.called_again = False
        await one.owned.on_assigned({1})
        assert closed == [10]


def opened(kind: type[MemoryStore]):
    async def open_store(partition: int) -> MemoryStore:
        return kind(lambda: NOW)

    return open_store
