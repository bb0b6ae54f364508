"""The engine's guards on a real Kafka, each seen acting: what it notices, what it does, what it says.

`docs/guards.md` lists them. Records are counted raw, as a read-committed reader sees them.
"""

import asyncio
import re

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from schemas.topics import DEAD_LETTERS, EVENTS, INTERESTS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from services.topics import ensure_topics
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, ordered, profile
from tests.integration.test_engine import doubled, now, orders, publish_rules
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import read_changelog
from trigger_engine.core.partition import PartitionRecord

MEDDLING = "tests.fixtures.meddling_engine"
CODE_OF_OURS = re.compile(r'File "[^"]*/(trigger_engine|services|schemas)/')
"""In a traceback. aiokafka has one of its own where a client is closed during its metadata update."""


async def ended(bench: EngineBench, engine: Engine, seconds: float = 60) -> str:
    """What an engine said that ended by itself, with a failure."""
    code = await asyncio.to_thread(engine.process.wait, seconds)
    said = engine.log.read_text(errors="replace")
    assert code == 1, bench.logs()
    assert CODE_OF_OURS.search(said) is None, said
    return said


async def counted(engine: Engine, name: str) -> float:
    """A counter of an engine's metrics, labels and all."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{engine.http_port}/metrics")).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


async def records_of(bench: EngineBench) -> list[PartitionRecord]:
    """The partition records as they stand committed."""
    log = KafkaLog(bench.kafka)
    stores = [MemoryStore(lambda: 0) for _ in range(PARTITIONS)]
    return [(await read_changelog(log, number, store)).record for number, store in enumerate(stores)]


async def test_a_worker_frozen_inside_its_flush_commits_nothing_after_a_take_over(bench: EngineBench) -> None:
    """Its records are written, nothing is left to do but to commit, and another has its partitions since."""
    await publish_rules(bench, CONFIRMATION)
    events = 8_000
    await bench.produce(orders(400, events, now()))
    first = bench.start(module=MEDDLING, TEST_FAULT="frozen")
    async with asyncio.timeout(60):
        while _state_of(first) != "T":
            await asyncio.sleep(0.05)
    second = bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    first.thaw()
    said = await ended(bench, first)
    assert "another worker took one of our partitions over" in said
    assert second.process.poll() is None
    requests, decisions = await bench.committed(OUTBOUND), await bench.committed(TRIGGERS)
    assert len(requests) == events // 10
    assert doubled(requests, "send_id") == doubled(decisions, "decision_id") == []


def _state_of(engine: Engine) -> str:
    """The process's state as Linux has it; T is stopped."""
    with open(f"/proc/{engine.process.pid}/stat") as file:  # noqa: PTH123  # no file of ours
        return file.read().rpartition(") ")[2][0]


async def test_whatever_batches_come_each_event_is_applied_once(bench: EngineBench) -> None:
    """Held against the partition record: below it dropped, overlapping cut, above it read again."""
    await publish_rules(bench, CONFIRMATION)
    await bench.produce((f"c{n}", profile(f"c{n}", f"p{n}", now())) for n in range(40))
    counters = {
        "repeat": 'tetik_records_dropped_total{reason="applied before"}',
        "overlap": "tetik_records_dropped_total",
        "skip": 'tetik_records_dropped_total{reason="above a gap"}',
    }
    confirmed = 0
    for fault, counter in counters.items():
        engine = bench.start(module=MEDDLING, TEST_FAULT=fault)
        for chunk in range(4):
            names = [f"{fault}-{chunk}-{n}" for n in range(400)]
            await bench.produce(
                (f"c{n % 40}", ordered(f"c{n % 40}", name, now())) for n, name in enumerate(names)
            )
            confirmed += len(names)
            if chunk == 0:  # it is at work by then, and the rest comes in several batches
                await bench.until(OUTBOUND, lambda found, wanted=confirmed: len(found) >= wanted)
        requests = await bench.until(OUTBOUND, lambda found, wanted=confirmed: len(found) >= wanted)
        assert len(requests) == confirmed
        assert doubled(requests, "send_id") == doubled(await bench.committed(TRIGGERS), "decision_id") == []
        dropped = await counted(engine, counter)
        assert dropped == 0 if fault == "overlap" else dropped > 0
        if fault == "skip":
            assert 0 < await counted(engine, "tetik_seeks_total") <= dropped
        assert engine.terminate() == 0, bench.logs()


async def test_what_is_lost_on_its_way_is_read_again_though_nothing_more_comes(bench: EngineBench) -> None:
    """Faust's queues are cleared in a rebalance (issue 596): no gap shows where there is no next batch."""
    await publish_rules(bench, CONFIRMATION)
    at = now()
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    engine = bench.start(module=MEDDLING, TEST_FAULT="lost")
    await bench.until(OUTBOUND, lambda found: len(found) == 1)
    assert await counted(engine, "tetik_seeks_total") > 0


async def test_a_partition_that_stands_still_before_the_end_of_its_log_ends_the_process(
    bench: EngineBench,
) -> None:
    await publish_rules(bench, CONFIRMATION)
    at, number = now(), partition_of(b"ada", PARTITIONS)
    engine = bench.start(module=MEDDLING, TEST_FAULT="deaf", TEST_PARTITION=str(number))
    await bench.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    said = await ended(bench, engine)
    assert f"partition {number} stands at offset" in said
    assert "though its log goes on to" in said
    bench.start()
    await bench.until(OUTBOUND, lambda found: len(found) == 1)


