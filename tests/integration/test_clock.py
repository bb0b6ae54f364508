"""The clock topic on a real Kafka: ticks are followed, and a service's standing is reported."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pydantic import ValidationError

from schemas.clock import ClockTick
from schemas.instants import DAY_MS, Instant, datetime_of, format_instant
from schemas.topics import CLOCK, CLOCK_REPORTS
from services.clock import ClockReporter, TopicClock, machine_now, time_by

T0 = 1_795_366_800_000
DEADLINE_S = 60
Progress = tuple[dict[str, int], Instant | None] | None


@pytest.fixture
async def kafka(kafka_bootstrap: str) -> AsyncIterator[str]:
    """The shared broker with clock topics of this test's own."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(CLOCK, 1, 1), NewTopic(CLOCK_REPORTS, 1, 1)])
        await until(lambda: _listed(admin, present=True))
        yield kafka_bootstrap
        await admin.delete_topics([CLOCK, CLOCK_REPORTS])
        await until(lambda: _listed(admin, present=False))
    finally:
        await admin.close()


async def _listed(admin: Any, *, present: bool) -> bool:
    topics = await admin.list_topics()
    return all((name in topics) is present for name in (CLOCK, CLOCK_REPORTS))


async def until(condition: Callable[[], Coroutine[Any, Any, bool]]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():
            await asyncio.sleep(0.02)


async def append(kafka: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(CLOCK, value, partition=0)
    finally:
        await producer.stop()


def tick(sequence: int) -> bytes:
    """One a day."""
    return ClockTick(sequence=sequence, now=datetime_of(T0 + sequence * DAY_MS)).model_dump_json().encode()


@asynccontextmanager
async def following(kafka: str) -> AsyncIterator[TopicClock]:
    clock = TopicClock(kafka)
    task = asyncio.create_task(clock.follow())
    try:
        yield clock
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_time_is_the_newest_tick_s(kafka: str) -> None:
    await append(kafka, tick(0))
    async with asyncio.timeout(DEADLINE_S), following(kafka) as clock:
        await clock.first_tick()
        assert (clock.sequence, clock.now()) == (0, T0)
        waiting = asyncio.create_task(clock.wait(DEADLINE_S * 10))
        await asyncio.sleep(0)
        await append(kafka, tick(1))
        await waiting
        assert (clock.sequence, clock.now()) == (1, T0 + DAY_MS)


async def test_every_waiter_is_woken(kafka: str) -> None:
    await append(kafka, tick(0))
    async with asyncio.timeout(DEADLINE_S), following(kafka) as clock:
        await clock.first_tick()
        waiting = [asyncio.create_task(clock.wait(DEADLINE_S * 10)) for _ in range(5)]
        await asyncio.sleep(0)
        await append(kafka, tick(1))
        await asyncio.gather(*waiting)


async def test_on_an_empty_topic_it_waits_for_the_first_tick(kafka: str) -> None:
    async with asyncio.timeout(DEADLINE_S), following(kafka) as clock:
        first = asyncio.create_task(clock.first_tick())
        await clock.wait(0.2)
        assert not first.done()
        await append(kafka, tick(3))
        await first
        assert (clock.sequence, clock.now()) == (3, T0 + 3 * DAY_MS)


async def test_a_command_asks_for_the_time_once(kafka: str) -> None:
    """On the topic's clock it waits for the first tick; else the machine's time is the time."""
    asked = asyncio.create_task(time_by("topic", kafka))
    await append(kafka, tick(0))
    assert await asked == T0
    await append(kafka, tick(1))
    assert await time_by("topic", kafka) == T0 + DAY_MS
    before = machine_now()
    assert before <= await time_by("system", kafka) <= machine_now()


async def test_a_command_does_not_wait_for_a_clock_that_is_none(kafka: str) -> None:
    await append(kafka, b"half past nine")
    with pytest.raises(ValidationError):
        await time_by("topic", kafka)


async def test_a_restart_goes_on_at_the_last_tick(kafka: str) -> None:
    """And never runs through the ticks before it: a service must not see the time go back."""
    await append(kafka, *(tick(number) for number in range(6)))
    async with asyncio.timeout(DEADLINE_S), following(kafka) as clock:
        await clock.first_tick()
        assert (clock.sequence, clock.now()) == (5, T0 + 5 * DAY_MS)


async def test_what_is_no_tick_stops_the_clock_with_an_error(kafka: str) -> None:
    await append(kafka, b'{"sequence": -1}')
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ValidationError):
            await TopicClock(kafka).follow()


class Work:
    """A service's progress, and how often it was asked for."""

    def __init__(self) -> None:
        self.progress: Progress = None
        self._asked = 0

    def __call__(self) -> Progress:
        self._asked += 1
        return self.progress

    async def asked_again(self, times: int = 20) -> None:
        wanted = self._asked + times

        async def enough() -> bool:
            return self._asked >= wanted

        await until(enough)


async def reports(kafka: str) -> list[dict[str, Any]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partition = TopicPartition(CLOCK_REPORTS, 0)
        consumer.assign([partition])
        end = (await consumer.end_offsets([partition]))[partition]
        found: list[dict[str, Any]] = []
        while await consumer.position(partition) < end:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += [msgspec.json.decode(record.value) for record in records]
        return found
    finally:
        await consumer.stop()


async def test_each_change_of_a_service_s_standing_is_reported_once(kafka: str) -> None:
    await append(kafka, tick(0))
    work = Work()
    async with asyncio.timeout(DEADLINE_S), following(kafka) as clock:
        await clock.first_tick()
        reporter = asyncio.create_task(ClockReporter(kafka, clock, "engine", work).run())
        try:
            await work.asked_again()
            assert await reports(kafka) == [], "busy: nothing is said"
            for progress in (({"e/0": 5}, None), None, ({"e/0": 5}, None), ({"e/0": 5}, T0 + 1), ({}, None)):
                work.progress = progress
                await work.asked_again()
            moved = asyncio.create_task(clock.wait(DEADLINE_S * 10))
            await asyncio.sleep(0)
            await append(kafka, tick(1))
            await moved
            await work.asked_again()
        finally:
            reporter.cancel()
            await asyncio.gather(reporter, return_exceptions=True)
    said = await reports(kafka)
    assert [(each["sequence"], each["positions"], each["next_due_at"]) for each in said] == [
        (0, {"e/0": 5}, None),
        (0, {"e/0": 5}, format_instant(T0 + 1)),
        (0, {}, None),
        (1, {}, None),
    ]
    assert {(each["service"], each["instance"]) for each in said} == {("engine", "engine")}
    assert [each["now"] for each in said] == [format_instant(T0)] * 3 + [format_instant(T0 + DAY_MS)]


async def test_a_service_that_waits_for_the_first_tick_can_be_stopped(kafka: str, tmp_path: Path) -> None:
    log = tmp_path / "engine.log"

    async def waits() -> bool:
        return "waiting for the first tick" in log.read_text()

    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "engine",
            env=os.environ | {"TETIK_KAFKA": kafka, "TETIK_CLOCK": "topic"}, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        await until(waits)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), DEADLINE_S) == 0, log.read_text()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert "Traceback" not in log.read_text()
