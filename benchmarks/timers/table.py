"""The report as tables for people."""

from typing import Any

from rich.console import Console
from rich.table import Table

_TIMES = {
    "steady": {
        "lateness_ms": "due → decision seen",
        "lateness_to_append_ms": "due → decision appended",
        "event_to_decision_ms": "event → decision seen",
    },
    "burst": {
        "lateness_ms": "due → decision seen",
        "event_to_decision_before_ms": "event → decision seen, the 10 s before",
        "event_to_decision_during_ms": "event → decision seen, until all had fired",
    },
    "backlog": {
        "live_event_to_decision_ms": "live event → decision seen, until all had fired",
        "event_to_decision_after_ms": "event → decision seen, behind it",
    },
}
_TITLES = {
    "steady": "On time: {customers:,} pending, {due_per_s} due and {events_per_s:,} events a second "
    "(it can take {events_per_s_possible:,}), {seconds} s",
    "burst": "Burst: {due:,} due in one second beside {events_per_s:,} events a second: "
    "worked off in {worked_off_s} s",
    "backlog": "Backlog of an hour: {due:,} wake-ups and {events:,} events, beside {events_per_s:,} events a "
    "second: worked off in {worked_off_s} s, apart by at most {apart_max_percent} %",
}


def print_report(report: dict[str, Any], console: Console) -> None:
    """A table a part, and what the memory is made of."""
    for name, title in _TITLES.items():
        if name in report:
            _print_part(report[name], title, _TIMES[name], console)
    index = report["index"]
    console.print(
        f"The index holds {index['index_bytes_per_timer']} bytes a timer beside the customer's own; "
        f"{index['add_us']} µs to add, {index['take_us']} µs to take."
    )


def _print_part(part: dict[str, Any], title: str, times: dict[str, str], console: Console) -> None:
    table = Table(title=title.format(**part), title_justify="left")
    for column in ("ms", "count", "p50", "p95", "p99", "max"):
        table.add_column(column, justify="left" if column == "ms" else "right")
    for name, label in times.items():
        spread = part[name]
        table.add_row(label, *(f"{spread[key]:,}" for key in ("count", "p50", "p95", "p99", "max")))
    console.print(table)
    console.print(
        f"{part['customers']:,} customers of {part['state_bytes']} bytes taken over in "
        f"{part['take_over_s']} s: {part['rss_mib']:,} MiB, at most {part['rss_peak_mib']:,}, "
        f"{part['rss_empty_mib']} without anybody: {part['rss_bytes_per_customer']:,} bytes each. "
        f"Rebalances: {part['rebalances']}. "
        + ("; ".join(part["problems"]) or "Each fired once, none early.")
    )
