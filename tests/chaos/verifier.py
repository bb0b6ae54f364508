"""Whether a run under chaos was right, from its raw records alone; after the checkers of jepsen.tests.kafka.

    lost       the model decides it, or it was acknowledged, and it is nowhere
    doubled    one decision, request, dead letter or acknowledged offset twice; nothing is de-duplicated first
    early      performed before it was due, or before what had been acknowledged by its due time was read
    reordered  another order than the log's: of a customer's decisions, of a partition's causes, of a wake-up
               and the event that it had to come before
    unseen     records behind the partition record: the end of the log was not read
    wrong      a decision, request or dead letter that the model does not make, or with other fields
    state      a customer's last state is not the model's

It imports nothing of the engine: `schemas` and the reference model, written from the semantics page.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import msgspec

from schemas.event import RULES_ACTIVATED
from schemas.instants import Instant, format_instant, parse_instant
from schemas.keys import record_key
from schemas.records import (
    DecisionRecord,
    EmailRequestRecord,
    EventRecord,
    decode_decision,
    decode_email_request,
    decode_event,
)
from tests.chaos.evidence import Evidence, Raw
from tests.chaos.replay import Placed, Replayed, differing, replay
from tests.model.model import Model
from tests.model.told import expected_of, request_of, shown
from tests.model.turn import Expected

CLASSES = ("lost", "doubled", "early", "reordered", "unseen", "wrong", "state")
PUT_OFF = ("rescheduled", "outranked")
"""What such a decision names as due is still to come, or another's; so is what a start names."""


class Fault(NamedTuple):
    """One thing that is wrong: its class and a sentence."""

    kind: str
    what: str


class Decided(NamedTuple):
    """A decision and where it stands."""

    raw: Raw
    record: DecisionRecord


Name = TypeVar("Name", bound=Hashable)


@dataclass
class _Log:
    """The evidence, read."""

    events: dict[int, list[Placed]] = field(default_factory=lambda: defaultdict(list))
    unreadable: set[tuple[int, int]] = field(default_factory=set)
    decisions: list[Decided] = field(default_factory=list)
    requests: list[EmailRequestRecord] = field(default_factory=list)
    dead_letters: list[tuple[int, int]] = field(default_factory=list)


def faults_of(evidence: Evidence) -> list[Fault]:
    """Everything that is wrong; nothing, if the run was right."""
    log = _read(evidence)
    found = list(_acknowledged_but_gone(evidence, log))
    found += _unseen(evidence)
    found += _doubled(log)
    found += _dead_letters(log)
    found += _early(evidence, log)
    found += _causes_going_back(log)
    found += _before_the_backlog(evidence, log)
    found += _by_model(evidence, log)
    return found


def _read(evidence: Evidence) -> _Log:
    log = _Log()
    for raw in evidence.events:
        event = read_event(raw.value)
        if event is None:
            log.unreadable.add((raw.partition, raw.offset))
        else:
            log.events[raw.partition].append(Placed(raw.offset, event))
    log.decisions = [Decided(raw, decode_decision(raw.value or b"")) for raw in evidence.decisions]
    log.requests = [decode_email_request(raw.value or b"") for raw in evidence.requests]
    for raw in evidence.dead_letters:
        letter = msgspec.json.decode(raw.value or b"")
        log.dead_letters.append((letter["partition"], letter["offset"]))
    return log


def read_event(value: bytes | None) -> EventRecord | None:
    """An event as the contract has it; None for what nobody can read."""
    try:
        event = decode_event(value or b"")
        parse_instant(event.occurred_at)
        parse_instant(event.received_at)
    except ValueError:  # Malformed is one
        return None
    return event


def _acknowledged_but_gone(evidence: Evidence, log: _Log) -> Iterator[Fault]:
    there: dict[tuple[int, int], str | None] = dict.fromkeys(log.unreadable)
    for partition, events in log.events.items():
        there |= {(partition, placed.offset): placed.event.event_id for placed in events}
    for one in evidence.acknowledged:
        place = (one.partition, one.offset)
        if place not in there or there[place] != one.event_id:
            yield Fault("lost", f"{one.event_id} was acknowledged at {place} and is not there")
    for place in _more_than_once((one.partition, one.offset) for one in evidence.acknowledged):
        yield Fault("doubled", f"the offset {place} was acknowledged twice")


def _unseen(evidence: Evidence) -> Iterator[Fault]:
    behind = Counter(
        raw.partition for raw in evidence.events if raw.offset >= evidence.next_offsets.get(raw.partition, 0)
    )
    for partition, count in sorted(behind.items()):
        said = evidence.next_offsets.get(partition)
        yield Fault("unseen", f"{count} records of partition {partition}, which was read up to {said}")


