"""The product: one customer, one input, what follows from it.

    step(rules, state, input, now) -> (state', effects)

The result depends on the arguments alone, so the live engine, a backtest and an explanation give the same
answer. The given state is updated in place. `state.next_wake_up_at` says when to come back.

An event is taken in this order: known already? → what a change of rules asks for → what it tells about the
customer → what became of a mail → runs it ends → runs it starts or prolongs → what later starts must be held
against → segments and watches. Endings come before starts, so an event that does both ends the old run and
begins a new one. At a wake-up the order is: runs, segments, watches.
"""

import msgspec

from schemas.event import CUSTOMER_ERASED, HANDOVER_STATE
from trigger_engine.core import hand_over, interests, membership, thresholds, watches
from trigger_engine.core.baskets import basket_of
from trigger_engine.core.edits import bring_in_line
from trigger_engine.core.effects import Effect, KeepBasket
from trigger_engine.core.endings import end_runs, note_endings
from trigger_engine.core.erasure import erase
from trigger_engine.core.inputs import Cause, EventInput, Input, RulesChange, WakeUp
from trigger_engine.core.mails import hear_outcome
from trigger_engine.core.offers import note_order
from trigger_engine.core.packed import add_recent
from trigger_engine.core.patterns import EventPattern
from trigger_engine.core.projection import MAIL_OUTCOMES, project
from trigger_engine.core.rules import Concern, Rules
from trigger_engine.core.runs import meet
from trigger_engine.core.schedule import due_runs, reschedule
from trigger_engine.core.state import CustomerState
from trigger_engine.core.steps import perform
from trigger_engine.core.turn import Turn


def step(rules: Rules, state: CustomerState, input: Input, now: int) -> tuple[CustomerState, list[Effect]]:
    """Apply one input at `now`. Updates `state` in place; effects are in the order they were decided."""
    if isinstance(input, EventInput):
        return _event(rules, state, input, now)
    if isinstance(input, RulesChange):
        return state, _catch_up(rules, state, input.at, now, input.cause)
    return _wake_up(rules, state, input, now)


def abandon(
    rules: Rules, state: CustomerState, wake_up: WakeUp, now: int, reason: str
) -> tuple[CustomerState, list[Effect]]:
    """End the runs due at a wake-up that raised, each with `error`; `state` is as it was before.

    Whatever else was due then is given up too, or it would raise for ever.
    """
    turn = Turn(rules, state, wake_up.due_at, now, wake_up.cause)
    until = min(wake_up.due_at, now)
    for run in due_runs(rules, state, until):
        turn.end(run, "error", f"the step raised, so the run ended: {reason}")
    if state.segments_flip_at is not None and state.segments_flip_at <= until:
        state.segments_flip_at = None
        state.flips = {}
        state.segments_at = -1
    raised = watches.due(rules, state, until)
    state.watches = [watch for watch in state.watches if watch not in raised]
    state.rules_digest = rules.digest
    reschedule(rules, state)
    return state, turn.effects


def _event(
    rules: Rules, state: CustomerState, event: EventInput, now: int
) -> tuple[CustomerState, list[Effect]]:
    recent = add_recent(state.recent, event.event_id)
    if recent is None:
        return state, []
    if event.occurred_at > event.received_at:
        event = msgspec.structs.replace(event, occurred_at=event.received_at)
    occurred_at = event.occurred_at
    if state.erased_at is not None and occurred_at <= state.erased_at:
        return _after_erasure(rules, state, event, occurred_at, now, recent)
    effects: list[Effect] = []
    if state.rules_digest != rules.digest:
        effects = _catch_up(rules, state, occurred_at, now, event.cause)
    state.recent = recent
    cause = event.cause
    state.cause_topic, state.cause_partition, state.cause_offset = cause.topic, cause.partition, cause.offset
    if hand_over.concerned(state, event):
        turn = Turn(rules, state, occurred_at, now, cause)
        turn.effects = effects
        if hand_over.follow(turn, event):
            return state, effects
    concern = rules.concern(event.type, _learn(rules, state, event, occurred_at, effects))
    known_anew = membership.concerned(rules, state, event)
    news = event.type in MAIL_OUTCOMES or event.type == CUSTOMER_ERASED
    if concern is None and not known_anew and not news:
        return state, effects
    turn = Turn(rules, state, occurred_at, now, cause)
    turn.effects = effects
    if event.type == CUSTOMER_ERASED:
        erase(turn, event)
        return state, turn.effects
    if event.type in MAIL_OUTCOMES:
        hear_outcome(turn, event)
    if concern is not None:
        _follow_rules(turn, concern, event)
    if known_anew or membership.concerned(rules, state, event):  # a `set` step may have made it so since
        membership.follow(turn, event)
        reschedule(rules, state)
    return state, turn.effects


def _after_erasure(
    rules: Rules, state: CustomerState, event: EventInput, at: int, now: int, recent: bytes
) -> tuple[CustomerState, list[Effect]]:
    """An event from before the erasure counts for nothing; but what a device had begun has to be ended."""
    turn = Turn(rules, state, at, now, event.cause)
    if event.type == HANDOVER_STATE:
        state.recent = recent
        hand_over.turn_away(turn, event)
    return state, turn.effects


def _learn(
    rules: Rules, state: CustomerState, event: EventInput, at: int, effects: list[Effect]
) -> tuple[str, str] | None:
    """What the event tells of the customer; a state handed over has been merged already."""
    if event.type == HANDOVER_STATE:
        return None
    if event.type == "order_completed":
        note_order(state, at)
        basket = basket_of(event.properties, at)
        if basket is not None:
            effects.append(KeepBasket(basket))
    if event.type in interests.FOLLOWED and (rules.notes_interests or state.interests):
        effects.extend(interests.follow(state, event, at, wanted=rules.notes_interests))
    return project(state, event, at, rules.policy.engagement)


def _catch_up(rules: Rules, state: CustomerState, at: int, now: int, cause: Cause) -> list[Effect]:
    """What a change of rules asks for, decided as of its marker; nothing for a customer not known before."""
    if state.blank or state.alias is not None:
        state.rules_digest = rules.digest
        return []
    if rules.activation is None:  # a partition that does not know its marker: as of this input
        rules = rules.activated(at, cause)
    else:
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
        else:
            thresholds.meet(turn, trigger, event)
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
    if state.alias is not None:
        hand_over.expire(state, until)
        return state, effects
    turn = Turn(rules, state, wake_up.due_at, now, wake_up.cause)
    turn.effects = effects
    while due := due_runs(rules, state, until):
        # one due time after the other: what follows may be overdue too, and another run's turn come before
        turn.at = due[0].due_at
        perform(turn, due[0], turn.at)
    turn.at = wake_up.due_at
    flip_at = state.segments_flip_at
    if flip_at is not None and flip_at <= until:
        membership.evaluate(turn, flip_at, flip_at, event=None)  # as if it had been looked at in time
    if state.watches:
        for watch in watches.due(rules, state, until):
            watches.fall_due(turn, watch)
    reschedule(rules, state)
    return state, turn.effects
