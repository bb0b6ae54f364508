"""The report's tables, for a terminal and, by `python -m benchmarks.tables FILE.json`, as Markdown."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table

TITLES = {
    "thin": "Thin job",
    "short": "Thin job, short log",
    "ten": "Ten live triggers",
    "rules": "Ten live triggers among a hundred",
    "customers": "Ten live triggers, a tenth of the customers",
}
COLUMNS = ("", "CPU µs/event", "all rounds", "per core-s", "per s", "RSS MiB", "p50 ms", "p95 ms", "p99 ms")


class Rows(NamedTuple):
    """A table: its title, its columns, its cells."""

    title: str
    columns: tuple[str, ...]
    cells: Sequence[tuple[str, ...]]


def tables_of(report: dict[str, Any]) -> list[Rows]:
    """A table a row of the report, and one of the ratios."""
    tables = []
    for row, contenders in report["rows"].items():
        cells = sorted(contenders.values(), key=lambda one: float(one["best"]["cpu_us_per_event"]))
        tables.append(Rows(TITLES[row], COLUMNS, [_cells(one) for one in cells]))
    ratios = [
        (
            one["what"],
            f"{one['of_best']:.2f}",
            ", ".join(f"{each:.2f}" for each in one["by_round"]),
            _goal(one),
            {True: "met", False: "missed", None: ""}[one["met"]],
        )
        for one in report["ratios"]
    ]
    title = "CPU per event, times Tetik's (or as it says)"
    return [*tables, Rows(title, ("", "best", "by round", "goal", ""), ratios)]


def _cells(one: dict[str, Any]) -> tuple[str, ...]:
    best, latency = one["best"], one["latency"]
    costs = [each["cpu_us_per_event"] for each in one["rounds"]]
    took = [f"{latency[name]:.0f}" for name in ("p50_ms", "p95_ms", "p99_ms")] if latency else ["", "", ""]
    return (
        one["label"],
        f"{best['cpu_us_per_event']:.1f}",
        f"{min(costs):.1f}–{max(costs):.1f}",
        f"{best['events_per_core_s']:,}",
        f"{best['events_per_s']:,}",
        f"{best['peak_rss_mib']:,}",
        *took,
    )


def _goal(one: dict[str, Any]) -> str:
    if one["at_least"] is not None:
        return f"≥ {one['at_least']:g}"
    return "" if one["at_most"] is None else f"≤ {one['at_most']:g}"


def problems_of(report: dict[str, Any]) -> list[str]:
    """What differs in the outputs."""
    return [
        f"{TITLES[row]}, {one['label']}: {problem}"
        for row, contenders in report["rows"].items()
        for one in contenders.values()
        for problem in one["problems"]
    ]


def print_report(report: dict[str, Any], console: Console) -> None:
    """All tables, and whether the outputs agree."""
    for rows in tables_of(report):
        table = Table(title=rows.title, title_justify="left")
        for column in rows.columns:
            table.add_column(column, justify="right" if column else "left", no_wrap=True)
        for cells in rows.cells:
            table.add_row(*cells)
        console.print(table)
    for problem in problems_of(report):
        console.print(problem, markup=False)
    console.print("Outputs agree." if report["outputs_agree"] else "Outputs differ.")


def markdown_of(report: dict[str, Any]) -> str:
    """The same tables for a page."""
    parts = []
    for rows in tables_of(report):
        lines = [f"| {' | '.join(cells)} |" for cells in (rows.columns, *rows.cells)]
        lines.insert(1, "|" + "---|" * len(rows.columns))
        parts.append(f"**{rows.title}**\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


@click.command()
@click.argument("report", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(report: Path) -> None:
    """Print the tables of a report as Markdown."""
    click.echo(markdown_of(json.loads(report.read_text())))


if __name__ == "__main__":
    main()
