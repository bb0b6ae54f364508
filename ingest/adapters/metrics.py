"""What ingest counts, in a registry of its own (two apps in one process don't meet)."""

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from ingest.core.outcomes import Outcome, Rejected

MEDIA_TYPE = CONTENT_TYPE_LATEST
_LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class IngestMetrics:
    """`tetik_ingest_*`."""

    def __init__(self, in_flight: Callable[[], int], kafka_up: Callable[[], bool]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tetik_ingest_requests", "Answered requests.", ["path", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "tetik_ingest_request_seconds",
            "From the request's head to its answer, the broker's acks included.",
            ["path"],
            buckets=_LATENCY_BUCKETS_S,
            registry=self._registry,
        )
        self._accepted = Counter(
            "tetik_ingest_events_accepted", "Events on the log.", ["source"], registry=self._registry
        )
        self._rejected = Counter(
            "tetik_ingest_events_rejected",
            "Events on the dead letters.",
            ["source", "code"],
            registry=self._registry,
        )
        Gauge(
            "tetik_ingest_records_in_flight", "Records without an ack yet.", registry=self._registry
        ).set_function(in_flight)
        Gauge(
            "tetik_ingest_kafka_up", "1 if the last check reached Kafka.", registry=self._registry
        ).set_function(kafka_up)

    def count_request(self, path: str, status: int, seconds: float) -> None:
        """One answered request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def count_outcomes(self, source: str, outcomes: Iterable[Outcome]) -> None:
        """The events of one request, once they are on the log."""
        for outcome in outcomes:
            if isinstance(outcome, Rejected):
                self._rejected.labels(source, outcome.code).inc()
            else:
                self._accepted.labels(source).inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self._registry)