def _doubled(log: _Log) -> Iterator[Fault]:
    for name in _more_than_once(one.record.decision_id for one in log.decisions):
        first = next(one.record for one in log.decisions if one.record.decision_id == name)
        yield Fault("doubled", f"decision more than once: {shown(expected_of(first))}")
    for send_id, action in _more_than_once((one.send_id, one.action) for one in log.requests):
        yield Fault("doubled", f"request more than once: {action} of {send_id}")


def _dead_letters(log: _Log) -> Iterator[Fault]:
    """One for each record that cannot be read, and no other."""
    for place in sorted(log.unreadable - set(log.dead_letters)):
        yield Fault("lost", f"the record at {place} can be read by nobody and has no dead letter")
    for place in _more_than_once(log.dead_letters):
        yield Fault("doubled", f"dead letter more than once: of {place}")
    for place in sorted(set(log.dead_letters) - log.unreadable):
        yield Fault("wrong", f"a dead letter of {place}, which can be read")


def _more_than_once(values: Iterable[Name]) -> list[Name]:
    return [value for value, times in Counter(values).items() if times > 1]


def _early(evidence: Evidence, log: _Log) -> Iterator[Fault]:
    """By the clock of who decided, and by the broker's."""
    for raw, one in log.decisions:
        handed_in, decided_at = parse_instant(one.occurred_at), parse_instant(one.decided_at)
        if decided_at > raw.written_at + evidence.ahead_ms:  # such a stamp would excuse what expired
            yield Fault("early", f"on the log before it was decided: {shown(expected_of(one))}")
        if one.cause.kind != "wake_up":
            continue
        due_at = handed_in
        if one.due_at is not None and one.step is not None and one.outcome not in PUT_OFF:
            due_at = max(due_at, parse_instant(one.due_at))
        if decided_at < due_at:
            yield Fault("early", f"decided at {one.decided_at}: {shown(expected_of(one))}")
        elif raw.written_at + evidence.ahead_ms < handed_in:
            said = format_instant(raw.written_at)
            yield Fault("early", f"on the log at {said} already: {shown(expected_of(one))}")


def _causes_going_back(log: _Log) -> Iterator[Fault]:
    """In a partition, what events cause stands in the order of the events."""
    last: dict[int, int] = {}
    for raw, one in log.decisions:
        if one.cause.kind != "event":
            continue
        if one.cause.offset < last.get(raw.partition, -1):
            said = f"caused by {one.cause.offset} behind one by {last[raw.partition]}"
            yield Fault("reordered", f"partition {raw.partition}: a decision {said}")
        last[raw.partition] = max(last.get(raw.partition, -1), one.cause.offset)


def _before_the_backlog(evidence: Evidence, log: _Log) -> Iterator[Fault]:
    """A wake-up due at T knows every event of hers that was acknowledged before T, but for those that stand
    behind an event received later than T: these the engine may meet first."""
    acknowledged = {(one.partition, one.offset): one.acknowledged_at for one in evidence.acknowledged}
    for partition, events in log.events.items():
        hers: dict[str, list[tuple[int, Instant]]] = defaultdict(list)
        running, known = 0, set()
        for offset, event in events:
            running = max(running, parse_instant(event.received_at))
            key = record_key(event.customer_id, event.anonymous_id, event.product_id)
            there_at = acknowledged.get((partition, offset))
            if key is not None and there_at is not None and (key, event.event_id) not in known:
                hers[key].append((offset, max(running, there_at) + evidence.ahead_ms))
            known.add((key, event.event_id))
        for raw, one in log.decisions:
            if raw.partition != partition or one.cause.kind != "wake_up":
                continue
            known_events = hers.get(one.customer_key, [])
            due_at = parse_instant(one.occurred_at)
            behind = bisect_left(known_events, (one.cause.offset + 1, 0))
            for offset, there_at in known_events[behind:]:
                if there_at < due_at:
                    yield Fault("early", f"knew nothing of offset {offset}: {shown(expected_of(one))}")
                    break


