"""The life of a run: started, its wait restarted, its mails sent when due, ended early.

Rules of this file:
- A trigger with `wait` and no `once_per` has one live run at a time; matching events belong to it. Without
  `wait`, each event is its own occasion. With `once_per`, each value is.
- While a run waits for its first mail, each matching event restarts the wait (never shortens it).
- On an event, only mails due at the event itself go out; whatever is due later, even if that is past
  already, waits for its wake-up, which comes only after the log has been read that far.
"""

from schemas.ids import stable_hash
from schemas.instants import Instant, format_instant
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.checks import Question, check
from trigger_engine.core.conditions import Scene, plain
from trigger_engine.core.endings import already_ended
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import ID_LENGTH_MAX, OCCASION_MEMORY_MS, RUNS_MAX
from trigger_engine.core.mails import request_mail
from trigger_engine.core.occasions import known, note_mailed, remember
from trigger_engine.core.rules import Trigger
from trigger_engine.core.state import CustomerState, Happening, Run
from trigger_engine.core.trim import keep
from trigger_engine.core.turn import Turn


def reschedule(state: CustomerState) -> None:
    """Set the customer's next wake-up to the earliest due time of her runs."""
    runs = state.runs
    if len(runs) > 1:
        state.next_wake_up_at = min([run.due_at for run in runs])
    else:
        state.next_wake_up_at = runs[0].due_at if runs else None


def meet(turn: Turn, trigger: Trigger, event: EventInput) -> None:
    """An event of a type that starts `trigger`: start a run, restart its wait, or neither."""
    scene = Scene(turn.state, event, event, event.received_at)
    if trigger.where is not None:
        try:
            if not trigger.where.holds(scene):
                return
        except EvaluationError as error:
            if event.backfill:
                return
            reason = f"its where could not be judged on {event.type}, which counts as false: {error.message}"
            turn.note(trigger, event, "error", reason)
            return
    value, warning = _occasion_value(trigger, scene)
    run = _live_run(turn.state, trigger, value)
    if run is not None:
        _restart(turn, run)
        return
    if event.backfill or already_ended(turn, trigger, event):
        return
    text = event.event_id if value is None else value
    occasion = f"{turn.state.customer_key}/{text}"
    if known(turn.state, trigger.id, text, turn.at, OCCASION_MEMORY_MS):
        return
    if event.received_at - turn.at > turn.rules.lateness_ms:
        turn.note(trigger, event, "late", f"{event.type} arrived too late to start anything.")
        return
    full = _remember(turn.state, trigger, text, turn.at)
    if full is not None:
        turn.note(trigger, event, "state_limit", f"{event.type} started nothing: {full}.")
        return
    _start(turn, trigger, scene, event, occasion, warning)


def _occasion_value(trigger: Trigger, scene: Scene) -> tuple[str | None, str]:
    """The value of `once_per`, or None and, if it should have given one, a warning for the reason."""
    if trigger.once_per is None:
        return None, ""
    source = trigger.once_per.source
    try:
        value = trigger.once_per.of(scene)
        if type(value) is not str:
            value = plain(value)
    except EvaluationError as error:
        return None, f" Warning: once_per gave nothing ({error.message}), so the event is the occasion."
    if value is None or isinstance(value, (dict, list)):
        return None, f" Warning: once_per ({source}) gave no value, so the event is the occasion."
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return (text if len(text) <= ID_LENGTH_MAX else stable_hash(text)), ""


def _live_run(state: CustomerState, trigger: Trigger, value: str | None) -> Run | None:
    """The run that a matching event belongs to."""
    if value is None and not trigger.waits:
        return None
    for run in state.runs:
        if run.trigger_id == trigger.id and (run.fallback if value is None else state.value_of(run) == value):
            return run
    return None


def _restart(turn: Turn, run: Run) -> None:
    """The wait begins anew with each matching event; one that arrives out of order never shortens it."""
    version = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    if version is not None and version.waits and run.mail_index == 0:
        due_at = turn.at + version.mails[0].after_ms
        if due_at > run.due_at:
            run.due_at = due_at


def _remember(state: CustomerState, trigger: Trigger, value: str, at: Instant) -> str | None:
    """Enter the occasion into the trigger's memory; if a bound forbids it, says which."""
    if len(state.runs) >= RUNS_MAX:
        return f"the customer has {RUNS_MAX} live runs already"
    return remember(state, trigger.id, value, at, OCCASION_MEMORY_MS)


def _start(
    turn: Turn, trigger: Trigger, scene: Scene, event: EventInput, occasion: str, warning: str
) -> None:
    start = Happening(event.event_id, event.type, turn.at, event.properties, event.context)
    first = trigger.mails[0]
    due_at = turn.at + first.after_ms
    fallback = occasion == f"{turn.state.customer_key}/{event.event_id}"
    run = Run(trigger.id, trigger.version, occasion, start, 0, due_at, fallback)
    facts = {} if trigger.where is None else trigger.where.facts(scene)
    if trigger.once_per is not None and not warning:
        facts.update(trigger.once_per.facts(scene))
    reason = f"{event.type} started the run; {first.id} is due at {format_instant(due_at)}.{warning}"
    turn.decide((trigger.id, trigger.version), occasion, "started", reason, facts=facts, due_at=due_at)
    turn.state.runs.append(run)
    perform(turn, run, turn.at)
    # What stays in the state is cut only now: a mail that goes out at once shows the whole event.
    needed = trigger.reads_start or run in turn.state.runs
    start.properties = keep(event.properties) if needed else {}
    start.context = keep(event.context) if needed else {}


def perform(turn: Turn, run: Run, until: Instant) -> None:
    """Send the run's mails that are due at or before `until`, or end it at the first that may not go."""
    trigger = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    if trigger is None:
        turn.end(run, "error", f"version {run.trigger_version} of the trigger is in no known rule set.")
        return
    if trigger.id not in turn.rules.live_ids:
        turn.end(run, "exited", "the trigger is no longer live in the active rules.")
        return
    while run.due_at <= until:
        step = trigger.mails[run.mail_index]
        question = Question(turn.state, trigger, run, turn.now, {})
        refused = check(question)
        if refused is not None:
            turn.state.runs.remove(run)
            turn.decide(
                (trigger.id, trigger.version),
                run.occasion,
                refused.outcome,
                f"{step.id} was not sent and the run ended: {refused.reason}.",
                facts=question.facts,
                step=step.id,
                due_at=run.due_at,
            )
            return
        request_mail(turn, trigger, run, step, question.facts)
        note_mailed(turn.state, run)
        if run.mail_index == 0:
            run.waited_until = run.due_at
        run.mail_index += 1
        if run.mail_index == len(trigger.mails):
            turn.state.runs.remove(run)
            return
        run.due_at += trigger.mails[run.mail_index].after_ms
