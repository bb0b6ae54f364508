"""Dead letters on a real Kafka: a deploy with which orders fail, the mended one, and a replay.

Records are counted raw, as a read-committed reader sees them.
"""

import asyncio
from collections import Counter

import msgspec
from aiokafka import AIOKafkaProducer

from schemas.event import CUSTOMER_ERASED
from schemas.instants import DAY_MS, HOUR_MS
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, TRIGGERS
from tests.fixtures.engine import EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, event, ordered, profile
from tests.integration.test_engine import doubled, now, publish_rules
from tests.integration.test_guards import MEDDLING
from trigger_engine.adapters.kafka_log import KafkaLog

CUSTOMERS = 40


async def failed_orders(bench: EngineBench) -> None:
    """Each of 40 customers has ordered, one of them three days ago, and every order is a dead letter. So are
    a record that is no JSON and one that ingest refused."""
    await publish_rules(bench, CONFIRMATION)
    broken = bench.start(module=MEDDLING, TEST_FAULT="orders", TETIK_REJECTED_MAX="1000")
    at = now()
    await bench.produce((f"c{n}", profile(f"c{n}", f"p{n}", at)) for n in range(CUSTOMERS))
    late = ordered("c0", "o0", at - 3 * DAY_MS)
    await bench.produce(
        [("c0", late), *((f"c{n}", ordered(f"c{n}", f"o{n}", at)) for n in range(1, CUSTOMERS))]
    )
    await bench.produce([("c1", b"{poison")])
    refused = {
        "topic": EVENTS, "partition": -1, "offset": -1, "value": "{}", "stage": "ingest",
        "reason": "bad_type: no", "failed_at": "2026-11-22T16:52:04.010Z",
    }  # fmt: skip
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka) as producer:
        await producer.send_and_wait(DEAD_LETTERS, msgspec.json.encode(refused))
    await bench.until(DEAD_LETTERS, lambda found: len(found) == CUSTOMERS + 2, partitions=1)
    assert broken.terminate() == 0, bench.logs()
    assert await bench.committed(TRIGGERS) == []


async def test_after_a_replay_it_is_as_if_nothing_had_failed(bench: EngineBench) -> None:
    await failed_orders(bench)
    code, listed = await bench.tetik("dead-letters", "list")
    assert code == 0, listed
    assert "42 dead letters, of 3 kinds" in listed
    assert "40 by engine on tetik.events" in listed
    assert "KeyError: 'the total of o" in listed
    assert "cannot be replayed: ingest refused it, so it never was an event" in listed
    code, said = await bench.tetik("dead-letters", "replay", "--dry-run")
    assert (code, "40 would be replayed" in said, "1 of them late" in said) == (0, True, True), said
    code, said = await bench.tetik("dead-letters", "replay")
    assert (code, "nobody is there to be asked" in said) == (1, True), said
    assert len(await bench.committed(DEAD_LETTERS, 1)) == CUSTOMERS + 2

    bench.start()
    code, said = await bench.tetik("dead-letters", "replay", "--reason", "keyerror", "--since", "1h", "--yes")
    assert (code, "40 replayed" in said) == (0, True), said
    orders = CUSTOMERS - 1
    await bench.until(OUTBOUND, lambda found: len(found) >= orders)
    decisions = await bench.until(TRIGGERS, lambda found: len(found) >= 2 * orders + 1)
    assert Counter(d["outcome"] for d in decisions) == {"started": orders, "fired": orders, "late": 1}
    (late,) = (d for d in decisions if d["outcome"] == "late")
    assert late["customer_key"] == "c0"

    replayed = [
        msgspec.json.decode(r.value) async for r in bench.records(EVENTS) if r.key and b'"o1"' in r.value
    ]
    assert len(replayed) == 2
    first, again = sorted(replayed, key=lambda each: str(each["received_at"]))
    assert first.pop("received_at") < again.pop("received_at")
    assert first == again

    code, said = await bench.tetik("dead-letters", "replay", "--yes")
    assert code == 0
    assert said.splitlines()[0] == "0 replayed"
    assert "40 replayed before: left alone" in said
    assert "1 cannot be: it is no JSON" in said
    code, listed = await bench.tetik("dead-letters", "list", "--stage", "engine", "--json")
    letters = [msgspec.json.decode(line) for line in listed.splitlines()]
    assert Counter(one["replayed"] for one in letters) == {True: CUSTOMERS, False: 1}
    requests, decisions = await bench.committed(OUTBOUND), await bench.committed(TRIGGERS)
    assert doubled(requests, "send_id") == doubled(decisions, "decision_id") == []
    assert (len(requests), len(decisions)) == (orders, 2 * orders + 1)


