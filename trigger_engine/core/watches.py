"""What starts runs by itself: nobody doing anything, a day coming, being in a segment when the rules come.

A watch is planned ahead and kept in the state; when it falls due and still holds, a run starts. Each trigger
has one watch a customer at most, planned anew when an event can have changed what it hangs on. What has
fallen due is noted in it, so that it does not fall due twice.
"""

from collections.abc import Iterable

from schemas.ids import stable_hash
from schemas.instants import Instant, format_instant
from trigger_engine.core import occasions
from trigger_engine.core.dates import about, day_at, midnight_of, occurrences
from trigger_engine.core.durations import format_duration
from trigger_engine.core.experiments import position
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import PRODUCTS_DUE_MAX
from trigger_engine.core.patterns import DatePattern, InactivityPattern, SegmentPattern
from trigger_engine.core.rules import Rules
from trigger_engine.core.runs import begin, missed
from trigger_engine.core.state import FOREVER, CustomerState, Happening, Watch
from trigger_engine.core.trigger import Trigger
from trigger_engine.core.turn import Turn
from trigger_engine.core.variables import shown

INACTIVE = "inactive"
DATE = "date"
EXISTING = "segment_entered"
"""Kinds of watches; their starting events have these types."""


def replan(turn: Turn, event: EventInput, *, everything: bool = False) -> None:
    """After an event: what it can have moved is planned anew; `everything` if nothing ever was."""
    touches = turn.rules.touches
    touched = touches.all if everything else touches.of(event.type)
    if touched is None:
        return
    if touched.inactivity:
        lateness_ms = turn.rules.policy.lateness_ms
        past = event.backfill or event.received_at - turn.at > lateness_ms
        for trigger in touched.inactivity:
            _plan_inactivity(turn.state, trigger, event.received_at if past else None)
    for trigger in touched.dates:
        floor = event.received_at - turn.rules.policy.date_grace_ms
        _plan_date(turn, trigger, event.received_at, floor)


def replan_as_of(turn: Turn, triggers: Iterable[Trigger], at: Instant) -> None:
    """At a change of rules: plan these inactivity and date triggers; only what is due after `at`.

    The watches of triggers that the rules have no longer are dropped, but for days that came already: if the
    trigger returns, they must not come again.
    """
    state, rules = turn.state, turn.rules
    for watch in state.watches:
        if watch.spent and rules.at_work(watch.trigger_id) is None:
            watch.due_at = FOREVER
    state.watches = [watch for watch in state.watches if _stays(rules, watch)]
    for trigger in triggers:
        if isinstance(trigger.pattern, InactivityPattern):
            _drop(state, trigger)
            _plan_inactivity(state, trigger, at)
        elif isinstance(trigger.pattern, DatePattern):
            _plan_date(turn, trigger, at, at)


def plan_existing(turn: Turn, triggers: Iterable[Trigger], at: Instant) -> None:
    """At a change of rules: who is in the segment starts as well, some time after `at`."""
    state = turn.state
    for trigger in triggers:
        pattern = trigger.pattern
        if not isinstance(pattern, SegmentPattern) or not pattern.start_with_existing:
            continue
        _drop(state, trigger)
        if pattern.segment in state.segments:
            due_at = at + int(pattern.spread_ms * position(trigger.id, state.customer_key))
            occasion = f"{pattern.segment}/{format_instant(at)}"
            state.watches.append(Watch(trigger.id, EXISTING, due_at, occasion, at))


def earliest(rules: Rules, state: CustomerState) -> Instant | None:
    """When the next watch falls due; those of paused triggers do not."""
    paused = rules.paused_ids
    due_at = min([watch.due_at for watch in state.watches if watch.trigger_id not in paused], default=FOREVER)
    return None if due_at == FOREVER else due_at


def due(rules: Rules, state: CustomerState, until: Instant) -> list[Watch]:
    """The watches due at or before `until`, in the order in which they are handed in; a paused trigger's
    are not due."""
    found = [
        watch for watch in state.watches if watch.due_at <= until and watch.trigger_id not in rules.paused_ids
    ]
    if len(found) > 1:
        priorities = {trigger.id: trigger.priority for trigger in rules.triggers}
        found.sort(
            key=lambda watch: (
                watch.due_at,
                -priorities.get(watch.trigger_id, 0),
                watch.trigger_id,
                watch.occasion,
            )
        )
    return found


def fall_due(turn: Turn, watch: Watch) -> None:
    """A watch's time has come: a run starts if it still holds."""
    trigger = turn.rules.present(watch.trigger_id)
    if trigger is None or not trigger.active:
        turn.state.watches.remove(watch)
    elif watch.kind == INACTIVE:
        _inactive(turn, trigger, watch)
    elif watch.kind == DATE:
        _day_comes(turn, trigger, watch)
    else:
        _still_in(turn, trigger, watch)


def _stays(rules: Rules, watch: Watch) -> bool:
    trigger = rules.at_work(watch.trigger_id)
    if trigger is None:
        return bool(watch.spent)
    pattern = trigger.pattern
    if watch.kind == INACTIVE:
        return isinstance(pattern, InactivityPattern)
    if watch.kind == DATE:
        return isinstance(pattern, DatePattern)
    return isinstance(pattern, SegmentPattern) and pattern.start_with_existing


def _watch_of(state: CustomerState, trigger: Trigger) -> Watch | None:
    for watch in state.watches:
        if watch.trigger_id == trigger.id:
            return watch
    return None


