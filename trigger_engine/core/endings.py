"""`unless` and `exit`: events that end runs, that take mails back, and that keep later starts from starting.

Event time decides: an ending acts on a run whose start it follows, or shares the instant with, in whatever
order the two arrive. So the last time of each kind of ending is kept; those that compare with `start.*` can
be judged only for a given start, and their events themselves are kept, a few.

The events of goals move runs, and those of `wait_until` are its answer; they are met here too.

`unless` acts while the run waits for its first mail, and as long as that mail can still be taken back;
`exit` acts during the whole run. The event that started a run never ends it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.instants import Instant
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.clauses import Clause
from trigger_engine.core.conditions import Event, Scene
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import ENDINGS_MAX, PAST_ENDERS_MAX
from trigger_engine.core.mails import take_back
from trigger_engine.core.program import WaitForEvent
from trigger_engine.core.rules import Concern, Trigger
from trigger_engine.core.state import CustomerState, Happening, PendingMail, Run
from trigger_engine.core.steps import answer, reach
from trigger_engine.core.trim import keep
from trigger_engine.core.turn import Turn


def end_runs(turn: Turn, concern: Concern, event: EventInput) -> None:
    """What this event ends or moves: runs first, then mails that can still be taken back, then the runs that
    wait for it."""
    rules, state = turn.rules, turn.state
    awaiting = []
    for run in tuple(state.runs):
        trigger = rules.trigger_of(run.trigger_id, run.trigger_version)
        if trigger is None or not _stands(turn, run):
            continue
        if not trigger.ending_types.isdisjoint(concern.types) and _end_run(
            turn, trigger, concern, event, run
        ):
            continue
        if trigger.program.event_types.isdisjoint(concern.types):
            continue
        if not _reach_goal(turn, trigger, concern, event, run):
            awaiting.append((run, trigger))
    for mail in tuple(state.mails):
        trigger = rules.trigger_of(mail.trigger_id, mail.trigger_version)
        if trigger is None or mail.cancelling or trigger.ending_types.isdisjoint(concern.types):
            continue
        ended = _met(turn, trigger, trigger.exit, concern.types, event, mail.start)
        if ended is None and mail.first:
            ended = _met(turn, trigger, trigger.unless, concern.types, event, mail.start)
        if ended is not None:
            take_back(turn, mail, f"{event.type} came after the mail was requested.")
    for run, trigger in awaiting:
        if _stands(turn, run):
            _answer(turn, trigger, concern, event, run)


class Memory(NamedTuple):
    """The endings that one side of a hand-over remembers."""

    ended_at: Mapping[str, Instant]
    past_enders: Sequence[Happening]

    @classmethod
    def of(cls, state: CustomerState) -> "Memory":
        """As they are now; uniting two states makes new ones."""
        return cls(state.ended_at, state.past_enders)


def apply_known(turn: Turn, run: Run, now: Instant, memory: Memory | None = None) -> bool:
    """End a run that an ending known from before concerns; True if so.

    `now`: as conditions see it. `memory`: of the other side of a hand-over; without it, her own is held
    against a run that waited for newer rules, but for the instant of its start: that may be the start itself.
    """
    trigger = turn.rules.trigger_of(run.trigger_id, run.trigger_version)
    if trigger is None:
        return False
    since = run.start.occurred_at if memory is not None else run.start.occurred_at + 1
    known = memory or Memory.of(turn.state)
    exited_at = _last_ending(turn, trigger.exit, run.start, since, now, known)
    unless_at = _last_ending(turn, trigger.unless, run.start, since, now, known)
    if unless_at is not None and not run.last_mail:
        turn.end(run, "cancelled", "an event known from the hand-over came while the run waited.")
    elif exited_at is not None:
        turn.end(run, "exited", "an event known from the hand-over ended the run.")
    elif unless_at is not None and _first_is_open(turn, run, unless_at):
        turn.end(run, "cancelled", "an event known from the hand-over came in time to stop the run.")
    else:
        return False
    return True


def take_back_known(turn: Turn, mail: PendingMail, now: Instant, memory: Memory) -> None:
    """Take a pending mail back that an ending of the other side of a hand-over concerns."""
    trigger = turn.rules.trigger_of(mail.trigger_id, mail.trigger_version)
    if trigger is None or mail.cancelling:
        return
    endings = (*trigger.exit, *trigger.unless) if mail.first else trigger.exit
    if _last_ending(turn, endings, mail.start, mail.start.occurred_at, now, memory) is not None:
        take_back(turn, mail, "An event known from the hand-over came after the run began.")


def _stands(turn: Turn, run: Run) -> bool:
    """Whether the run is still one of hers: what another did may have ended it."""
    return any(other is run for other in turn.state.runs)


def _end_run(turn: Turn, trigger: Trigger, concern: Concern, event: EventInput, run: Run) -> bool:
    exits = _met(turn, trigger, trigger.exit, concern.types, event, run.start)
    unless = _met(turn, trigger, trigger.unless, concern.types, event, run.start)
    if unless is not None and not run.last_mail:
        turn.end(run, "cancelled", f"{event.type} came while {_next(trigger, run)} was waited for.", unless)
    elif exits is not None:
        turn.end(run, "exited", f"{event.type} ended the run before {_next(trigger, run)}.", exits)
    elif unless is not None and _first_is_open(turn, run, turn.at):
        reason = f"{event.type} came after the first mail was requested, but in time to stop the run."
        turn.end(run, "cancelled", reason, unless)
    else:
        return False
    return True


def _next(trigger: Trigger, run: Run) -> str:
    return trigger.program.next_mail(max(run.position, 0)) or "its end"


def _reach_goal(turn: Turn, trigger: Trigger, concern: Concern, event: EventInput, run: Run) -> bool:
    """Move the run behind the first goal ahead of it that the event meets; False if there is none."""
    for position, goal in trigger.program.goals:
        if position < run.position:
            continue
        facts = _met(turn, trigger, goal.clauses, concern.types, event, run.start)
        if facts is not None:
            reach(turn, trigger, run, position, goal, f"{event.type} reached {goal.id}.")
            return True
    return False


def _answer(turn: Turn, trigger: Trigger, concern: Concern, event: EventInput, run: Run) -> None:
    one = trigger.program.instructions[run.position]
    if not isinstance(one, WaitForEvent) or not run.planned_at <= turn.at <= run.due_at:
        return
    if _met(turn, trigger, one.clauses, concern.types, event, run.start) is not None:
        answer(turn, trigger, run, event)


def note_endings(turn: Turn, concern: Concern, event: EventInput) -> None:
    """Keep what later starts have to be held against."""
    state = turn.state
    keep_event = False
    for ending in concern.endings:
        if ending.needs_start:
            keep_event = True
        elif ending.where is None or _holds(turn, ending, event, event, event.received_at):
            last_at = state.ended_at.pop(ending.key, turn.at)
            if len(state.ended_at) >= ENDINGS_MAX:
                del state.ended_at[min(state.ended_at, key=lambda key: (state.ended_at[key], key))]
            state.ended_at[ending.key] = max(last_at, turn.at)
    if keep_event:
        types = concern.types if len(concern.types) > 1 else ()
        properties, context = keep(event.properties), keep(event.context)
        kept = Happening(event.event_id, event.type, turn.at, properties, context, types)
        state.past_enders.append(kept)
        del state.past_enders[:-PAST_ENDERS_MAX]


def already_ended(turn: Turn, trigger: Trigger, start: Event, now: Instant) -> bool:
    """Whether an ending of the trigger came at or after this start, which then starts nothing. `now`: as
    conditions see it."""
    since = start.occurred_at
    for ending in (*trigger.unless, *trigger.exit):
        if ending.needs_start:
            if _last_ending(turn, (ending,), start, since, now, Memory.of(turn.state)) is not None:
                return True
        else:
            last_at = turn.state.ended_at.get(ending.key)
            if last_at is not None and last_at >= since:
                return True
    return False


def last_ended_at(turn: Turn, trigger: Trigger, start: EventInput) -> Instant | None:
    """The last time of an `unless` or `exit` of the trigger, as far as it is known; conditions that compare
    with `start.*` are judged for this start. Thresholds count what came after it."""
    return _last_ending(
        turn, (*trigger.unless, *trigger.exit), start, 0, start.received_at, Memory.of(turn.state)
    )


def _last_ending(
    turn: Turn, endings: tuple[Clause, ...], start: Event, since: Instant, now: Instant, memory: Memory
) -> Instant | None:
    """The last time, at or after `since`, of one of these endings."""
    latest: Instant | None = None
    for ending in endings:
        if ending.needs_start:
            times = [
                past.occurred_at
                for past in memory.past_enders
                if ending.event_type in (past.types or (past.type,))
                and past.occurred_at >= since
                and _holds(turn, ending, past, start, now)
            ]
        else:
            known_at = memory.ended_at.get(ending.key)
            times = [] if known_at is None or known_at < since else [known_at]
        latest = max(times if latest is None else [*times, latest], default=None)
    return latest


def _met(
    turn: Turn,
    trigger: Trigger,
    endings: tuple[Clause, ...],
    types: tuple[str, ...],
    event: EventInput,
    start: Happening,
) -> dict[str, Any] | None:
    """The facts of the first of these clauses that the event meets for a run with this start, or None."""
    if turn.at < start.occurred_at or event.event_id == start.event_id:
        return None
    for ending in endings:
        if ending.event_type not in types:
            continue
        if ending.where is None:
            return {}
        scene = Scene(turn.state, event, start, event.received_at)
        try:
            if ending.where.holds(scene):
                return ending.where.facts(scene)
        except EvaluationError as error:
            what = f"its condition on {ending.event_type} gave no answer"
            reason = f"{what}, which counts as false: {error.message}."
            turn.note(trigger, event, "error", reason)
    return None


def _holds(turn: Turn, ending: Clause, event: Event, start: Event, now: Instant) -> bool:
    """The condition of an ending, with an error counting as false: no run is there to record it for."""
    assert ending.where is not None, "only endings with a condition are asked"
    try:
        return ending.where.holds(Scene(turn.state, event, start, now))
    except EvaluationError:
        return False


def _first_is_open(turn: Turn, run: Run, at: Instant) -> bool:
    """Whether an `unless` at `at` still counts: it came before the first mail was due, or that mail is
    pending."""
    if run.waited_until is not None and at <= run.waited_until:
        return True
    return any(
        mail.first and mail.trigger_id == run.trigger_id and mail.occasion == run.occasion
        for mail in turn.state.mails
    )
