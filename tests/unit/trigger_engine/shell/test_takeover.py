"""Taking a partition over: its changelog is told apart, both sources must be there, and what a copy has is
not read again."""

import asyncio
from contextlib import suppress

import msgspec
import pytest

from schemas.topics import DEAD_LETTERS, EVENTS, INTERESTS, SNAPSHOTS, STATE_CHANGELOG, TRIGGERS
from tests.fixtures.forgetful_broker import ForgetfulBroker
from tests.simulation.memory_log import MemoryBroker, MemoryLog, NoPace
from trigger_engine.adapters.log_port import Fenced, TopicFacts
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.restoring import Restoring
from trigger_engine.adapters.state_store import AGE_MAX_MS, MemoryStore
from trigger_engine.adapters.takeover import CUSTOMER_TOPICS, Interrupted, TakenOver, UnsoundLog, take_over
from trigger_engine.core.flush import PARTITION_RECORD_KEY, Flush, PartitionRecord
from trigger_engine.core.state import CustomerState, encode_state

NOW = 1_000_000_000_000


def broker_with(**states: bytes) -> MemoryBroker:
    broker = MemoryBroker(dict.fromkeys(CUSTOMER_TOPICS, 2))
    for key, value in states.items():
        broker.produce(STATE_CHANGELOG, 1, (key.encode(), value, []))
    return broker


async def taken_over(
    broker: MemoryBroker, store: MemoryStore | None = None, *, now: int = NOW, interrupted: bool = False
) -> TakenOver:
    """Partition 1, over whatever copy there is of it."""
    metrics = EngineMetrics()
    taken = await take_over(
        MemoryLog(broker, Slices()),
        "tetik",
        1,
        partitions=2,
        store=MemoryStore(lambda: NOW) if store is None else store,
        now=now,
        restoring=Restoring(metrics, asyncio.get_running_loop().time),
        interrupted=lambda: interrupted,
    )
    assert metrics.registry.get_sample_value("tetik_partitions_restoring") == 0
    return taken


class Slices(NoPace):
    """A fetch brings one record."""

    def slice(self, available: int) -> int:
        return 1


def written(broker: MemoryBroker, **states: bytes | None) -> None:
    for key, value in states.items():
        broker.produce(STATE_CHANGELOG, 1, (key.encode(), value, []))


def record(**offsets: int) -> bytes:
    names = {"events": EVENTS, "interests": INTERESTS}
    return msgspec.msgpack.encode(
        PartitionRecord(next_offsets={names[name]: offset for name, offset in offsets.items()})
    )


async def test_products_are_no_customers() -> None:
    ada = encode_state(CustomerState("ada", recent=b"12345678"))
    broker = broker_with(
        **{
            "ada": ada,
            "tetik:product:p1": b"product",
            "tetik:interest:p1:0": b"bucket",
            "tetik:fan-out:p1": b"fan-out",
            "tetik:pool:ten": b"pool",
        }
    )
    broker.produce(STATE_CHANGELOG, 1, (b"tetik:interest:p1:0", None, []))
    taken = await taken_over(broker)
    assert dict(taken.customers.items()) == {"ada": ada}
    assert taken.products == {"tetik:product:p1": b"product", "tetik:fan-out:p1": b"fan-out"}
    assert taken.pools == {"ten": b"pool"}
    assert taken.record.next_offsets == {EVENTS: 0, INTERESTS: 0}


@pytest.mark.parametrize(
    ("offsets", "complaint"),
    [
        ({"events": 0, "interests": 1}, "tetik.interests/1 ends at offset 0, but 1 was applied already"),
        ({"events": 1, "interests": 0}, "tetik.events/1 ends at offset 0, but 1 was applied already"),
    ],
)
async def test_each_source_has_to_be_the_one_that_was_read(offsets: dict[str, int], complaint: str) -> None:
    broker = broker_with(**{PARTITION_RECORD_KEY: record(**offsets)})
    with pytest.raises(UnsoundLog, match=complaint):
        await taken_over(broker)


