"""Seed after seed, until so many events were simulated or a history fails; then the failure made small."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from hashlib import blake2b

from tests.simulation.by_model import differences
from tests.simulation.expected import Judge
from tests.simulation.history import History
from tests.simulation.planted import Planted
from tests.simulation.recorded import recorded
from tests.simulation.rule_sets import NAMES, rule_sets
from tests.simulation.shoppers import history_of
from tests.simulation.shrink import shrink
from tests.simulation.verdict import problems
from tests.simulation.virtual_time import Deadlock
from tests.simulation.world import NeverSettles, Outcome, simulate

EVENTS_PER_HISTORY = 400
PROBLEMS_SHOWN = 12
EVERY_JUDGED_BY_MODEL = 3
"""Of so many consecutive seeds one is held against the reference model too, unless all are."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A history that failed, after so many events of this run."""

    history: History
    problems: list[str]
    events: int

    def report(self, small: History | None = None) -> str:
        """The seed, what is wrong, and the history to be pasted into a test."""
        shown = small or self.history
        lines = [
            f"seed {self.history.seed} failed after {self.events} events: "
            f"make simulate SEED={self.history.seed} N={EVENTS_PER_HISTORY}",
            *(f"  {problem}" for problem in self.problems[:PROBLEMS_SHOWN]),
        ]
        if len(self.problems) > PROBLEMS_SHOWN:
            lines.append(f"  … and {len(self.problems) - PROBLEMS_SHOWN} more")
        return "\n".join([*lines, f"{len(shown.items)} items are enough:" if small else "", shown.pasted()])


def judged(history: History, planted: Planted = nullcontext, *, by_model: bool = False) -> list[str]:
    """What is wrong with a run of this history, with a bug planted while it runs; none if it is right.

    `by_model` holds it against the reference model as well.
    """
    try:
        with planted():
            outcome = simulate(history, rule_sets())
    except (NeverSettles, Deadlock) as error:
        return [f"{type(error).__name__}: {error}"]
    found = problems(outcome, Judge(rule_sets()))
    if by_model:
        found += differences(outcome, recorded(outcome), rule_sets())
    return found


def judged_in_ci(history: History) -> list[str]:
    """As `judged`; every third seed also by the reference model, whose evaluation by brute force takes as
    long as the run itself."""
    return judged(history, by_model=history.seed % EVERY_JUDGED_BY_MODEL == 0)


def fingerprint(outcome: Outcome) -> str:
    """A digest of every record of a run, with its place and time."""
    digest = blake2b(digest_size=16)
    log = outcome.log
    for records in (*log.events, *log.decisions, *log.requests, *log.states, log.dead_letters):
        for record in records:
            digest.update(repr((record.order, record.visible_at, record.key, record.value)).encode())
    return digest.hexdigest()


def first_failure(
    first_seed: int, events: int, judge: Callable[[History], list[str]] = judged
) -> Failure | int:
    """The first history that fails, or how many events passed."""
    done = 0
    for history in histories(first_seed, events):
        found = judge(history)
        done += history.events
        if found:
            return Failure(history, found, done)
    return done


def histories(first_seed: int, events: int) -> Iterator[History]:
    """Histories of consecutive seeds, of so many events together at least."""
    for number in range(-(-events // EVENTS_PER_HISTORY)):
        yield history_of(first_seed + number, EVENTS_PER_HISTORY, len(NAMES))


def smallest(failure: Failure, judge: Callable[[History], list[str]] = judged, tries: int = 400) -> History:
    """A history that fails in the same way: its first problem is of the same kind."""
    kind = failure.problems[0].split(":")[0].split(" of ")[0]
    return shrink(
        failure.history,
        lambda history: any(problem.startswith(kind) for problem in judge(history)),
        tries=tries,
    )
