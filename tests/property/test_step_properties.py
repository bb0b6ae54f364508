"""What holds for every history: events in any order, late, twice, as backfill, with news from the sender."""

from collections import Counter
from typing import Any, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.instants import MINUTE_MS, format_instant
from schemas.records import CauseRecord, encode_record
from tests.unit.trigger_engine.core.history import CART, ORDER, SERIES, T0, rules_of
from trigger_engine.core.effects import (
    CancelMail,
    Decide,
    DropInterest,
    HandOver,
    KeepBasket,
    NoteInterest,
    RequestMail,
    Written,
)
from trigger_engine.core.inputs import EventInput, WakeUp
from trigger_engine.core.state import CustomerState, decode_state, encode_state, new_state
from trigger_engine.core.step import step

ABSENCE = """
id: browse
status: live
kind: marketing
when: {event: product_viewed}
wait: 2h
unless: [{event: order_completed, where: event.properties.total >= start.properties.price}, product_added]
cooldown: 1d
steps: [{mail: seen}, {wait: 30m}, {mail: seen-again}]
exit: [{event: unsubscribed, where: orders.count < 3}, order_completed]
"""
RULES = rules_of(CART + "cooldown: 12h\n", ORDER, SERIES + "once_per: \"'once'\"\n", ABSENCE)

_PRODUCT = st.fixed_dictionaries(
    {"product_id": st.sampled_from(["p1", "p2", "p3"])},
    optional={
        "price": st.sampled_from([0, 5, 19.9, "7"]),
        "quantity": st.integers(1, 3),
        "cart_id": st.just("k1"),
    },
)
_PROPERTIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "product_added": _PRODUCT,
    "product_removed": _PRODUCT,
    "product_viewed": _PRODUCT,
    "cart_updated": st.fixed_dictionaries({"products": st.lists(_PRODUCT, max_size=2)}),
    "checkout_started": st.just({}),
    "cart_emptied": st.just({}),
    "order_completed": st.fixed_dictionaries(
        {}, optional={"order_id": st.sampled_from(["o1", "o2"]), "total": st.sampled_from([3, 30, "x"])}
    ),
    "signed_up": st.just({"email": "a@example.com", "consent": {"marketing_email": True}}),
    "profile_updated": st.sampled_from(
        [{"email": "b@example.com"}, {"email": None}, {"consent": {"marketing_email": False}}]
    ),
    "subscribed": st.just({}),
    "unsubscribed": st.just({}),
    "customer_erased": st.just({}),
    "page_viewed": st.just({}),
}
_USUAL = ("product_added", "product_added", "product_viewed", "order_completed", "signed_up", "subscribed")


class Happened(NamedTuple):
    """A generated event. `again`: it arrives a second time, that many inputs later.

    `behind`: the worker was down, so what fell due before this event is performed only now.
    """

    type: str
    properties: dict[str, Any]
    minutes_later: int
    minutes_old: int
    backfill: bool
    again: int | None
    behind: bool = False


class Reported(NamedTuple):
    """News from the sender about one of the mails requested so far."""

    status: str
    which: int
    minutes_later: int


@st.composite
def _happened(draw: st.DrawFn) -> Happened:
    type = draw(st.sampled_from([*_USUAL, *_PROPERTIES]))
    return Happened(
        type,
        draw(_PROPERTIES[type]),
        draw(st.sampled_from([0, 0, 1, 10, 45, 60, 700, 1440])),
        draw(st.sampled_from([0, 0, 0, 1, 30, 600, 3000, -60])),
        draw(st.sampled_from([False, False, False, False, True])),
        draw(st.sampled_from([None, None, 0, 3])),
        draw(st.sampled_from([False, False, False, True])),
    )


_REPORTED = st.builds(
    Reported,
    st.sampled_from(["sent", "sent", "cancelled", "expired", "suppressed", "failed", "bounced"]),
    st.integers(0, 5),
    st.sampled_from([0, 1, 30]),
)
HISTORIES = st.lists(st.one_of(_happened(), _happened(), _REPORTED), max_size=30)


class Played(NamedTuple):
    inputs: list[tuple[EventInput | WakeUp, int]]
    effects: list[list[Written]]
    state: CustomerState


def play(history: list[Happened | Reported], *, duplicates: bool = False, restarts: bool = False) -> Played:
    """As the shell does it: wake-ups before later events; at the end, a quiet month."""
    state = new_state("c1")
    played = Played([], [], state)
    clock = awake_since = T0
    known = {"email": "a@example.com", "consent": {"marketing_email": True}}
    history = [Happened("profile_updated", known, 0, 0, False, None), *history]
    again: list[tuple[int, EventInput]] = []

    def apply(given: EventInput | WakeUp, now: int) -> None:
        nonlocal state
        if restarts:
            state = decode_state(encode_state(state))
        state, effects = step(RULES, state, given, now)
        played.inputs.append((given, now))
        played.effects.append([each for each in effects if not isinstance(each, KeepBasket)])

    def wake(until: int, behind: bool) -> None:
        while state.next_wake_up_at is not None and state.next_wake_up_at <= until:
            due_at = state.next_wake_up_at
            cause = CauseRecord("wake_up", *state.last_applied(), None)
            apply(WakeUp(due_at, cause), clock if behind or due_at < awake_since else due_at)
            assert state.next_wake_up_at != due_at

    for number, item in enumerate(history):
        clock += item.minutes_later * MINUTE_MS
        event = _event(number, item, clock, played.effects)
        if event is not None:
            wake(clock - 1, isinstance(item, Happened) and item.behind)
            awake_since = clock
            apply(event, clock)
            if duplicates and isinstance(item, Happened) and item.again is not None:
                again.append((number + item.again, event))
        for due, repeated in again:
            if due == number:
                before = encode_state(state)
                apply(repeated, clock)
                assert played.effects.pop() == []
                played.inputs.pop()
                assert encode_state(state) == before
    clock += 30 * 1440 * MINUTE_MS
    wake(clock, False)
    return played._replace(state=state)


