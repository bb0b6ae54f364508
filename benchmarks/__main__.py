"""`python -m benchmarks`: everything side by side in one run on a real Kafka.

The logs are made once; each round has fresh brokers, and another contender goes first. The tables show the
best round of each (the least disturbed one of which we are sure to a quarter), the JSON all of them.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
from confluent_kafka import KafkaException
from rich.console import Console

from benchmarks.contenders import FAUST, TETIK_TEN, TETIK_THIN, Contender, Job, build, contenders_of
from benchmarks.growth import write_hundred
from benchmarks.job_log import LogPlan
from benchmarks.pace import Pace
from benchmarks.plot import draw
from benchmarks.report import build_report
from benchmarks.stage import RULES, Log, Stage, make_log, play
from benchmarks.tables import page_of, print_report
from benchmarks.trial import Trial, TrialFailed
from benchmarks.verdict import Rows, judge
from services.platform.errors import PlatformError

TABLE_WIDTH = 170
"""Where there is no terminal to ask."""
RESULTS = Path(__file__).resolve().parent / "results" / "jobs.json"
ROWS = ("thin", "ten", "short", "rules", "customers")
SHORT_OF_CUSTOMERS = 10
"""The short log, and the one that shows what more customers cost, have a tenth of them."""


@dataclass(frozen=True, slots=True)
class Size:
    """How many events a log has, and the pace of the new ones behind it."""

    warm_up: int
    events: int
    tail: int
    pace: Pace


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    customers: int
    rounds: int
    thin: Size
    ten: Size
    short: Size


FULL = Sizes(
    customers=200_000,
    rounds=2,
    thin=Size(600_000, 2_000_000, 600_000, Pace(3_000, 10)),
    ten=Size(300_000, 600_000, 200_000, Pace(3_000, 10)),
    short=Size(20_000, 240_000, 48_000, Pace(500, 10)),
)
QUICK = Sizes(
    customers=2_000,
    rounds=1,
    thin=Size(4_000, 24_000, 16_000, Pace(500, 4)),
    ten=Size(4_000, 24_000, 16_000, Pace(500, 4)),
    short=Size(1_000, 8_000, 4_000, Pace(200, 4)),
)


@click.command()
@click.option("--jobs", default=",".join(ROWS), show_default=True, help="Rows of the report.")
@click.option("--contenders", default="", help="Only those whose name holds one of these, comma-separated.")
@click.option("--variants", is_flag=True, help="Others also with one setting changed, in one round.")
@click.option("--quick", is_flag=True, help="Small logs, one round: does everything work?")
@click.option("--events", type=click.IntRange(1_000), help="Measured events of the logs of thin and ten.")
@click.option("--customers", type=click.IntRange(100), help="Customers of these logs.")
@click.option("--rounds", type=click.IntRange(1, 50))
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
def main(
    jobs: str,
    contenders: str,
    variants: bool,
    quick: bool,
    events: int | None,
    customers: int | None,
    rounds: int | None,
    seed: int,
    output: Path,
) -> None:
    """Measure, print the tables, write the report: JSON, a page, a picture. Exit code 1 if outputs differ."""
    rows = jobs.split(",")
    if unknown := set(rows) - set(ROWS):
        raise click.UsageError(f"--jobs: no such row: {', '.join(sorted(unknown))}")
    usual = QUICK if quick else FULL
    sizes = replace(
        usual,
        customers=customers or usual.customers,
        rounds=rounds or usual.rounds,
        thin=replace(usual.thin, events=events or usual.thin.events),
        ten=replace(usual.ten, events=events or usual.ten.events),
    )
    console = Console(stderr=True)
    try:
        with tempfile.TemporaryDirectory(prefix="tetik-bench-") as scratch:
            directory = Path(scratch)
            stages = _stages(rows, _chosen(contenders, variants), sizes, seed, directory, console)
            report = asyncio.run(_measure(stages, sizes.rounds, directory, console))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} failed:\n{error.stdout}{error.stderr}")
    except (TrialFailed, PlatformError, KafkaException, OSError) as error:
        sys.exit(f"the benchmark could not be run: {error}")
    except asyncio.CancelledError:
        sys.exit("the benchmark was stopped")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    output.with_suffix(".md").write_text(page_of(report, output.with_suffix(".png").name))
    draw(report, output)
    print_report(report, Console(width=None if sys.stdout.isatty() else TABLE_WIDTH))
    sys.exit(0 if report["outputs_agree"] else 1)


@dataclass(frozen=True, slots=True)
class _Chosen:
    parts: tuple[str, ...]
    variants: bool

    def of(self, contenders: Iterable[Contender]) -> list[Contender]:
        return [one for one in contenders if not self.parts or any(part in one.name for part in self.parts)]

    def of_job(self, job: Job) -> list[Contender]:
        """Tetik's decisions are what the others' are held against, so it is always among them."""
        found = self.of(contenders_of(job, variants=self.variants))
        missing = job == "ten" and found and TETIK_TEN not in found
        return [TETIK_TEN, *found] if missing else found


def _chosen(contenders: str, variants: bool) -> _Chosen:
    return _Chosen(tuple(filter(None, contenders.split(","))), variants)


def _stages(
    rows: list[str], chosen: _Chosen, sizes: Sizes, seed: int, directory: Path, console: Console
) -> list[Stage]:
    """What a round plays, built and with its logs made."""
    now, few = time.time_ns() // 1_000_000, sizes.customers // SHORT_OF_CUSTOMERS
    in_row = {
        "thin": chosen.of_job("thin"),
        "ten": chosen.of_job("ten"),
        "short": chosen.of([FAUST, TETIK_THIN]),
        "rules": chosen.of([TETIK_TEN]),
        "customers": chosen.of([TETIK_TEN]),
    }
    logs: dict[tuple[Size, int], Log] = {}

    def stage_of(row: str, size: Size, customers: int, rules: Path = RULES) -> Stage:
        """Rows of one size share its log."""
        if (size, customers) not in logs:
            plan = LogPlan(customers, size.warm_up, size.events, size.tail, seed, now)
            logs[size, customers] = make_log(directory / f"{row}.log", plan)
        return Stage(row, logs[size, customers], rules, tuple(in_row[row]), size.pace)

    with console.status("building"):
        build([one for row in rows for one in in_row[row]])
    stages = []
    with console.status("making the logs"):
        for row, size, customers in (
            ("thin", sizes.thin, sizes.customers),
            ("ten", sizes.ten, sizes.customers),
            ("rules", sizes.ten, sizes.customers),
            ("customers", sizes.ten, few),
            ("short", sizes.short, few),
        ):
            if row in rows and in_row[row]:
                rules = write_hundred(RULES, directory / "rules") if row == "rules" else RULES
                stages.append(stage_of(row, size, customers, rules))
    return stages


async def _measure(stages: list[Stage], rounds: int, directory: Path, console: Console) -> dict[str, Any]:
    task = asyncio.current_task()
    assert task is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    found: list[Rows] = []
    loads = []
    for number in range(rounds):
        trials: dict[str, dict[str, Trial]] = {}
        loads.append(os.getloadavg()[0])
        last = number == rounds - 1
        for stage in stages if last else [stage.without_variants() for stage in stages]:

            def tell(label: str, trial: Trial, stage: Stage = stage, number: int = number) -> None:
                cost = f"{trial.measured.cpu_us_per_event:.1f} µs"
                console.print(f"round {number + 1} of {rounds}, {stage.name}: {label}: {cost}")

            with (
                console.status(f"round {number + 1} of {rounds}, {stage.name}"),
                tempfile.TemporaryDirectory(prefix=f"{stage.name}-", dir=directory) as scratch,
            ):
                # how long an order takes is asked in the last round only
                trials[stage.name] = await play(stage.in_turn(number), Path(scratch), paced=last, tell=tell)
        found.append(judge(trials))
    contenders = {one.name: one for stage in stages for one in stage.contenders}
    return build_report(found, contenders, {stage.name: stage.log.plan for stage in stages}, loads)


if __name__ == "__main__":
    main()
