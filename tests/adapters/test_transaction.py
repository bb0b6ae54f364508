"""What a flush becomes on the log: which topic, which partition, and all of it at once."""

from aiokafka.partitioner import DefaultPartitioner

from schemas.instants import format_instant
from schemas.records import EventRecord, decode_event
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from tests.fixtures.engine_cases import T0
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.transaction import TransactionalLog
from trigger_engine.core.effects import HandOver
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush

PARTITIONS = 4


def test_keys_go_where_kafkas_own_partitioner_sends_them() -> None:
    kafkas = DefaultPartitioner()
    for number in range(500):
        key = f"anon:{number}".encode()
        assert partition_of(key, 7) == kafkas(key, list(range(7)), list(range(7)))


def handed_over(customer: str | None, anonymous: str | None, event_id: str) -> HandOver:
    at = format_instant(T0)
    return HandOver(
        EventRecord(
            event_id=event_id,
            type="handover_asked",
            occurred_at=at,
            received_at=at,
            source="engine",
            customer_id=customer,
            anonymous_id=anonymous,
        )
    )


async def test_events_for_other_customers_go_to_their_partitions_with_the_flush() -> None:
    topics = dict.fromkeys((EVENTS, TRIGGERS, OUTBOUND, STATE_CHANGELOG), PARTITIONS)
    broker = MemoryBroker({**topics, DEAD_LETTERS: 1})
    log = await TransactionalLog.open(MemoryLog(broker), "tetik", 2, PARTITIONS)
    effects = [handed_over(None, str(number), f"a{number}") for number in range(20)]
    effects += [handed_over(f"c{number}", None, f"c{number}") for number in range(20)]
    await log.commit(Flush(effects=list(effects), states=[("c1", b"state")], record=b"record"))
    await log.close()
    await broker.settled()
    found = 0
    for partition in range(PARTITIONS):
        records, _ = broker.fetch(EVENTS, partition, 0, 1_000)
        for record in records:
            event = decode_event(record.value or b"")
            key = event.customer_id or f"anon:{event.anonymous_id}"
            assert record.key == key.encode()
            assert partition_of(record.key, PARTITIONS) == partition
            assert ("ce_id", event.event_id.encode()) in record.headers
            found += 1
    assert found == 40
    states, _ = broker.fetch(STATE_CHANGELOG, 2, 0, 10)
    assert [record.key for record in states] == [b"c1", PARTITION_RECORD_KEY.encode()]
