"""`python -m benchmarks.engine`: the engine beside Faust as its documentation writes it, on a real Kafka.

Rounds are interleaved and each begins with a fresh broker; who goes first alternates. The table shows the
best round of each (the least disturbed one), the JSON all of them.
"""

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
from confluent_kafka import KafkaException
from rich.console import Console

from benchmarks.contenders import FAUST, TETIK
from benchmarks.report import build_report, print_report
from benchmarks.shop_log import Logged, shop_log, type_counts
from benchmarks.trial import CONTENDERS, Plan, TrialFailed, run_trial
from services.platform.errors import PlatformError

TABLE_WIDTH = 110
"""Where there is no terminal to ask."""
RESULTS = Path(__file__).resolve().parent / "results" / "engine.json"


@click.command()
@click.option(
    "--events", type=click.IntRange(100), default=300_000, show_default=True, help="For the engine."
)
@click.option("--faust-events", type=click.IntRange(100), default=40_000, show_default=True)
@click.option(
    "--warm-up", type=click.IntRange(10), default=10_000, show_default=True, help="For each, of these."
)
@click.option("--customers", type=click.IntRange(10), default=50_000, show_default=True)
@click.option("--partitions", type=click.IntRange(1, 64), default=4, show_default=True)
@click.option("--rounds", type=click.IntRange(1, 50), default=3, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
def main(
    events: int,
    faust_events: int,
    warm_up: int,
    customers: int,
    partitions: int,
    rounds: int,
    seed: int,
    output: Path,
) -> None:
    """Measure, print the table, write the JSON report. Exit code 1 if the outputs differ."""
    if warm_up >= min(events, faust_events):
        raise click.UsageError("--warm-up must be smaller than --events and --faust-events")
    console = Console(stderr=True)
    plan = Plan(warm_up, partitions, {TETIK.name: events, FAUST.name: faust_events})
    with console.status("making the log"):
        log = list(shop_log(max(plan.events.values()), customers, seed, time.time_ns() // 1_000_000))
    try:
        report = asyncio.run(_measure(log, plan, rounds, _described(log, customers, seed), console))
    except (TrialFailed, PlatformError, KafkaException, OSError) as error:
        sys.exit(f"the benchmark could not be run: {error}")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print_report(report, Console(width=None if sys.stdout.isatty() else TABLE_WIDTH))
    sys.exit(0 if report["outputs_agree"] else 1)


async def _measure(
    log: list[Logged], plan: Plan, rounds: int, described: dict[str, Any], console: Console
) -> dict[str, Any]:
    trials = []
    for number in range(rounds):
        order = CONTENDERS if number % 2 == 0 else CONTENDERS[::-1]
        with (
            console.status(f"round {number + 1} of {rounds}: {', then '.join(each.label for each in order)}"),
            tempfile.TemporaryDirectory(prefix="tetik-bench-") as directory,
        ):
            trial = await run_trial(Path(directory), log, plan, order)
        said = ", ".join(f"{name} {found.cpu_us_per_event:.1f}" for name, found in trial.measured.items())
        console.print(f"round {number + 1} of {rounds}, CPU µs/event: {said}")
        trials.append(trial)
    return build_report(trials, plan, described)


def _described(log: list[Logged], customers: int, seed: int) -> dict[str, Any]:
    sizes = sorted(len(logged.value) for logged in log)
    return {
        "seed": seed,
        "customers": customers,
        "customers_met": len({logged.key for logged in log}),
        "bytes": {
            "mean": sum(sizes) // len(sizes),
            "p5": sizes[len(sizes) // 20],
            "p95": sizes[-len(sizes) // 20],
        },
        "types": type_counts(log),
    }


if __name__ == "__main__":
    main()
