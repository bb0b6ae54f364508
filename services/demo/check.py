"""The demo's own check: what the reference model expects against what really happened, record by record.

Each kind of thing is compared as a plain list: what is missing, what is there without having been expected,
what is there more than once; and for what is there, whether it came too early, too late, or says something
wrong. Time in the demo stands still while anything is to be done, so every instant must be met exactly.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from schemas.decision import Decision
from schemas.event import OFFER_CODES, RULES_ACTIVATED, SNAPSHOT_ACTIVATED, Event
from schemas.instants import Instant, format_instant, instant_of
from schemas.keys import customer_key
from schemas.product import PRODUCT_TYPES
from services.demo.expected import Expectation, ExpectedDecision, decision_name, hand_over_name
from services.demo.notices import NOTICE
from services.demo.reading import Observed
from services.demo.script import ScriptedEvent

FaultKind = Literal["missing", "extra", "doubled", "early", "late", "wrong"]
SUPPLIES = PRODUCT_TYPES | {OFFER_CODES}
ENGINE, SENDER = "trigger_engine", "sender"
"""`source` of the events that these services write. What an alias forwards keeps the source it had."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One difference; `what` is rules, event, product, code, notice, hand-over, decision, request, delivery,
    mail, feedback, dead letter, play or recommendation."""

    kind: FaultKind
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Events:
    """The events of the log, by who wrote them: the shop and its shoppers, ingest of its goods, the engine
    of a product and for another key, the sender, publish."""

    sent: list[Event]
    supplied: list[Event]
    noticed: list[Event]
    handed_over: list[Event]
    told: list[Event]
    markers: list[Event]


def find_faults(script: Sequence[ScriptedEvent], expected: Expectation, observed: Observed) -> list[Fault]:
    """Every difference; an empty list means that all is as it must be."""
    sent = {event.event_id: event for event in script if not event.is_supply}
    events = _by_writer(sent, expected, observed)
    return [
        *_rules(expected, events.markers),
        *_events(sent, events.sent),
        *_supplies([event for event in script if event.is_supply], events.supplied),
        *_notices(expected, events.noticed),
        *_hand_overs(expected, events.handed_over),
        *_decisions(expected, observed),
        *_requests(expected, observed),
        *_deliveries(expected, observed),
        *_mails(expected, observed),
        *_feedback(expected, events.told),
        *(
            Fault("extra", "dead letter", f"{letter.stage}: {letter.reason}")
            for _, letter in observed.dead_letters
        ),
    ]


def _by_writer(sent: Mapping[str, ScriptedEvent], expected: Expectation, observed: Observed) -> _Events:
    """A copy that an alias forwards differs from its original in its key alone."""
    events = _Events([], [], [], [], [], [])
    copies = {each.name for each in expected.hand_overs}
    for _, event in observed.events:
        original = sent.get(event.event_id)
        if event.type == SNAPSHOT_ACTIVATED:
            continue  # what is recommended is no decision
        if event.type == RULES_ACTIVATED:
            events.markers.append(event)
        elif event.type in SUPPLIES:
            events.supplied.append(event)
        elif event.type == NOTICE and event.source == ENGINE:
            events.noticed.append(event)
        elif (
            event.source == ENGINE
            or (original is not None and original.key != _key_of(event))
            or _hand_over_name(event) in copies
        ):
            events.handed_over.append(event)
        elif event.source == SENDER:
            events.told.append(event)
        else:
            events.sent.append(event)
    return events


def _count(what: str, expected: Iterable[str], seen: Iterable[str]) -> Iterable[Fault]:
    """Each expected name as often as it is expected, which is once as a rule, and no other."""
    wanted, counts = Counter(iter(expected)), Counter(iter(seen))
    for name in sorted(wanted):
        if counts[name] < wanted[name]:
            yield Fault("missing", what, name)
    for name, count in sorted(counts.items()):
        if name not in wanted:
            yield Fault("extra", what, name)
        if count > max(wanted[name], 1):
            yield Fault("doubled", what, f"{name} stands there {count} times")


def _when(what: str, name: str, wanted: Instant, found: Instant) -> Iterable[Fault]:
    if found != wanted:
        detail = f"{name} at {format_instant(found)} instead of {format_instant(wanted)}"
        yield Fault("early" if found < wanted else "late", what, detail)


def _same(what: str, name: str, wanted: object, found: object) -> Iterable[Fault]:
    if wanted != found:
        yield Fault("wrong", what, f"{name}: {found} instead of {wanted}")


def _rules(expected: Expectation, markers: Sequence[Event]) -> Iterable[Fault]:
    """What was published is the set that the expectation was worked out by."""
    found = sorted({str(event.properties.get("digest")) for event in markers})
    yield from _same("rules", "the set that was activated", [expected.rules_digest], found)
    for event in markers:
        yield from _when("rules", "activated", expected.activated_at, instant_of(event.received_at))


def _events(sent: Mapping[str, ScriptedEvent], found: Sequence[Event]) -> Iterable[Fault]:
    """Everything that was answered with 200 is in the log, once, at its own instant and as it was sent."""
    yield from _count("event", sent, [event.event_id for event in found])
    for event in found:
        if event.event_id in sent:
            wanted = sent[event.event_id]
            yield from _when("event", event.event_id, wanted.occurred_at, instant_of(event.occurred_at))
            yield from _when("event", f"{event.event_id} received", wanted.at, instant_of(event.received_at))
            yield from _same(
                "event", event.event_id, (wanted.type, wanted.backfill), (event.type, event.backfill)
            )
            yield from _same_properties(wanted, event)


def _same_properties(wanted: ScriptedEvent, found: Event) -> Iterable[Fault]:
    """The model was given what was sent, so the engine must have been, too."""
    names = sorted(
        name
        for name in wanted.properties.keys() | found.properties.keys()
        if wanted.properties.get(name) != found.properties.get(name)
    )
    if names:
        yield Fault("wrong", "event", f"{wanted.event_id} arrived with another {', '.join(names)}")


def _supplies(wanted: Sequence[ScriptedEvent], found: Sequence[Event]) -> Iterable[Fault]:
    """Each change of the catalogue at its instant, and each code; ingest gives these events their ids, and
    spreads a pool's codes over several."""
    products = {f"{each.key} at {format_instant(each.at)}": each for each in wanted if each.product_id}
    entries = [
        (f"product:{event.product_id} at {format_instant(instant_of(event.received_at))}", event)
        for event in found
        if event.type in PRODUCT_TYPES
    ]
    yield from _count("product", products, [name for name, _ in entries])
    for name, event in entries:
        if name in products:
            told = {**event.properties, "updated_at": None}
            yield from _same("product", name, _said(products[name].properties), _said(told))
    yield from _count(
        "code", _codes(each.properties for each in wanted), _codes(event.properties for event in found)
    )


