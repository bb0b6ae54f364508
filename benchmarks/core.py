"""`python -m benchmarks.core`: the engine without Kafka, in one process: decode, step, encode, batch.

For profiling and for judging one change at a time; the claim is `make bench`'s. Batches and flushes
have the sizes of a backlog; the first part of the log warms up and is not measured. With `--profile` it
prints where the time goes (cProfile; its overhead makes small functions look dear).

`--rules-elsewhere` adds rules on event types that the log does not have, `--customers` says among how many
the same number of events is spread: what does not concern an event should not make it dearer.
"""

import cProfile
import pstats
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.shop_log import Logged, shop_log
from schemas.topics import EVENTS
from services.publish import TEMPLATES, read_rule_set
from tests.fixtures.shop import SHOP
from trigger_engine.adapters.collector import spare_the_long_lived
from trigger_engine.adapters.kafka_log import BATCH_BYTES_MAX, record_batches
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.app import FLUSH_INPUTS_MAX
from trigger_engine.core.partition import Flush, Partition, PartitionRecord
from trigger_engine.core.rules import Rules, load_rules


def rules_of(folder: Path, elsewhere: int) -> Rules:
    """The rules of a folder, and so many more on event types that never come."""
    rule_set = read_rule_set(folder, TEMPLATES)
    more = [
        {
            "id": f"elsewhere-{number}",
            "status": "live",
            "kind": "transactional",
            "when": {"event": [f"elsewhere_{number}"], "where": "orders.count > 0"},
            "unless": [{"event": f"elsewhere_{number}_over"}],
            "wait": "1h",
            "steps": [{"mail": "order-confirmation", "id": "order-confirmation"}],
        }
        for number in range(elsewhere)
    ]
    return load_rules(rule_set.model_copy(update={"triggers": [*rule_set.triggers, *more]}))


def make_partition(number: int, rules: Rules | None = None) -> Partition:
    """An empty partition, under three plain triggers unless others are given."""
    return Partition(number, {}, PartitionRecord(), rules or rules_of(SHOP, 0), {})


def apply_log(partition: Partition, log: list[Logged], now: int) -> int:
    """Apply and flush the whole log; returns the bytes that would have been written."""
    written = 0
    producer: Any = SimpleNamespace(create_batch=_new_batch)
    for begin in range(0, len(log), FLUSH_INPUTS_MAX):
        for offset, logged in enumerate(log[begin : begin + FLUSH_INPUTS_MAX], begin):
            while not partition.apply_record(EVENTS, offset, logged.key.encode(), logged.value, now):
                pass  # a slice of the wake-ups before it went first
        flush = partition.take_flush()
        written += _write(producer, flush)
        partition.committed(flush)
    return written


def _new_batch() -> BatchBuilder:
    return BatchBuilder(BATCH_BYTES_MAX, 0, is_transactional=True)


def _write(producer: Any, flush: Flush) -> int:
    portions = portions_of(flush, 0, 1)
    return sum(batch.size() for portion in portions for batch in record_batches(producer, portion.rows))


@click.command()
@click.option("--events", type=click.IntRange(1_000), default=60_000, show_default=True)
@click.option("--warm-up", type=click.IntRange(0), default=10_000, show_default=True, help="Of these.")
@click.option("--customers", type=click.IntRange(100), default=12_500, show_default=True)
@click.option(
    "--rules", type=click.Path(exists=True, file_okay=False, path_type=Path), default=SHOP, help="A folder."
)
@click.option("--rules-elsewhere", type=click.IntRange(0), default=0, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--profile", is_flag=True, help="Profile one more round and print the dearest functions.")
def main(
    events: int, warm_up: int, customers: int, rules: Path, rules_elsewhere: int, rounds: int, profile: bool
) -> None:
    """Print CPU microseconds per event of each round."""
    if warm_up >= events:
        raise click.UsageError("--warm-up must be smaller than --events")
    now = time.time_ns() // 1_000_000
    log = list(shop_log(events, customers, 1, now))
    compiled = rules_of(rules, rules_elsewhere)
    spare_the_long_lived()
    for _ in range(rounds):
        partition = make_partition(0, compiled)
        apply_log(partition, log[:warm_up], now)
        begun = time.process_time()
        written = apply_log(partition, log[warm_up:], now)
        spent = time.process_time() - begun
        measured = events - warm_up
        click.echo(f"{spent / measured * 1e6:.2f} µs/event, {written / measured:.0f} bytes/event written")
    if profile:
        partition = make_partition(0, compiled)
        profiler = cProfile.Profile()
        profiler.runcall(apply_log, partition, log, now)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
