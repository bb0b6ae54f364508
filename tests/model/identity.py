"""Sections 9 and 10: hand-overs between an anonymous device and a customer, and erasure."""

import copy

from schemas.ids import device_erasure_id, stable_hash
from schemas.instants import DAY_MS, format_instant
from schemas.keys import ANONYMOUS_PREFIX, ids_of_key
from schemas.records import EventRecord
from tests.model import edits, mails, steps
from tests.model.customer import (
    COMPARED_MAX,
    DEVICES_MAX,
    HANDED_OVER_MAX,
    RECENT_IDS,
    Customer,
    Happening,
    Occasion,
    Run,
)
from tests.model.known import SESSION_GAP_MS
from tests.model.turn import HandOver, Turn

ALIAS_MS = 400 * DAY_MS


def forward(turn: Turn, record: EventRecord) -> None:
    """As an alias it forwards every event under its id with `customer_id` added."""
    assert turn.customer.alias_of is not None
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    forwarded = EventRecord(**fields | {"customer_id": turn.customer.alias_of})
    _write(turn, forwarded, turn.customer.alias_of)


def meet_device(turn: Turn, event: Happening, anonymous_id: str) -> None:
    """The first sight of a pair: she remembers the device and asks it for its history."""
    customer = turn.customer
    if anonymous_id in customer.devices[-DEVICES_MAX:]:
        return
    customer.devices.append(anonymous_id)
    customer.asked_at = turn.now
    key = ANONYMOUS_PREFIX + anonymous_id
    asking = _record(
        turn,
        stable_hash("handover-ask", key, customer.key, event.id),
        "handover_asked",
        event.at,
        key,
        {"customer_id": customer.key},
    )
    _write(turn, asking, key)


def asked(turn: Turn, event: Happening, snapshots: dict[str, Customer], *, is_new: bool) -> None:
    """The anonymous side becomes an alias, and hands its whole state over, unless there is none."""
    customer = turn.customer
    target = event.properties["customer_id"]
    was_alias = customer.alias_of is not None
    before, ids = copy.deepcopy(customer), customer.ids
    before.rules_digest, before.activated = turn.rules.digest, turn.activated
    _forget(customer)
    customer.ids, customer.alias_of, customer.alias_since = ids, target, event.received_at
    if was_alias or is_new:
        return
    state_id = stable_hash("handover-state", event.id)
    snapshots[state_id] = before
    _write(turn, _record(turn, state_id, "handover_state", event.at, target, {}), target)


def _forget(customer: Customer) -> None:
    """Everything but who she is and where she lives."""
    for name, value in vars(Customer(customer.key, customer.partition)).items():
        setattr(customer, name, value)


def _record(
    turn: Turn, event_id: str, kind: str, at: int, key: str, properties: dict[str, str]
) -> EventRecord:
    customer_id, anonymous_id = ids_of_key(key)
    return EventRecord(
        event_id=event_id,
        type=kind,
        customer_id=customer_id,
        anonymous_id=anonymous_id,
        occurred_at=format_instant(at),
        received_at=format_instant(turn.now),
        source="engine",
        properties=dict(properties),
    )


def _write(turn: Turn, record: EventRecord, key: str) -> None:
    turn.results.hand_overs.append(HandOver(record.event_id, record.type, key, record))


def merge(turn: Turn, event: Happening, theirs: Customer) -> None:
    """What the device did is hers; known values of hers stay, unknown ones are filled."""
    hers = turn.customer
    if event.id in hers.handed_over[-HANDED_OVER_MAX:]:
        return
    hers.handed_over.append(event.id)
    theirs, before = copy.deepcopy(theirs), copy.copy(hers)
    behind = _hold_newer(turn, theirs)
    _merge_profile(hers, theirs)
    _merge_lists(hers, theirs)
    own_runs = list(hers.runs)
    _merge_runs(turn, theirs, event.at)
    for run in own_runs:
        if run.alive and run.awaits_device:
            run.due = min(run.due, event.received_at)
    hers.endings = hers.endings + theirs.endings
    hers.compared = sorted(hers.compared + theirs.compared, key=lambda one: one.at)[-COMPARED_MAX:]
    if behind:
        edits.change_runs(turn, turn.activated)
    for runs, memory in ((own_runs, theirs), (theirs.runs, before)):
        for run in runs:
            if not run.not_before and (run.alive or any(mails.is_open(mail) for mail in run.mails)):
                steps.apply_known(turn, run, memory, run.at)


def _hold_newer(turn: Turn, theirs: Customer) -> bool:
    """Whether the device's rules are older than hers. If newer, its runs of versions that hers lack wait."""
    if theirs.rules_digest == turn.rules.digest:
        return False
    if theirs.activated <= turn.activated:
        return True
    for run in theirs.live_runs():
        present = turn.rules.triggers.get(run.trigger.id)
        if present is None or present.version != run.trigger.version:
            run.not_before = theirs.activated
    return False


def turn_away(turn: Turn, event: Happening, theirs: Customer) -> None:
    """A hand-over to who was erased since it was asked for: its runs end, its mails are taken back."""
    theirs = copy.deepcopy(theirs)
    for run in theirs.live_runs():
        steps.end(turn, run, "exited", event.at)
    for mail in theirs.mails:
        if mails.is_open(mail):
            mails.take_back(turn, mail, event.at)


