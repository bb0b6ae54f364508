"""What Prometheus is told of the product side: interests, and notices on their way."""

from prometheus_client import CollectorRegistry, Counter, Gauge

from trigger_engine.core.effects import DropInterest, NoteInterest
from trigger_engine.core.flush import Flush


class ProductMetrics:
    """One set a process, on the engine's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.interests = Counter(
            "tetik_interests_total",
            "Interests of customers in products written, by action: note or drop",
            ["action"],
            registry=registry,
        )
        self.interests_dropped = Counter(
            "tetik_interests_over_bound_total",
            "Interests that a product, or a partition, had no room for",
            registry=registry,
        )
        self.notices = Counter(
            "tetik_product_notices_total",
            "Events that told a customer of a product, by kind",
            ["kind"],
            registry=registry,
        )
        self.fan_outs_pending = Gauge(
            "tetik_fan_outs_pending",
            "Products whose interested customers are still to be told of something",
            registry=registry,
        )

    def count(self, flush: Flush) -> None:
        """Count a flush that was committed."""
        for effect in flush.effects:
            if isinstance(effect, NoteInterest | DropInterest):
                self.interests.labels(effect.record.action).inc()
        for notice in flush.notices:
            self.notices.labels(notice.properties["kind"]).inc()
