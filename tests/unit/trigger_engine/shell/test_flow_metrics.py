"""What Prometheus is told of lag, latency and overdue wake-ups."""

import msgspec

from schemas.topics import EVENTS
from tests.fixtures.engine_cases import CART, CONFIRMATION, T0, added, ordered, profile, rule_set
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import load_rules


class Writer(msgspec.Struct):
    """What is looked at of a writer."""

    partition: Partition
    next_offset: int
    next_due_at: int


def partition_of(*triggers: dict[str, object]) -> Partition:
    return Partition(0, {}, PartitionRecord(next_offsets={EVENTS: 0}), load_rules(rule_set(*triggers)), {})


def value(metrics: EngineMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_the_lag_is_told_by_partition_and_forgotten_with_it() -> None:
    metrics, partition = EngineMetrics(), partition_of(CART)
    partition.record.received_max = T0
    behind, at_the_end = Writer(partition, 40, T0 + 90_000), Writer(partition, 50, T0 + 90_000)
    metrics.flow.show({0: behind, 1: at_the_end}, {0: 50, 1: 50}, T0 + 7_000)
    assert [value(metrics, "tetik_lag_records", partition=number) for number in "01"] == [10, 0]
    assert [value(metrics, "tetik_lag_seconds", partition=number) for number in "01"] == [7, 0]
    metrics.flow.show({1: at_the_end}, {1: 50}, T0 + 7_000)
    assert value(metrics, "tetik_lag_records", partition="0") is None
    assert value(metrics, "tetik_lag_records", partition="1") == 0


def test_overdue_wake_ups_are_counted_and_their_age_told() -> None:
    metrics, partition = EngineMetrics(), partition_of(CART)
    for number, name in enumerate(("ada", "bob")):
        partition.apply_record(EVENTS, number, name.encode(), added(name, name, T0), T0)
    due_at = partition.timers.next_due_at
    for late_ms, overdue in ((-1, 0), (30_000, 2)):
        writers = {0: Writer(partition, 2, due_at)}
        metrics.flow.show(writers, {0: 2}, due_at + late_ms)
        assert value(metrics, "tetik_timers_overdue") == overdue
        assert value(metrics, "tetik_timers_overdue_seconds") == max(0, late_ms) / 1_000


def test_latency_is_of_events_that_brought_decisions() -> None:
    metrics, partition = EngineMetrics(), partition_of(CONFIRMATION)
    records = [profile("ada", "p", T0), ordered("ada", "o", T0 + 500)]
    for number, record in enumerate(records):
        partition.apply_record(EVENTS, number, b"ada", record, T0 + 900)
    flush = partition.take_flush()
    assert flush.answered == [T0 + 500]
    metrics.count(flush, T0 + 2_500)
    assert value(metrics, "tetik_event_to_decision_seconds_count") == 1
    assert value(metrics, "tetik_event_to_decision_seconds_sum") == 2
    partition.committed(flush)
    assert partition.take_flush().answered == []