async def test_a_bad_deploy_leaves_the_topic_as_it_was_and_the_mended_one_goes_on(bench: EngineBench) -> None:
    """However often a supervisor starts it."""
    await publish_rules(bench, CONFIRMATION)
    events = 3_000
    await bench.produce(orders(400, events, now()))
    for _ in range(2):
        engine = bench.start(module=MEDDLING, TEST_FAULT="broken")
        said = await ended(bench, engine)
        assert "inputs failed, more than 100 in 1000. Most often: " in said
        assert "x KeyError: 'a bad deploy' (tetik.events at " in said
        assert "raise TETIK_REJECTED_MAX" in said
    assert await bench.committed(DEAD_LETTERS, 1) == []
    assert await bench.committed(TRIGGERS) == []
    bench.start()
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= events // 10)
    assert len(requests) == events // 10
    assert await bench.committed(DEAD_LETTERS, 1) == []


async def made_again(bench: EngineBench, topic: str) -> None:
    """Delete a topic and make it anew."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bench.kafka)
    await admin.start()
    try:
        await admin.delete_topics([topic])
        async with asyncio.timeout(30):
            while topic in await admin.list_topics():
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
    await ensure_topics(bench.kafka, PARTITIONS)


async def adopt(bench: EngineBench, *options: str) -> tuple[int, str]:
    """`tetik topics adopt`: exit code, and what it said."""
    return await bench.tetik("topics", "adopt", *options)


async def worked(bench: EngineBench) -> None:
    """An engine has confirmed an order of each of 40 customers, and is stopped."""
    await publish_rules(bench, CONFIRMATION)
    at = now()
    engine = bench.start()
    await bench.produce((f"c{n}", profile(f"c{n}", f"p{n}", at)) for n in range(40))
    await bench.produce((f"c{n}", ordered(f"c{n}", f"o{n}", at)) for n in range(40))
    await bench.until(OUTBOUND, lambda found: len(found) == 40)
    assert engine.terminate() == 0, bench.logs()


async def test_a_topic_made_again_and_filled_is_refused_until_it_is_adopted(bench: EngineBench) -> None:
    """It ends beyond the recorded offset, so the offsets alone look right."""
    await worked(bench)
    facts = await KafkaLog(bench.kafka).describe((EVENTS, INTERESTS, STATE_CHANGELOG))
    for record in await records_of(bench):
        assert record.topic_ids == {name: each.id for name, each in facts.items()}
        assert record.partitions == PARTITIONS
    await made_again(bench, EVENTS)
    at = now()
    await bench.produce((f"c{n % 40}", ordered(f"c{n % 40}", f"new{n}", at)) for n in range(400))
    said = await ended(bench, bench.start())
    assert "tetik.events is not the topic that was worked with: its id is " in said
    assert "tetik topics adopt" in said
    assert len(await bench.committed(OUTBOUND)) == 40

    code, said = await adopt(bench)
    assert code == 1
    assert "nobody is there to be asked" in said
    code, said = await adopt(bench, "--dry-run", "--go-on-at", "start")
    assert (code, said.count("goes on at 0 (recorded ")) == (0, PARTITIONS), said
    code, said = await adopt(bench, "--yes", "--go-on-at", "start")
    assert code == 0, said
    engine = bench.start()
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= 440)
    assert len(requests) == 440
    code, said = await adopt(bench, "--yes")
    assert code == 1
    assert "stop all engines first" in said
    assert engine.terminate() == 0
    code, said = await adopt(bench, "--yes")
    assert (code, "nothing to adopt" in said) == (0, True)


async def test_a_topic_made_again_that_ends_before_the_record_is_refused_too(bench: EngineBench) -> None:
    await worked(bench)
    await made_again(bench, EVENTS)
    said = await ended(bench, bench.start())
    assert "tetik.events is not the topic that was worked with" in said
    code, said = await adopt(bench, "--yes")
    assert code == 1
    assert "say --go-on-at start" in said
    code, said = await adopt(bench, "--yes", "--go-on-at", "end")
    assert code == 0, said
    bench.start()
    await bench.produce([("c1", ordered("c1", "after", now()))])
    await bench.until(OUTBOUND, lambda found: len(found) == 41)


async def test_states_restored_from_a_backup_are_refused_until_they_are_adopted(bench: EngineBench) -> None:
    """The changelog is copied, the engine works on, and the copy is brought back: it knows too little."""
    await worked(bench)
    backup = [(r.partition, r.key, r.value) async for r in bench.records(STATE_CHANGELOG)]
    engine = bench.start()
    await bench.produce([("c1", ordered("c1", "since", now()))])
    await bench.until(OUTBOUND, lambda found: len(found) == 41)
    assert engine.terminate() == 0
    await made_again(bench, STATE_CHANGELOG)
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka) as producer:
        for number, key, value in backup:
            await producer.send(STATE_CHANGELOG, value, key=key, partition=number)
    said = await ended(bench, bench.start())
    assert f"{STATE_CHANGELOG} is not the topic that was worked with" in said
    code, said = await adopt(bench, "--yes")
    assert code == 0, said
    bench.start()
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= 42)
    ids = doubled(requests, "send_id")
    assert len(ids) == 1, "what was decided since the backup is decided again, under the same id"
