"""More partitions on a real Kafka, in the middle of everything: timers pending, records that no engine has
applied, codes left in a pool, and the command killed again and again. Behind it every decision is the one
that an engine makes which never moved. Records are counted raw, as a read-committed reader sees them."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer

from schemas.event import OFFER_CODES
from schemas.keys import code_partition
from schemas.topics import EVENTS, OUTBOUND, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench, engine_bench
from tests.fixtures.engine_cases import CART, CONFIRMATION, T0, added, event, ordered, profile, rule_set
from tests.integration.test_engine import doubled, owning
from tests.integration.test_guards import ended
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import read_changelog
from trigger_engine.core.pools import Pools

MORE = 6
CUSTOMERS = 60
MINUTE = 60_000
DYING = "tests.fixtures.dying_repartition"
NAMES = [f"c{number}" for number in range(CUSTOMERS)]
THIRD, NEW = CUSTOMERS // 3, 20
FIRED = 2 * THIRD + 2 * THIRD + NEW
"""Reminders to those who had not ordered, and confirmations of every order."""


def first_half() -> Iterator[tuple[str, bytes]]:
    """Everybody is known and has something in the cart."""
    for name in NAMES:
        yield name, profile(name, f"p-{name}", T0)
        yield name, added(name, f"a-{name}", T0 + 1)


def in_between() -> Iterator[tuple[str, bytes]]:
    """A third of them orders before the reminder is due, and no engine has read of it when states move."""
    for name in NAMES[::3]:
        yield name, ordered(name, f"o-{name}", T0 + 30 * MINUTE)


def second_half() -> Iterator[tuple[str, bytes]]:
    """The others order after the reminder, and new customers come."""
    for name in NAMES[1::3]:
        yield name, ordered(name, f"o-{name}", T0 + 60 * MINUTE)
    for number in range(NEW):
        yield f"n{number}", profile(f"n{number}", f"p-n{number}", T0 + 61 * MINUTE)
        yield f"n{number}", ordered(f"n{number}", f"o-n{number}", T0 + 61 * MINUTE)


async def stopped(engine: Engine, bench: EngineBench) -> None:
    assert await asyncio.to_thread(engine.terminate) == 0, bench.logs()


async def story(bench: EngineBench, *, moved: bool) -> list[dict[str, Any]]:
    """The decisions of a shop; `moved`: from 4 to 6 partitions in the middle of it."""
    await publish(bench.kafka, rule_set(CONFIRMATION, CART), PARTITIONS, T0)
    await bench.tick(T0 + 2)
    engine = bench.start(TETIK_CLOCK="topic")
    await bench.produce(first_half())
    await bench.until(TRIGGERS, lambda found: len(found) >= CUSTOMERS)
    await stopped(engine, bench)
    await bench.produce(in_between())
    partitions = PARTITIONS
    if moved:
        await move(bench)
        partitions = MORE
    await bench.tick(T0 + 50 * MINUTE)
    engine = bench.start(TETIK_CLOCK="topic", TETIK_PARTITIONS=str(partitions))
    await bench.until(TRIGGERS, lambda found: outcomes(found)["fired"] >= CUSTOMERS, partitions)
    await bench.tick(T0 + 62 * MINUTE)
    await bench.produce(second_half())
    await bench.until(
        TRIGGERS,
        lambda found: outcomes(found)["fired"] >= FIRED and outcomes(found)["cancelling"] >= THIRD,
        partitions,
    )
    await stopped(engine, bench)
    return await bench.committed(TRIGGERS, partitions)


def outcomes(decisions: list[dict[str, Any]]) -> Counter[str]:
    return Counter(decision["outcome"] for decision in decisions)


async def move(bench: EngineBench) -> None:
    """Killed in each of its first transactions that lie wide apart, then done."""
    code, said = await bench.tetik("repartition", "--partitions", str(MORE), "--dry-run")
    assert code == 0, said
    assert f"from {PARTITIONS} partitions to {MORE}: {CUSTOMERS} states, of which" in said
    assert f"{THIRD} records that no engine has applied" in said
    # at a lock, at that of a new partition, at the second move, at a lock again, at the last move, at the end
    for die_at in (2, 6, 8, 4, 9, 8):
        code, said = await bench.tetik(
            "repartition", "--partitions", str(MORE), "--yes", module=DYING, TEST_DIE_AT=str(die_at)
        )
        assert code == -9, said
        if die_at in (6, 9):
            said = await ended(bench, bench.start(TETIK_PARTITIONS=str(MORE)))
            assert f"tetik repartition --partitions {MORE}" in said
    code, said = await bench.tetik("repartition", "--partitions", str(MORE), "--yes")
    assert code == 0, said
    before, behind = (
        line.split(": ")[1] for line in said.splitlines() if line.startswith(("before", "behind"))
    )
    assert before == behind
    assert behind.startswith(f"{CUSTOMERS} states, ")
    assert f"TETIK_PARTITIONS={MORE}" in said
    assert (
        "everything is where it belongs" in (await bench.tetik("repartition", "--partitions", str(MORE)))[1]
    )


def told(decisions: list[dict[str, Any]]) -> dict[str, Any]:
    """What was decided, by decision; when and where the cause stood differs with the partitions."""
    varying = ("cause", "decided_at")
    return {d["decision_id"]: {k: v for k, v in d.items() if k not in varying} for d in decisions}


async def test_behind_a_repartition_all_decisions_are_those_of_who_never_moved(tmp_path: Path) -> None:
    with at_work(tmp_path / "stayed") as bench:
        stayed = await story(bench, moved=False)
    with at_work(tmp_path / "moved") as bench:
        moved = await story(bench, moved=True)
        requests = await bench.committed(OUTBOUND, MORE)
        assert doubled([r for r in requests if r["action"] == "send"], "send_id") == []
        for number in range(MORE):
            customers = MemoryStore(lambda: 0)
            restored = await read_changelog(KafkaLog(bench.kafka), number, customers)
            assert {partition_of(name.encode(), MORE) for name, _ in customers.items()} <= {number}
            assert restored.record.partitions == MORE
    assert doubled(moved, "decision_id") == doubled(stayed, "decision_id") == []
    assert told(moved) == told(stayed)
    assert outcomes(moved)["fired"] == FIRED


def at_work(directory: Path) -> AbstractContextManager[EngineBench]:
    directory.mkdir()
    return engine_bench(directory)


async def test_codes_are_dealt_anew_and_none_is_given_twice(bench: EngineBench) -> None:
    await publish(bench.kafka, rule_set(CONFIRMATION), PARTITIONS, T0)
    codes = [f"CODE-{number}" for number in range(200)]
    async with AIOKafkaProducer(bootstrap_servers=bench.kafka) as producer:
        for number in range(PARTITIONS):
            share = [code for code in codes if code_partition("ten", code, PARTITIONS) == number]
            record = event(OFFER_CODES, None, f"codes-{number}", T0, pool="ten", codes=share)
            await producer.send_and_wait(EVENTS, record, partition=number)
    engine = bench.start()
    await until_pools(bench, PARTITIONS, len(codes))
    code, said = await bench.tetik("repartition", "--partitions", str(MORE), "--yes")
    assert code == 1
    assert "stop all engines first" in said
    await stopped(engine, bench)
    code, said = await bench.tetik("repartition", "--partitions", "3", "--yes")
    assert code == 1
    assert "Kafka takes none away" in said
    code, said = await bench.tetik("repartition", "--partitions", str(MORE), "--yes")
    assert code == 0, said
    held = await pools_of(bench, MORE)
    assert sorted(code for share in held.values() for code in share) == sorted(codes)
    assert all(
        code_partition("ten", code, MORE) == number for number, share in held.items() for code in share
    )
    engine = bench.start(TETIK_PARTITIONS=str(MORE))
    await owning(engine)
    await stopped(engine, bench)


async def pools_of(bench: EngineBench, partitions: int) -> dict[int, list[str]]:
    """The codes left in the pool, by partition."""
    held: dict[int, list[str]] = {}
    for number in range(partitions):
        restored = await read_changelog(KafkaLog(bench.kafka), number, MemoryStore(lambda: 0))
        pools = Pools(restored.pools, restored.record.codes_taken)
        held[number] = []
        while (code := pools.code_of("ten", "", 0)) is not None:
            held[number].append(code)
            pools.take(["ten"])
    return held


async def until_pools(bench: EngineBench, partitions: int, count: int) -> None:
    async with asyncio.timeout(60):
        while sum(map(len, (await pools_of(bench, partitions)).values())) < count:
            await asyncio.sleep(0.2)
