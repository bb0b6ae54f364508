"""`python -m benchmarks.core`: the engine without Kafka, in one process: decode, step, encode, batch.

For profiling and for judging one change at a time; the claim is `make bench`'s. Batches and flushes
have the sizes of a backlog. With `--profile` it prints where the time goes (cProfile; its overhead makes
small functions look dear).
"""

import cProfile
import pstats
import time
from types import SimpleNamespace
from typing import Any

import click
from aiokafka.producer.message_accumulator import BatchBuilder

from benchmarks.shop_log import Logged, shop_log
from schemas.topics import EVENTS
from services.publish import TEMPLATES, read_rule_set
from tests.fixtures.shop import SHOP
from trigger_engine.adapters.kafka_log import BATCH_BYTES_MAX, record_batches
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core.partition import Flush, Partition, PartitionRecord
from trigger_engine.core.rules import load_rules

FLUSH_INPUTS = 2_000


def make_partition(number: int) -> Partition:
    """An empty partition under three plain triggers."""
    return Partition(number, {}, PartitionRecord(), load_rules(read_rule_set(SHOP, TEMPLATES)), {})


def apply_log(partition: Partition, log: list[Logged], now: int) -> int:
    """Apply and flush the whole log; returns the bytes that would have been written."""
    written = 0
    producer: Any = SimpleNamespace(create_batch=_new_batch)
    for begin in range(0, len(log), FLUSH_INPUTS):
        for offset, logged in enumerate(log[begin : begin + FLUSH_INPUTS], begin):
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
@click.option("--customers", type=click.IntRange(100), default=12_500, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=3, show_default=True)
@click.option("--profile", is_flag=True, help="Profile one more round and print the dearest functions.")
def main(events: int, customers: int, rounds: int, profile: bool) -> None:
    """Print CPU microseconds per event of each round."""
    now = time.time_ns() // 1_000_000
    log = list(shop_log(events, customers, 1, now))
    for _ in range(rounds):
        partition = make_partition(0)
        begun = time.process_time()
        written = apply_log(partition, log, now)
        spent = time.process_time() - begun
        click.echo(f"{spent / events * 1e6:.2f} µs/event, {written / events:.0f} bytes/event written")
    if profile:
        partition = make_partition(0)
        profiler = cProfile.Profile()
        profiler.runcall(apply_log, partition, log, now)
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


if __name__ == "__main__":
    main()