def _said(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if value is not None}


def _codes(supplies: Iterable[Mapping[str, Any]]) -> list[str]:
    return [f"{each['pool']} {code}" for each in supplies if "pool" in each for code in each["codes"]]


def _notices(expected: Expectation, found: Sequence[Event]) -> Iterable[Fault]:
    """Whoever waits for a product is told of it once, at the instant of the news."""
    wanted = {_notice_name(each.customer_id, each.properties): each for each in expected.notices}
    yield from _count(
        "notice", wanted, [_notice_name(event.customer_id, event.properties) for event in found]
    )
    for event in found:
        name = _notice_name(event.customer_id, event.properties)
        if name in wanted:
            yield from _when("notice", name, wanted[name].at, instant_of(event.occurred_at))
            yield from _when("notice", f"{name} received", wanted[name].at, instant_of(event.received_at))
            yield from _same("notice", name, _said(wanted[name].properties), _said(event.properties))


def _notice_name(customer: str | None, properties: Mapping[str, Any]) -> str:
    return f"{properties.get('kind')} {properties.get('product_id')} for {customer}"


def _hand_overs(expected: Expectation, found: Sequence[Event]) -> Iterable[Fault]:
    """What the engine wrote for other keys."""
    wanted = {each.name: each for each in expected.hand_overs}
    yield from _count("hand-over", wanted, map(_hand_over_name, found))
    for event in found:
        name = _hand_over_name(event)
        if name in wanted:
            yield from _when("hand-over", name, wanted[name].received_at, instant_of(event.received_at))
            yield from _when("hand-over", name, wanted[name].occurred_at, instant_of(event.occurred_at))


def _hand_over_name(event: Event) -> str:
    return hand_over_name(event.event_id, event.type, _key_of(event))


def _key_of(event: Event) -> str | None:
    return customer_key(event.customer_id, event.anonymous_id)


