"""The report: machine, plan, every round's figures, the best of them, their spread, and the ratio."""

import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.contenders import FAUST, TETIK, Contender
from benchmarks.trial import CONTENDERS, Measured, Plan, Trial
from services.platform.kafka_artifacts import KAFKA_VERSION

ROOT = Path(__file__).resolve().parent.parent
MEASURED_CODE = ("trigger_engine", "schemas", "services", "benchmarks")
PACKAGES = ("faust-streaming", "aiokafka", "msgspec")


def build_report(trials: list[Trial], plan: Plan, log: dict[str, Any]) -> dict[str, Any]:
    """The whole report as JSON. `log` describes the events."""
    ratios = [_ratio(trial) for trial in trials]
    contenders = {contender.name: _contender(contender, trials) for contender in CONTENDERS}
    best = (
        contenders[FAUST.name]["best"]["cpu_us_per_event"]
        / contenders[TETIK.name]["best"]["cpu_us_per_event"]
    )
    return {
        "commit": _git("rev-parse", "HEAD"),
        "changed_since_commit": bool(_git("status", "--porcelain", "--", *MEASURED_CODE)),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": _machine(),
        "versions": {
            "python": platform.python_version(),
            "kafka": KAFKA_VERSION,
            **{package: version(package) for package in PACKAGES},
        },
        "log": log,
        "plan": {
            "rounds": len(trials),
            "partitions": plan.partitions,
            "warm_up_events": plan.warm_up,
            "events": plan.events,
        },
        "contenders": contenders,
        "ratio": {
            "of_best": round(best, 2),
            "by_round": [round(ratio, 2) for ratio in ratios],
            "median": round(median(ratios), 2),
        },
        "outputs_agree": outputs_agree(trials),
    }


def outputs_agree(trials: list[Trial]) -> bool:
    """Whether every contender confirmed each order once, and the part of the log all have met alike."""
    return all(
        not any(checked.problems for checked in trial.checked.values())
        and len({checked.confirmed_in_common_part for checked in trial.checked.values()}) == 1
        for trial in trials
    )


def print_report(report: dict[str, Any], console: Console) -> None:
    """The table and what it means."""
    table = Table(title="Events to decisions, CPU of the process alone", title_justify="left")
    columns = ("", "CPU µs/event", "worst", "per core-s", "per s", "RSS MiB", "confirmed")
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for contender in CONTENDERS:
        figures = report["contenders"][contender.name]
        best, checked = figures["best"], figures["outputs"][0]
        table.add_row(
            contender.label,
            f"{best['cpu_us_per_event']:.1f}",
            f"{figures['cpu_us_per_event_spread'][1]:.1f}",
            f"{best['events_per_core_s']:,.0f}",
            f"{best['events_per_s']:,.0f}",
            f"{best['peak_rss_mib']:.0f}",
            f"{checked['confirmed']:,}/{checked['orders']:,}",
        )
    console.print(table)
    ratio = report["ratio"]
    console.print(
        f"Best against best: {ratio['of_best']:.1f} times the rate per core "
        f"(by round {', '.join(f'{each:.1f}' for each in ratio['by_round'])})."
    )
    console.print("Outputs agree." if report["outputs_agree"] else f"Outputs differ: {_problems(report)}")


def _problems(report: dict[str, Any]) -> str:
    return "; ".join(
        f"{name}: {problem}"
        for name, figures in report["contenders"].items()
        for checked in figures["outputs"]
        for problem in checked["problems"]
    )


def _contender(contender: Contender, trials: list[Trial]) -> dict[str, Any]:
    rounds = [trial.measured[contender.name] for trial in trials]
    best = min(rounds, key=lambda measured: measured.cpu_us_per_event)
    spread = sorted(measured.cpu_us_per_event for measured in rounds)
    return {
        "label": contender.label,
        "does": contender.does,
        "leaves_out": contender.leaves_out,
        "best": _figures(best),
        "cpu_us_per_event_spread": [round(spread[0], 2), round(spread[-1], 2)],
        "rounds": [_figures(measured) for measured in rounds],
        "outputs": [
            {
                "orders": checked.orders,
                "confirmed": checked.confirmed,
                "confirmed_in_common_part": checked.confirmed_in_common_part,
                "problems": checked.problems,
            }
            for checked in (trial.checked[contender.name] for trial in trials)
        ],
    }


def _figures(measured: Measured) -> dict[str, Any]:
    return {
        "events": measured.events,
        "cpu_us_per_event": round(measured.cpu_us_per_event, 2),
        "events_per_core_s": round(measured.events_per_core_s),
        "events_per_s": round(measured.events_per_s),
        "peak_rss_mib": round(measured.peak_rss_mib),
    }


def _ratio(trial: Trial) -> float:
    measured = trial.measured
    return measured[FAUST.name].cpu_us_per_event / measured[TETIK.name].cpu_us_per_event


def _machine() -> dict[str, Any]:
    return {
        "cpu": _first_value("/proc/cpuinfo", "model name"),
        "cores": _cores(),
        "memory_gib": round(int(_first_value("/proc/meminfo", "MemTotal").split()[0]) / 2**20),
        "system": f"{platform.system()} {platform.release()}",
    }


def _cores() -> int:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return sum(line.startswith("processor") for line in lines)


def _first_value(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()
