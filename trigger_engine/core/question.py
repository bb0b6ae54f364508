"""What is asked before a mail goes out, and the answers that the checks give."""

from typing import Any, NamedTuple

from schemas.instants import Instant
from trigger_engine.core.conditions import Scene
from trigger_engine.core.policy import Policy
from trigger_engine.core.program import Mail
from trigger_engine.core.rules import Trigger
from trigger_engine.core.state import CustomerState, Run
from trigger_engine.core.turn import Turn


class Question(NamedTuple):
    """May this run's mail go out now? `attempt` counts the runs through the checks of this step, from 1;
    `facts` collects what the checks read."""

    turn: Turn
    trigger: Trigger
    run: Run
    step: Mail
    attempt: int
    facts: dict[str, Any]

    @property
    def state(self) -> CustomerState:
        """The customer."""
        return self.turn.state

    @property
    def now(self) -> Instant:
        """The time at which the checks run."""
        return self.turn.now

    @property
    def policy(self) -> Policy:
        """The policy of the active rules, whatever version the run has."""
        return self.turn.rules.policy


class Verdict(NamedTuple):
    """The outcome of the check that decides, and why, as a clause.

    `until`: the mail is put off, and the whole list runs again then; `for_device`: or when a device has told
    what it knows. `goes_on`: there is no mail, but the run goes on as if there had been one.
    """

    outcome: str
    reason: str
    until: Instant | None = None
    goes_on: bool = False
    for_device: bool = False


def scene_of(turn: Turn, run: Run) -> Scene:
    """What the conditions of a run's steps are asked about: there is no event, but its start and answer."""
    return Scene(turn.state, None, run.start, turn.now, run.answer)
