"""The figures of a mutation run: what was killed, in each file, and how much a sample can claim."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import sqrt
from typing import NamedTuple

SURVIVED = 0
NOT_REACHED = (5, 33)
"""mutmut's exit codes for a mutant that no test reaches. Every other code but None, not run, is a kill: a
failed test, a crash, a loop without end."""

QUANTILE = 1.96
"""Of the normal distribution, for an interval of 95 %."""


class Verdicts(NamedTuple):
    """What became of each mutant."""

    file_of: dict[str, str]
    code_of: dict[str, int | None]
    """mutmut's exit code of the mutant's tests; None if it has not been run."""

    def add(self, file: str, codes: Mapping[str, int | None]) -> None:
        """Put in the mutants of a file."""
        self.code_of.update(codes)
        self.file_of.update(dict.fromkeys(codes, file))

    @property
    def names(self) -> list[str]:
        """Of all mutants, sorted."""
        return sorted(self.code_of)

    def missed(self, names: Iterable[str]) -> list[str]:
        """Those that survived, or that no test reaches."""
        return [name for name in names if self.code_of[name] in (SURVIVED, *NOT_REACHED)]

    def not_run(self, names: Iterable[str]) -> list[str]:
        """Those nothing is known about."""
        return [name for name in names if self.code_of[name] is None]

    def is_reached(self, name: str) -> bool:
        """Whether a test calls the mutant's function."""
        return self.code_of[name] not in NOT_REACHED


def table(verdicts: Verdicts, names: Iterable[str]) -> str:
    """A Markdown table of the mutants by file, and the share killed with its interval."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_file[verdicts.file_of[name]].append(name)
    lines = ["| File | Run | Killed | Survived | Not reached |", "|---|---:|---:|---:|---:|"]
    lines += [_row(f"`{file}`", verdicts, of_file) for file, of_file in sorted(by_file.items())]
    everything = [name for of_file in by_file.values() for name in of_file]
    lines.append(_row("all", verdicts, everything))
    ran = len(everything) - len(verdicts.not_run(everything))
    killed = ran - len(verdicts.missed(everything))
    low, high = wilson(killed, ran)
    lines += ["", f"{killed} of {ran} killed: {_percent(killed / ran if ran else 0.0)}"]
    lines[-1] += f" (95 % interval {_percent(low)} to {_percent(high)}), {len(everything) - ran} not run"
    return "\n".join(lines)


def wilson(hits: int, count: int) -> tuple[float, float]:
    """Wilson's interval, 95 %, of the share that `hits` of `count` drawn evenly stand for; from 0 to 1."""
    if not count:
        return 0.0, 1.0
    square = QUANTILE**2
    share = hits / count
    middle = share + square / (2 * count)
    half = QUANTILE * sqrt(share * (1 - share) / count + square / (4 * count**2))
    return (middle - half) / (1 + square / count), (middle + half) / (1 + square / count)


def _row(title: str, verdicts: Verdicts, names: list[str]) -> str:
    missed = verdicts.missed(names)
    survived = sum(verdicts.is_reached(name) for name in missed)
    ran = len(names) - len(verdicts.not_run(names))
    return f"| {title} | {ran} | {ran - len(missed)} | {survived} | {len(missed) - survived} |"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
