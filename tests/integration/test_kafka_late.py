"""Services started before their Kafka: one clear line, no stack trace, and they go on once it is there."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.topics import OUTBOUND
from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory
from services.publish import publish
from services.topics import ensure_topics
from tests.fixtures.engine import PARTITIONS, EngineBench
from tests.fixtures.engine_cases import CONFIRMATION, ordered, profile, rule_set
from tests.fixtures.platform import BackgroundPlatform, real_kafka

DEADLINE_S = 90
COMPLAINT = "Kafka does not answer at"


class LateKafka:
    """A node whose data are there, topics and rules too, but which does not run yet."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._node: KafkaNode = real_kafka(directory / "kafka")
        self._running: BackgroundPlatform | None = None

    @property
    def bootstrap(self) -> str:
        return self._node.bootstrap

    def start(self) -> None:
        self._running = BackgroundPlatform(self._directory)
        for spec in kafka_specs(self._node, cache_directory(os.environ)):
            self._running.start(spec)

    def prepare(self) -> None:
        self.start()
        asyncio.run(self._fill())
        self.stop()

    def stop(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    async def _fill(self) -> None:
        await ensure_topics(self.bootstrap, PARTITIONS)
        await publish(self.bootstrap, rule_set(CONFIRMATION), PARTITIONS, _now())


def _now() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def late_kafka(tmp_path: Path) -> Iterator[LateKafka]:
    kafka = LateKafka(tmp_path)
    try:
        kafka.prepare()
        yield kafka
    finally:
        kafka.stop()


@pytest.fixture
def engines(late_kafka: LateKafka, tmp_path: Path) -> Iterator[EngineBench]:
    bench = EngineBench(late_kafka.bootstrap, tmp_path)
    yield bench
    bench.close()


async def until_said(log: Path, words: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while words not in text_of(log):
            await asyncio.sleep(0.05)


def text_of(log: Path) -> str:
    return log.read_text()


async def test_the_engine_waits_for_kafka_and_goes_on(late_kafka: LateKafka, engines: EngineBench) -> None:
    engine = engines.start()
    await until_said(engine.log, COMPLAINT)
    (line,) = engine.log.read_text().splitlines()
    assert f"{COMPLAINT} {late_kafka.bootstrap}" in line
    assert "TETIK_KAFKA" in line

    await asyncio.to_thread(late_kafka.start)
    await until_said(engine.log, f"Kafka answers at {late_kafka.bootstrap}")
    at = _now()
    await engines.produce([("ada", profile("ada", "1", at)), ("ada", ordered("ada", "2", at))])
    (request,) = await engines.until(OUTBOUND, bool)
    assert (request["customer_key"], request["step"]) == ("ada", "order-confirmation")
    said = engine.log.read_text()
    assert said.count(COMPLAINT) == 1, said
    assert "Traceback" not in said


async def test_an_engine_that_waits_for_kafka_can_be_stopped(engines: EngineBench) -> None:
    engine = engines.start()
    await until_said(engine.log, COMPLAINT)
    assert await asyncio.to_thread(engine.terminate) == 0, engine.log.read_text()
    assert len(engine.log.read_text().splitlines()) == 1, "nothing went wrong, so nothing is said"
