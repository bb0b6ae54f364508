"""What a run does at each of its steps, until one is due later or the run ends.

Planned and due: waits count from the planned time of the step before, however late that was performed. A
mail that is put off keeps its planned time and gets another due time; a run stands before its instruction
until that time has come.
"""

from collections.abc import Callable
from typing import Any

from schemas.instants import Instant
from trigger_engine.core.calendar import zone_of
from trigger_engine.core.cel import EvaluationError, Timestamp
from trigger_engine.core.checks import check
from trigger_engine.core.conditions import Value, Where, plain
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import FACT_TEXT_MAX, PREFERENCES_MAX
from trigger_engine.core.local_time import next_local
from trigger_engine.core.mails import request_mail, withhold_mail
from trigger_engine.core.program import (
    Exit,
    Goal,
    Jump,
    Mail,
    SetProfile,
    SkipIf,
    Unless,
    Wait,
    WaitForClock,
    WaitForEvent,
    WaitForTime,
    of_variant,
)
from trigger_engine.core.question import Question, Verdict, scene_of
from trigger_engine.core.rules import Trigger
from trigger_engine.core.state import FOREVER, Happening, Profile, Run
from trigger_engine.core.trim import keep, scalar
from trigger_engine.core.turn import Turn


def perform(turn: Turn, run: Run, at: Instant) -> None:
    """Perform the run's steps that are due at `at`; what is due at another time, even if that is past, has a
    turn of its own. Nothing happens to a run that stands still."""
    if turn.rules.stands_still(run):
        return
    trigger = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    if trigger is None:
        turn.end(run, "error", f"version {run.trigger_version} of the trigger is in no known rule set.")
        return
    instructions = trigger.program.instructions
    while run.due_at == at:
        one = instructions[run.position]
        if not _DO[type(one)](turn, trigger, run, one):
            return


def enter(turn: Turn, trigger: Trigger, run: Run, position: int) -> bool:
    """Let the run stand before an instruction from its planned time on; False: the run has ended."""
    run.position = position
    run.awaits_device = False
    if position == len(trigger.program.instructions):
        turn.state.runs.remove(run)
        return False
    one = trigger.program.instructions[position]
    planned_at = run.planned_at
    run.due_at = planned_at
    if isinstance(one, Wait):
        run.due_at = planned_at + of_variant(one.length_ms, run.variant)
    elif isinstance(one, WaitForClock):
        run.due_at = next_local(one.at_minutes, zone_of(turn.state, turn.rules.policy), planned_at)
    elif isinstance(one, WaitForEvent):
        run.due_at = planned_at + one.for_ms
    elif isinstance(one, WaitForTime):
        return _wait_for_time(turn, run, one)
    return True


def answer(turn: Turn, trigger: Trigger, run: Run, event: EventInput) -> None:
    """The event that the run waited for has come: it becomes `answer`, and the run goes on from then."""
    run.answer = Happening(event.event_id, event.type, turn.at, keep(event.properties), keep(event.context))
    run.planned_at = turn.at
    if enter(turn, trigger, run, run.position + 1):
        perform(turn, run, turn.at)


def reach(turn: Turn, trigger: Trigger, run: Run, position: int, goal: Goal, reason: str) -> None:
    """A goal takes the run right behind it, whatever is in between."""
    turn.decide(run, "goal", reason, step=goal.id, attempt=1)
    run.planned_at = turn.at
    run.held = run.was_held = False
    if enter(turn, trigger, run, position + 1):
        perform(turn, run, turn.at)


def _wait_for_time(turn: Turn, run: Run, one: WaitForTime) -> bool:
    try:
        value = one.time.of(scene_of(turn, run))
    except EvaluationError as error:
        turn.end(run, "error", f"wait_until could not be worked out, so the run ended: {error.message}.")
        return False
    if not isinstance(value, Timestamp):
        reason = f"wait_until ({one.time.source}) gave no timestamp, so the run ended."
        turn.end(run, "error", reason)
        return False
    run.due_at = max(run.planned_at, value.ms)
    return True


def _waited(turn: Turn, trigger: Trigger, run: Run, one: Any) -> bool:
    run.planned_at = run.due_at
    return enter(turn, trigger, run, run.position + 1)


def _not_answered(turn: Turn, trigger: Trigger, run: Run, one: WaitForEvent) -> bool:
    run.answer = None
    return _waited(turn, trigger, run, one)