async def test_the_interests_have_as_many_partitions_as_the_events() -> None:
    broker = broker_with()
    broker.create(INTERESTS, 3)
    with pytest.raises(UnsoundLog, match=r"tetik\.interests has 3 partitions, but TETIK_PARTITIONS is 2"):
        await taken_over(broker)


async def test_a_record_from_before_interests_begins_at_their_start() -> None:
    broker = broker_with(**{PARTITION_RECORD_KEY: record(events=0)})
    taken = await taken_over(broker)
    assert taken.record.next_offsets == {EVENTS: 0, INTERESTS: 0}


async def taken_with_record(broker: MemoryBroker) -> PartitionRecord:
    """Take partition 1 over and keep what its record says then, as its first flush does."""
    taken = await taken_over(broker)
    data = msgspec.msgpack.encode(taken.record)
    broker.produce(STATE_CHANGELOG, 1, (PARTITION_RECORD_KEY.encode(), data, []))
    return taken.record


async def test_the_record_takes_down_which_topics_it_belongs_to() -> None:
    broker = broker_with()
    kept = await taken_with_record(broker)
    facts = broker.describe()
    assert kept.topic_ids == {name: facts[name].id for name in (EVENTS, INTERESTS, STATE_CHANGELOG)}
    assert kept.partitions == 2
    assert (await taken_with_record(broker)).topic_ids == kept.topic_ids


@pytest.mark.parametrize("topic", [EVENTS, INTERESTS])
async def test_a_topic_made_again_is_refused_however_full_it_is(topic: str) -> None:
    """Filled beyond the recorded offset, its offsets look like those of the one that was read."""
    broker = broker_with()
    broker.produce(topic, 1, (b"ada", b"{}", []))
    kept = await taken_with_record(broker)
    broker.create(topic, 2)
    for _ in range(3):
        broker.produce(topic, 1, (b"ada", b"{}", []))
    complaint = (
        rf"{topic} is not the topic .* {topic}#2, the one recorded is {kept.topic_ids[topic]}\..*adopt"
    )
    with pytest.raises(UnsoundLog, match=complaint):
        await taken_over(broker)


async def test_a_changelog_restored_from_a_backup_is_refused() -> None:
    """What was decided since the backup was made would be decided again."""
    broker = broker_with()
    kept = await taken_with_record(broker)
    broker.create(STATE_CHANGELOG, 2)
    broker.produce(STATE_CHANGELOG, 1, (PARTITION_RECORD_KEY.encode(), msgspec.msgpack.encode(kept), []))
    with pytest.raises(UnsoundLog, match=f"{STATE_CHANGELOG} is not the topic that was worked with"):
        await taken_over(broker)


async def test_a_broker_that_tells_no_ids_is_worked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = broker_with()
    nameless = {name: TopicFacts(2, None) for name in CUSTOMER_TOPICS}
    monkeypatch.setattr(broker, "describe", lambda: nameless)
    assert (await taken_with_record(broker)).topic_ids == {}


async def test_states_laid_out_for_another_count_are_refused() -> None:
    """The topics have been given more partitions, but not every state is where it belongs."""
    broker = broker_with(**{PARTITION_RECORD_KEY: msgspec.msgpack.encode(PartitionRecord(partitions=4))})
    with pytest.raises(UnsoundLog, match="laid out over 4 partitions, but TETIK_PARTITIONS is 2"):
        await taken_over(broker)


async def test_states_on_their_way_are_refused_whatever_the_count_is() -> None:
    for begun_with in (2, 1):
        locked = msgspec.msgpack.encode(PartitionRecord(partitions=-begun_with))
        broker = broker_with(**{PARTITION_RECORD_KEY: locked})
        with pytest.raises(UnsoundLog, match=f"a repartition from {begun_with} partitions was begun"):
            await taken_over(broker)


