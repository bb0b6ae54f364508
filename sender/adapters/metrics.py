"""What the sender counts, in a registry of its own (tests build several senders in one process)."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST


class SenderMetrics:
    """Counters and gauges of one sender."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outcomes = Counter(
            "tetik_sender_outcomes_total",
            "Requests by what became of them.",
            ["status"],
            registry=self.registry,
        )
        self.held = Counter(
            "tetik_sender_held_total", "Tries that ended with the mail being held.", registry=self.registry
        )
        self.replies = Counter(
            "tetik_sender_replies_total", "Answers of the relay by class.", ["class"], registry=self.registry
        )
        self.repeated = Counter(
            "tetik_sender_requests_known_total",
            "Requests that the ledger knew already.",
            registry=self.registry,
        )
        self.lost_claims = Counter(
            "tetik_sender_claims_lost_total",
            "Claims that another owner or a cancel took.",
            registry=self.registry,
        )
        self.dead_letters = Counter(
            "tetik_sender_dead_letters_total", "Records put aside.", registry=self.registry
        )
        self.unsubscribed = Counter(
            "tetik_sender_unsubscribed_total", "Unsubscriptions by way.", ["way"], registry=self.registry
        )
        self.in_work = Gauge("tetik_sender_in_work", "Requests in work.", registry=self.registry)
        self.relay_up = Gauge(
            "tetik_sender_relay_up", "1 while the relay accepts mail.", registry=self.registry
        )
        self.latency = Histogram(
            "tetik_sender_decided_to_sent_seconds",
            "From the engine's decision to the relay's acceptance.",
            buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600, 86400),
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
