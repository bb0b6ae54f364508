"""`python -m benchmarks.recovery`: what it costs to take a million customers over, on a real Kafka.

The changelog is filled with states as the engine writes them (grown by the engine's core from a made-up
shop, then given to as many customers as are asked for), in transactions of a flush's size. A fresh process
then takes all partitions over with the classes that run in production and says what that took. Each kind of
store is measured in a process of its own, in turns: in memory; in files, from the changelog; in files that
were kept.
"""

import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
from confluent_kafka import Producer

from benchmarks.broker import kafka_in
from benchmarks.core import apply_log, make_partition
from benchmarks.shop_log import shop_log
from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from services.clock import SystemClock
from services.topics import ensure_topics
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.rule_book import RuleBook
from trigger_engine.adapters.snapshot_book import SnapshotBook
from trigger_engine.adapters.stores import Stores
from trigger_engine.core.flush import PARTITION_RECORD_KEY, PartitionRecord
from trigger_engine.core.state import decode_state, encode_state

FLUSH_CUSTOMERS = 2_000
GROWN_FROM = 60_000
EVENTS_EACH = 9
"""Events that the states are grown from, and how many of them a customer causes on average: a state then has
about 850 bytes, as a shop's have."""
GROUP = "tetik"
RESULTS = Path(__file__).resolve().parent / "results" / "recovery.json"
KINDS = ("memory", "files", "kept files")
LOOK_EVERY_S = 0.05


def states(customers: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and encoded states: those of a made-up shop, over and over under other names."""
    now = SystemClock().now()
    partition = make_partition(0)
    apply_log(partition, list(shop_log(GROWN_FROM, GROWN_FROM // EVENTS_EACH, 1, now)), now)
    grown = [decode_state(data) for _, data in partition.customers.items()]
    for number in range(customers):
        state = grown[number % len(grown)]
        state.customer_key = f"customer-{number}"
        yield state.customer_key.encode(), encode_state(state)


def fill(kafka: str, partitions: int, customers: int) -> int:
    """Write the changelog; returns the bytes of all states."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "transactional.id": "benchmark",
            "linger.ms": 20,
            "batch.size": 900_000,
            "queue.buffering.max.messages": 2 * FLUSH_CUSTOMERS,
        }
    )
    producer.init_transactions()
    record = msgspec.msgpack.encode(PartitionRecord(next_offsets={EVENTS: 0, INTERESTS: 0}))
    size = 0
    producer.begin_transaction()
    for number, (key, state) in enumerate(states(customers), 1):
        producer.produce(STATE_CHANGELOG, state, key, partition=partition_of(key, partitions))
        size += len(state)
        if number % FLUSH_CUSTOMERS == 0 or number == customers:
            for partition in range(partitions):
                producer.produce(STATE_CHANGELOG, record, PARTITION_RECORD_KEY.encode(), partition=partition)
            producer.commit_transaction()
            if number != customers:
                producer.begin_transaction()
    return size


async def take_all(kafka: str, partitions: int, folder: Path | None) -> dict[str, Any]:
    """Take every partition over, as a worker that is alone does; what this process used for it."""
    clock, metrics, log = SystemClock(), EngineMetrics(), KafkaLog(kafka)

    async def seek(partition: int, offset: int) -> None:
        """There is no consumer."""

    def failed(error: BaseException) -> None:
        raise error

    owned = PartitionsOwned(
        log=log,
        group=GROUP,
        partitions=partitions,
        rules=RuleBook(log),
        seek=seek,
        now=clock.now,
        metrics=metrics,
        rejected_max=100,
        failed=failed,
        snapshots=SnapshotBook(log, metrics),
        stores=Stores(log, clock.now, folder=folder),
    )
    before, begun, cpu = _resident_bytes(), time.monotonic(), time.process_time()
    stalls = asyncio.create_task(_longest_stall())
    await owned.on_assigned(set(range(partitions)))
    used, took = time.process_time() - cpu, time.monotonic() - begun
    stalls.cancel()
    read = metrics.registry.get_sample_value("tetik_changelog_records_read_total", {"purpose": "take-over"})
    found = {
        "customers": owned.customer_count(),
        "pending": sum(len(writer.partition.timers) for writer in owned.writers.values()),
        "records_read": int(read or 0),
        "cpu_s": round(used, 2),
        "wall_s": round(took, 2),
        "resident_bytes": _resident_bytes() - before,
        "peak_rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "longest_stall_ms": round(1_000 * await stalls_of(stalls)),
    }
    await owned.close()
    await log.close()
    return found


