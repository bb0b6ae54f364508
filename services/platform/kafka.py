"""A real Apache Kafka, one node in KRaft mode, on loopback, its data on disk under `<data>/kafka`.

`server.properties` is written anew at each start (ports may change); the storage is formatted once. The
quorum is static (`controller.quorum.voters`): a dynamic one remembers the controller's port in its log.
"""

import base64
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.platform.errors import BrokerUnavailable
from services.platform.probes import kafka_ready
from services.platform.process import ProcessSpec

LOOPBACK = "127.0.0.1"
HEAP = "-Xmx512m"
FORMAT_TIMEOUT_S = 120
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


def prepare_kafka(node: KafkaNode) -> None:
    """Writes the configuration and, the first time, formats the storage. Blocks for two seconds then.

    Raises BrokerUnavailable with Kafka's own message when the storage cannot be formatted."""
    node.directory.mkdir(parents=True, exist_ok=True)
    node.properties_file.write_text(render_properties(server_properties(node)))
    (node.directory / "log4j2.properties").write_text(LOG4J2)
    if (node.directory / "data" / "meta.properties").exists():
        return
    cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    tool = ("kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(node.properties_file))
    command = (node.java, "-cp", node.class_path, *tool, "--ignore-formatted")
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FORMAT_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BrokerUnavailable(f"Kafka's storage was not formatted within {FORMAT_TIMEOUT_S} s.") from None
    if done.returncode != 0:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        raise BrokerUnavailable(f"Kafka's storage {node.directory} could not be formatted: {' '.join(last)}")


def kafka_spec(node: KafkaNode) -> ProcessSpec:
    """The broker process; `prepare_kafka` comes first."""
    return ProcessSpec(
        name="kafka",
        command=(
            node.java, HEAP, "-Xms256m", "-XX:+UseG1GC", "-XX:+ExitOnOutOfMemoryError",
            "-cp", node.class_path, "kafka.Kafka", str(node.properties_file),
        ),
        ready=kafka_ready(node.bootstrap),
        start_timeout_s=START_TIMEOUT_S,
        stop_timeout_s=STOP_TIMEOUT_S,
    )  # fmt: skip