def state(customer: str, **fields: object) -> bytes:
    return encode_state(CustomerState(customer, recent=b"12345678", **fields))


async def test_a_copy_is_gone_on_with_where_it_stands() -> None:
    """What lies before is not read: the broker says something else there by now, and nobody notices."""
    broker = broker_with(ada=b"never read", bob=b"never read")
    store = MemoryStore(lambda: NOW)
    early = MemoryBroker(dict.fromkeys(CUSTOMER_TOPICS, 2))
    written(early, ada=state("ada"), bob=state("bob"))
    store.take_in(early.fetch(STATE_CHANGELOG, 1, 0, 10)[0], 2)
    written(broker, bob=None, eve=state("eve", next_wake_up_at=7))
    taken = await taken_over(broker, store)
    assert dict(taken.customers.items()) == {"ada": state("ada"), "eve": state("eve", next_wake_up_at=7)}
    assert taken.wake_ups == {"eve": 7}


async def test_a_copy_beyond_the_end_of_the_log_is_of_another_one() -> None:
    broker = broker_with(ada=state("ada"))
    store = MemoryStore(lambda: NOW)
    store.take_in([], 2)
    store.put([("old", b"of the other log")])
    taken = await taken_over(broker, store)
    assert dict(taken.customers.items()) == {"ada": state("ada")}
    assert store.stands_at == 1


@pytest.mark.parametrize(
    ("age_ms", "kept"), [(AGE_MAX_MS, True), (AGE_MAX_MS + 1, False), (0, True), (-1, False)]
)
async def test_a_copy_that_may_miss_deletions_is_begun_anew(age_ms: int, kept: bool) -> None:
    """The log has forgotten by now that she was deleted; only a copy still has her. A copy of the future was
    written by a clock that was ahead."""
    broker = broker_with(ada=state("ada"), bob=state("bob"))
    store = MemoryStore(lambda: NOW)
    store.take_in([], 1)
    store.put([("deleted", state("deleted"))])
    taken = await taken_over(broker, store, now=NOW + age_ms)
    assert (taken.customers.get("deleted") is not None) == kept
    assert (taken.customers.get("ada") is None) == kept


async def test_a_copy_that_nothing_was_written_since_is_never_too_old() -> None:
    broker = broker_with(ada=state("ada"))
    store = MemoryStore(lambda: NOW)
    store.take_in([], 1)
    store.put([("eve", state("eve"))])
    taken = await taken_over(broker, store, now=NOW + 10 * AGE_MAX_MS)
    assert taken.customers.get("eve") is not None


async def test_a_copy_is_as_old_as_its_last_look_at_the_end() -> None:
    """Take-overs that are broken off again and again do not make it younger: they may not have come to a
    deletion yet."""
    times = iter((NOW, NOW + 1, NOW + 2))
    store = MemoryStore(lambda: next(times))
    store.take_in([], 1)
    store.take_in([], 2)
    assert store.stood_at == NOW
    store.caught_up()
    assert store.stood_at == NOW + 1
    store.committed(Flush(changelog_end=3))
    assert (store.stands_at, store.stood_at) == (3, NOW + 2)


async def test_an_interrupted_take_over_keeps_what_it_has_read() -> None:
    broker = broker_with(ada=state("ada"), bob=state("bob"), eve=state("eve"))
    store = MemoryStore(lambda: NOW)
    with pytest.raises(Interrupted):
        await taken_over(broker, store, interrupted=True)
    assert (store.stands_at, list(store.keys_after(""))) == (1, ["ada"])
    taken = await taken_over(broker, store)
    assert list(taken.customers.keys_after("")) == ["ada", "bob", "eve"]


