"""Two states of one person as one: hers, and what one of her devices knew (semantics, section 9).

Known values of hers stay, unknown ones are filled; of two statements with a time, the newer counts; what is
counted adds up; what is remembered is united within its bounds. Runs come over with the occasion and the
ids they began with. Where both sides have met one occasion of a trigger, one of them stays: the side that
has mailed, else hers.
"""

from typing import Any

from trigger_engine.core import interests, occasions
from trigger_engine.core.activity import SESSION_GAP_MS
from trigger_engine.core.cooldowns import unite_before
from trigger_engine.core.limits import (
    ARMS_MAX,
    ENDINGS_MAX,
    EVENT_TYPES_MAX,
    MAILS_PENDING_MAX,
    OFFERS_MAX,
    PAST_ENDERS_MAX,
    PREFERENCES_MAX,
    RUNS_MAX,
    THRESHOLD_EVENTS_MAX,
    THRESHOLD_VALUES_MAX,
    THRESHOLD_WINDOWS_MAX,
    TRAITS_MAX,
)
from trigger_engine.core.packed import unite_occasions, unite_old_occasions, unite_recent
from trigger_engine.core.slots import take_slot
from trigger_engine.core.state import (
    CustomerState,
    Engagement,
    Happening,
    Orders,
    Profile,
    Run,
    Session,
    TriggerMemory,
    Window,
)
from trigger_engine.core.thresholds import drop_oldest
from trigger_engine.core.turn import Turn
from trigger_engine.core.variables import halved
from trigger_engine.core.views import Views

_NAMED = ("email", "first_name", "last_name", "locale", "time_zone", "country")


def unite(turn: Turn, other: CustomerState) -> None:
    """Take `other`, which is used up, into the turn's state. Decides `superseded` and `state_limit`."""
    state = turn.state
    _unite_runs(turn, other)
    unite_before(state, other)
    _unite_memories(state.memories, other.memories)
    _unite_profiles(state.profile, other.profile)
    if other.cart.updated_at > state.cart.updated_at:
        state.cart = other.cart
    state.orders_on_offer = _orders_on_offer(state, other)
    _unite_orders(state.orders, other.orders)
    _unite_views(state.views, other.views)
    state.session = _united_session(state.session, other.session)
    _unite_engagement(state.engagement, other.engagement)
    _unite_windows(state.windows, other.windows)
    state.recent = unite_recent(state.recent, other.recent)
    state.last_seen_at = _later(state.last_seen_at, other.last_seen_at)
    state.last_at = _latest_of(state.last_at, other.last_at, EVENT_TYPES_MAX)
    state.ended_at = _latest_of(state.ended_at, other.ended_at, ENDINGS_MAX)
    past = [*state.past_enders, *other.past_enders]
    state.past_enders = sorted(past, key=_when)[-PAST_ENDERS_MAX:]
    _unite_mails(state, other)
    state.arms = _filled(state.arms, other.arms, ARMS_MAX)
    turn.effects.extend(interests.unite(state, other.interests, turn.cause.event_id or "", turn.at))


def _unite_runs(turn: Turn, other: CustomerState) -> None:
    """Hers first: the memories are still apart."""
    state = turn.state
    at, memory_ms = turn.at, turn.rules.policy.occasion_memory_ms
    coming: list[Run] = []
    for run in sorted(other.runs, key=lambda run: (run.due_at, run.trigger_id, run.occasion)):
        run.value = other.value_of(run)
        mine = _run_of(state, run.trigger_id, run.value)
        met = mine is not None or occasions.known(state, run.trigger_id, run.value, at, memory_ms)
        stays = not met or (_has_mailed(other, run) and not _mailed_here(state, mine, run))
        if not stays:
            _end_newcomer(turn, run, "superseded", "she has met this occasion herself already")
        else:
            if mine is not None:
                turn.end(mine, "superseded", "The same occasion has mailed on her device already.")
            coming.append(run)
    for run in tuple(state.runs):
        value = state.value_of(run)
        if (
            not _has_mailed(state, run)
            and _run_of(other, run.trigger_id, value) is None
            and occasions.mailed(other, run.trigger_id, value, at, memory_ms)
        ):
            turn.end(run, "superseded", "The same occasion has mailed on her device already.")
    for run in coming:
        if len(state.runs) < RUNS_MAX:
            state.runs.append(run)
        else:
            _end_newcomer(turn, run, "state_limit", f"she has {RUNS_MAX} live runs already")


def _end_newcomer(turn: Turn, run: Run, outcome: str, why: str) -> None:
    turn.state.runs.append(run)
    turn.end(run, outcome, f"The run came over from her device and ended: {why}.")


def _run_of(state: CustomerState, trigger_id: str, value: str) -> Run | None:
    for run in state.runs:
        if run.trigger_id == trigger_id and state.value_of(run) == value:
            return run
    return None


def _has_mailed(state: CustomerState, run: Run) -> bool:
    """`waited_until` tells it of runs that version 1 began, whose memory does not."""
    return run.waited_until is not None or occasions.marked_mailed(state, run.trigger_id, state.value_of(run))


def _mailed_here(state: CustomerState, mine: Run | None, newcomer: Run) -> bool:
    """Whether her side of the newcomer's occasion has mailed."""
    if mine is not None:
        return _has_mailed(state, mine)
    return occasions.marked_mailed(state, newcomer.trigger_id, newcomer.value)


def _unite_memories(hers: dict[str, TriggerMemory], others: dict[str, TriggerMemory]) -> None:
    """Memories of more triggers than one customer may meet are kept all the same: they are bounded by the
    triggers there are, and forgetting one could mail somebody twice."""
    for trigger_id, other in others.items():
        mine = hers.setdefault(trigger_id, TriggerMemory())
        if other.occasions:
            mine.occasions = unite_old_occasions(mine.occasions, other.occasions)
        mine.values = unite_occasions(mine.values, other.values)
        mine.last_mailed_at = _later(mine.last_mailed_at, other.last_mailed_at)


