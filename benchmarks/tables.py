"""The report for people: its tables in a terminal, and all of it as a page in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

TITLES = {
    "thin": "Thin job",
    "short": "Thin job, short log",
    "ten": "Ten live triggers",
    "rules": "Ten live triggers among a hundred",
    "customers": "Ten live triggers, a tenth of the customers",
}
COLUMNS = (
    *("", "CPU µs/event", "± %", "of it JIT", "all rounds", "per core-s", "per s", "RSS MiB"),
    *("p50 ms", "p95 ms", "p99 ms", "unanswered", "compared"),
)


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
    return (
        one["label"] + (" (from its start)" if best["from_start"] else ""),
        f"{best['cpu_us_per_event']:.1f}",
        f"{best['off_by_percent']:.0f}",
        f"{best['jit_us_per_event']:.1f}" if best["jit_us_per_event"] else "",
        f"{min(costs):.1f}–{max(costs):.1f}",
        f"{best['events_per_core_s']:,}",
        f"{best['events_per_s']:,}",
        f"{best['peak_rss_mib']:,}",
        *(_latency(latency) if latency else ("",) * 4),
        f"{one['compared']:,}" if one["compared"] else "not compared",
    )


def _latency(latency: dict[str, Any]) -> Iterator[str]:
    for name in ("p50_ms", "p95_ms", "p99_ms"):
        yield "–" if latency[name] is None else f"{latency[name]:.0f}"
    yield f"{latency['missing']:,} of {latency['orders']:,}"


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
    console.print(_verdict(report))


def _verdict(report: dict[str, Any]) -> str:
    agreed = "Outputs agree." if report["outputs_agree"] else "Outputs differ."
    alone = [
        TITLES[row]
        for row, contenders in report["rows"].items()
        if not any(one["compared"] for one in contenders.values())
    ]
    return f"{agreed} Not compared: {', '.join(alone)}." if alone else agreed


def page_of(report: dict[str, Any], picture: str) -> str:
    """The page of a run; `picture` is the file beside it that shows it."""
    machine, versions = report["machine"], report["versions"]
    loads = ", ".join(f"{load:.1f}" for load in report["load_before_round"])
    parts = [
        "# The benchmark's last run",
        "Written by `make bench`; what is measured: [benchmark-jobs.md](../../docs/benchmark-jobs.md).",
        f"{report['measured_at'][:16].replace('T', ' ')} UTC, commit `{report['commit'][:7]}`"
        f"{' with changes' if report['changed_since_commit'] else ''}; "
        f"{machine['cores']} cores {machine['cpu']}, {machine['memory_gib']} GiB, {machine['system']}; "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". Rounds: {report['rounds']}; load of the machine before each: {loads} (0 to 1 is a quiet one).",
        _verdict(report) if report["outputs_agree"] else f"**{_verdict(report)}**",
        *(f"- {problem}" for problem in problems_of(report)),
        f"![CPU per event of each contender]({picture})",
    ]
    for rows in tables_of(report):
        parts.append(f"## {rows.title}")
        parts.append(_markdown(rows.columns, rows.cells))
    parts.append("## Logs and settings")
    logs = [
        (stage, *(f"{plan[name]:,}" for name in ("customers", "warm_up", "measured", "tail", "seed")))
        for stage, plan in report["logs"].items()
    ]
    parts.append(_markdown(("log", "customers", "warm-up", "measured", "tail", "seed"), logs))
    parts.append(_markdown(("contender", "does", "set apart"), _settings(report)))
    return "\n\n".join(parts) + "\n"


def _settings(report: dict[str, Any]) -> list[tuple[str, ...]]:
    found = {}
    for row, contenders in report["rows"].items():
        for name, one in contenders.items():
            options = ", ".join(f"{key}={value}" for key, value in one["options"].items())
            found[name] = (f"{one['label']} ({TITLES[row].lower()})", one["does"], options)
    return list(found.values())


def _markdown(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(each)} |" for each in (columns, *cells)]
    lines.insert(1, "|" + "---|" * len(columns))
    return "\n".join(lines)
