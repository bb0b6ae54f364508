"""The demo's own check: what was expected against what really happened, record by record.

Each kind of thing is compared as a plain list: what is missing, what is there without having been expected,
what is there more than once; and for what is there, whether it came too early, too late, or says something
wrong. Time in the demo stands still while anything is to be done, so every instant must be met exactly.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.ids import send_id
from schemas.instants import Instant, format_instant, instant_of
from services.demo.expected import ExpectedDecision
from services.demo.reading import Observed
from services.demo.script import ScriptedEvent

FaultKind = Literal["missing", "extra", "doubled", "early", "late", "wrong"]
OWN_SOURCES = ("publish", "sender")
"""`source` of the events that our own services write."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One difference; `what` is decision, request, delivery, mail, event, feedback or dead letter."""

    kind: FaultKind
    what: str
    detail: str


def find_faults(
    script: Sequence[ScriptedEvent], expected: Sequence[ExpectedDecision], observed: Observed
) -> list[Fault]:
    """Every difference; an empty list means that all is as it must be."""
    mails = {
        send_id(each.trigger_id, each.occasion, each.step): each
        for each in expected
        if each.outcome == "fired" and each.step is not None
    }
    return [
        *_events(script, observed),
        *_decisions(expected, observed),
        *_requests(mails, observed),
        *_deliveries(mails, observed),
        *_mails(mails, observed),
        *_feedback(mails, observed),
        *(
            Fault("extra", "dead letter", f"{letter.stage}: {letter.reason}")
            for _, letter in observed.dead_letters
        ),
    ]


def _count(what: str, expected: Iterable[str], seen: Iterable[str]) -> Iterable[Fault]:
    """Each expected name once, and no other."""
    wanted, counts = set(expected), Counter(seen)
    for name in sorted(wanted - counts.keys()):
        yield Fault("missing", what, name)
    for name, count in sorted(counts.items()):
        if name not in wanted:
            yield Fault("extra", what, name)
        if count > 1:
            yield Fault("doubled", what, f"{name} stands there {count} times")


def _when(what: str, name: str, wanted: Instant, found: Instant) -> Iterable[Fault]:
    if found != wanted:
        detail = f"{name} at {format_instant(found)} instead of {format_instant(wanted)}"
        yield Fault("early" if found < wanted else "late", what, detail)


def _same(what: str, name: str, wanted: object, found: object) -> Iterable[Fault]:
    if wanted != found:
        yield Fault("wrong", what, f"{name}: {found} instead of {wanted}")


def _events(script: Sequence[ScriptedEvent], observed: Observed) -> Iterable[Fault]:
    """Everything that was answered with 200 is in the log, once, at its own instant."""
    sent = {event.event_id: event for event in script}
    found = [event for _, event in observed.events if event.source not in OWN_SOURCES]
    yield from _count("event", sent, [event.event_id for event in found])
    for event in found:
        if event.event_id in sent:
            wanted = sent[event.event_id]
            yield from _when("event", event.event_id, wanted.at, instant_of(event.occurred_at))
            yield from _when("event", f"{event.event_id} received", wanted.at, instant_of(event.received_at))
            yield from _same("event", event.event_id, wanted.type, event.type)


def _decisions(expected: Sequence[ExpectedDecision], observed: Observed) -> Iterable[Fault]:
    wanted = {_name(each.trigger_id, each.occasion, each.step, each.outcome): each for each in expected}
    found = [
        (_name(each.trigger_id, each.occasion, each.step, each.outcome), each)
        for _, each in observed.decisions
    ]
    yield from _count("decision", wanted, [name for name, _ in found])
    for name, decision in found:
        if decision.due_at is not None and decision.outcome == "fired":
            due_at, decided_at = instant_of(decision.due_at), instant_of(decision.decided_at)
            if decided_at < due_at:
                yield Fault("early", "decision", f"{name} was made before it was due by its own account")
        if name not in wanted:
            continue
        yield from _when("decision", name, wanted[name].decided_at, instant_of(decision.decided_at))
        found_due_at = None if decision.due_at is None else format_instant(instant_of(decision.due_at))
        yield from _same("decision", f"{name} due", format_instant(wanted[name].due_at), found_due_at)
        yield from _same("decision", name, wanted[name].customer_key, decision.customer_key)


def _requests(mails: Mapping[str, ExpectedDecision], observed: Observed) -> Iterable[Fault]:
    found = [request for _, request in observed.requests]
    yield from _count("request", _names(mails), [_known(mails, each.send_id, each.action) for each in found])
    for request in found:
        if request.send_id in mails and request.action == "send":
            wanted = mails[request.send_id]
            name = _known(mails, request.send_id)
            yield from _when("request", name, wanted.decided_at, instant_of(request.decided_at))
            yield from _same("request", name, (wanted.to, wanted.step), (request.to, request.template))


def _deliveries(mails: Mapping[str, ExpectedDecision], observed: Observed) -> Iterable[Fault]:
    found = [delivery for _, delivery in observed.deliveries]
    names = [_known(mails, each.send_id, "send" if each.status == "sent" else each.status) for each in found]
    yield from _count("delivery", _names(mails), names)
    for delivery in found:
        if delivery.send_id in mails:
            name = _known(mails, delivery.send_id)
            wanted = mails[delivery.send_id]
            yield from _when("delivery", name, wanted.decided_at, instant_of(delivery.occurred_at))


def _mails(mails: Mapping[str, ExpectedDecision], observed: Observed) -> Iterable[Fault]:
    yield from _count("mail", _names(mails), [_known(mails, each.send_id) for each in observed.mails])
    for mail in observed.mails:
        if mail.send_id in mails:
            wanted, name = mails[mail.send_id], _known(mails, mail.send_id)
            yield from _when("mail", name, wanted.decided_at, mail.dated_at)
            yield from _same("mail", name, (wanted.to, wanted.step), (mail.to, mail.step))


def _feedback(mails: Mapping[str, ExpectedDecision], observed: Observed) -> Iterable[Fault]:
    """What became of each mail has come back to the engine."""
    told = [event for _, event in observed.events if event.source == "sender"]
    names = [
        _known(
            mails, str(event.properties.get("send_id")), "send" if event.type == "email_sent" else event.type
        )
        for event in told
    ]
    yield from _count("feedback", _names(mails), names)


def _name(trigger_id: str, occasion: str, step: str | None, outcome: str) -> str:
    return f"{trigger_id} {occasion} {step or 'run'} {outcome}"


def _names(mails: Mapping[str, ExpectedDecision]) -> list[str]:
    return [_known(mails, each) for each in mails]


def _known(mails: Mapping[str, ExpectedDecision], identity: str, action: str = "send") -> str:
    """A mail's name for people; anything but its sending is another thing."""
    wanted = mails.get(identity)
    name = (
        f"unknown mail {identity}"
        if wanted is None
        else f"{wanted.trigger_id} {wanted.occasion} {wanted.step}"
    )
    return name if action == "send" else f"{name} ({action})"
