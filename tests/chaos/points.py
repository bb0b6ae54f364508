"""The named phases of an engine's work, and ending or stopping a process in one of them.

Whoever passes a phase says so here. At the pass that it was told of, the process writes which phase it is in
and sends itself SIGKILL, or SIGSTOP: what it was about to do is not done, or done when it is continued.
"""

import asyncio
import logging
import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from signal import SIGKILL, Signals

logger = logging.getLogger("tests.chaos")

DOOM = "CHAOS_DOOM"
"""`<signal>:<phase>:<pass>`, for the process to be started."""
CLOCK = "CHAOS_CLOCK"
"""A file that holds how many milliseconds the process's clock is ahead of the machine's."""
TASKS = "chaos: the tasks of this process"
"""What a process writes above its tasks when it is asked for them by SIGUSR1."""
IN_COMMIT_S = (0.0, 0.001, 0.002, 0.004, 0.008)
"""How long after its request a commit may take before the process ends, by the number of the pass."""
_SAID = re.compile(r"chaos: (SIG[A-Z]+) in phase ([a-z-]+)")


class Phase(StrEnum):
    """Where a process can end, in the order of its life and of a flush."""

    FENCED = "after-fencing"
    """A partition's writer is opened, which fences its former owner; nothing of its changelog is read."""
    RECOVERING = "during-recovery"
    """A part of the changelog is read."""
    FETCHED = "after-fetch"
    """A batch has come; none of it is applied."""
    CHECKED = "before-flush"
    """Inputs are applied and held against the partition record; no transaction is begun."""
    OUTPUTS = "after-outputs"
    """The broker has acknowledged decisions and requests; nothing of the changelog is sent."""
    CHANGELOG = "after-changelog"
    """The broker has acknowledged states and the partition record; dead letters and events are not sent."""
    WRITTEN = "before-commit"
    """The broker has acknowledged all of a flush; the commit is not asked for."""
    COMMITTING = "in-commit"
    """The commit is asked for; the answer is on its way."""
    COMMITTED = "after-commit"
    """The commit is answered; nothing is acknowledged to Faust."""
    REBALANCING = "during-rebalance"
    """The writers are paused; the group decides anew."""


@dataclass(frozen=True, slots=True)
class Doom:
    """What a process does to itself when it passes a phase for the so-manieth time."""

    phase: Phase
    passes: int = 1
    signal: Signals = SIGKILL

    def environment(self) -> dict[str, str]:
        """For the process."""
        return {DOOM: f"{self.signal.name}:{self.phase}:{self.passes}"}


class Points:
    """Counts the passes. Without a doom nothing ever happens."""

    def __init__(self, doom: Doom | None) -> None:
        self._doom = doom
        self._passes: Counter[Phase] = Counter()
        self._acted = False

    @classmethod
    def told_by(cls, environment: Mapping[str, str]) -> "Points":
        """As `Doom.environment` has it."""
        if DOOM not in environment:
            return cls(None)
        number, phase, passes = environment[DOOM].split(":")
        return cls(Doom(Phase(phase), int(passes), Signals[number]))

    def reached(self, phase: Phase) -> bool:
        """One more pass of a phase: whether it is the one, and `act` is to follow."""
        self._passes[phase] += 1
        doom = self._doom
        return doom is not None and doom.phase == phase and doom.passes == self._passes[phase]

    def act(self) -> None:
        """Say where it is, and end or stop there: once, since who was stopped goes on."""
        doom = self._doom
        assert doom is not None, "it was reached"
        if self._acted:
            return
        self._acted = True
        logger.warning("chaos: %s in phase %s, pass %d", doom.signal.name, doom.phase, doom.passes)
        os.kill(os.getpid(), doom.signal)

    def at(self, phase: Phase) -> None:
        """A pass, and what is to happen at it."""
        if self.reached(phase):
            self.act()

    def amid_commit(self) -> None:
        """Act at some moment while the commit is under way."""
        assert self._doom is not None, "it was reached"
        delay_s = IN_COMMIT_S[self._doom.passes % len(IN_COMMIT_S)]
        asyncio.get_running_loop().call_later(delay_s, self.act)


def phase_said(log: Path) -> Phase | None:
    """The phase in which a process ended or stopped itself, as its own log has it."""
    said = _SAID.findall(log.read_text(errors="replace"))
    return Phase(said[-1][1]) if said else None
