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
from services.demo.cast import PREFIX
from services.demo.check import Fault
from services.demo.latency import Latency, latencies
from services.demo.plays import Shown
from services.demo.reading import Observed
from services.demo.script import ScriptedEvent

FAULTS_SHOWN_MAX = 40
REPORT_FILE = "report.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `report.json` holds. Counts are of raw records; `decisions` by trigger, step and outcome, each
    with one reason as an example; `plays` by trigger."""

    first_at: str
    last_at: str
    steps: int
    machine_s: float
    events: Mapping[str, int]
    decisions: Sequence[tuple[str, str, str, int, str]]
    plays: Sequence[Shown]
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
    plays: Sequence[Shown],
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
        plays=list(plays),
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
    if event.key.startswith(PREFIX):
        return "cast"
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
    _show_plays(console, report.plays)
    _show_latencies(console, report.latencies)
    _show_verdict(console, report)


def _show_counts(console: Console, title: str, counts: Mapping[str, int]) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    for name, count in counts.items():
        console.print(f"{count:7}  {name}")


def _show_decisions(console: Console, report: Report) -> None:
    console.print("\n[bold]Decisions[/bold], each kind with one of its reasons")
    for trigger, step, outcome, count, reason in report.decisions:
        console.print(f"{count:7}  {trigger:<22} {step:<24} {outcome}")
        console.print(f"         [dim]{escape(reason)}[/dim]", soft_wrap=True)


def _show_plays(console: Console, plays: Sequence[Shown]) -> None:
    console.print("\n[bold]Plays[/bold], each from a decision to a mail in the catcher's folder")
    console.print(f"  {'':<24} {'fired':>7} {'mails':>7}  of which")
    for each in plays:
        mails = ", ".join(f"{count} {name}" for name, count in each.mails.items())
        if not each.is_whole:
            mails = mails or "[red]nothing: it was promised[/red]"
        elif not each.fired:
            mails = "[dim]not within these days[/dim]"
        count = sum(each.mails.values())
        console.print(f"  {each.play:<24} {each.fired:>7} {count:>7}  {mails}", soft_wrap=True)
    whole = sum(each.fired > 0 and each.is_whole for each in plays)
    console.print(f"  {whole} of {len(plays)} plays fired and mailed")


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
