"""`python -m benchmarks.soak --minutes 30`: half load on a real Kafka, with everything that goes wrong.

Prints the verdict, writes JSON and a plot; exit code 1 if the memory was not flat, a decision was doubled, a
broken record was lost or the group met anew.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks.machine import described
from benchmarks.soak.plot import draw
from benchmarks.soak.run import Soak, run_soak
from tests.fixtures.engine import engine_bench

RESULTS = Path(__file__).resolve().parent.parent / "results" / "soak.json"


@click.command()
@click.option("--minutes", type=click.FloatRange(1.0), default=30.0, show_default=True)
@click.option("--customers", type=click.IntRange(100), default=20_000, show_default=True)
@click.option("--per-s", type=float, default=0.0, help="Events a second; default: half of what it can take.")
@click.option("--rules-every-s", type=click.FloatRange(5.0), default=120.0, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), default=RESULTS)
def main(minutes: float, customers: int, per_s: float, rules_every_s: float, seed: int, output: Path) -> None:
    """Soak, print the verdict, write JSON and plot."""
    console = Console(stderr=True)
    asked = Soak(minutes, customers, per_s, rules_every_s, seed)
    with (
        console.status(f"soaking for {minutes:g} minutes"),
        tempfile.TemporaryDirectory(prefix="tetik-soak-") as directory,
        engine_bench(Path(directory)) as bench,
    ):
        report = {**described(), **run_soak(bench, asked)}
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    draw(report, output.with_suffix(".svg"), output.with_suffix(".png"))
    print(_told(report))
    sys.exit(1 if report["problems"] else 0)


def _told(report: dict[str, Any]) -> str:
    first, last, flat = report["samples"][0], report["samples"][-1], report["flatness"]
    return "\n".join(
        [
            f"{report['events']:,} events at {report['events_per_s']:,} a second, {report['decisions']:,} "
            f"decisions, {report['mails_answered']:,} mails, rules changed {report['rules_changed']} times",
            f"RSS {first['rss_mib']:.0f} → {last['rss_mib']:.0f} MiB, the states in it "
            f"{first['states_mib']:.0f} → {last['states_mib']:.0f}",
            f"A new process with the same states and the same work holds {flat['new_mib']:.0f} MiB: the old "
            f"one held {100 * flat['beyond_new']:+.1f} % beyond it: {'flat' if flat['flat'] else 'NOT flat'}",
            *(report["problems"] or ["Nothing is wrong."]),
        ]
    )


if __name__ == "__main__":
    main()
