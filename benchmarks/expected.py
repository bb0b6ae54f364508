"""What a log should lead to, computed without any contender's code: the thin job's outputs, and for each
order where it stands in its partition, by which progress is told."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from benchmarks.job_log import END, LogRecord
from schemas.instants import Instant, parse_instant
from trigger_engine.adapters.partitioning import partition_of

RECENT = 20


class Output(NamedTuple):
    """What the thin job puts out for an order."""

    order_id: str
    events: int
    value: float


class Place(NamedTuple):
    """A record's partition, and how many of the log's records precede it there."""

    partition: int
    before: int


@dataclass(slots=True)
class Expected:
    """`outputs` by customer, in order. `ends_at`: when the first of the last sentinels was received."""

    outputs: dict[str, list[Output]] = field(default_factory=lambda: defaultdict(list))
    places: dict[str, Place] = field(default_factory=dict)
    records: int = 0
    ends_at: Instant = 0


def expected_of(records: Iterable[LogRecord], partitions: int) -> Expected:
    """Read a whole log."""
    expected = Expected()
    customers: dict[str, dict[str, Any]] = defaultdict(lambda: {"count": 0, "value": 0.0, "recent": []})
    before = [0] * partitions
    for key, value in records:
        event = json.loads(value)
        partition = partition_of(key, partitions)
        order_id = event["properties"].get("order_id")
        if order_id is not None:
            expected.places.setdefault(order_id, Place(partition, before[partition]))
            if order_id.startswith(END) and not expected.ends_at:
                expected.ends_at = parse_instant(event["received_at"])
        before[partition] += 1
        _thin(customers[event["customer_id"]], event, expected.outputs[event["customer_id"]])
    expected.records = sum(before)
    return expected


def _thin(customer: dict[str, Any], event: dict[str, Any], outputs: list[Output]) -> None:
    if event["event_id"] in customer["recent"]:
        return
    customer["recent"] = [*customer["recent"], event["event_id"]][-RECENT:]
    customer["count"] += 1
    customer["value"] += event["properties"].get("total", 0)
    if event["type"] == "order_completed":
        outputs.append(Output(event["properties"]["order_id"], customer["count"], customer["value"]))