def _go_on(turn: Turn, trigger: Trigger, run: Run, one: Any) -> bool:
    return enter(turn, trigger, run, run.position + 1)


def _jump(turn: Turn, trigger: Trigger, run: Run, one: Jump) -> bool:
    return enter(turn, trigger, run, one.target)


def _unless(turn: Turn, trigger: Trigger, run: Run, one: Unless) -> bool:
    holds = _holds(turn, run, "choose", one.condition)
    return enter(turn, trigger, run, run.position + 1 if holds else one.target)


def _skip_if(turn: Turn, trigger: Trigger, run: Run, one: SkipIf) -> bool:
    holds = _holds(turn, run, "skip_if", one.condition)
    return enter(turn, trigger, run, one.target if holds else run.position + 1)


def _holds(turn: Turn, run: Run, step: str, condition: Where) -> bool:
    """An error counts as false."""
    try:
        return condition.holds(scene_of(turn, run))
    except EvaluationError as error:
        _note_error(run, step, error)
        return False


def _note_error(run: Run, step: str, error: EvaluationError) -> None:
    """No decision is due here, so the next one of the run tells it in its facts."""
    said = f"{step}: {error.message}"
    run.error = f"{run.error}; {said}"[:FACT_TEXT_MAX] if run.error else said[:FACT_TEXT_MAX]


def _exit(turn: Turn, trigger: Trigger, run: Run, one: Exit) -> bool:
    turn.end(run, "exited", "the run came to an exit step.")
    return False


def _set(turn: Turn, trigger: Trigger, run: Run, one: SetProfile) -> bool:
    """Not for shadows and held-out runs: they must change nothing that others see."""
    if not run.shadow and not run.held_out:
        profile = turn.state.profile
        for name, value in one.preferences.items():
            _prefer(turn, run, profile, name, value)
        if one.pause == "ended":
            profile.paused_until = None
        elif one.pause is not None:
            profile.paused_until = run.planned_at + one.pause if isinstance(one.pause, int) else FOREVER
        if one.withdraws and run.planned_at >= profile.consent_at:
            profile.marketing_email = False
            profile.consent_at = run.planned_at
        turn.state.segments_at = -1  # no event tells of it, so all are asked at the next one
    return enter(turn, trigger, run, run.position + 1)


def _prefer(turn: Turn, run: Run, profile: Profile, name: str, given: Any) -> None:
    """An expression without an answer changes nothing; null clears."""
    value = given
    if isinstance(given, Value):
        try:
            value = scalar(plain(given.of(scene_of(turn, run))))
        except EvaluationError as error:
            _note_error(run, "set", error)
            return
    if value is None:
        profile.preferences.pop(name, None)
    elif name in profile.preferences or len(profile.preferences) < PREFERENCES_MAX:
        profile.preferences[name] = value


def _mail(turn: Turn, trigger: Trigger, run: Run, step: Mail) -> bool:
    attempt = run.attempts.get(step.id, 0) + 1
    if attempt == 1:
        run.was_held = False
    elif run.held:
        run.held, run.was_held = False, True
    question = Question(turn, trigger, run, step, attempt, {})
    verdict = check(question)
    if verdict is None:
        request_mail(question)
    elif verdict.goes_on:
        withhold_mail(question, verdict)
    else:
        return _refuse(question, verdict)
    if run.draining:
        turn.end(run, "exited", "its version was replaced, and this was the mail it could still send.")
        return False
    return enter(turn, trigger, run, run.position + 1)


def _refuse(question: Question, verdict: Verdict) -> bool:
    turn, run, step = question.turn, question.run, question.step
    if verdict.until is None:
        turn.state.runs.remove(run)
        reason = f"{step.id} was not sent and the run ended: {verdict.reason}."
    else:
        run.attempts[step.id] = question.attempt
        run.due_at = verdict.until
        run.awaits_device = verdict.for_device
        reason = f"{step.id} is put off: {verdict.reason}."
    turn.decide(run, verdict.outcome, reason, facts=question.facts, step=step.id, attempt=question.attempt)
    return verdict.until is not None


_DO: dict[type, Callable[[Turn, Trigger, Run, Any], bool]] = {
    Exit: _exit,
    Goal: _go_on,
    Jump: _jump,
    Mail: _mail,
    SetProfile: _set,
    SkipIf: _skip_if,
    Unless: _unless,
    Wait: _waited,
    WaitForClock: _waited,
    WaitForEvent: _not_answered,
    WaitForTime: _waited,
}
