"""Which scenarios there are, how often each runs, and what came of a whole run, as a table and as JSON."""

import asyncio
import tempfile
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tests.chaos import killing, staying
from tests.chaos.points import Phase
from tests.chaos.site import Round
from tests.chaos.verifier import CLASSES

Scenario = Callable[[Path, int, int], Awaitable[Round]]
ROUND_KILLS_MAX = 25
"""Kills on one Kafka: the model takes the longer the more is on it."""
FAULTS_SHOWN = 12


class Kind(NamedTuple):
    """A scenario: `share` of the kills asked for, or a fixed number of `times`, of what it does."""

    run: Scenario
    share: float = 0.0
    times: int = 0


SCENARIOS: dict[str, Kind] = {
    "kills": Kind(killing.kills, share=0.65),
    "rebalances": Kind(killing.rebalances, share=0.1),
    "poison": Kind(killing.poison, share=0.15),
    "slow-broker": Kind(killing.slow_broker, share=0.1),
    "zombies": Kind(staying.zombies, times=len(staying.STOPPED_AT)),
    "membership": Kind(staying.membership, times=24),
    "broker-restarts": Kind(staying.broker_restarts, times=4),
    "broker-stopped": Kind(staying.broker_stopped, times=1),
    "clocks": Kind(staying.clocks, times=4),
}


class Planned(NamedTuple):
    """One round to be run."""

    scenario: str
    seed: int
    times: int


@dataclass
class Report:
    """What came of all rounds. `broken`: rounds that did not come to their end, by what was raised."""

    seed: int
    kills_asked_for: int
    rounds: list[Round] = field(default_factory=list)
    broken: list[tuple[Planned, str]] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong."""
        return not self.broken and not any(one.faults for one in self.rounds)

    def as_json(self) -> dict[str, Any]:
        """Everything, plain."""
        kills = sum(sum(one.kills.values()) for one in self.rounds)
        return {**asdict(self), "kills": kills, "fine": self.fine}


def planned(kills: int, seed: int, chosen: Sequence[str]) -> Iterator[Planned]:
    """The rounds of the chosen scenarios, each with a seed of its own."""
    for name in chosen:
        kind = SCENARIOS[name]
        left = kind.times or max(1, round(kills * (kind.share if len(chosen) > 1 else 1)))
        number = 0
        while left > 0:
            count = min(left, ROUND_KILLS_MAX)
            yield Planned(name, seed * 1_000 + number, count)
            left, number = left - count, number + 1


async def run_all(rounds: Sequence[Planned], report: Report, say: Callable[[str], None]) -> None:
    """One after the other. What a failed round left behind stays where `say` tells."""
    for one in rounds:
        say(f"{one.scenario}, seed {one.seed}, {one.times} of it …")
        directory = Path(tempfile.mkdtemp(prefix=f"chaos-{one.scenario}-"))
        try:
            done = await SCENARIOS[one.scenario].run(directory, one.seed, one.times)
        except Exception as error:
            report.broken.append((one, str(error)))
            say("".join(traceback.format_exception(error)))
            say(f"the round came to no end; its logs are in {directory}")
            continue
        report.rounds.append(done)
        say(_line(done))
        for fault in done.faults[:FAULTS_SHOWN]:
            say(f"  {fault.kind}: {fault.what}")
        if done.faults:
            say(f"  {len(done.faults)} in all; logs and evidence are in {directory}")
        else:
            await asyncio.to_thread(_remove, directory)


def _remove(directory: Path) -> None:
    for path in sorted(directory.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    directory.rmdir()


def _line(done: Round) -> str:
    found = ", ".join(f"{count} {name}" for name, count in done.by_class().items())
    ends = "; ".join(f"{count} × {end}" for end, count in sorted(done.ends.items()))
    return (
        f"  {sum(done.kills.values())} kills, {sum(done.stops.values())} stops, {done.events} events, "
        f"{done.decisions} decisions in {done.seconds:.0f} s: {found}" + (f"\n  ends: {ends}" if ends else "")
    )


def table(report: Report) -> str:
    """Two tables: what came of each scenario, and the kills and stops by phase."""
    head = ["scenario", "rounds", "kills", "stops", "events", "decisions", *CLASSES]
    rows = [head]
    for name in SCENARIOS:
        rounds = [one for one in report.rounds if one.scenario == name]
        if rounds:
            rows.append([name, *map(str, _figures(rounds))])
    if len(rows) > 2:
        rows.append(["all", *map(str, _figures(report.rounds))])
    phases = [["phase", "kills", "stops"]]
    kills: Counter[str] = sum((Counter(one.kills) for one in report.rounds), Counter())
    stops: Counter[str] = sum((Counter(one.stops) for one in report.rounds), Counter())
    for phase in (*Phase, *sorted(kills.keys() - set(Phase))):
        if kills[phase] or stops[phase]:
            phases.append([str(phase), str(kills[phase]), str(stops[phase])])
    return f"{_aligned(rows)}\n\n{_aligned(phases)}"


def _figures(rounds: Sequence[Round]) -> list[int]:
    faults = Counter(fault.kind for one in rounds for fault in one.faults)
    return [
        len(rounds),
        sum(sum(one.kills.values()) for one in rounds),
        sum(sum(one.stops.values()) for one in rounds),
        sum(one.events for one in rounds),
        sum(one.decisions for one in rounds),
        *(faults[name] for name in CLASSES),
    ]


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    """Markdown, its columns under each other."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
             for row in rows]  # fmt: skip
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
