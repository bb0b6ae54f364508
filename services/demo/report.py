"""The demo's last page: what was sent, decided and mailed, how fast, and whether it is right."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from schemas.instants import format_instant
from services.demo.check import Fault
from services.demo.latency import Latency, latencies
from services.demo.reading import Observed
from services.demo.script import ScriptedEvent

FAULTS_SHOWN_MAX = 40
REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `report.json` holds. Counts are of raw records; `decisions` by trigger, step and outcome, each
    with one reason as an example."""

    first_at: str
    last_at: str
    steps: int
    machine_s: float
    events: Mapping[str, int]
    decisions: Sequence[tuple[str, str, str, int, str]]
    mails: Mapping[str, int]
    latencies: Sequence[Latency]
    expected_decisions: int
    faults: Sequence[Fault]

    def write(self, folder: Path) -> Path:
        """Write `report.json`, whole or not at all."""
        unfinished, path = folder / f"{REPORT_FILE}.part", folder / REPORT_FILE
        content: dict[str, Any] = asdict(self)
        unfinished.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
        return unfinished.rename(path)


def summarise(
    script: Sequence[ScriptedEvent],
    observed: Observed,
    expected_decisions: int,
    faults: Sequence[Fault],
    steps: int,
    machine_s: float,
) -> Report:
    """Count everything."""
    sent = Counter((event.type, _whose(event)) for event in script)
    counts: Counter[tuple[str, str, str]] = Counter()
    reasons: dict[tuple[str, str, str], str] = {}
    for _, decision in observed.decisions:
        group = (decision.trigger_id, decision.step or "(run)", decision.outcome)
        counts[group] += 1
        reasons.setdefault(group, decision.reason)
    return Report(
        first_at=format_instant(script[0].at),
        last_at=format_instant(script[-1].at),
        steps=steps,
        machine_s=round(machine_s, 1),
        events={f"{type} ({kind})": count for (type, kind), count in sorted(sent.items())},
        decisions=[(*group, count, reasons[group]) for group, count in sorted(counts.items())],
        mails=dict(sorted(Counter(mail.step or "(unknown)" for mail in observed.mails).items())),
        latencies=latencies(observed),
        expected_decisions=expected_decisions,
        faults=list(faults),
    )


def _whose(event: ScriptedEvent) -> str:
    """Which part of the script it belongs to."""
    if event.is_supply:
        return "the shop's goods"
    if event.backfill:
        return "history"
    return "real" if event.key.startswith(("retail-", "anon:retail-")) else "simulated"


def show(console: Console, report: Report) -> None:
    """Print it."""
    events, mails = sum(report.events.values()), sum(report.mails.values())
    decisions = sum(count for *_, count, _ in report.decisions)
    console.print(
        f"\n[bold]{events} events, {decisions} decisions, {mails} mails[/bold] in {report.machine_s:g} s",
        f"({report.steps} steps of the clock, events from {report.first_at} to {report.last_at})",
        soft_wrap=True,
    )
    _show_counts(console, "Events sent", report.events)
    _show_decisions(console, report)
    _show_counts(console, "Mails delivered", report.mails)
    _show_latencies(console, report.latencies)
    _show_verdict(console, report)


def _show_counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    for name, count in counts.items():
        console.print(f"{count:7}  {name}")


def _show_decisions(console: Console, report: Report) -> None:
    console.print("\n[bold]Decisions[/bold], each kind with one of its reasons")
    for trigger, step, outcome, count, reason in report.decisions:
        console.print(f"{count:7}  {trigger:<19} {step:<19} {outcome}")
        console.print(f"         [dim]{escape(reason)}[/dim]", soft_wrap=True)


def _show_latencies(console: Console, measured: Sequence[Latency]) -> None:
    console.print("\n[bold]Latencies[/bold], milliseconds of the machine's time")
    console.print(f"  {'':<18} {'count':>7} {'p50':>6} {'p95':>6} {'p99':>6} {'max':>6}")
    for each in measured:
        console.print(
            f"  {each.name:<18} {each.count:>7} {each.p50:>6} {each.p95:>6} {each.p99:>6} {each.longest:>6}"
        )


def _show_verdict(console: Console, report: Report) -> None:
    if not report.faults:
        console.print(
            f"\n[green]Checked:[/green] all {report.expected_decisions} expected decisions are there, once "
            "and at their time, with their mails; nothing is missing, extra, early or doubled.\n",
            soft_wrap=True,
        )
        return
    kinds = Counter(fault.kind for fault in report.faults)
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    console.print(f"\n[red]Not as expected:[/red] {said}")
    for fault in report.faults[:FAULTS_SHOWN_MAX]:
        console.print(f"  {fault.kind:<8} {fault.what:<12} {fault.detail}", markup=False, soft_wrap=True)
    if len(report.faults) > FAULTS_SHOWN_MAX:
        console.print(f"  … and {len(report.faults) - FAULTS_SHOWN_MAX} more in {REPORT_FILE}")