def _by_model(evidence: Evidence, log: _Log) -> Iterator[Fault]:
    """Customer by customer: what is on the log beside what the model comes to."""
    template = Model({one.digest: one for one in evidence.rule_sets}, horizon=evidence.settled_at)
    decisions: dict[str, list[DecisionRecord]] = defaultdict(list)
    for decided in log.decisions:
        decisions[decided.record.customer_key].append(decided.record)
    requests: dict[str, list[EmailRequestRecord]] = defaultdict(list)
    for request in log.requests:
        requests[request.customer_key].append(request)
    met: set[str] = set()
    for partition in sorted(log.events):
        for key, inputs in _by_customer(log.events[partition]).items():
            met.add(key)
            replayed = replay(
                template.of_the_same_rules(),
                key,
                inputs,
                decisions[key],
                settled_at=evidence.settled_at,
                behind_ms=evidence.behind_ms,
            )
            yield from _decisions_of(decisions[key], replayed)
            yield from _requests_of(requests[key], replayed)
            yield from _state_of(key, evidence, replayed)
    for key in sorted((decisions.keys() | requests.keys() | evidence.states.keys()) - met):
        yield Fault("wrong", f"something of {key}, whom no event is of")


def _by_customer(events: Sequence[Placed]) -> dict[str, list[Placed]]:
    """The inputs of each customer, the markers of rules before them included."""
    markers: list[Placed] = []
    found: dict[str, list[Placed]] = {}
    for placed in events:
        event = placed.event
        key = record_key(event.customer_id, event.anonymous_id, event.product_id)
        if event.type == RULES_ACTIVATED:
            markers.append(placed)
            for inputs in found.values():
                inputs.append(placed)
        elif key is not None:
            found.setdefault(key, list(markers)).append(placed)
    return found


def _decisions_of(found: Sequence[DecisionRecord], replayed: Replayed) -> Iterator[Fault]:
    by_id = {one.decision_id: one for one in found}
    wanted = {one.decision_id: one for one in replayed.decisions}
    for name, expected in wanted.items():
        if name not in by_id:
            yield Fault("lost", f"decision: {shown(expected)}")
        elif (seen := expected_of(by_id[name])) != expected:
            yield Fault("wrong", f"decision: {shown(seen)}, by the model {shown(expected)}")
    for name, record in by_id.items():
        if name not in wanted:
            yield Fault("wrong", f"decision: {shown(expected_of(record))}, by the model none")
    for name, offset in replayed.demanded.items():
        if name in by_id and by_id[name].cause.offset >= offset:
            said = f"behind offset {offset}, which it had to come before"
            yield Fault("reordered", f"a wake-up {said}: {shown(wanted[name])}")
    if by_id.keys() == wanted.keys():
        yield from _order_of(by_id, wanted)


def _order_of(by_id: Mapping[str, DecisionRecord], wanted: Mapping[str, Expected]) -> Iterator[Fault]:
    """Inputs come in the model's order, and the decisions of each run; what one input does to several runs is
    in no order."""
    inputs: dict[Hashable, int] = {}
    found: dict[str, list[str]] = defaultdict(list)
    for name, one in by_id.items():
        inputs.setdefault(_input_of(one), len(inputs))
        found[one.occasion + one.trigger_id].append(name)
    last, behind = -1, Counter[str]()
    for name, expected in wanted.items():
        run = expected.occasion + expected.trigger_id
        place = inputs[_input_of(by_id[name])]
        if place < last or found[run][behind[run]] != name:
            yield Fault("reordered", f"a customer's decisions, at: {shown(expected)}")
            return
        last = place
        behind[run] += 1


def _input_of(one: DecisionRecord) -> Hashable:
    """Which input it was decided at: an event by its place, a wake-up by its times as well."""
    times = (one.decided_at, one.occurred_at) if one.cause.kind == "wake_up" else ()
    return (one.cause.kind, one.cause.offset, *times)


def _requests_of(found: Sequence[EmailRequestRecord], replayed: Replayed) -> Iterator[Fault]:
    by_id = {(one.send_id, one.action): one for one in found}
    wanted = {(one.send_id, one.action): one for one in replayed.requests}
    for name, expected in wanted.items():
        if name not in by_id:
            yield Fault("lost", f"request: {expected}")
        elif (seen := request_of(by_id[name])) != expected:
            yield Fault("wrong", f"request: {seen}, by the model {expected}")
    for name, record in by_id.items():
        if name not in wanted:
            yield Fault("wrong", f"request: {request_of(record)}, by the model none")


def _state_of(key: str, evidence: Evidence, replayed: Replayed) -> Iterator[Fault]:
    found = evidence.states.get(key)
    if replayed.seen is None or found is None:
        if replayed.seen is not found:
            which = "the model knows her not" if found is not None else "there is none"
            yield Fault("state", f"of {key}: {which}")
        return
    if found["last_offset"] != replayed.last_offset:
        said = f"the last event applied to {key} stands at {found['last_offset']}"
        kind = "lost" if found["last_offset"] < replayed.last_offset else "state"
        yield Fault(kind, f"{said}, her last one on the log at {replayed.last_offset}")
    if difference := differing(found, replayed.seen):
        yield Fault("state", f"of {key}: {difference}")
