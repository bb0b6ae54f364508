"""Taking a partition over: what its changelog holds is told apart, and both sources must be there."""

import msgspec
import pytest

from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from trigger_engine.adapters.log_port import TopicFacts
from trigger_engine.adapters.takeover import CUSTOMER_TOPICS, UnsoundLog, take_over
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.state import CustomerState, encode_state


def broker_with(**states: bytes) -> MemoryBroker:
    broker = MemoryBroker(dict.fromkeys(CUSTOMER_TOPICS, 2))
    for key, value in states.items():
        broker.produce(STATE_CHANGELOG, 1, (key.encode(), value, []))
    return broker


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
    taken = await take_over(MemoryLog(broker), "tetik", 1, partitions=2)
    assert taken.customers == {"ada": ada}
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
        await take_over(MemoryLog(broker), "tetik", 1, partitions=2)


async def test_the_interests_have_as_many_partitions_as_the_events() -> None:
    broker = broker_with()
    broker.create(INTERESTS, 3)
    with pytest.raises(UnsoundLog, match=r"tetik\.interests has 3 partitions, but TETIK_PARTITIONS is 2"):
        await take_over(MemoryLog(broker), "tetik", 1, partitions=2)


async def test_a_record_from_before_interests_begins_at_their_start() -> None:
    broker = broker_with(**{PARTITION_RECORD_KEY: record(events=0)})
    taken = await take_over(MemoryLog(broker), "tetik", 1, partitions=2)
    assert taken.record.next_offsets == {EVENTS: 0, INTERESTS: 0}


async def taken_with_record(broker: MemoryBroker) -> PartitionRecord:
    """Take partition 1 over and keep what its record says then, as its first flush does."""
    taken = await take_over(MemoryLog(broker), "tetik", 1, partitions=2)
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
        await take_over(MemoryLog(broker), "tetik", 1, partitions=2)


async def test_a_changelog_restored_from_a_backup_is_refused() -> None:
    """What was decided since the backup was made would be decided again."""
    broker = broker_with()
    kept = await taken_with_record(broker)
    broker.create(STATE_CHANGELOG, 2)
    broker.produce(STATE_CHANGELOG, 1, (PARTITION_RECORD_KEY.encode(), msgspec.msgpack.encode(kept), []))
    with pytest.raises(UnsoundLog, match=f"{STATE_CHANGELOG} is not the topic that was worked with"):
        await take_over(MemoryLog(broker), "tetik", 1, partitions=2)


async def test_a_broker_that_tells_no_ids_is_worked_with(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = broker_with()
    nameless = {name: TopicFacts(2, None) for name in CUSTOMER_TOPICS}
    monkeypatch.setattr(broker, "describe", lambda: nameless)
    assert (await taken_with_record(broker)).topic_ids == {}


async def test_states_laid_out_for_another_count_are_refused() -> None:
    """The topics have been given more partitions, but not every state is where it belongs."""
    broker = broker_with(**{PARTITION_RECORD_KEY: msgspec.msgpack.encode(PartitionRecord(partitions=4))})
    with pytest.raises(UnsoundLog, match="laid out over 4 partitions, but TETIK_PARTITIONS is 2"):
        await take_over(MemoryLog(broker), "tetik", 1, partitions=2)