def _decisions(expected: Expectation, observed: Observed) -> Iterable[Fault]:
    wanted = {each.name: each for each in expected.decisions}
    found = [
        (decision_name(each.trigger_id, each.occasion, each.step, each.outcome, each.attempt), each)
        for _, each in observed.decisions
    ]
    yield from _count("decision", [each.name for each in expected.decisions], [name for name, _ in found])
    for name, decision in found:
        if decision.due_at is not None and decision.outcome == "fired":
            due_at, decided_at = instant_of(decision.due_at), instant_of(decision.decided_at)
            if decided_at < due_at:
                yield Fault("early", "decision", f"{name} was made before it was due by its own account")
        if name in wanted:
            yield from _decision(wanted[name], decision)


def _decision(wanted: ExpectedDecision, found: Decision) -> Iterable[Fault]:
    """Not its reason and its facts: these are the engine's own words."""
    name = wanted.name
    yield from _when("decision", name, wanted.decided_at, instant_of(found.decided_at))
    found_due_at = None if found.due_at is None else instant_of(found.due_at)
    yield from _same("decision", f"{name} due", _shown(wanted.due_at), _shown(found_due_at))
    occurred_at = instant_of(found.occurred_at)
    yield from _same("decision", f"{name} occurred", _shown(wanted.occurred_at), _shown(occurred_at))
    yield from _same(
        "decision",
        name,
        (wanted.customer_key, wanted.variant, wanted.send_id),
        (found.customer_key, found.variant, found.send_id),
    )


def _shown(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _requests(expected: Expectation, observed: Observed) -> Iterable[Fault]:
    found = [request for _, request in observed.requests]
    asked_for = [*_names(expected), *(_known(expected, each, "cancel") for each in expected.taken_back)]
    yield from _count("request", asked_for, [_known(expected, each.send_id, each.action) for each in found])
    for request in found:
        if request.send_id in expected.mails and request.action == "send":
            wanted, name = expected.mails[request.send_id], _known(expected, request.send_id)
            yield from _when("request", name, wanted.decided_at, instant_of(request.decided_at))
            expires_at = None if request.expires_at is None else instant_of(request.expires_at)
            yield from _same(
                "request",
                name,
                (wanted.to, wanted.template, wanted.variant, _shown(wanted.expires_at)),
                (request.to, request.template, request.variant, _shown(expires_at)),
            )


def _deliveries(expected: Expectation, observed: Observed) -> Iterable[Fault]:
    found = [delivery for _, delivery in observed.deliveries]
    names = [
        _known(expected, each.send_id, "send" if each.status == "sent" else each.status) for each in found
    ]
    yield from _count("delivery", _names(expected), names)
    for delivery in found:
        if delivery.send_id in expected.mails:
            name, wanted = _known(expected, delivery.send_id), expected.mails[delivery.send_id]
            yield from _when("delivery", name, wanted.decided_at, instant_of(delivery.occurred_at))


def _mails(expected: Expectation, observed: Observed) -> Iterable[Fault]:
    yield from _count("mail", _names(expected), [_known(expected, each.send_id) for each in observed.mails])
    for mail in observed.mails:
        if mail.send_id in expected.mails:
            wanted, name = expected.mails[mail.send_id], _known(expected, mail.send_id)
            yield from _when("mail", name, wanted.decided_at, mail.dated_at)
            yield from _same("mail", name, (wanted.to, wanted.step), (mail.to, mail.step))


def _feedback(expected: Expectation, told: Sequence[Event]) -> Iterable[Fault]:
    """What became of each mail has come back to the engine, at the mail's own instant."""
    about = [(str(event.properties.get("send_id")), event) for event in told]
    names = [
        _known(expected, identity, "send" if event.type == "email_sent" else event.type)
        for identity, event in about
    ]
    yield from _count("feedback", _names(expected), names)
    for identity, event in about:
        if identity in expected.mails:
            wanted = expected.mails[identity]
            yield from _when("feedback", wanted.name, wanted.decided_at, instant_of(event.received_at))


def _names(expected: Expectation) -> list[str]:
    return [each.name for each in expected.mails.values()]


def _known(expected: Expectation, identity: str, action: str = "send") -> str:
    """A mail's name for people; anything but its sending is another thing."""
    wanted = expected.mails.get(identity)
    name = f"unknown mail {identity}" if wanted is None else wanted.name
    return name if action == "send" else f"{name} ({action})"
