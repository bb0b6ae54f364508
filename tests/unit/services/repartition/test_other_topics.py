"""A repartition goes by the partition records; those of topics that are gone would pass events over."""

import pytest

from schemas.topics import EVENTS
from services.repartition.looking import Layout, refuse_other_topics
from services.standstill import Standing, TopicsAmiss
from tests.simulation.memory_log import MemoryBroker, MemoryLog, every_topic
from trigger_engine.adapters.takeover import HELD_BY_ID, Restored
from trigger_engine.core.customers import CustomersInMemory
from trigger_engine.core.flush import PartitionRecord

MORE = 4


def broker_of(events: int) -> MemoryBroker:
    broker = MemoryBroker(every_topic(2))
    for number in range(events):
        broker.produce(EVENTS, 0, (b"k", b"%d" % number, []))
    return broker


def ids_of(broker: MemoryBroker) -> dict[str, str]:
    topics = broker.describe()
    return {name: topics[name].id or "" for name in HELD_BY_ID}


def layout_of(broker: MemoryBroker, ids: dict[str, str], next_offset: int) -> Layout:
    """What is there now, worked with under these ids."""
    record = PartitionRecord(next_offsets={EVENTS: next_offset}, topic_ids=ids)
    standing = Standing(0, Restored(record, {}, {}, {}), CustomersInMemory({}))
    return Layout(broker.describe(), {0: standing}, MORE)


async def test_the_topics_that_were_worked_with_are_gone_on_with() -> None:
    broker = broker_of(3)
    await refuse_other_topics(MemoryLog(broker), layout_of(broker, ids_of(broker), 3))


async def test_events_that_were_made_again_are_refused_with_as_many_records_in_them() -> None:
    broker = broker_of(3)
    ids = ids_of(broker)
    broker.create(EVENTS, MORE)
    for number in range(3):
        broker.produce(EVENTS, 0, (b"k", b"%d" % number, []))
    with pytest.raises(TopicsAmiss, match=r"tetik\.events is not the topic .* run tetik topics adopt first"):
        await refuse_other_topics(MemoryLog(broker), layout_of(broker, ids, 3))


async def test_an_offset_beyond_the_log_is_refused() -> None:
    broker = broker_of(3)
    with pytest.raises(TopicsAmiss, match=r"holds the offsets 0 to 3, and 4 is the next .* topics adopt"):
        await refuse_other_topics(MemoryLog(broker), layout_of(broker, ids_of(broker), 4))
