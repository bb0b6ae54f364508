"""What Prometheus is told of states: how many, how large, how far restored, how close a standby is."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from trigger_engine.adapters.state_store import StateStore

_TAKE_OVER_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300)


class StateMetrics:
    """One set a process, on the engine's registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.customers = Gauge(
            "tetik_state_customers",
            "Customers of the partitions owned (an estimate where they are kept in files)",
            registry=registry,
        )
        self.bytes = Gauge(
            "tetik_state_bytes",
            "Encoded states of the partitions owned (an estimate where they are kept in files)",
            registry=registry,
        )
        self.changelog_read = Counter(
            "tetik_changelog_records_read_total",
            "Records of the changelog read, by what for: take-over or standby",
            ["purpose"],
            registry=registry,
        )
        self.partitions_restoring = Gauge(
            "tetik_partitions_restoring", "Partitions whose changelog is being read", registry=registry
        )
        self.restore_left = Gauge(
            "tetik_restore_offsets_left",
            "Offsets of the changelog still to be read by the take-overs under way",
            registry=registry,
        )
        self.take_over_seconds = Histogram(
            "tetik_take_over_seconds",
            "Time of taking a partition over, by source: the changelog, or a copy and the changelog's tail",
            ["source"],
            buckets=_TAKE_OVER_S,
            registry=registry,
        )
        self.standby_lag = Gauge(
            "tetik_standby_lag_records",
            "Offsets of others' changelogs that the copies of this worker lack",
            registry=registry,
        )
        self.standby_customers = Gauge(
            "tetik_standby_customers", "Customers in the copies of others' partitions", registry=registry
        )
        self.standby_failures = Counter(
            "tetik_standby_failures_total",
            "Times that following others' changelogs failed and was begun anew",
            registry=registry,
        )

        for purpose in ("take-over", "standby"):  # from the start, so that the first records are a rise
            self.changelog_read.labels(purpose)

    def show(self, stores: Iterable[StateStore]) -> None:
        """Tell the size of the states owned."""
        customers = size = 0
        for store in stores:
            customers += len(store)
            size += store.size_bytes
        self.customers.set(customers)
        self.bytes.set(size)
