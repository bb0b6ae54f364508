"""Hand-over: what an anonymous device knows becomes its customer's, in three steps (semantics, section 9).

1. A customer's event names a device that she does not know: she remembers it and asks (`meet_device`).
2. The device answers with its whole state and becomes an alias (`asked`): from then on it forwards every
   event and decides nothing (`forward`), until it is forgotten (`expire`).
3. The customer takes in what it knew (`merge`).

Every step is an event in the log, with an id that follows from the asking event, written in the same
transaction as the state it comes from. A crash therefore repeats a step as a whole or not at all, and a
repetition is known by its id. Events of the device that are still on their way meet the alias and follow.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from typing import Any

from schemas.event import HANDOVER_ASKED, HANDOVER_STATE, HANDOVER_TYPES
from schemas.ids import handover_ask_id, handover_state_id
from schemas.instants import Instant, format_instant, parse_instant
from schemas.keys import ANONYMOUS_PREFIX, RESERVED_PREFIXES
from schemas.records import EventRecord
from trigger_engine.core.edits import bring_runs_in_line
from trigger_engine.core.effects import HandOver
from trigger_engine.core.endings import Memory, apply_known, take_back_known
from trigger_engine.core.erasure import SOURCE, erase_device, forget
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import ALIAS_KEPT_MS, DEVICES_MAX, HANDOVER_STATE_BYTES_MAX, ID_LENGTH_MAX
from trigger_engine.core.mails import take_back
from trigger_engine.core.packed import add_hand_over, count_recent
from trigger_engine.core.schedule import reschedule
from trigger_engine.core.state import Alias, CustomerState, StateError, decode_state, encode_state
from trigger_engine.core.turn import Turn
from trigger_engine.core.uniting import unite


def concerned(state: CustomerState, event: EventInput) -> bool:
    """Whether `follow` has anything to do."""
    return (
        state.alias is not None
        or event.type in HANDOVER_TYPES
        or (
            event.anonymous_id is not None
            and event.customer_id is not None
            and event.anonymous_id not in state.devices
        )
    )


def follow(turn: Turn, event: EventInput) -> bool:
    """What an event means for who is who. True: there is nothing else to do with it."""
    if forward(turn, event):
        return True
    if event.type == HANDOVER_ASKED:
        asked(turn, event)
        return True
    meet_device(turn, event)
    if event.type == HANDOVER_STATE:
        merge(turn, event)
    return False


def meet_device(turn: Turn, event: EventInput) -> None:
    """An event that names both a customer and a device: at the first sight of the pair, ask the device."""
    device = event.anonymous_id
    state = turn.state
    if device is None or event.customer_id is None or device in state.devices:
        return
    state.devices = [*state.devices, device][-DEVICES_MAX:]
    state.asked_at = turn.now
    anonymous_key = ANONYMOUS_PREFIX + device
    turn.effects.append(
        HandOver(
            EventRecord(
                event_id=handover_ask_id(anonymous_key, state.customer_key, event.event_id),
                type=HANDOVER_ASKED,
                occurred_at=format_instant(turn.at),
                received_at=format_instant(turn.now),
                source=SOURCE,
                anonymous_id=device,
                properties={"customer_id": state.customer_key},
            )
        )
    )


def forward(turn: Turn, event: EventInput) -> bool:
    """Whether this is an alias. If so it has done with the event all there is to do."""
    alias = turn.state.alias
    if alias is None:
        return False
    if event.type == HANDOVER_ASKED:
        customer_id = _asking_customer(event)
        if customer_id != alias.customer_id:
            _become_alias(turn.state, customer_id, turn.at)
    elif not erase_device(turn, event):
        turn.effects.append(HandOver(_forwarded(event, alias.customer_id)))
    return True


def asked(turn: Turn, event: EventInput) -> None:
    """The device's answer: its whole state, if there is one. From here on it is an alias."""
    state = turn.state
    customer_id = _asking_customer(event)
    if state.erased_at is not None or count_recent(state.recent) > 1:  # this event is in already
        data = encode_state(within_bounds(state))
        turn.effects.append(
            HandOver(
                EventRecord(
                    event_id=handover_state_id(event.event_id),
                    type=HANDOVER_STATE,
                    occurred_at=format_instant(turn.at),
                    received_at=format_instant(turn.now),
                    source=SOURCE,
                    customer_id=customer_id,
                    properties={
                        "anonymous_id": event.anonymous_id,
                        "state": b64encode(data).decode(),
                        "rules_activated_at": format_instant(turn.rules.activated_at),
                    },
                )
            )
        )
    _become_alias(state, customer_id, turn.at)


