"""The engine in its group, on a real Kafka: where it goes on, who is spare, how it stops and why."""

import asyncio

import httpx
import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from schemas.topics import EVENTS, OUTBOUND, STATE_CHANGELOG
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, ordered, profile
from tests.integration.test_engine import doubled, now, orders, publish_rules
from trigger_engine.adapters.worker import GROUP
from trigger_engine.core.partition import PARTITION_RECORD_KEY, PartitionRecord


async def commit_ends(bench: EngineBench) -> None:
    """Commit the ends of the events topic for the engine's group, as if all had been read."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bench.kafka, group_id=GROUP, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        partitions = [TopicPartition(EVENTS, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.end_offsets(partitions))
    finally:
        await consumer.stop()


async def test_it_goes_on_where_its_partition_record_says_whatever_is_committed(bench: EngineBench) -> None:
    """No further event arrives, so no gap would ever be seen."""
    await publish_rules(bench, CONFIRMATION)
    at = now()
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    await commit_ends(bench)
    bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) == 1)


async def test_a_log_that_ends_before_the_record_stops_it_with_the_fix_at_once(bench: EngineBench) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bench.kafka)
    await producer.start()
    try:
        record = msgspec.msgpack.encode(PartitionRecord(next_offsets={EVENTS: 1_000}))
        key = PARTITION_RECORD_KEY.encode()
        await producer.send_and_wait(STATE_CHANGELOG, record, key=key, partition=1)
    finally:
        await producer.stop()
    engine = bench.start()
    code = await asyncio.to_thread(engine.process.wait, 45)
    said = bench.logs()
    assert code == 1, said
    assert "tetik.events/1 ends at offset 0, but 1000 was applied already" in said
    assert "Traceback" not in said


async def test_another_partition_count_stops_it_with_the_fix(bench: EngineBench) -> None:
    engine = bench.start(TETIK_PARTITIONS=str(PARTITIONS * 2))
    code = await asyncio.to_thread(engine.process.wait, 45)
    said = bench.logs()
    assert code == 1, said
    assert f"has {PARTITIONS} partitions, but TETIK_PARTITIONS is {PARTITIONS * 2}" in said
    assert f"set TETIK_PARTITIONS={PARTITIONS}" in said


async def test_a_stop_in_the_middle_of_the_load_is_clean(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    events = 120_000
    await bench.produce(orders(400, events, now()))
    first = bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) >= 1)
    assert first.terminate() == 0, bench.logs()
    assert len(await bench.committed(OUTBOUND)) < events // 10
    bench.start()
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    assert len(requests) == events // 10
    assert doubled(requests, "send_id") == []


async def test_a_spare_worker_is_ready_and_takes_over(bench: EngineBench) -> None:
    """More workers than partitions: the one without any waits and is no failure."""
    await publish_rules(bench, CONFIRMATION)
    engines = [bench.start() for _ in range(PARTITIONS + 1)]
    async with httpx.AsyncClient() as client, asyncio.timeout(90):
        while (spare := await _ready_spare(client, engines)) is None:
            await asyncio.sleep(0.2)
    for number, engine in enumerate(engines):
        if number != spare:
            engine.kill()
    at = now()
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    await bench.until(OUTBOUND, lambda found: len(found) == 1)


async def _ready_spare(client: httpx.AsyncClient, engines: list[Engine]) -> int | None:
    """The number of the one engine without a partition, once each other has one and it calls itself ready.

    Before it has joined the group it owns nothing either, and is not ready then; so both are asked for.
    """
    owned = [await _partitions_owned(client, engine.http_port) for engine in engines]
    if sorted(owned) != [0.0, 1.0, 1.0, 1.0, 1.0]:
        return None
    spare = owned.index(0.0)
    ready = await client.get(f"http://127.0.0.1:{engines[spare].http_port}/readyz")
    return spare if ready.status_code == 200 else None


async def _partitions_owned(client: httpx.AsyncClient, port: int) -> float:
    try:
        metrics = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    except httpx.TransportError:
        return -1.0
    line = next(line for line in metrics.splitlines() if line.startswith("tetik_partitions_owned "))
    return float(line.split()[1])


async def test_a_named_member_that_was_killed_goes_on_under_its_name(bench: EngineBench) -> None:
    await publish_rules(bench, CONFIRMATION)
    events = 20_000
    await bench.produce(orders(400, events, now()))
    for share in (0.2, 0.5):
        engine = bench.start(TETIK_ENGINE_INSTANCE="engine-0")
        await bench.until(OUTBOUND, lambda found, share=share: len(found) >= share * events / 10)
        engine.kill()
    bench.start(TETIK_ENGINE_INSTANCE="engine-0")
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    assert len(requests) == events // 10
    assert doubled(requests, "send_id") == []


async def test_a_stop_in_the_middle_of_the_start_is_clean(bench: EngineBench) -> None:
    """Between the take-over and the end of Faust's recovery: stopped there, Faust never returns."""
    engine = bench.start()
    async with asyncio.timeout(60):
        while "taken over" not in engine.log.read_text():
            await asyncio.sleep(0.01)
    assert engine.terminate() == 0, bench.logs()