def _merge_profile(hers: Customer, theirs: Customer) -> None:
    for name, value in theirs.profile.items():
        if name != "traits" and hers.profile.get(name) is None:
            hers.profile[name] = value
    traits = hers.profile.setdefault("traits", {})
    for name, value in theirs.profile.get("traits", {}).items():
        if traits.get(name) is None:
            traits[name] = value
    hers.preferences = theirs.preferences | hers.preferences
    hers.profile_at = _later(hers.profile_at, theirs.profile_at)
    _merge_consent(hers, theirs)
    hers.bounced = hers.bounced or theirs.bounced
    hers.paused_until = hers.paused_until if hers.paused_until is not None else theirs.paused_until
    cart_at, their_cart_at = (side.cart.get("updated_at") for side in (hers, theirs))
    if their_cart_at is not None and (cart_at is None or their_cart_at > cart_at):
        hers.cart = theirs.cart
    hers.session = _merge_sessions(hers.session, theirs.session)
    hers.last_seen_at = _later(hers.last_seen_at, theirs.last_seen_at)


def _merge_consent(hers: Customer, theirs: Customer) -> None:
    """The newer consent counts; of one and its withdrawal at the same instant, the withdrawal."""
    if theirs.consent_at is not None:
        at = -1 if hers.consent_at is None else hers.consent_at
        if theirs.consent_at > at or (theirs.consent_at == at and theirs.consent is False):
            if hers.consent is not True or theirs.consent is False:
                hers.consent_given_at = theirs.consent_given_at
            hers.consent, hers.consent_at = theirs.consent, theirs.consent_at
            hers.unsubscribed = theirs.unsubscribed
            hers.refused = theirs.refused if theirs.consent else hers.refused
    if hers.consent is not True:
        hers.refused = hers.refused or theirs.refused


def _merge_sessions(hers: dict[str, int], theirs: dict[str, int]) -> dict[str, int]:
    """One session where they touch, else the later one."""
    if not hers or not theirs:
        return hers or theirs
    first, second = sorted((hers, theirs), key=lambda session: session["started"])
    if second["started"] > first["last"] + SESSION_GAP_MS:
        return second
    return {
        "started": first["started"],
        "last": max(hers["last"], theirs["last"]),
        "events": hers["events"] + theirs["events"],
        "views": hers["views"] + theirs["views"],
    }


def _later(left: int | None, right: int | None) -> int | None:
    return max((value for value in (left, right) if value is not None), default=None)


def _merge_lists(hers: Customer, theirs: Customer) -> None:
    hers.events = theirs.events + hers.events
    hers.ids = theirs.ids[-RECENT_IDS:] + hers.ids
    hers.orders_on_offer = _orders_on_offer(hers, theirs)
    hers.orders_on_offer_ever += theirs.orders_on_offer_ever
    hers.orders = theirs.orders + hers.orders
    hers.purchases = theirs.purchases + hers.purchases
    hers.campaigns = theirs.campaigns + hers.campaigns
    hers.windows = theirs.windows + hers.windows
    hers.mails = theirs.mails + hers.mails
    hers.arms = theirs.arms | hers.arms
    for name, at in theirs.last_of_type.items():
        hers.last_of_type[name] = max(hers.last_of_type.get(name, at), at)


def _orders_on_offer(hers: Customer, theirs: Customer) -> int:
    """Of whose last order is the later one; the other's go before, if all of these came with an offer."""
    last = [max((at for at, _ in side.orders), default=-1) for side in (hers, theirs)]
    later, earlier = (theirs, hers) if last[1] > last[0] else (hers, theirs)
    all_of_them = later.orders_on_offer == len(later.orders)
    return later.orders_on_offer + (earlier.orders_on_offer if all_of_them else 0)


def _merge_runs(turn: Turn, theirs: Customer, at: int) -> None:
    """Of two for one trigger and occasion value the one that has mailed stays, else hers."""
    hers = turn.customer
    for occasion in theirs.occasions:
        same = [o for o in hers.occasions if (o.trigger_id, o.value) == (occasion.trigger_id, occasion.value)]
        if not same:
            hers.occasions.append(occasion)
            continue
        mine = same[0]
        theirs_stays = _mailed(occasion) and not _mailed(mine)
        loser = mine.run if theirs_stays else occasion.run
        if loser is not None and loser.alive:
            hers.runs += [loser] if loser not in hers.runs and loser is not mine.run else []
            steps.end(turn, loser, "superseded", at)
        if theirs_stays:
            hers.occasions[hers.occasions.index(mine)] = occasion
    hers.runs += [run for run in theirs.runs if not any(run is own for own in hers.runs)]


def _mailed(occasion: Occasion) -> bool:
    run: Run | None = occasion.run
    return run is not None and run.mailed


def erase(turn: Turn, event: Happening) -> None:
    """Ends her runs, takes back pending mails, forgets all but the instant and the recent event ids."""
    customer = turn.customer
    for run in customer.live_runs():
        steps.end(turn, run, "exited", event.at)
    for mail in customer.mails:
        if mails.is_open(mail):
            mails.take_back(turn, mail, event.at)
    devices, ids = customer.devices[-DEVICES_MAX:], customer.ids
    _forget(customer)
    customer.ids, customer.erased_at = ids, event.at
    for device in devices:
        key = ANONYMOUS_PREFIX + device
        event_id = device_erasure_id(key, event.id)
        named = {"customer_id": customer.key}
        _write(turn, _record(turn, event_id, "customer_erased", event.at, key, named), key)
