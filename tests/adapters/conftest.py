"""The two logs that one suite is run over: Kafka, and the one in memory that the simulator uses."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from random import Random
from typing import NamedTuple

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.integration.conftest import CLIENTS_MAY_LEAK
from tests.simulation.memory_log import MemoryBroker, MemoryLog, NoPace, Pace
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.log_port import EngineLog

DEADLINE_S = 30
_numbers = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As in the integration tests: a Kafka client of another test may have left a socket behind."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(CLIENTS_MAY_LEAK)


class Seen(NamedTuple):
    """A record that a reader of committed records saw."""

    offset: int
    key: bytes | None
    value: bytes | None


class Bench(ABC):
    """A log, and what a test needs beside it."""

    log: EngineLog

    @abstractmethod
    async def topic(self, partitions: int = 2) -> str:
        """A new topic; its name."""

    @abstractmethod
    async def make_again(self, topic: str) -> None:
        """Delete a topic and make another of that name."""

    @abstractmethod
    async def produce(self, topic: str, partition: int, value: bytes) -> None:
        """Write a record outside of any transaction."""

    def name(self) -> str:
        """A name that no other writer has."""
        return f"writer-{next(_numbers)}"

    async def committed(self, topic: str, partition: int = 0) -> list[Seen]:
        """What a reader of committed records sees now."""
        reader = await self.log.open_reader(topic, partition)
        try:
            return [
                Seen(record.offset, record.key, record.value)
                async for records in reader.read_on()
                for record in records
            ]
        finally:
            await reader.close()

    async def values(self, topic: str, partition: int = 0) -> list[bytes | None]:
        """The values of the above."""
        return [seen.value for seen in await self.committed(topic, partition)]

    async def end(self, topic: str, partition: int = 0) -> int:
        """Where the partition ends for a reader of committed records."""
        return (await self.log.end_offsets(topic, [partition]))[partition]

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Markers are written after the commit is decided: wait for them."""
        async with asyncio.timeout(DEADLINE_S):
            while not await holds():
                await asyncio.sleep(0.01)

    async def until_end(self, topic: str, end: int, partition: int = 0) -> None:
        """Wait until the partition ends there."""

        async def ended() -> bool:
            return await self.end(topic, partition) == end

        await self.until(ended)


class Dawdling:
    """Lets others act a few times before everything that is done, and reads in small slices."""

    def __init__(self) -> None:
        self._random = Random(1)

    async def at(self, point: str) -> None:
        for _ in range(self._random.randrange(6)):
            await asyncio.sleep(0)

    def slice(self, available: int) -> int:
        return self._random.randint(1, available)


class MemoryBench(Bench):
    """The log in memory."""

    def __init__(self, pace: Pace) -> None:
        self._broker = MemoryBroker({})
        self._broker.set_pace(pace)
        self.log = MemoryLog(self._broker, pace)

    async def topic(self, partitions: int = 2) -> str:
        name = f"topic-{next(_numbers)}"
        self._broker.create(name, partitions)
        return name

    async def make_again(self, topic: str) -> None:
        self._broker.create(topic, self._broker.describe()[topic].partitions)

    async def produce(self, topic: str, partition: int, value: bytes) -> None:
        self._broker.produce(topic, partition, (None, value, []))


class KafkaBench(Bench):
    """A real Kafka."""

    def __init__(self, bootstrap: str, producer: AIOKafkaProducer, admin: AIOKafkaAdminClient) -> None:
        self.log = KafkaLog(bootstrap)
        self._producer = producer
        self._admin = admin

    async def topic(self, partitions: int = 2) -> str:
        name = f"log-suite-{next(_numbers)}"
        await self._create(name, partitions)
        return name

    async def _create(self, name: str, partitions: int) -> None:
        await self._admin.create_topics([NewTopic(name, partitions, 1)])

        async def there() -> bool:
            described = (await self.log.describe((name,))).get(name)
            return described is not None and described.partitions == partitions

        await self.until(there)
        await self._producer.client.force_metadata_update()

    async def make_again(self, topic: str) -> None:
        partitions = (await self.log.describe((topic,)))[topic].partitions
        await self._admin.delete_topics([topic])

        async def gone() -> bool:
            return topic not in await self.log.describe((topic,))

        await self.until(gone)
        await self._create(topic, partitions)

    async def produce(self, topic: str, partition: int, value: bytes) -> None:
        await self._producer.send_and_wait(topic, value, partition=partition)


@pytest.fixture(params=["memory", "dawdling memory", "kafka"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Each test runs over both; in memory also with everything torn apart, as the simulator does it."""
    if request.param != "kafka":
        yield MemoryBench(NoPace() if request.param == "memory" else Dawdling())
        return
    bootstrap: str = request.getfixturevalue("kafka_bootstrap")
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await producer.start()
    await admin.start()
    made = KafkaBench(bootstrap, producer, admin)
    try:
        yield made
    finally:
        await made.log.close()
        await admin.close()
        await producer.stop()