def _drop(state: CustomerState, trigger: Trigger) -> None:
    state.watches = [watch for watch in state.watches if watch.trigger_id != trigger.id]


def _begin(turn: Turn, trigger: Trigger, watch: Watch, value: str, properties: dict[str, object]) -> None:
    start = _start_of(turn, watch, value, properties)
    begin(turn, trigger, start, value, event=None, now_for_conditions=turn.now)


def _start_of(turn: Turn, watch: Watch, value: str, properties: dict[str, object]) -> Happening:
    """The starting event, which is made."""
    identity = stable_hash(watch.kind, turn.state.customer_key, value)
    return Happening(identity, watch.kind, watch.due_at, properties)


# --- inactivity


def _anchor(state: CustomerState, pattern: InactivityPattern) -> Instant | None:
    """What the time without activity counts from; None: there is nothing to count from yet."""
    if pattern.after is None:
        return state.last_seen_at
    after_at = state.last_at.get(pattern.after)
    if after_at is None:
        return None
    return after_at if state.last_seen_at is None else max(after_at, state.last_seen_at)


def _plan_inactivity(state: CustomerState, trigger: Trigger, only_after: Instant | None) -> None:
    """A new anchor moves the watch. With `only_after`, what falls due no later is not planned."""
    pattern = trigger.pattern
    assert isinstance(pattern, InactivityPattern), "rules sort triggers by pattern"
    anchor = _anchor(state, pattern)
    if anchor is None:
        return
    watch = _watch_of(state, trigger)
    if watch is None:
        watch = Watch(trigger.id, INACTIVE, FOREVER, "", -1)
        state.watches.append(watch)
    elif watch.anchor_at == anchor:
        return
    watch.anchor_at = anchor
    due_at = anchor + pattern.inactive_ms
    watch.due_at = FOREVER if only_after is not None and due_at <= only_after else due_at


def _inactive(turn: Turn, trigger: Trigger, watch: Watch) -> None:
    """The anchor stays noted, so that there is no second run for it."""
    last_seen_at = turn.state.last_seen_at
    seen = None if last_seen_at is None else format_instant(last_seen_at)
    _begin(turn, trigger, watch, format_instant(watch.anchor_at), {"last_seen_at": seen})
    watch.due_at = FOREVER


# --- dates


def _plan_date(turn: Turn, trigger: Trigger, now: Instant, floor: Instant) -> None:
    """The first occurrence that is due after `floor` and was not met before."""
    pattern, state = trigger.pattern, turn.state
    assert isinstance(pattern, DatePattern), "rules sort triggers by pattern"
    watch = _watch_of(state, trigger)
    spent = "" if watch is None else watch.spent
    memory_ms = turn.rules.policy.occasion_memory_ms
    for found in occurrences(state, pattern, turn.rules.policy.time_zone, now, floor, spent):
        if found.name == spent or occasions.known(state, trigger.id, found.name, found.due_at, memory_ms):
            continue
        if watch is None:
            watch = Watch(trigger.id, DATE, FOREVER, "")
            state.watches.append(watch)
        watch.due_at, watch.occasion, watch.anchor_at = found.due_at, found.name, midnight_of(found.day)
        return
    if spent and watch is not None:
        watch.due_at = FOREVER
    elif watch is not None:
        state.watches.remove(watch)


def _day_comes(turn: Turn, trigger: Trigger, watch: Watch) -> None:
    """A day that was missed by more than the grace is over: nobody is greeted late. The next one follows,
    missed as well or not: how late we are must not decide what is planned, or the next event plans otherwise.
    """
    grace_ms = turn.rules.policy.date_grace_ms
    day = day_at(watch.anchor_at).isoformat()
    properties = {"date": day, **_running_out(turn, trigger, watch)}
    if turn.now > watch.due_at + grace_ms:
        due_at = format_instant(watch.due_at)
        reason = (
            f"{day} was due at {due_at}, more than {format_duration(grace_ms)} ago, so it is not sent late."
        )
        start = _start_of(turn, watch, watch.occasion, properties)
        value = missed(turn, trigger, start, watch.occasion)
        if value is not None:
            occasion = f"{turn.state.customer_key}/{value}"
            turn.about(trigger, occasion, "expired", reason, {"date": day, "due_at": due_at})
    else:
        _begin(turn, trigger, watch, watch.occasion, properties)
    watch.spent = watch.occasion
    _plan_date(turn, trigger, turn.now, watch.due_at - grace_ms)


def _running_out(turn: Turn, trigger: Trigger, watch: Watch) -> dict[str, object]:
    """What a day that consumables gave is about: the first of them, and all of them."""
    pattern, state = trigger.pattern, turn.state
    assert isinstance(pattern, DatePattern), "a change of rules drops the watches of other patterns"
    zone, day = turn.rules.policy.time_zone, day_at(watch.anchor_at)
    products = [due.line for due in about(state, pattern, zone, turn.now, day)][:PRODUCTS_DUE_MAX]
    if not products:
        return {}
    return {"product_id": products[0].product_id, "products": [shown(line) for line in products]}


# --- existing members


def _still_in(turn: Turn, trigger: Trigger, watch: Watch) -> None:
    """She starts like somebody who comes in, if she has not dropped out since."""
    pattern = trigger.pattern
    assert isinstance(pattern, SegmentPattern), "a change of rules drops the watches of other patterns"
    turn.state.watches.remove(watch)
    if pattern.segment in turn.state.segments:
        _begin(turn, trigger, watch, watch.occasion, {"segment": pattern.segment})
