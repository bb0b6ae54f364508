"""Which of several marketing mails that are due together goes out: the one of the highest priority.

A candidate is held for a while, once for each mail. When its hold is over and the checks before pass
again, it is compared with the runs that are held at that moment: the best goes on and the others end; if it
is not the best, it ends itself. Shadows take no part, nor do runs that stand still.
"""

from schemas.instants import format_instant
from trigger_engine.core.durations import format_duration
from trigger_engine.core.program import Mail
from trigger_engine.core.question import Question, Verdict
from trigger_engine.core.state import Run
from trigger_engine.core.turn import Turn


def arbitrate(question: Question) -> Verdict | None:
    """Hold the run at first; then let it go on, ending those it outranks, or not."""
    hold_ms = question.policy.arbitration_hold_ms
    turn, run = question.turn, question.run
    if not hold_ms or run.shadow:
        return None
    if not run.was_held:
        run.held = True
        reason = f"it waits {format_duration(hold_ms)} for others that may be more important"
        return Verdict("rescheduled", reason, run.due_at + hold_ms)
    held = [other for other in turn.state.runs if other.held and not turn.rules.stands_still(other)]
    if not held:
        return None
    mine = _rank(turn, run)
    best = min(held, key=lambda other: _rank(turn, other))
    question.facts["held"] = sorted(other.trigger_id for other in held)
    if _rank(turn, best) < mine:
        return Verdict("outranked", f"{best.trigger_id} has a higher rank")
    for other in held:
        _outrank(turn, other, run)
    return None


def _rank(turn: Turn, run: Run) -> tuple[int, str, str]:
    """The lower, the better: priority (the highest first), trigger id, occasion."""
    return -turn.rules.priority_of(run), run.trigger_id, run.occasion


def _outrank(turn: Turn, run: Run, winner: Run) -> None:
    turn.state.runs.remove(run)
    version = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    mail = None if version is None else version.program.instructions[run.position]
    assert isinstance(mail, Mail), "a held run stands before a mail"
    turn.decide(
        run,
        "outranked",
        f"{mail.id} was not sent and the run ended: {winner.trigger_id} has a higher rank.",
        step=mail.id,
        attempt=run.attempts.get(mail.id, 0) + 1,
        facts={"held_until": format_instant(run.due_at)},
    )
