"""The product: one customer, one input, what follows from it.

    step(rules, state, input, now) -> (state', effects)

The result depends on the arguments alone, so the live engine, a backtest and an explanation give the same
answer. The given state is updated in place. `state.next_wake_up_at` says when to come back.

An event is taken in this order: known already? → what it tells about the customer → what became of a mail
→ runs it ends → runs it starts or prolongs → what later starts must be held against. Endings come before
starts, so an event that does both ends the old run and begins a new one.
"""

from trigger_engine.core.edits import bring_in_line
from trigger_engine.core.effects import Effect
from trigger_engine.core.endings import end_runs, note_endings
from trigger_engine.core.inputs import Cause, EventInput, Input, RulesChange, WakeUp
from trigger_engine.core.mails import hear_outcome, take_back
from trigger_engine.core.packed import add_recent
from trigger_engine.core.patterns import EventPattern
from trigger_engine.core.projection import MAIL_OUTCOMES, project
from trigger_engine.core.rules import Concern, Rules
from trigger_engine.core.runs import meet, reschedule
from trigger_engine.core.state import CustomerState, Run, new_state
from trigger_engine.core.steps import perform
from trigger_engine.core.turn import Turn

ERASED = "customer_erased"


def step(rules: Rules, state: CustomerState, input: Input, now: int) -> tuple[CustomerState, list[Effect]]:
    """Apply one input at `now`. Updates `state` in place; effects are in the order they were decided."""
    if isinstance(input, EventInput):
        return _event(rules, state, input, now)
    if isinstance(input, RulesChange):
        turn = Turn(rules, state, input.at, now, input.cause)
        bring_in_line(turn)
        return state, turn.effects
    return _wake_up(rules, state, input, now)


def abandon(
    rules: Rules, state: CustomerState, wake_up: WakeUp, now: int, reason: str
) -> tuple[CustomerState, list[Effect]]:
    """End the runs due at a wake-up that raised, each with `error`; `state` is as it was before.

    Whatever else was due then is given up too, or it would raise for ever.
    """
    turn = Turn(rules, state, wake_up.due_at, now, wake_up.cause)
    until = min(wake_up.due_at, now)
    for run in _due(rules, state, until):
        turn.end(run, "error", f"the step raised, so the run ended: {reason}")
    if state.segments_flip_at is not None and state.segments_flip_at <= until:
        state.segments_flip_at = None
    state.watches = [watch for watch in state.watches if watch.due_at > until]
    state.rules_digest = rules.digest
    reschedule(rules, state)
    return state, turn.effects


def _event(
    rules: Rules, state: CustomerState, event: EventInput, now: int
) -> tuple[CustomerState, list[Effect]]:
    recent = add_recent(state.recent, event.event_id)
    if recent is None:
        return state, []
    occurred_at = event.occurred_at if event.occurred_at < event.received_at else event.received_at
    if state.erased_at is not None and occurred_at <= state.erased_at:
        return state, []
    effects: list[Effect] = []
    if state.rules_digest != rules.digest:
        effects = _catch_up(rules, state, occurred_at, now, event.cause)
    state.recent = recent
    cause = event.cause
    state.cause_topic, state.cause_partition, state.cause_offset = cause.topic, cause.partition, cause.offset
    derived = project(state, event, occurred_at, rules.policy.engagement)
    concern = rules.concern(event.type, derived)
    if concern is None and event.type not in MAIL_OUTCOMES and event.type != ERASED:
        return state, effects
    turn = Turn(rules, state, occurred_at, now, cause)
    turn.effects = effects
    if event.type == ERASED:
        return _erase(turn), turn.effects
    if event.type in MAIL_OUTCOMES:
        hear_outcome(turn, event)
    if concern is not None:
        _follow_rules(turn, concern, event)
    return state, turn.effects


def _catch_up(rules: Rules, state: CustomerState, at: int, now: int, cause: Cause) -> list[Effect]:
    """What a change of rules asks for, decided as of its marker; nothing for a customer not known before."""
    if state.blank:
        state.rules_digest = rules.digest
        return []
    if rules.activation is not None:
        at, cause = rules.activated_at, rules.activation
    turn = Turn(rules, state, at, now, cause)
    bring_in_line(turn)
    return turn.effects


def _follow_rules(turn: Turn, concern: Concern, event: EventInput) -> None:
    state = turn.state
    if concern.ends and (state.runs or state.mails):
        end_runs(turn, concern, event)
    for trigger in concern.starters:
        if isinstance(trigger.pattern, EventPattern):
            meet(turn, trigger, event)
    if concern.endings:
        note_endings(turn, concern, event)
    reschedule(turn.rules, state)


def _wake_up(
    rules: Rules, state: CustomerState, wake_up: WakeUp, now: int
) -> tuple[CustomerState, list[Effect]]:
    """Perform what is due at or before the wake-up, never what is due after `now`."""
    effects: list[Effect] = []
    if state.rules_digest != rules.digest:
        effects = _catch_up(rules, state, wake_up.due_at, now, wake_up.cause)
    until = min(wake_up.due_at, now)
    turn = Turn(rules, state, wake_up.due_at, now, wake_up.cause)
    turn.effects = effects
    for run in _due(rules, state, until):
        if any(other is run for other in state.runs):  # another may have ended it
            perform(turn, run, until)
    reschedule(rules, state)
    return state, turn.effects


def _due(rules: Rules, state: CustomerState, until: int) -> list[Run]:
    """Runs due at or before `until`, earliest first, then by priority, trigger and occasion."""
    paused = rules.paused_ids
    due = [run for run in state.runs if run.due_at <= until and run.trigger_id not in paused]
    due.sort(key=lambda run: (run.due_at, -rules.priority_of(run), run.trigger_id, run.occasion))
    return due


def _erase(turn: Turn) -> CustomerState:
    """Take back pending mails, end all runs, forget everything but that she was erased.

    The hashes of recent event ids stay, so that the erasure arriving twice is known.
    """
    for run in tuple(turn.state.runs):
        turn.end(run, "exited", "the customer was erased.")
    for mail in tuple(turn.state.mails):
        if not mail.cancelling:
            take_back(turn, mail, "The customer was erased.")
    erased = new_state(turn.state.customer_key)
    erased.recent = turn.state.recent
    erased.cause_topic, erased.cause_partition, erased.cause_offset = turn.state.last_applied()
    erased.erased_at = turn.at
    return erased
