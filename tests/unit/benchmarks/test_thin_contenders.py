"""The thin job in Tetik's and in Faust's form puts out what the log should lead to, without Kafka."""

import json
from collections import defaultdict

import msgspec
import pytest

from benchmarks.comparison import compare
from benchmarks.expected import Output, expected_of
from benchmarks.faust_documented import ShopEvent, update
from benchmarks.job_log import LogPlan, log_records
from benchmarks.tetik_thin import RECENT, ThinFlush, ThinPartition, portions_to
from schemas.topics import STATE_CHANGELOG
from trigger_engine.core.partition import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.rules import NO_RULES
from trigger_engine.core.state import next_wake_up_of

PLAN = LogPlan(customers=60, warm_up=200, measured=1_600, tail=0, seed=3, now=1_763_826_773_000, partitions=1)
LOG = list(log_records(PLAN))
EXPECTED = expected_of(LOG, 1)
FLUSH_INPUTS = 300


def thin_partition(customers: dict[str, bytes]) -> ThinPartition:
    return ThinPartition(0, customers, PartitionRecord(), NO_RULES, {})


def flushed(partition: ThinPartition) -> ThinFlush:
    flush = partition.take_flush()
    partition.committed(flush)
    return flush


@pytest.mark.parametrize("taken_over", [False, True], ids=["one owner", "a new owner each flush"])
def test_the_partition_puts_out_what_is_expected(taken_over: bool) -> None:
    found: dict[str, list[Output]] = defaultdict(list)
    customers: dict[str, bytes] = {}
    partition = thin_partition(customers)
    for begin in range(0, len(LOG), FLUSH_INPUTS):
        for offset, (key, value) in enumerate(LOG[begin : begin + FLUSH_INPUTS], begin):
            assert partition.apply_record("tetik.events", offset, key, value, PLAN.now)
        flush = flushed(partition)
        customers |= {name: state for name, state in flush.states if state is not None}
        for name, output in flush.outputs:
            said = json.loads(output)
            found[name].append(Output(said["order_id"], said["count"], said["value"]))
        if taken_over:
            partition = thin_partition(dict(customers))
    difference = compare(EXPECTED.outputs, found)
    assert not difference.found, difference.describe()
    assert difference.compared > 30


def test_a_broken_record_becomes_a_dead_letter_and_changes_nothing() -> None:
    partition = thin_partition({})
    key, value = LOG[0]
    partition.apply_record("tetik.events", 0, key, value[:-1], PLAN.now)
    partition.apply_record("tetik.events", 1, key, value.replace(b"T", b"t-", 1), PLAN.now)
    flush = flushed(partition)
    assert [rejected.offset for rejected in flush.rejected] == [0, 1]
    assert flush.states == []


def test_a_flush_is_written_as_the_engines_are() -> None:
    partition = thin_partition({})
    for offset, (key, value) in enumerate(LOG):
        partition.apply_record("tetik.events", offset, key, value, PLAN.now)
    outputs, changelog = portions_to("bench.out").portions(flushed(partition), 2, 4)
    assert (outputs.topic, outputs.partition) == ("bench.out", 2)
    assert (changelog.topic, changelog.partition) == (STATE_CHANGELOG, 2)
    *states, (last_key, record, _) = changelog.rows
    assert last_key == PARTITION_RECORD_KEY.encode()
    assert record is not None
    assert msgspec.msgpack.decode(record, type=PartitionRecord) == partition.record
    assert all(state is not None and next_wake_up_of(state) is None for _, state, _ in states)


def test_faust_applies_an_event_once_and_remembers_the_last_twenty() -> None:
    customer: dict[str, object] = {}
    event = ShopEvent.from_data(json.loads(LOG[-1].value))
    for number in range(RECENT + 5):
        event.event_id = f"ev-{number}"
        assert update(customer, event)
        assert not update(customer, event)
    assert customer["count"] == RECENT + 5
    assert len(customer["recent"]) == RECENT  # type: ignore[arg-type]
