"""`python -m benchmarks.stores`: what an event costs more with states in files, in turns with memory.

The engine's core without Kafka (as `benchmarks.core`), over a partition whose customers are known
already: most of those who are met are cold, so their states have to be fetched; each flush writes them back.
"""

import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import quantiles

import click
from rocksdict import Cache

from benchmarks.core import apply_log
from benchmarks.shop_log import Logged, shop_log
from services.publish import TEMPLATES, read_rule_set
from tests.fixtures.shop import SHOP
from trigger_engine.adapters.rocks_store import RocksStore
from trigger_engine.adapters.state_store import MemoryStore, StateStore
from trigger_engine.adapters.stores import CACHE_BYTES
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import load_rules


def partition_on(store: StateStore) -> Partition:
    """A partition under three plain triggers."""
    return Partition(0, store, PartitionRecord(), load_rules(read_rule_set(SHOP, TEMPLATES)), {})


def spent_on(make: Callable[[], StateStore], known: list[Logged], log: list[Logged], now: int) -> float:
    """CPU seconds of applying the log, once its customers are known, by a partition with nobody at work."""
    store = make()
    apply_log(partition_on(store), known, now)
    begun = time.process_time()
    apply_log(partition_on(store), log, now)
    spent = time.process_time() - begun
    store.close()
    return spent


@click.command()
@click.option("--events", type=click.IntRange(1_000), default=40_000, show_default=True)
@click.option("--customers", type=click.IntRange(100), default=200_000, show_default=True)
@click.option("--rounds", type=click.IntRange(2, 50), default=5, show_default=True)
def main(events: int, customers: int, rounds: int) -> None:
    """Print CPU microseconds per event of each kind, and their ratio."""
    now = time.time_ns() // 1_000_000
    log = list(shop_log(2 * events, customers, 1, now))
    known, log = log[:events], log[events:]
    numbers = count()
    with tempfile.TemporaryDirectory(prefix="tetik-bench-") as directory:
        kinds: dict[str, Callable[[], StateStore]] = {
            "memory": lambda: MemoryStore(lambda: now),
            "files": lambda: RocksStore(
                Path(directory) / str(next(numbers)), "benchmark", lambda: now, Cache(CACHE_BYTES)
            ),
        }
        spent: dict[str, list[float]] = {kind: [] for kind in kinds}
        for _ in range(rounds):
            for kind, make in kinds.items():
                spent[kind].append(spent_on(make, known, log, now) / events * 1e6)
                click.echo(f"{kind}: {spent[kind][-1]:.1f} µs/event", err=True)
    low = {kind: quantiles(found, n=4)[0] for kind, found in spent.items()}
    click.echo(" ".join(f"{kind}: {found:.1f} µs/event" for kind, found in low.items()), nl=False)
    click.echo(f", files/memory {low['files'] / low['memory']:.2f} (lower quartiles of {rounds} rounds)")


if __name__ == "__main__":
    main()
