"""`unless` and `exit`: events that end runs, that take mails back, and that keep later starts from starting.

Event time decides: an ending acts on a run whose start it follows, or shares the instant with, in whatever
order the two arrive. So the last time of each kind of ending is kept; those that compare with `start.*` can
be judged only for a given start, and their events themselves are kept, a few.

`unless` acts while the run waits for its first mail, and as long as that mail can still be taken back;
`exit` acts during the whole run. The event that started a run never ends it.
"""

from typing import Any

from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.conditions import Event, Scene
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import ENDINGS_MAX, PAST_ENDERS_MAX
from trigger_engine.core.mails import take_back
from trigger_engine.core.rules import Concern, Ending, Trigger
from trigger_engine.core.state import Happening, Run
from trigger_engine.core.trim import keep
from trigger_engine.core.turn import Turn


def end_runs(turn: Turn, concern: Concern, event: EventInput) -> None:
    """Cancel and exit what this event ends: runs first, then mails that can still be taken back."""
    for run in tuple(turn.state.runs):
        trigger = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
        if trigger is not None and not trigger.ending_types.isdisjoint(concern.types):
            _end_run(turn, trigger, concern, event, run)
    for mail in tuple(turn.state.mails):
        trigger = turn.rules.trigger_of(mail.trigger_id, mail.trigger_version)
        if trigger is None or mail.cancelling or trigger.ending_types.isdisjoint(concern.types):
            continue
        ended = _met(turn, trigger, trigger.exit, concern, event, mail.start)
        if ended is None and mail.first:
            ended = _met(turn, trigger, trigger.unless, concern, event, mail.start)
        if ended is not None:
            take_back(turn, mail, f"{event.type} came after the mail was requested.")


def _end_run(turn: Turn, trigger: Trigger, concern: Concern, event: EventInput, run: Run) -> None:
    waiting = run.mail_index == 0
    next_mail = trigger.mails[run.mail_index].id
    exits = _met(turn, trigger, trigger.exit, concern, event, run.start)
    unless = _met(turn, trigger, trigger.unless, concern, event, run.start)
    if unless is not None and waiting:
        turn.end(run, "cancelled", f"{event.type} came while {next_mail} was waited for.", unless)
    elif exits is not None:
        turn.end(run, "exited", f"{event.type} ended the run before {next_mail}.", exits)
    elif unless is not None and _first_is_open(turn, run):
        reason = f"{event.type} came after {trigger.mails[0].id} was requested, but in time to stop the run."
        turn.end(run, "cancelled", reason, unless)


def note_endings(turn: Turn, concern: Concern, event: EventInput) -> None:
    """Keep what later starts have to be held against."""
    state = turn.state
    keep_event = False
    for ending in concern.endings:
        if ending.needs_start:
            keep_event = True
        elif ending.where is None or _holds(turn, ending, event, event):
            last_at = state.ended_at.pop(ending.key, turn.at)
            if len(state.ended_at) >= ENDINGS_MAX:
                del state.ended_at[min(state.ended_at, key=lambda key: (state.ended_at[key], key))]
            state.ended_at[ending.key] = max(last_at, turn.at)
    if keep_event:
        kept = Happening(event.event_id, event.type, turn.at, keep(event.properties), keep(event.context))
        state.past_enders.append(kept)
        del state.past_enders[:-PAST_ENDERS_MAX]


def already_ended(turn: Turn, trigger: Trigger, start: EventInput) -> bool:
    """Whether an ending of the trigger came at or after this event, which then starts nothing."""
    for ending in (*trigger.unless, *trigger.exit):
        if not ending.needs_start:
            last_at = turn.state.ended_at.get(ending.key)
            if last_at is not None and last_at >= turn.at:
                return True
            continue
        for past in turn.state.past_enders:
            if (
                past.type == ending.event_type
                and past.occurred_at >= turn.at
                and _holds(turn, ending, past, start)
            ):
                return True
    return False


def _met(
    turn: Turn,
    trigger: Trigger,
    endings: tuple[Ending, ...],
    concern: Concern,
    event: EventInput,
    start: Happening,
) -> dict[str, Any] | None:
    """The facts of the first of these endings that the event meets for a run with this start, or None."""
    if turn.at < start.occurred_at:
        return None
    for ending in endings:
        if ending.event_type not in concern.types:
            continue
        if ending.where is None:
            return {}
        scene = Scene(turn.state, event, start, event.received_at)
        try:
            if ending.where.holds(scene):
                return ending.where.facts(scene)
        except EvaluationError as error:
            reason = (
                f"its condition on {ending.event_type} gave no answer, which counts as false: {error.message}"
            )
            turn.note(trigger, event, "error", reason)
    return None


def _holds(turn: Turn, ending: Ending, event: Event, start: Event) -> bool:
    """The condition of an ending, with an error counting as false: no run is there to record it for."""
    assert ending.where is not None, "only endings with a condition are asked"
    try:
        return ending.where.holds(Scene(turn.state, event, start, turn.at))
    except EvaluationError:
        return False


def _first_is_open(turn: Turn, run: Run) -> bool:
    """Whether an `unless` still counts: it came before the first mail was due, or that mail is pending."""
    if run.waited_until is not None and turn.at <= run.waited_until:
        return True
    return any(
        mail.first and mail.trigger_id == run.trigger_id and mail.occasion == run.occasion
        for mail in turn.state.mails
    )
