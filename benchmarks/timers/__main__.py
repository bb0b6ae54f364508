"""`python -m benchmarks.timers`: a real engine with a million pending wake-ups, on a real Kafka of its own.

Three parts, each on a fresh broker: on time under load, a burst within one second, an hour's backlog. Prints
a table, writes JSON; exit code 1 if a wake-up was missing, doubled or early, or the group met anew.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.machine import described
from benchmarks.timers.backlog import Backlog, run_backlog
from benchmarks.timers.burst import Burst, run_burst
from benchmarks.timers.memory import index_bytes_per_timer
from benchmarks.timers.steady import Steady, run_steady
from benchmarks.timers.table import print_report
from tests.fixtures.engine import EngineBench, engine_bench

RESULTS = Path(__file__).resolve().parent.parent / "results" / "timers.json"
PARTS = ("steady", "burst", "backlog")
TABLE_WIDTH = 110


@click.command()
@click.option("--customers", type=click.IntRange(1_000), default=1_000_000, show_default=True)
@click.option("--minutes", type=click.FloatRange(0.1), default=3.0, show_default=True, help="On time.")
@click.option("--due-per-s", type=click.IntRange(1), default=300, show_default=True, help="On time.")
@click.option("--per-s", type=float, default=0.0, help="Events a second; default: half of what it can take.")
@click.option("--burst", type=click.IntRange(10), default=100_000, show_default=True, help="Due in a second.")
@click.option("--burst-per-s", type=float, default=1_000.0, show_default=True, help="Events beside it.")
@click.option("--backlog", type=click.IntRange(10), default=100_000, show_default=True, help="Due wake-ups.")
@click.option("--backlog-events", type=click.IntRange(10), default=200_000, show_default=True)
@click.option("--part", type=click.Choice(PARTS), multiple=True, help="Only this; may be repeated.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
def main(
    customers: int,
    minutes: float,
    due_per_s: int,
    per_s: float,
    burst: int,
    burst_per_s: float,
    backlog: int,
    backlog_events: int,
    part: tuple[str, ...],
    seed: int,
    output: Path,
) -> None:
    """Measure, print the table, write the JSON report."""
    console = Console(stderr=True)
    steady = Steady(customers, due_per_s, minutes, per_s, seed)
    in_a_second = Burst(max(customers // 5, 2 * burst), burst, burst_per_s, seed)
    behind = Backlog(max(customers // 5, 2 * backlog), backlog, backlog_events, burst_per_s, seed)
    runs: dict[str, Callable[[EngineBench], dict[str, Any]]] = {
        "steady": lambda bench: run_steady(bench, steady),
        "burst": lambda bench: run_burst(bench, in_a_second),
        "backlog": lambda bench: run_backlog(bench, behind),
    }
    report: dict[str, Any] = {
        **described(),
        "index": index_bytes_per_timer(customers),
    }
    for name in part or PARTS:
        with (
            console.status(name),
            tempfile.TemporaryDirectory(prefix="tetik-timers-") as directory,
            engine_bench(Path(directory)) as bench,
        ):
            report[name] = runs[name](bench)
        output.parent.mkdir(parents=True, exist_ok=True)  # after each: a later part may fail
        output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print_report(report, Console(width=None if sys.stdout.isatty() else TABLE_WIDTH))
    sound = all(not report[name]["problems"] and not report[name]["rebalances"] for name in part or PARTS)
    sys.exit(0 if sound else 1)


if __name__ == "__main__":
    main()
