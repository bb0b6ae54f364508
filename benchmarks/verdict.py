"""From trials to rows of the report: what each contender took in a round, and whether its outputs are right.

The thin job's outputs are held against what the log should lead to. The decisions of the ten triggers are
held against Tetik's in the same round; those of Tetik under more rules too, since the rules more concern no
event of the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.comparison import Difference, compare
from benchmarks.contenders import TETIK_TEN
from benchmarks.outputs import Decided
from benchmarks.pace import Latency
from benchmarks.trial import Measured, Trial

LONG, SHORT, RULES, CUSTOMERS = "long", "short", "rules", "customers"
"""The stages. The long one holds two rows, a job each."""


@dataclass(frozen=True, slots=True)
class Result:
    """One contender in one round. `problem`: how its outputs differ, or empty."""

    measured: Measured
    latency: Latency | None
    outputs: int
    compared: int
    problem: str
    outcomes: Mapping[str, int]


Rows = dict[str, dict[str, Result]]
"""By row of the report, by contender."""


def judge(trials: Mapping[str, Mapping[str, Trial]]) -> Rows:
    """One round, its trials by stage."""
    rows: Rows = {}
    reference = trials.get(LONG, {}).get(TETIK_TEN.name)
    for stage, contenders in trials.items():
        for name, trial in contenders.items():
            row = stage if stage != LONG else ("thin" if trial.difference is not None else "ten")
            held = reference.decided if reference is not None and stage in (LONG, RULES) else None
            rows.setdefault(row, {})[name] = result_of(trial, held)
    return rows


def result_of(trial: Trial, reference: Mapping[str, list[Decided]] | None) -> Result:
    """`reference`: the decisions to hold its own against, if there are any."""
    difference = trial.difference
    if difference is None and reference is not None:
        difference = compare(reference, trial.decided)
    difference = difference or Difference()
    return Result(
        trial.measured,
        trial.latency,
        trial.outputs,
        difference.compared,
        difference.describe() if difference.found else "",
        trial.outcomes,
    )
