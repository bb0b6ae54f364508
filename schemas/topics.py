"""The topics, as `topics.toml` declares them."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from schemas.instants import DAY_MS

EVENTS = "tetik.events"
TRIGGERS = "tetik.triggers"
OUTBOUND = "tetik.outbound"
DELIVERIES = "tetik.deliveries"
RULES = "tetik.rules"
PRODUCTS = "tetik.products"
INTERESTS = "tetik.interests"
SNAPSHOTS = "tetik.snapshots"
STATE_CHANGELOG = "tetik-state-changelog"
DEAD_LETTERS = "tetik.dead-letters"
CLOCK = "tetik.clock"
CLOCK_REPORTS = "tetik.clock-reports"


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: `partitions` is None where the deployment's customer partition count applies;
    `retention_days` is None for a compacted topic, `record_bytes_max` where Kafka's default (1 MB) holds."""

    name: str
    key: str
    value: str
    partitions: int | None
    retention_days: int | None
    owner: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    record_bytes_max: int | None = None
    compression: str | None = None
    """What the broker compresses records with; None: they stay as they come."""

    def partition_count(self, customer_partitions: int) -> int:
        """How many partitions the topic gets in a deployment."""
        return customer_partitions if self.partitions is None else self.partitions

    def config(self) -> dict[str, str]:
        """The topic's Kafka settings."""
        settings = {"message.timestamp.type": "LogAppendTime"}
        if self.record_bytes_max is not None:
            settings["max.message.bytes"] = str(self.record_bytes_max)
        if self.compression is not None:
            settings["compression.type"] = self.compression
        if self.retention_days is None:
            return settings | {"cleanup.policy": "compact"}
        return settings | {
            "cleanup.policy": "delete",
            "retention.ms": str(self.retention_days * DAY_MS),
        }


@cache
def all_topics() -> dict[str, Topic]:
    """Every declared topic by name. Raises ValueError if the file is inconsistent."""
    declared = tomllib.loads(files("schemas").joinpath("topics.toml").read_text("utf-8"))
    return {name: _topic(name, fields) for name, fields in declared["topics"].items()}


def _topic(name: str, fields: dict[str, object]) -> Topic:
    partitions, retention = fields["partitions"], fields["retention"]
    writers, readers = fields["writers"], fields["readers"]
    record_bytes_max, compression = fields.get("record_bytes_max"), fields.get("compression")
    if not (partitions == "customer" or isinstance(partitions, int)):
        raise ValueError(f'topics.toml: {name}: partitions must be "customer" or a number')
    if not (retention == "compacted" or isinstance(retention, int)):
        raise ValueError(f'topics.toml: {name}: retention must be "compacted" or a number of days')
    if not (isinstance(writers, list) and isinstance(readers, list)):
        raise ValueError(f"topics.toml: {name}: writers and readers must be lists")
    if not (record_bytes_max is None or isinstance(record_bytes_max, int)):
        raise ValueError(f"topics.toml: {name}: record_bytes_max must be a number of bytes")
    if compression not in (None, "gzip"):
        raise ValueError(f'topics.toml: {name}: compression must be "gzip", which every client reads')
    return Topic(
        name=name,
        key=str(fields["key"]),
        value=str(fields["value"]),
        partitions=partitions if isinstance(partitions, int) else None,
        retention_days=retention if isinstance(retention, int) else None,
        owner=str(fields["owner"]),
        writers=tuple(writers),
        readers=tuple(readers),
        record_bytes_max=record_bytes_max,
        compression=None if compression is None else str(compression),
    )
