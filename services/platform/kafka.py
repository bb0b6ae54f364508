"""A real Apache Kafka, one node in KRaft mode, on loopback, its data on disk under `<data>/kafka`.

`server.properties` is written anew at each start (ports may change); the storage is formatted once. The
quorum is static (`controller.quorum.voters`): a dynamic one remembers the controller's port in its log.
"""

import base64
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.platform.kafka_artifacts import FETCH_TIMEOUT_S, jars_cached
from services.platform.probes import kafka_ready
from services.platform.process import ProcessSpec

LOOPBACK = "127.0.0.1"
HEAP = "-Xmx512m"
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 30.0

# What makes a single node complete, and our topics what the design says. docker-compose.yml carries the same
# settings as KAFKA_… variables; a test compares them.
NODE_SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Few internal partitions: a single node starts and recovers quickly.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    # Topics are made by `topics create` from schemas/topics.toml; a misspelt name must fail, not appear.
    "auto.create.topics.enable": "false",
    # Retention counts from arrival: a demo or a backfill sends events of the past.
    "log.message.timestamp.type": "LogAppendTime",
}

# Warnings and errors only; the start-up prints every setting at INFO.
LOG4J2 = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


@dataclass(frozen=True, slots=True)
class KafkaNode:
    """Where one node's jars, files and ports are. `port` serves clients; the controller's is internal."""

    java: str
    lib: Path
    directory: Path
    port: int
    controller_port: int

    @property
    def bootstrap(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def properties_file(self) -> Path:
        return self.directory / "server.properties"

    @property
    def class_path(self) -> str:
        """Our directory first: it holds log4j2.properties."""
        return f"{self.directory}:{self.lib}/*"


def server_properties(node: KafkaNode) -> dict[str, str]:
    """All settings of the node; the addresses are the machine's, the rest is NODE_SETTINGS."""
    client, controller = f"PLAINTEXT://{node.bootstrap}", f"CONTROLLER://{LOOPBACK}:{node.controller_port}"
    return {
        **NODE_SETTINGS,
        "listeners": f"{client},{controller}",
        "advertised.listeners": f"{client},{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.quorum.voters": f"1@{LOOPBACK}:{node.controller_port}",
        "log.dirs": str(node.directory / "data"),
    }


def render_properties(settings: Mapping[str, str]) -> str:
    """Java's properties format; only backslashes need care in what we write."""
    lines = (f"{key}={value}".replace("\\", "\\\\") for key, value in settings.items())
    return "# Written by `tetik up` at each start: changes here are lost.\n" + "\n".join(lines) + "\n"


def write_configuration(node: KafkaNode) -> None:
    """The files that the node reads at its start."""
    node.directory.mkdir(parents=True, exist_ok=True)
    node.properties_file.write_text(render_properties(server_properties(node)))
    (node.directory / "log4j2.properties").write_text(LOG4J2)


def kafka_specs(node: KafkaNode, cache: Path) -> list[ProcessSpec]:
    """What to run, in order: fetching the jars and formatting the storage where that is still to be done, and
    the broker."""
    specs = [kafka_spec(node)]
    if not (node.directory / "data" / "meta.properties").exists():
        specs.insert(0, _format_spec(node))
    if not jars_cached(cache):
        specs.insert(0, _fetch_spec(cache))
    return specs


def kafka_spec(node: KafkaNode) -> ProcessSpec:
    """The broker itself, on formatted storage."""
    return ProcessSpec(
        name="kafka",
        command=(
            node.java, HEAP, "-Xms256m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError",
            "-cp", node.class_path, "kafka.Kafka", str(node.properties_file),
        ),
        prepare=lambda: write_configuration(node),
        ready=kafka_ready(node.bootstrap),
        start_timeout_s=START_TIMEOUT_S,
        stop_timeout_s=STOP_TIMEOUT_S,
    )  # fmt: skip


def _format_spec(node: KafkaNode) -> ProcessSpec:
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # With the equals sign, because an id may begin with a dash.
    options = (f"--cluster-id={cluster_id}", f"--config={node.properties_file}", "--ignore-formatted")
    return ProcessSpec(
        name="kafka-format",
        command=(node.java, "-cp", node.class_path, "kafka.tools.StorageTool", "format", *options),
        prepare=lambda: write_configuration(node),
        once=True,
    )


def _fetch_spec(cache: Path) -> ProcessSpec:
    command = (sys.executable, "-m", "services.platform.kafka_artifacts", str(cache))
    return ProcessSpec(name="kafka-fetch", command=command, once=True, start_timeout_s=FETCH_TIMEOUT_S)
