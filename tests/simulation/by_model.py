"""The same log through the reference model, which shares no line with the engine.

Events come in the order of the broker, wake-ups where the run under test recorded them; what fell due and was
recorded nowhere, the model hands in by itself as soon as every process's clock says so, and so a lost wake-up
shows as a difference.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from schemas.event import RULES_ACTIVATED
from schemas.instants import Instant, parse_instant
from schemas.keys import customer_key
from schemas.records import EventRecord, decode_email_request
from schemas.rule_set import RuleSet
from tests.model.model import Model
from tests.model.pools import Pools
from tests.model.told import expected_of, request_of, shown
from tests.simulation.codes import Given
from tests.simulation.expected import asked_at_of, question_of
from tests.simulation.memory_log import MemoryRecord
from tests.simulation.recorded import Recorded
from tests.simulation.world import Outcome


def differences(outcome: Outcome, decisions: Sequence[Recorded], rule_sets: Sequence[RuleSet]) -> list[str]:
    """What the model decides and asks for beside what is on the log."""
    model = _Model({rule_set.digest: rule_set for rule_set in rule_sets}, outcome.history.partitions)
    model.pools = [_HandedOut(Given(outcome, list(decisions)), model)] * outcome.history.partitions
    replay = _Replay(model, outcome, decisions)
    for number, record, event in _in_order(outcome):
        replay.event(number, record, event)
    replay.end(outcome.now)
    found = Counter(expected_of(one.decision) for one in decisions)
    wanted = Counter(model.decisions)
    said = [f"missing by the model: {shown(one)}" for one in (wanted - found)]
    said += [f"unexpected by the model: {shown(one)}" for one in (found - wanted)]
    requests = Counter(
        request_of(decode_email_request(record.value or b""))
        for records in outcome.log.requests
        for record in records
    )
    asked_for = Counter(model.requests)
    said += [f"request missing by the model: {one}" for one in (asked_for - requests)]
    return said + [f"request unexpected by the model: {one}" for one in (requests - asked_for)]


def _in_order(outcome: Outcome) -> Iterator[tuple[int, MemoryRecord, EventRecord]]:
    """Every event that can be read, of all partitions, as the broker took them."""
    every = [
        (record.order, number, record, event)
        for number in range(outcome.history.partitions)
        for record, event in outcome.log.events_of(number)
    ]
    every.sort(key=lambda one: one[0])
    for _, number, record, event in every:
        yield number, record, event


class _Model(Model):
    """The model, with wake-ups of single customers."""

    def wake(self, partition: int, key: str, until: Instant, now: Instant) -> None:
        """What is due for one customer at or before `until`, at `now`."""
        customer = self._customers.get(key)
        rules = self._rules[partition]
        while customer is not None and (
            due := min(
                (item for item in self._due(customer, rules) if item.at <= until),
                key=lambda item: item[:-1],
                default=None,
            )
        ):
            due.perform(self._turn(customer, rules, now))


class _HandedOut(Pools):
    """What the log says that each mail was given."""

    def __init__(self, given: Given, model: Model) -> None:
        super().__init__()
        self._given_to = given
        self._model = model

    def next_code(self, pool: str, send_id: str) -> str | None:
        before = sum(
            request.send_id == send_id for request in self._model.requests if request.action == "send"
        )
        return self._given_to.code_of(send_id, before)


class _WakeUp(NamedTuple):
    """One customer's, as it was recorded: due, handed in, behind which event, in which flush."""

    due_at: Instant
    now: Instant
    key: str
    behind: int
    applied_to: int


class _Replay:
    def __init__(self, model: _Model, outcome: Outcome, decisions: Sequence[Recorded]) -> None:
        partitions = range(outcome.history.partitions)
        self._model = model
        self._pending: list[list[_WakeUp]] = [_wake_ups(decisions, number) for number in partitions]
        self._received_max = [0 for _ in partitions]
        self._markers = [_markers(outcome, number) for number in partitions]
        self._slowest_clock = outcome.slowest_clock
        self._asked_at = asked_at_of(outcome)
        self._known: set[tuple[str | None, str]] = set()
        self._decided_at = {
            (one.decision.cause.partition, one.decision.cause.offset): parse_instant(one.decision.decided_at)
            for one in decisions
            if one.decision.cause.kind == "event"
        }

    def event(self, number: int, record: MemoryRecord, event: EventRecord) -> None:
        """What was recorded before an event, then the event."""
        received_at = parse_instant(event.received_at)
        self._received_max[number] = max(self._received_max[number], received_at)
        now = self._now(number, record.offset, event)
        wake_until = min(self._received_max[number] - 1, now)
        key = customer_key(event.customer_id, event.anonymous_id)
        hers = key if (key, event.event_id) not in self._known else None
        self._known.add((key, event.event_id))
        later = []
        for wake_up in self._pending[number]:
            by_rules_to_come = any(
                record.offset <= marker < wake_up.applied_to for marker in self._markers[number]
            )
            first = wake_up.due_at <= wake_until or wake_up.applied_to <= record.offset
            if not by_rules_to_come and wake_up.behind < record.offset and (first or wake_up.key == hers):
                self._model.wake(number, wake_up.key, wake_up.due_at, wake_up.now)
            else:
                later.append(wake_up)
        self._pending[number] = later
        self._model.event(number, record.offset, event, now)

    def _now(self, number: int, offset: int, event: EventRecord) -> Instant:
        """When an event was applied; if nothing was decided or asked, a time that every process knew to have
        come."""
        come = min(parse_instant(event.received_at), self._slowest_clock[number][offset])
        return self._decided_at.get((number, offset), self._asked_at.get(question_of(event), come))

    def end(self, now: Instant) -> None:
        """Whatever is left."""
        for number, pending in enumerate(self._pending):
            for wake_up in pending:
                self._model.wake(number, wake_up.key, wake_up.due_at, wake_up.now)
            self._model.time(number, now, now)


def _markers(outcome: Outcome, number: int) -> list[int]:
    """Where other rules begin to count. What is decided before is never flushed with what comes behind."""
    found: list[int] = []
    digest = None
    for record, event in outcome.log.events_of(number):
        if event.type == RULES_ACTIVATED and event.properties["digest"] != digest:
            digest = event.properties["digest"]
            found.append(record.offset)
    return found


def _wake_ups(decisions: Sequence[Recorded], number: int) -> list[_WakeUp]:
    """The wake-ups of a partition in the order of their due times."""
    applied_to: dict[tuple[Instant, Instant, str, int, str], int] = {}
    for one in decisions:
        decision, cause = one.decision, one.decision.cause
        if cause.kind == "wake_up" and cause.partition == number:
            due_at, now = parse_instant(decision.occurred_at), parse_instant(decision.decided_at)
            # With the rules: a run that a marker brings back to its due time falls due once more.
            handed_in = due_at, now, decision.customer_key, cause.offset, decision.rules_digest
            applied_to[handed_in] = one.applied_to
    return sorted(_WakeUp(*handed_in[:-1], end) for handed_in, end in applied_to.items())