async def test_what_is_written_twice_all_the_same_changes_nothing(bench: EngineBench) -> None:
    """As by a person with other tools: a failed event is unknown until it is applied, and known from then."""
    await failed_orders(bench)
    bench.start()
    code, _ = await bench.tetik("dead-letters", "replay", "--yes")
    assert code == 0
    orders = CUSTOMERS - 1
    await bench.until(OUTBOUND, lambda found: len(found) >= orders)
    again = [r async for r in bench.records(EVENTS) if "ce_replayof" in dict(r.headers)]
    await bench.produce((r.key.decode(), r.value) for r in again)
    await bench.produce([("zoe", profile("zoe", "last", now())), ("zoe", ordered("zoe", "order", now()))])
    await bench.until(OUTBOUND, lambda found: len(found) > orders)
    decisions = await bench.committed(TRIGGERS)
    assert Counter(d["outcome"] for d in decisions) == {"started": orders + 1, "fired": orders + 1, "late": 1}


async def test_who_was_erased_since_is_not_written_again(bench: EngineBench) -> None:
    """c1's erasure is applied, c2's waits on the log, c3's failed; c4 came back afterwards."""
    await failed_orders(bench)
    engine, at = bench.start(), now()
    await bench.produce([("c1", event(CUSTOMER_ERASED, "c1", "erase-1", at))])
    async with asyncio.timeout(60):
        while not await applied(bench, "erase-1"):
            await asyncio.sleep(0.2)
    assert engine.terminate() == 0
    failed = event(CUSTOMER_ERASED, "c3", "erase-3", at)
    letter = {
        "topic": EVENTS, "partition": 0, "offset": 999_999, "key": "c3", "value": failed.decode(),
        "stage": "engine", "reason": "a bad deploy", "failed_at": "2026-11-22T16:52:04.010Z",
    }  # fmt: skip
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka) as producer:
        await producer.send_and_wait(DEAD_LETTERS, msgspec.json.encode(letter), key=b"c3")
    await bench.produce(
        [
            ("c2", event(CUSTOMER_ERASED, "c2", "erase-2", at)),
            ("c4", event(CUSTOMER_ERASED, "c4", "erase-4", at - HOUR_MS)),
        ]
    )
    code, said = await bench.tetik("dead-letters", "replay", "--stage", "engine", "--yes")
    assert code == 0
    assert "38 replayed" in said, said
    assert "3 of customers who were erased since: not written again" in said
    written = {r.key: msgspec.json.decode(r.value) async for r in bench.records(EVENTS) if replayed(r)}
    assert {b"c1", b"c2"} & written.keys() == set()
    assert written[b"c3"]["type"] == CUSTOMER_ERASED
    assert written[b"c4"]["type"] == "order_completed"


def replayed(record) -> bool:
    return "ce_replayof" in dict(record.headers)


async def applied(bench: EngineBench, event_id: str) -> bool:
    """Whether the engine has read so far that an event of the log lies behind it."""
    from tests.integration.test_guards import records_of

    place = [
        (r.partition, r.offset) async for r in bench.records(EVENTS) if event_id.encode() in (r.value or b"")
    ]
    records = await records_of(bench)
    return all(records[number].next_offsets.get(EVENTS, 0) > offset for number, offset in place)


async def test_a_second_replay_fences_the_first(bench: EngineBench) -> None:
    """Two people at once: what the first had not committed is left to the second."""
    from services.dead_letters.replaying import WRITER

    await failed_orders(bench)
    code, said = await bench.tetik("dead-letters", "replay", "--id", "tetik.events/0/999", "--yes")
    assert (code, said.splitlines()[0]) == (0, "none of 42 dead letters is meant")
    writer = await KafkaLog(bench.kafka).open_writer(WRITER)
    code, said = await bench.tetik("dead-letters", "replay", "--yes")
    assert (code, said.splitlines()[0]) == (0, "40 replayed"), said
    try:
        async with writer.transaction() as transaction:
            await transaction.append(EVENTS, 0, [(b"c1", b"{}", [])])
    except Exception as error:
        assert type(error).__name__ == "Fenced", error  # noqa: PT017  # of two kinds of writers
    else:
        raise AssertionError("the first writer could still write")
    finally:
        await writer.close()