def merge(turn: Turn, event: EventInput) -> None:
    """Take in what a device knew, once. Raises ValueError if the event holds no state."""
    other = _state_in(event)
    hand_overs = add_hand_over(turn.state.hand_overs, event.event_id)
    if hand_overs is None:
        return
    turn.state.hand_overs = hand_overs
    behind = _not_as_new(turn, other, event)
    own = {id(one) for one in (*turn.state.runs, *turn.state.mails)}
    hers, theirs = Memory.of(turn.state), Memory.of(other)
    unite(turn, other)
    for run in turn.state.runs:
        if run.awaits_device and run.due_at > event.received_at:
            run.due_at = event.received_at
    if behind:  # the device's partition had not come to the marker yet
        bring_runs_in_line(turn)
    for run in tuple(turn.state.runs):
        if not run.not_before_rules:
            apply_known(turn, run, event.received_at, theirs if id(run) in own else hers)
    for mail in turn.state.mails:
        take_back_known(turn, mail, event.received_at, theirs if id(mail) in own else hers)
    reschedule(turn.rules, turn.state)


def turn_away(turn: Turn, event: EventInput) -> None:
    """A state that was asked for before its customer was erased: its runs end, its pending mails are taken
    back, and nothing of it is kept. Raises ValueError if the event holds no state."""
    other = _state_in(event)
    for run in other.runs:
        turn.state.runs.append(run)
        turn.end(run, "exited", "the customer was erased before the run came over from her device.")
    for mail in other.mails:
        if not mail.cancelling:
            take_back(turn, mail, "The customer was erased.")


def _state_in(event: EventInput) -> CustomerState:
    encoded = event.properties.get("state")
    if not isinstance(encoded, str):
        raise ValueError(f"{HANDOVER_STATE} needs properties.state, the base64 of a customer's state")
    try:
        return decode_state(b64decode(encoded, validate=True))
    except (Base64Error, StateError) as error:
        raise ValueError(f"{HANDOVER_STATE}: properties.state cannot be read: {error}") from error


def _not_as_new(turn: Turn, other: CustomerState, event: EventInput) -> bool:
    """Whether the device's rules are older than the customer's. If they are newer, those of its runs that
    hers do not hold have to wait for her marker."""
    rules = turn.rules
    if other.rules_digest == rules.digest:
        return False
    told = event.properties.get("rules_activated_at")
    if isinstance(told, str):
        theirs = parse_instant(told)
    else:  # written before the instant was told
        theirs = 0 if rules.known(other.rules_digest) is not None else rules.activated_at + 1
    if theirs <= rules.activated_at:
        return True
    for run in other.runs:
        present = rules.present(run.trigger_id)
        if present is None or present.version != run.trigger_version:
            run.not_before_rules = theirs
    return False


def expire(state: CustomerState, until: Instant) -> None:
    """An alias whose time is over at `until` becomes blank, and so is not kept at all."""
    if state.alias is not None and state.alias.since + ALIAS_KEPT_MS <= until:
        forget(state)
        state.recent = b""


def within_bounds(state: CustomerState) -> CustomerState:
    """The state, or a copy cut so that the event which holds it fits the log's records.

    What goes first only colours what is decided (views, what she bought), then what ends runs that begin
    late (past events that compare with their start), then what thresholds count. Runs, mails, occasions,
    consent and profile are never cut: all of them at their bounds fit (`limits.HANDOVER_STATE_BYTES_MAX`).
    """
    if len(encode_state(state)) <= HANDOVER_STATE_BYTES_MAX:
        return state
    copy = decode_state(encode_state(state))
    for cut in _CUTS:
        cut(copy)
        if len(encode_state(copy)) <= HANDOVER_STATE_BYTES_MAX:
            break
    return copy


def _cut_views(state: CustomerState) -> None:
    state.views.keep(())


def _cut_purchases(state: CustomerState) -> None:
    state.orders.purchases.keep(())


def _cut_past_enders(state: CustomerState) -> None:
    state.past_enders = []


def _halve_windows(state: CustomerState) -> None:
    """Every window keeps the later half of its events, one at least."""
    for windows in state.windows.values():
        for window in windows.values():
            window.events = window.events[len(window.events) // 2 :]


_CUTS: tuple[Callable[[CustomerState], None], ...] = (
    _cut_views,
    _cut_purchases,
    _cut_past_enders,
    *(_halve_windows,) * 8,
)


def _become_alias(state: CustomerState, customer_id: str, since: Instant) -> None:
    forget(state)
    state.alias = Alias(customer_id, since)
    state.next_wake_up_at = since + ALIAS_KEPT_MS


def _forwarded(event: EventInput, customer_id: str) -> EventRecord:
    """The event as it was, for the customer."""
    return EventRecord(
        event_id=event.event_id,
        type=event.type,
        occurred_at=format_instant(event.occurred_at),
        received_at=format_instant(event.received_at),
        source=event.source,
        customer_id=customer_id,
        anonymous_id=event.anonymous_id,
        properties=event.properties,
        context=event.context,
        backfill=event.backfill,
    )


def _asking_customer(event: EventInput) -> str:
    """Raises ValueError for what no engine of ours writes."""
    customer_id: Any = event.properties.get("customer_id")
    if (
        not isinstance(customer_id, str)
        or not 0 < len(customer_id) <= ID_LENGTH_MAX
        or customer_id.startswith(RESERVED_PREFIXES)
    ):
        raise ValueError(f"{HANDOVER_ASKED} needs properties.customer_id, the id of a known customer")
    return customer_id
