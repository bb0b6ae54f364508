"""The engine's Prometheus metrics, each with its meaning."""

from collections import Counter as Counts
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, GCCollector, Histogram

from schemas.decision import Outcome
from schemas.instants import Instant
from trigger_engine.adapters.flow_metrics import LATENCY_S, FlowMetrics
from trigger_engine.adapters.product_metrics import ProductMetrics
from trigger_engine.adapters.state_metrics import StateMetrics
from trigger_engine.core.effects import CancelMail, Decide, HandOver, RequestMail
from trigger_engine.core.partition import Flush


class EngineMetrics:
    """One set a process, on a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        GCCollector(self.registry)
        self.products = ProductMetrics(self.registry)
        self.flow = FlowMetrics(self.registry)
        self.state = StateMetrics(self.registry)
        self.decisions = Counter(
            "tetik_decisions_total", "Decisions by outcome", ["outcome"], registry=self.registry
        )
        for outcome in get_args(Outcome):  # from the start, so that the first of a kind is a rise
            self.decisions.labels(outcome)
        self.requests = Counter(
            "tetik_mail_requests_total", "Requests written to the outbound topic", registry=self.registry
        )
        self.handed_over = Counter(
            "tetik_events_handed_over_total",
            "Events written for other customers: hand-overs, and erasures of devices",
            registry=self.registry,
        )
        self.codes_given = Counter(
            "tetik_offer_codes_given_total", "Codes given out, by pool", ["pool"], registry=self.registry
        )
        self.rejected = Counter(
            "tetik_inputs_rejected_total", "Inputs that became dead letters", registry=self.registry
        )
        self.customers_flushed = Counter(
            "tetik_customers_flushed_total", "Customer states written", registry=self.registry
        )
        self.records_dropped = Counter(
            "tetik_records_dropped_total",
            "Records the partition record refused, by reason",
            ["reason"],
            registry=self.registry,
        )
        self.seeks = Counter("tetik_seeks_total", "Gaps that made us read again", registry=self.registry)
        self.wake_ups = Counter("tetik_wake_ups_total", "Wake-ups handed in", registry=self.registry)
        self.timer_lateness = Histogram(
            "tetik_timer_lateness_seconds",
            "Lateness of the earliest wake-up of each slice",
            buckets=LATENCY_S,
            registry=self.registry,
        )
        self.flush_seconds = Histogram(
            "tetik_flush_seconds", "Time of one transaction", buckets=LATENCY_S, registry=self.registry
        )
        self._of_the_worker()
        self._of_recommendations()

    def _of_the_worker(self) -> None:
        self.partitions = Gauge(
            "tetik_partitions", "Partitions of the customers' topics, as set", registry=self.registry
        )
        self.partitions_owned = Gauge(
            "tetik_partitions_owned", "Partitions this worker owns", registry=self.registry
        )
        self.timers_pending = Gauge(
            "tetik_timers_pending", "Customers with a pending wake-up", registry=self.registry
        )
        self.started_at = Gauge(
            "tetik_started_timestamp_seconds",
            "When this process began to work, in seconds since 1970",
            registry=self.registry,
        )
        self.ready = Gauge(
            "tetik_ready", "1 while no rebalance is under way and all is taken over", registry=self.registry
        )

    def _of_recommendations(self) -> None:
        self.snapshots_made = Counter(
            "tetik_snapshots_made_total",
            "Snapshots for recommendations written, by the worker of partition 0",
            registry=self.registry,
        )
        self.snapshots_missing = Counter(
            "tetik_snapshots_missing_total",
            "Snapshots that could not be read when a partition was to recommend by them",
            registry=self.registry,
        )
        self.recommender_failures = Counter(
            "tetik_recommender_failures_total",
            "Times that the work on snapshots failed and was begun anew",
            registry=self.registry,
        )
        self.snapshot_products = Gauge(
            "tetik_snapshot_products", "Products of the snapshot last activated", registry=self.registry
        )
        self.snapshot_made_at = Gauge(
            "tetik_snapshot_made_timestamp_seconds",
            "When the snapshot last activated was made, in seconds since 1970",
            registry=self.registry,
        )

    def count(self, flush: Flush, now: Instant) -> None:
        """Count a flush that was committed just now."""
        self.flow.answered(flush.answered, now)
        outcomes: Counts[str] = Counts()
        kinds: Counts[type] = Counts(map(type, flush.effects))
        for effect in flush.effects:
            if isinstance(effect, Decide):
                outcomes[effect.record.outcome] += 1
            elif isinstance(effect, RequestMail) and effect.code is not None:
                self.codes_given.labels(effect.code.pool).inc()
        for outcome, number in outcomes.items():
            self.decisions.labels(outcome).inc(number)
        self.handed_over.inc(kinds[HandOver])
        self.requests.inc(kinds[RequestMail] + kinds[CancelMail])
        self.products.count(flush)
        self.rejected.inc(len(flush.rejected))
        self.customers_flushed.inc(len(flush.states))
