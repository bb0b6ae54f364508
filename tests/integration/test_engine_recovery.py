"""Taking over on a real Kafka: what is read of the changelog, as the engines count it, and what comes of it.

Records are counted raw as a read-committed reader sees them; nothing is de-duplicated first.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from schemas.topics import OUTBOUND, STATE_CHANGELOG, TRIGGERS
from services.publish import publish
from tests.fixtures.engine import PARTITIONS, Engine, EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, T0, ordered, profile, rule_set

CUSTOMERS = 200
CLOCKED = {"TETIK_CLOCK": "topic"}


def orders(name: str, count: int) -> Iterator[tuple[str, bytes]]:
    """An order of each customer, and again."""
    for number in range(count):
        customer = f"c{number % CUSTOMERS}"
        yield customer, ordered(customer, f"{name}-{number}", T0)


async def start_shop(bench: EngineBench) -> None:
    await bench.tick(T0)
    await publish(bench.kafka, rule_set(CONFIRMATION), PARTITIONS, T0)
    await bench.produce([(f"c{n}", profile(f"c{n}", f"p{n}", T0)) for n in range(CUSTOMERS)])


async def metrics_of(engine: Engine) -> dict[str, float]:
    """Samples by name and labels, as the engine tells them; none while it does not answer."""
    async with httpx.AsyncClient() as client:
        try:
            told = await client.get(f"http://127.0.0.1:{engine.http_port}/metrics")
        except httpx.TransportError:
            return {}
    lines = (line for line in told.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


async def until(
    bench: EngineBench, engine: Engine, holds: Callable[[dict[str, float]], bool]
) -> dict[str, float]:
    try:
        async with asyncio.timeout(60):
            while not ((told := await metrics_of(engine)) and holds(told)):
                await asyncio.sleep(0.1)
    except TimeoutError as error:
        raise AssertionError(f"{told}\n{bench.logs()}") from error
    return told


def owns(partitions: int) -> Callable[[dict[str, float]], bool]:
    return lambda told: told["tetik_partitions_owned"] == partitions


def has_read_all_of(partitions: int) -> Callable[[dict[str, float]], bool]:
    """It restores so many and nothing is left to read: each begins when its own writer is open."""
    return lambda told: (
        told["tetik_partitions_restoring"] == partitions and told["tetik_restore_offsets_left"] == 0
    )


READ = 'tetik_changelog_records_read_total{purpose="take-over"}'
FOLLOWED = 'tetik_changelog_records_read_total{purpose="standby"}'
FROM_COPIES = 'tetik_take_over_seconds_count{source="copy"}'


async def written(bench: EngineBench) -> int:
    """Records of the changelog."""
    return len([record async for record in bench.records(STATE_CHANGELOG)])


async def confirmed_once(bench: EngineBench, count: int) -> None:
    """So many orders were made, and each has its mail, once."""
    requests = await bench.until(OUTBOUND, lambda found: len(found) >= count)
    assert len(requests) == count
    assert len({each["send_id"] for each in requests}) == count
    decisions = await bench.committed(TRIGGERS)
    assert Counter(each["outcome"] for each in decisions) == {"started": count, "fired": count}


async def test_a_rebalance_reads_nothing_for_partitions_that_are_kept(bench: EngineBench) -> None:
    await start_shop(bench)
    first = bench.start(**CLOCKED)
    await bench.produce(orders("one", 2_000))
    await bench.until(OUTBOUND, lambda found: len(found) >= 2_000)
    before = (await metrics_of(first)).get(READ, 0)

    second = bench.start(**CLOCKED)
    kept = PARTITIONS // 2
    await until(bench, first, owns(kept))
    taken = await until(bench, second, owns(PARTITIONS - kept))
    assert (await metrics_of(first)).get(READ, 0) == before, "it kept what it has"
    assert 0 < taken[READ] < await written(bench), "of its own partitions alone"

    assert second.terminate() == 0
    back = await until(bench, first, owns(PARTITIONS))
    assert back[READ] == before + taken[READ], "of the two that it had given up, not of the two it kept"
    await bench.produce(orders("two", 500))
    await confirmed_once(bench, 2_500)


async def test_a_standby_takes_over_reading_the_tail_alone(bench: EngineBench) -> None:
    """Two workers; the one that owns partitions is killed in mid-stream."""
    await start_shop(bench)
    standing = {**CLOCKED, "TETIK_STANDBY": "true"}
    first, second = bench.start(**standing), bench.start(**standing)
    for engine in (first, second):
        await until(bench, engine, owns(PARTITIONS // 2))
    await bench.produce(orders("one", 4_000))
    await bench.until(OUTBOUND, lambda found: len(found) >= 4_000)
    await until(
        bench, second, lambda told: told.get(FOLLOWED, 0) > 0 and told["tetik_standby_lag_records"] == 0
    )
    before = await metrics_of(second)

    producing = asyncio.create_task(bench.produce(orders("two", 4_000)))
    await bench.until(OUTBOUND, lambda found: len(found) >= 5_000)
    first.kill()
    await producing
    after = await until(bench, second, owns(PARTITIONS))
    await confirmed_once(bench, 8_000)
    assert after[FROM_COPIES] - before.get(FROM_COPIES, 0) == PARTITIONS // 2
    tail, whole = after[READ] - before.get(READ, 0), await written(bench)
    assert tail < whole / 10, f"{tail} of {whole} records read at the take-over\n{bench.logs()}"


async def test_states_in_files_outlive_a_kill_and_a_restart_reads_the_rest(
    bench: EngineBench, tmp_path: Path
) -> None:
    await start_shop(bench)
    named = {"TETIK_ENGINE_INSTANCE": "the-only-one"}  # it gets its partitions back at once
    kept = {**CLOCKED, **named, "TETIK_STATE_STORE": "rocksdb", "TETIK_STATE_DIR": str(tmp_path / "state")}
    first = bench.start(**kept)
    await bench.produce(orders("one", 1_000))
    await bench.until(OUTBOUND, lambda found: len(found) >= 1_000)
    assert first.terminate() == 0

    whole = await written(bench)
    second = bench.start(**kept)
    told = await until(bench, second, owns(PARTITIONS))
    assert told[FROM_COPIES] == PARTITIONS
    assert told.get(READ, 0) == 0, f"of {whole} records none is news\n{bench.logs()}"
    producing = asyncio.create_task(bench.produce(orders("two", 3_000)))
    await bench.until(OUTBOUND, lambda found: len(found) >= 2_000)
    second.kill()
    await producing

    third = bench.start(**kept)
    told = await until(bench, third, owns(PARTITIONS))
    assert told[FROM_COPIES] == PARTITIONS
    await confirmed_once(bench, 4_000)
    assert told["tetik_state_customers"] >= 0
    third.kill()
    for left in sorted((tmp_path / "state").glob("*/*")):
        left.unlink()  # they may go at any time
    bench.start(**kept)
    await bench.produce(orders("three", 500))
    await confirmed_once(bench, 4_500)


async def test_a_long_take_over_stays_in_the_group_and_gives_way_to_its_decisions(bench: EngineBench) -> None:
    """It is longer than the session; a second worker joins in the middle of it. Without heartbeats the first
    one would be put out of the group, and the second would get all partitions."""
    await start_shop(bench)
    before = bench.start(**CLOCKED)
    await bench.produce(orders("one", 1_000))
    await bench.until(OUTBOUND, lambda found: len(found) >= 1_000)
    assert before.terminate() == 0

    slow = bench.start(module="tests.fixtures.slow_engine", **CLOCKED)
    told = await until(bench, slow, has_read_all_of(PARTITIONS))
    second = bench.start(**CLOCKED)
    half = PARTITIONS // 2
    await until(bench, second, owns(half))
    after = await until(bench, slow, owns(half))
    assert "the group decides anew while partitions are restored" in slow.log.read_text()
    assert after[READ] == told[READ], "what was read before the group decided is not read again"
    assert after[FROM_COPIES] == half
    await bench.produce(orders("two", 500))
    await confirmed_once(bench, 1_500)
    assert (await metrics_of(second))["tetik_partitions_owned"] == half
