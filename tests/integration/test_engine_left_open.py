"""A take-over on a real Kafka while a transaction is open on the events: ours would be ended, not others'."""

import asyncio

from schemas.topics import EVENTS, TRIGGERS
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, ordered, profile
from tests.integration.test_engine import now, publish_rules
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.partitioning import partition_of


async def test_a_transaction_that_others_have_open_outlives_a_take_over(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    partition = partition_of(b"ada", PARTITIONS)
    log = KafkaLog(bench.kafka)
    other = await log.open_writer("somebody-else")
    try:
        async with other.transaction() as transaction:
            values = [profile("ada", "1", now()), ordered("ada", "2", now())]
            await transaction.append(EVENTS, partition, [(b"ada", value, []) for value in values])
            await transaction.written()
            engine = bench.start()
            said = f"ended what may have been left open in [('{EVENTS}', {partition})]"
            async with asyncio.timeout(90):
                while said not in engine.log.read_text() or "taken over" not in engine.log.read_text():
                    await asyncio.sleep(0.05)
        decisions = await bench.until(TRIGGERS, lambda found: len(found) >= 2)
    finally:
        await other.close()
        await log.close()
    assert [one["outcome"] for one in decisions] == ["started", "fired"]
