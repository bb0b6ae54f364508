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

THIN, TEN, SHORT, RULES, CUSTOMERS = "thin", "ten", "short", "rules", "customers"
"""The stages, each a row of the report."""


@dataclass(frozen=True, slots=True)
class Result:
    """One contender in one round. `compared`: how many outputs it was held against, and `mails` how many mail
    requests; 0: there was nothing to hold it against. `problem`: how its outputs differ, or empty."""

    measured: Measured
    latency: Latency | None
    outputs: int
    compared: int
    mails: int
    problem: str
    outcomes: Mapping[str, int]


Rows = dict[str, dict[str, Result]]
"""By row of the report, by contender."""


def judge(trials: Mapping[str, Mapping[str, Trial]]) -> Rows:
    """One round, its trials by stage."""
    rows: Rows = {}
    reference = trials.get(TEN, {}).get(TETIK_TEN.name)
    for stage, contenders in trials.items():
        held = reference.decided if reference is not None and stage in (TEN, RULES) else None
        rows[stage] = {name: result_of(trial, held) for name, trial in contenders.items()}
    return rows


def result_of(trial: Trial, reference: Mapping[str, list[Decided]] | None) -> Result:
    """`reference`: the decisions to hold its own against, if there are any."""
    difference = trial.difference
    if difference is None and reference is not None:
        difference = compare(reference, trial.decided)
    difference, mails = difference or Difference(), trial.mails or Difference()
    problems = [
        f"{what}{each.describe()}"
        for what, each in (("", difference), ("mail requests: ", mails))
        if each.found
    ]
    return Result(
        trial.measured,
        trial.latency,
        trial.outputs,
        difference.compared,
        mails.compared,
        "; ".join(problems),
        trial.outcomes,
    )