_stalls: list[float] = []


async def _longest_stall() -> None:
    """How long others had to wait for their turn: heartbeats wait as this does."""
    while True:
        asked = time.monotonic()
        await asyncio.sleep(LOOK_EVERY_S)
        _stalls.append(time.monotonic() - asked - LOOK_EVERY_S)


async def stalls_of(task: "asyncio.Task[None]") -> float:
    """The longest of them, once the task has ended."""
    await asyncio.gather(task, return_exceptions=True)
    return max(_stalls, default=0.0)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def measure(customers: int, partitions: int, rounds: int) -> dict[str, Any]:
    """Fill, then every kind in turns."""
    with tempfile.TemporaryDirectory(prefix="tetik-bench-") as directory:
        folder = Path(directory)
        async with kafka_in(folder) as kafka:
            await ensure_topics(kafka, partitions)
            size = await asyncio.to_thread(fill, kafka, partitions, customers)
            found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
            for number in range(rounds):
                for kind in KINDS:
                    files = [] if kind == "memory" else ["--folder", str(folder / f"state-{number}")]
                    found[kind].append(await asyncio.to_thread(_take_apart, kafka, partitions, files))
                    click.echo(f"{kind}: {found[kind][-1]}", err=True)
    return {"customers": customers, "partitions": partitions, "state_bytes": size, "found": found}


def _take_apart(kafka: str, partitions: int, more: list[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.recovery", "--take", kafka, "--partitions", str(partitions)]
    ended = subprocess.run([*command, *more], stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(ended.stdout)
    return told


def table(report: dict[str, Any]) -> Iterator[str]:
    """The best round of each kind (others' work on the machine only ever adds), as Markdown."""
    customers = report["customers"]
    yield f"{customers:,} customers, {report['state_bytes'] / customers:.0f} bytes each on the changelog\n"
    yield "| | CPU s | wall s | records read | CPU µs a customer | RSS bytes a customer | longest stall ms |"
    yield "|---|---|---|---|---|---|---|"
    for kind, rounds in report["found"].items():
        best = min(rounds, key=lambda each: float(each["cpu_s"]))
        yield (
            f"| {kind} | {best['cpu_s']:.1f} | {best['wall_s']:.1f} | {best['records_read']:,} "
            f"| {best['cpu_s'] / customers * 1e6:.1f} | {best['resident_bytes'] / customers:.0f} "
            f"| {best['longest_stall_ms']} |"
        )


@click.command()
@click.option("--customers", type=click.IntRange(100), default=1_000_000, show_default=True)
@click.option("--partitions", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 20), default=2, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
@click.option("--take", hidden=True, help="Take over from this Kafka and say what it took.")
@click.option("--folder", hidden=True, type=click.Path(path_type=Path))
def main(
    customers: int, partitions: int, rounds: int, output: Path, take: str | None, folder: Path | None
) -> None:
    """Measure, print the table, write the JSON report."""
    if take is not None:
        logging.basicConfig(level="INFO", stream=sys.stderr, format="%(message)s")
        click.echo(json.dumps(asyncio.run(take_all(take, partitions, folder))))
        return
    report = asyncio.run(measure(customers, partitions, rounds))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")
    click.echo("\n".join(table(report)))


if __name__ == "__main__":
    main()
