"""A real Kafka for one run of a benchmark, started as `tetik up` starts it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.platform.errors import PlatformError
from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory, find_java_tools
from services.platform.supervisor import Supervisor
from tests.fixtures.platform import free_ports


@asynccontextmanager
async def kafka_in(directory: Path) -> AsyncIterator[str]:
    """A Kafka under this directory; its address. Raises PlatformError."""
    tools = find_java_tools(os.environ)
    if tools.java is None:
        raise PlatformError(f"the benchmark needs a real Kafka, and so Java 17 or newer: {tools.problem}")
    cache = cache_directory(os.environ)
    node = KafkaNode(tools.java, cache / "lib", directory / "kafka", *free_ports(2))
    async with Supervisor(directory / "logs") as supervisor:
        for spec in kafka_specs(node, cache):
            await supervisor.start(spec)
        yield node.bootstrap
