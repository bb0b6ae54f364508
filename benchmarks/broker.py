"""A real Kafka for one run of a benchmark, started as `tetik up` starts it."""

import os
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from services.platform.errors import PlatformError
from services.platform.kafka import KafkaNode, kafka_specs
from services.platform.kafka_artifacts import cache_directory, find_java_tools
from services.platform.supervisor import Supervisor


@asynccontextmanager
async def kafka_in(directory: Path) -> AsyncIterator[str]:
    """A Kafka under this directory; its address. Raises PlatformError."""
    tools = find_java_tools(os.environ)
    if tools.java is None:
        raise PlatformError(f"the benchmark needs a real Kafka, and so Java 17 or newer: {tools.problem}")
    cache = cache_directory(os.environ)
    node = KafkaNode(tools.java, cache / "lib", directory / "kafka", *_free_ports(2))
    async with Supervisor(directory / "logs") as supervisor:
        for spec in kafka_specs(node, cache):
            await supervisor.start(spec)
        yield node.bootstrap


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
