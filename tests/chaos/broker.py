"""A real Kafka that can be stopped, killed, frozen and started again on its data, with or without a proxy
between it and everybody else."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from services.platform.kafka import (
    KafkaNode,
    kafka_specs,
    render_properties,
    server_properties,
    write_configuration,
)
from services.platform.kafka_artifacts import cache_directory
from services.platform.process import ProcessSpec
from services.platform.supervisor import State
from services.topics import ensure_topics
from tests.chaos.proxy import SlowProxy
from tests.chaos.waiting import until
from tests.fixtures.engine import PARTITIONS
from tests.fixtures.platform import BackgroundPlatform, free_ports, real_kafka


class Broker:
    """One node. `bootstrap` is where clients find it, behind the proxy if there is one."""

    def __init__(self, platform: BackgroundPlatform, node: KafkaNode, proxy: SlowProxy | None) -> None:
        self.proxy = proxy
        self._platform = platform
        self._node = node

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return self._node.bootstrap if self.proxy is None else f"127.0.0.1:{self.proxy.port}"

    async def start(self) -> None:
        """As often as wanted: its data stay."""
        for spec in kafka_specs(self._node, cache_directory(os.environ)):
            await asyncio.to_thread(self._platform.start, self._advertised(spec))

    async def stop(self) -> None:
        """SIGTERM: it closes its logs."""
        stopping = self._platform.supervisor.stop("kafka")
        await asyncio.to_thread(self._platform.run, stopping)

    async def kill(self) -> None:
        """kill -9. Its supervisor starts it again on its data."""
        pid = self._pid()
        os.killpg(pid, signal.SIGKILL)
        await until(lambda: self.runs and self._pid() != pid, "the broker to be up again", 90)

    def freeze(self) -> None:
        """It answers nobody, and keeps everything."""
        os.killpg(self._pid(), signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        os.killpg(self._pid(), signal.SIGCONT)

    def _pid(self) -> int:
        (pid,) = (one.pid for one in self._platform.supervisor.status() if one.name == "kafka")
        assert pid is not None, "it was started"
        return pid

    @property
    def runs(self) -> bool:
        """Whether it is up."""
        return any(
            one.name == "kafka" and one.state == State.UP for one in self._platform.supervisor.status()
        )

    def _advertised(self, spec: ProcessSpec) -> ProcessSpec:
        """With the proxy's address for clients."""
        if self.proxy is None or spec.name == "kafka-fetch":
            return spec
        return replace(spec, prepare=self._configure)

    def _configure(self) -> None:
        node, settings = self._node, server_properties(self._node)
        write_configuration(node)
        advertised = settings["advertised.listeners"].replace(node.bootstrap, self.bootstrap)
        node.properties_file.write_text(render_properties({**settings, "advertised.listeners": advertised}))


@asynccontextmanager
async def broker(directory: Path, *, proxied: bool = False) -> AsyncIterator[Broker]:
    """A Kafka of its own with our topics."""
    platform = BackgroundPlatform(directory)
    node = real_kafka(directory / "kafka")
    proxy = SlowProxy(free_ports(1)[0], node.port) if proxied else None
    try:
        if proxy is not None:
            await proxy.start()
        made = Broker(platform, node, proxy)
        await made.start()
        await ensure_topics(made.bootstrap, PARTITIONS)
        try:
            yield made
        finally:
            if made.runs:
                made.thaw()
    finally:
        await asyncio.to_thread(platform.close)
        if proxy is not None:
            await proxy.stop()
