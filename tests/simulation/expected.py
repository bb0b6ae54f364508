"""What a run without any fault decides over the same log: one customer at a time, through the engine's core.

The log gives the order of events. Wake-ups come where the run under test recorded them (`cause.offset` and
`decided_at`), or, where it should have handed one in and did not, where it had to at the latest; so a lost,
doubled, early or misplaced wake-up shows as a difference.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple, Self, TypeAlias, cast

from schemas.event import OFFER_CODES, SNAPSHOT_ACTIVATED
from schemas.ids import handover_ask_id
from schemas.instants import Instant, parse_instant
from schemas.keys import customer_key
from schemas.records import DecisionRecord, EventRecord, encode_record
from schemas.rule_set import RuleSet
from schemas.topics import EVENTS
from tests.simulation.codes import Given, HandedOut
from tests.simulation.memory_log import MemoryRecord
from tests.simulation.recorded import Recorded, in_line, last_states
from tests.simulation.rule_sets import compiled
from tests.simulation.touched import HANDOVER_ASKED, HANDOVER_STATE, Touched
from tests.simulation.world import Outcome
from trigger_engine.core.effects import CancelMail, Decide, HandOver, RequestMail, Written
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.partition import Partition
from trigger_engine.core.pools import Pools
from trigger_engine.core.rules import NO_RULES, Rules


@dataclass(slots=True)
class Expected:
    """Records as they should be on the log, and the customers' last states."""

    decisions: list[DecisionRecord] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    handed_over: list[bytes] = field(default_factory=list)
    states: dict[str, bytes | None] = field(default_factory=dict)


class _Given(NamedTuple):
    """An event of one customer, or the marker of other rules (`digest`). Every wake-up due at or before
    `wake_until` comes before it, by the clock of whoever was slowest; by the fastest one, `at_most`."""

    key: str | None
    record: MemoryRecord
    event: EventRecord
    wake_until: Instant
    at_most: Instant
    digest: str | None


Question: TypeAlias = tuple[str, Instant]
"""What a device is asked: the id, and *at* of the event that asked. A repetition of an event that came before
an erasure may ask what the event itself did not."""


def question_of(event: EventRecord) -> Question:
    """What a device is asked at an event that names both; no question for another event."""
    identity = handover_ask_id(f"anon:{event.anonymous_id}", event.customer_id or "", event.event_id)
    return identity, min(parse_instant(event.occurred_at), parse_instant(event.received_at))


def asked_at_of(outcome: Outcome) -> dict[Question, Instant]:
    """The `now` of each event at which a device was asked: the question tells it."""
    return {
        (event.event_id, parse_instant(event.occurred_at)): parse_instant(event.received_at)
        for number in range(outcome.history.partitions)
        for _, event in outcome.log.events_of(number)
        if event.type == HANDOVER_ASKED
    }


class Judge:
    """Knows the rule sets of a simulation."""

    def __init__(self, rule_sets: Sequence[RuleSet]) -> None:
        self._sets = {rule_set.digest: rule_set for rule_set in rule_sets}
        self._alone = [compiled(rule_set) for rule_set in rule_sets]

    def expected(self, outcome: Outcome, decisions: list[Recorded]) -> Expected:
        """Replays every customer of every partition; `decisions` are those on the log.

        A wake-up without a decision leaves no record. One that was due between what the slowest and the
        fastest clock said when an event or a marker was read may have come before it or behind it: where the
        slowest clock does not explain what is on the log, the fastest one is asked, for all markers or for
        one record.
        """
        of_customer: dict[str, list[Recorded]] = defaultdict(list)
        for one in decisions:
            of_customer[one.decision.customer_key].append(one)
        expected = Expected()
        asked_at = asked_at_of(outcome)
        given_codes = Given(outcome, decisions)
        states = last_states(outcome)
        for number in range(outcome.history.partitions):
            for key, given in _by_customer(outcome, number).items():
                found = of_customer.get(key, [])
                replays = (
                    _Replay(self, number, found, asked_at, given_codes).run(way, outcome.now)
                    for way in _ways(given)
                )
                first = next(replays)
                if first.explains(found, states.get(key)):
                    first.tell(expected)
                else:
                    right = (replay for replay in replays if replay.explains(found, states.get(key)))
                    next(right, first).tell(expected)
        return expected

    def rules_of(self, digest: str) -> Rules:
        """Compiled with all versions at hand, as a rule book does it."""
        return compiled(self._sets[digest], self._alone)


def _by_customer(outcome: Outcome, number: int) -> dict[str, list[_Given]]:
    """The inputs of each customer of a partition, markers included, in the order of the log."""
    given: dict[str, list[_Given]] = {}
    markers: list[_Given] = []
    received_max = 0
    for record, event in outcome.log.events_of(number):
        received_max = max(received_max, parse_instant(event.received_at))
        wake_until = min(received_max - 1, outcome.slowest_clock[number][record.offset])
        at_most = min(received_max - 1, outcome.fastest_clock[number][record.offset])
        key = customer_key(event.customer_id, event.anonymous_id)
        if event.type in (OFFER_CODES, SNAPSHOT_ACTIVATED):
            continue
        if key is not None:
            one = _Given(key, record, event, wake_until, at_most, None)
            given.setdefault(key, list(markers)).append(one)
            continue
        marker = _Given(None, record, event, wake_until, at_most, str(event.properties["digest"]))
        if not markers or markers[-1].digest != marker.digest:
            markers.append(marker)
            for inputs in given.values():
                inputs.append(marker)
    return given