def _event(
    number: int, item: Happened | Reported, clock: int, effects: list[list[Written]]
) -> EventInput | None:
    if isinstance(item, Reported):
        requests = [effect.record for turn in effects for effect in turn if isinstance(effect, RequestMail)]
        if not requests:
            return None
        request = requests[-1 - item.which % len(requests)]
        type, properties = f"email_{item.status}", {"send_id": request.send_id, "step": request.step}
        occurred_at, backfill = clock, False
    else:
        type, properties, backfill = item.type, item.properties, item.backfill
        occurred_at = clock - item.minutes_old * MINUTE_MS
    return EventInput(
        f"e{number}",
        type,
        "c1",
        "c1",
        None,
        occurred_at,
        clock,
        "test",
        properties,
        {},
        backfill,
        CauseRecord("event", "tetik.events", 0, number, f"e{number}"),
    )


def as_bytes(played: Played) -> list[list[bytes]]:
    return [[type(e).__name__.encode() + encode_record(e.record) for e in turn] for turn in played.effects]


def flat(played: Played) -> list[Written]:
    return [effect for turn in played.effects for effect in turn]


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_the_same_history_has_the_same_effects(history: list[Happened | Reported]) -> None:
    first, second = play(history), play(history)
    assert as_bytes(first) == as_bytes(second)
    assert encode_state(first.state) == encode_state(second.state)


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_duplicates_change_nothing(history: list[Happened | Reported]) -> None:
    once, often = play(history), play(history, duplicates=True)
    assert as_bytes(once) == as_bytes(often)
    assert encode_state(once.state) == encode_state(often.state)


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_a_restart_at_any_point_changes_nothing(history: list[Happened | Reported]) -> None:
    steady, restarted = play(history), play(history, restarts=True)
    assert as_bytes(steady) == as_bytes(restarted)
    assert encode_state(steady.state) == encode_state(restarted.state)


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_nothing_fires_before_its_time(history: list[Happened | Reported]) -> None:
    played = play(history)
    for (taken, now), effects in zip(played.inputs, played.effects, strict=True):
        latest = taken.due_at if isinstance(taken, WakeUp) else min(taken.occurred_at, taken.received_at)
        for effect in effects:
            if isinstance(effect, Decide) and effect.record.outcome == "fired":
                assert effect.record.due_at is not None
                assert effect.record.due_at <= format_instant(latest)
            assert not isinstance(effect, HandOver | NoteInterest | DropInterest), "nor devices, nor notices"
            assert effect.record.decided_at == format_instant(now)


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_no_decision_and_no_mail_is_made_twice(history: list[Happened | Reported]) -> None:
    played = play(history)
    erased = any(item.type == "customer_erased" for item in history if isinstance(item, Happened))
    decisions = [effect.record for effect in flat(played) if isinstance(effect, Decide)]
    fired = Counter((d.trigger_id, d.occasion, d.step) for d in decisions if d.outcome == "fired")
    sends = Counter(e.record.send_id for e in flat(played) if isinstance(e, RequestMail))
    if not erased:  # who is erased is a new customer afterwards, and nothing of the old one is remembered
        assert max(fired.values(), default=1) == 1
        assert max(Counter(d.decision_id for d in decisions).values(), default=1) == 1
        assert max(sends.values(), default=1) == 1
    assert sum(fired.values()) == sum(sends.values())


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_only_what_was_requested_is_taken_back_and_only_started_runs_go_on(
    history: list[Happened | Reported],
) -> None:
    sent: set[str] = set()
    started: set[tuple[str, str]] = set()
    for effect in flat(play(history)):
        if isinstance(effect, RequestMail):
            assert effect.record.to is not None
            assert effect.record.expires_at is not None
            assert effect.record.decided_at <= effect.record.expires_at
            sent.add(effect.record.send_id)
        elif isinstance(effect, CancelMail):
            assert effect.record.send_id in sent
        else:
            assert not isinstance(effect, HandOver | NoteInterest | DropInterest), "nor devices, nor notices"
            if effect.record.outcome == "started":
                started.add((effect.record.trigger_id, effect.record.occasion))
            elif effect.record.outcome not in ("late", "error", "state_limit"):
                assert (effect.record.trigger_id, effect.record.occasion) in started


@settings(max_examples=150, deadline=None)
@given(HISTORIES)
def test_nobody_is_mailed_marketing_without_consent(history: list[Happened | Reported]) -> None:
    """Held against the whole history: the newest word on consent at the time of the decision."""
    played = play(history)
    consent, said_at = False, 0
    for (taken, _), effects in zip(played.inputs, played.effects, strict=True):
        if isinstance(taken, EventInput):
            occurred_at = min(taken.occurred_at, taken.received_at)
            if taken.type == "customer_erased":
                consent, said_at = False, occurred_at + 1
            word = {"subscribed": True, "unsubscribed": False}.get(
                taken.type, taken.properties.get("consent", {}).get("marketing_email")
            )
            if word is not None and (occurred_at > said_at or (occurred_at == said_at and not word)):
                consent, said_at = word, occurred_at
        for effect in effects:
            if isinstance(effect, RequestMail) and effect.record.kind == "marketing":
                assert consent


@settings(max_examples=60, deadline=None)
@given(HISTORIES)
def test_every_effect_is_a_valid_record_of_its_contract(history: list[Happened | Reported]) -> None:
    for effect in flat(play(history)):
        contract = Decision if isinstance(effect, Decide) else EmailRequest
        contract.model_validate_json(encode_record(effect.record))
