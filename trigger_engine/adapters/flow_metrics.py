"""What Prometheus is told of the way through a partition: how far behind, how fast, how late."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from prometheus_client import CollectorRegistry, Gauge, Histogram

from schemas.instants import SECOND_MS, Instant
from trigger_engine.core.partition import Partition

LATENCY_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600)


class Behind(Protocol):
    """What is looked at of a partition's writer."""

    partition: Partition

    @property
    def next_offset(self) -> int: ...
    @property
    def next_due_at(self) -> Instant: ...


class FlowMetrics:
    """One set a process, on the engine's registry. There is a series a partition owned, at most 1,024."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.lag_records = Gauge(
            "tetik_lag_records",
            "Offsets of the events not applied yet, by partition",
            ["partition"],
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "tetik_lag_seconds",
            "How long ago the event applied last was received, where more are waiting; else 0; by partition",
            ["partition"],
            registry=registry,
        )
        self.batch_seconds = Histogram(
            "tetik_batch_seconds",
            "From taking batches up until they are durable and acknowledged",
            buckets=LATENCY_S,
            registry=registry,
        )
        self.event_to_decision = Histogram(
            "tetik_event_to_decision_seconds",
            "From an event's receipt until the decisions it brought were committed",
            buckets=LATENCY_S,
            registry=registry,
        )
        self.timers_overdue = Gauge(
            "tetik_timers_overdue",
            "Wake-ups that are due and not handed in (one that was re-armed may count twice)",
            registry=registry,
        )
        self.timers_overdue_seconds = Gauge(
            "tetik_timers_overdue_seconds", "How long the earliest of them is due", registry=registry
        )
        self._shown: set[int] = set()

    def answered(self, received: Iterable[Instant], now: Instant) -> None:
        """The decisions of events that were received then are committed."""
        for received_at in received:
            self.event_to_decision.observe(max(0, now - received_at) / SECOND_MS)

    def show(self, writers: Mapping[int, Behind], ends: Mapping[int, int], now: Instant) -> None:
        """Tell how far behind the partitions owned are, whose events end there."""
        for number in self._shown - writers.keys():
            self.lag_records.remove(str(number))
            self.lag_seconds.remove(str(number))
        self._shown = set(writers)
        for number, writer in writers.items():
            lag = max(0, ends.get(number, 0) - writer.next_offset)
            received_at = writer.partition.record.received_max
            waiting_ms = max(0, now - received_at) if lag and received_at else 0
            self.lag_records.labels(str(number)).set(lag)
            self.lag_seconds.labels(str(number)).set(waiting_ms / SECOND_MS)
        self.timers_overdue.set(sum(writer.partition.timers.due_by(now) for writer in writers.values()))
        earliest = min((writer.next_due_at for writer in writers.values()), default=now)
        self.timers_overdue_seconds.set(max(0, now - earliest) / SECOND_MS)