def _ways(given: list[_Given]) -> Iterator[list[_Given]]:
    """The inputs by the slowest clock; then with the fastest one at all markers, or at a single record."""
    yield given
    yield [one._replace(wake_until=one.at_most) if one.digest else one for one in given]
    for place, one in enumerate(given):
        if one.at_most > one.wake_until:
            yield [*given[:place], one._replace(wake_until=one.at_most), *given[place + 1 :]]


class _Replay:
    """One customer, alone in a partition of her own."""

    def __init__(
        self,
        judge: Judge,
        number: int,
        decisions: list[Recorded],
        asked_at: dict[Question, Instant],
        codes: Given,
    ) -> None:
        self._judge = judge
        self._partition = Partition(number, {}, PartitionRecord(), NO_RULES, {})
        self._partition.pools = cast(Pools, HandedOut(codes, self._decided))
        self._wake_ups: dict[int, list[Recorded]] = defaultdict(list)
        self._decided_at: dict[int, Instant] = {}
        for one in decisions:
            if one.decision.cause.kind == "wake_up":
                self._wake_ups[one.decision.cause.offset].append(one)
            else:
                self._decided_at[one.decision.cause.offset] = parse_instant(one.decision.decided_at)
        self._asked_at = asked_at
        self._effects: list[Written] = []
        self.states: dict[str, bytes | None] = {}

    def run(self, given: list[_Given], end: Instant) -> Self:
        """All of her inputs, then everything that is still due by `end`."""
        at = -1
        touched = Touched()
        to_come = [one.record.offset for one in given if one.digest is not None]
        for one in given:
            touches = one.digest is None and touched.by(one.key, one.event)
            if one.digest is None and not touches and one.event.type != HANDOVER_STATE:
                continue  # it changes nothing
            self._wake_up(at, to_come[0] if to_come else None)
            self._wake(one.wake_until, one.wake_until)
            offset, value = one.record.offset, one.record.value or b""
            # Where nothing was decided or asked, `now` makes no difference but to wake-ups, which had theirs.
            asked_at = self._asked_at.get(question_of(one.event), one.wake_until)
            now = self._decided_at.get(offset, asked_at)
            # People are told of a marker later than it is read, by a clock that may have been behind.
            read_at = now if one.digest is None else one.wake_until
            assert self._partition.apply_record(EVENTS, offset, one.record.key, value, read_at)
            if touches:
                at = offset  # else nothing points to it
            if one.digest is not None:
                to_come.pop(0)
                self._flush()
                self._partition.activate(self._judge.rules_of(one.digest))
                while self._partition.sweep(now, 1):
                    self._flush()
        self._wake_up(at, None)
        self._wake(end, end)
        self._flush()
        return self

    def _wake_up(self, offset: int, end: int | None) -> None:
        """The wake-ups recorded after the event at this offset, and before the next marker (at `end`).

        They name the last event that touched her, not the last marker; but no flush reaches beyond one.
        """
        found = self._wake_ups.get(offset, [])
        first = [one.decision for one in found if end is None or one.applied_to <= end]
        self._wake_ups[offset] = [one for one in found if end is not None and one.applied_to > end]
        for decided_at, together in groupby(first, lambda decision: decision.decided_at):
            until = max(parse_instant(decision.occurred_at) for decision in together)
            self._wake(until, parse_instant(decided_at))

    def _wake(self, until: Instant, now: Instant) -> None:
        self._partition.fire_due(until, now)

    def _decided(self) -> Iterator[DecisionRecord]:
        """All decisions so far."""
        for effect in (*self._effects, *self._partition.take_flush().effects):
            if isinstance(effect, Decide):
                yield effect.record

    def _flush(self) -> None:
        flush = self._partition.take_flush()
        self._effects.extend(flush.effects)
        self.states.update(flush.states)
        self._partition.committed(flush)

    def explains(self, found: Sequence[Recorded], state: bytes | None) -> bool:
        """Whether it comes to these decisions and this last state."""
        wanted = Counter(encode_record(one.decision) for one in found)
        made = Counter(encode_record(effect.record) for effect in self._effects if isinstance(effect, Decide))
        return made == wanted and in_line(next(iter(self.states.values()), None)) == in_line(state)

    def tell(self, expected: Expected) -> None:
        """What she adds to the log."""
        for effect in self._effects:
            if isinstance(effect, Decide):
                expected.decisions.append(effect.record)
            elif isinstance(effect, HandOver):
                expected.handed_over.append(encode_record(effect.record))
            elif isinstance(effect, RequestMail | CancelMail):
                expected.requests.append(encode_record(effect.record))
        expected.states.update(self.states)