def test_the_bar_says_how_far_how_fast_and_how_long() -> None:
    seconds = [0.0]
    restoring = Restoring(EngineMetrics(), lambda: seconds[0])
    restoring.begins(0, 0, 3_000)
    restoring.begins(1, 4_000, 5_000)
    assert "0%, 0 of 4,000 offsets" in restoring.line()
    seconds[0] = 2.0
    restoring.reads(0, 1_900, 2_000)
    assert restoring.line() == (
        "restoring 2 partitions [############............] 50%, 2,000 of 4,000 offsets, 1,000/s, 2 s left"
    )


def test_a_line_comes_every_few_seconds(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    seconds = [0.0]
    restoring = Restoring(EngineMetrics(), lambda: seconds[0])
    restoring.begins(0, 0, 100)
    for at in range(1, 100):
        seconds[0] = at / 10
        restoring.reads(0, 1, at)
    assert len(caplog.messages) == 3
    restoring.ends(0)


def test_partitions_without_a_changelog_are_restored_at_once() -> None:
    restoring = Restoring(EngineMetrics(), lambda: 0.0)
    for number in (0, 1):
        restoring.begins(number, 0, 0)
    for number in (0, 1):
        restoring.ends(number)


def test_metrics_come_to_nothing_left() -> None:
    metrics = EngineMetrics()
    restoring = Restoring(metrics, lambda: 0.0)

    def shown() -> tuple[float | None, ...]:
        names = ("tetik_partitions_restoring", "tetik_restore_offsets_left")
        return tuple(metrics.registry.get_sample_value(name) for name in names)

    restoring.begins(0, 10, 110)
    restoring.begins(1, 0, 50)
    assert shown() == (2, 150)
    restoring.reads(0, 40, 60)
    assert shown() == (2, 100)
    restoring.ends(0)
    assert shown() == (1, 50)
    restoring.ends(1)
    assert shown() == (0, 0)
    read = {"purpose": "take-over"}
    assert metrics.registry.get_sample_value("tetik_changelog_records_read_total", read) == 40


def test_a_partition_with_nothing_to_read_is_under_way_until_it_is_done() -> None:
    """As all are when an engine begins on new topics."""
    metrics = EngineMetrics()
    restoring = Restoring(metrics, lambda: 0.0)
    for partition in (0, 1, 2):
        restoring.begins(partition, 0, 0)
    for partition in (2, 0, 1):
        restoring.ends(partition)
    assert metrics.registry.get_sample_value("tetik_partitions_restoring") == 0


async def test_what_the_broker_did_not_end_comes_to_light_with_no_commit_of_ours() -> None:
    broker = ForgetfulBroker({**dict.fromkeys(CUSTOMER_TOPICS, 2), DEAD_LETTERS: 1, SNAPSHOTS: 1})
    former = await MemoryLog(broker).open_writer("tetik-1")
    places = ((TRIGGERS, 1), (EVENTS, 0), (DEAD_LETTERS, 0), (SNAPSHOTS, 0), (STATE_CHANGELOG, 1))
    with suppress(Fenced):
        async with former.transaction() as transaction:
            for place in places:
                await transaction.append(*place, [(b"ada", b"left open", [])])
            taken = await taken_over(broker)
    assert dict(taken.customers.items()) == {}
    await taken.log.commit(Flush(states=[("bea", b"committed")], record=record(events=0)))
    await broker.settled()
    for place in places:
        kept = broker.partition(*place)
        assert kept.committed_end == kept.end
        assert b"left open" not in [one.value for one in kept.read(0, kept.end)]
    state = broker.partition(STATE_CHANGELOG, 1)
    assert [one.key for one in state.read(0, state.end)] == [b"bea", PARTITION_RECORD_KEY.encode()]


async def test_a_transaction_of_others_is_left_alone() -> None:
    broker = broker_with()
    other = await MemoryLog(broker).open_writer("tetik-0")
    async with other.transaction() as transaction:
        await transaction.append(EVENTS, 1, [(b"ada", b"theirs", [])])
        await taken_over(broker)
    await broker.settled()
    events = broker.partition(EVENTS, 1)
    assert [one.value for one in events.read(0, events.end)] == [b"theirs"]