def _unite_profiles(hers: Profile, other: Profile) -> None:
    for name in (*_NAMED, "undeliverable_address", "paused_until"):
        if getattr(hers, name) is None:
            setattr(hers, name, getattr(other, name))
    hers.traits = _filled(hers.traits, other.traits, TRAITS_MAX)
    hers.preferences = _filled(hers.preferences, other.preferences, PREFERENCES_MAX)
    hers.updated_at = max(hers.updated_at, other.updated_at)
    withdrawn = other.consent_at == hers.consent_at and other.marketing_email is False
    if other.marketing_email is not None and (other.consent_at > hers.consent_at or withdrawn):
        hers.given_at = other.agreed_at if hers.agreed_at is None else hers.agreed_at
        hers.marketing_email = other.marketing_email
        hers.consent_at = other.consent_at
        hers.unsubscribed_at = other.unsubscribed_at
        hers.unwanted_address = other.unwanted_address if other.marketing_email else hers.unwanted_address
    if hers.unwanted_address is None and hers.marketing_email is not True:
        hers.unwanted_address = other.unwanted_address


def _unite_orders(hers: Orders, other: Orders) -> None:
    hers.first_at = _earlier(hers.earliest_at, other.earliest_at)
    hers.count += other.count
    hers.last_at = _later(hers.last_at, other.last_at)
    hers.purchases.unite(other.purchases.kept(), hers.purchases.kept())
    hers.total = round(hers.total + other.total, 2)
    hers.on_offer += other.on_offer


def _orders_on_offer(hers: CustomerState, other: CustomerState) -> int:
    """The last orders in a row with an offer: the later side's, and the other's where all of its own had."""
    later, earlier = hers, other
    if (other.orders.last_at or -1) > (hers.orders.last_at or -1):
        later, earlier = other, hers
    if later.orders_on_offer < later.orders.count:
        return later.orders_on_offer
    return later.orders_on_offer + earlier.orders_on_offer


def _unite_views(hers: Views, other: Views) -> None:
    hers.count += other.count
    hers.unite(other.kept(), hers.kept())


def _united_session(hers: Session, other: Session) -> Session:
    """One session where they touch, else the later one."""
    if hers.last_at is None or other.last_at is None:
        return other if hers.last_at is None else hers
    first, second = (hers, other) if hers.started_at <= other.started_at else (other, hers)
    assert first.last_at is not None, "both were looked at"
    if second.started_at > first.last_at + SESSION_GAP_MS:
        return second
    last_at = _later(hers.last_at, other.last_at)
    return Session(first.started_at, last_at, hers.events + other.events, hers.views + other.views)


def _unite_engagement(hers: Engagement, other: Engagement) -> None:
    """Points as of the later day; mails since the later click, as far as either side knows."""
    if other.day > hers.day:
        hers.score *= halved(other.day - hers.day, hers.half_life)
        hers.day = other.day
    hers.score += other.score * halved(hers.day - other.day, hers.half_life)
    hers.mails += other.mails
    if hers.last_click_at is None and other.last_click_at is None:
        hers.mails_since_click += other.mails_since_click
    elif (other.last_click_at or -1) > (hers.last_click_at or -1):
        hers.mails_since_click = other.mails_since_click
    hers.last_open_at = _later(hers.last_open_at, other.last_open_at)
    hers.last_click_at = _later(hers.last_click_at, other.last_click_at)


def _unite_windows(hers: dict[str, dict[str, Window]], others: dict[str, dict[str, Window]]) -> None:
    for trigger_id, other in others.items():
        mine = hers.setdefault(trigger_id, {})
        for value, window in other.items():
            events = [*mine[value].events, *window.events] if value in mine else window.events
            mine[value] = Window(sorted(events, key=lambda event: event[0])[-THRESHOLD_EVENTS_MAX:])
        while len(mine) > THRESHOLD_VALUES_MAX:
            del mine[min(mine, key=lambda value: (mine[value].events[-1][0], value))]
    while sum(map(len, hers.values())) > THRESHOLD_WINDOWS_MAX:
        drop_oldest(hers)


def _unite_mails(state: CustomerState, other: CustomerState) -> None:
    """Mails whose outcome is open, their places under the caps, and offers."""
    mails = [*state.mails, *other.mails]
    state.mails = sorted(mails, key=lambda mail: mail.due_at)[-MAILS_PENDING_MAX:]
    taken = {(slot.send_id, slot.owner) for slot in state.slots if slot.send_id}
    for slot in other.slots:
        if (slot.send_id, slot.owner) not in taken:
            take_slot(state.slots, slot)
    given = [*state.offers, *other.offers]
    state.offers = sorted(given, key=lambda offer: offer.at)[-OFFERS_MAX:]


def _filled(hers: dict[str, Any], other: dict[str, Any], most: int) -> dict[str, Any]:
    """Hers, with what she lacks as far as there is room."""
    united = dict(hers)
    for name, value in other.items():
        if name not in united and len(united) < most:
            united[name] = value
    return united


def _latest_of(hers: dict[str, int], other: dict[str, int], most: int) -> dict[str, int]:
    """The later time of each; beyond the bound, those longest ago go."""
    united = dict(hers)
    for name, at in other.items():
        united[name] = max(at, united.get(name, at))
    while len(united) > most:
        del united[min(united, key=lambda name: (united[name], name))]
    return united


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _when(past: Happening) -> int:
    return past.occurred_at
