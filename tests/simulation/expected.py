"""What a run without any fault decides over the same log: one customer at a time, through the engine's core.

The log gives the order of events. Wake-ups come where the run under test recorded them (`cause.offset` and
`decided_at`), or, where it should have handed one in and did not, where it had to at the latest; so a lost,
doubled, early or misplaced wake-up shows as a difference.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby

from schemas.instants import Instant, parse_instant
from schemas.keys import customer_key
from schemas.records import DecisionRecord, EventRecord, decode_event, encode_record
from schemas.rule_set import RuleSet
from schemas.topics import EVENTS
from tests.simulation.memory_log import MemoryRecord
from tests.simulation.world import Outcome
from trigger_engine.core.effects import Decide, HandOver
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import NO_RULES, Rules, load_rules


@dataclass(slots=True)
class Expected:
    """Records as they should be on the log, and the customers' last states."""

    decisions: list[DecisionRecord] = field(default_factory=list)
    requests: list[bytes] = field(default_factory=list)
    handed_over: list[bytes] = field(default_factory=list)
    states: dict[str, bytes | None] = field(default_factory=dict)


@dataclass(slots=True)
class _Given:
    """An event of one customer, or the marker of other rules (`digest`). Every wake-up due at or before
    `wake_until` comes before it; no process's clock was past `readable_at` when it could be read."""

    record: MemoryRecord
    event: EventRecord
    wake_until: Instant
    readable_at: Instant
    digest: str | None


class Judge:
    """Knows the rule sets of a simulation."""

    def __init__(self, rule_sets: list[RuleSet]) -> None:
        self._sets = {rule_set.digest: rule_set for rule_set in rule_sets}
        self._rules_of = lru_cache(maxsize=None)(self._load)

    def _load(self, digest: str) -> Rules:
        if digest == NO_RULES.digest:
            return NO_RULES
        alone = [load_rules(rule_set) for rule_set in self._sets.values()]
        return load_rules(self._sets[digest], alone)

    def expected(self, outcome: Outcome, decisions: list[DecisionRecord]) -> Expected:
        """Replays every customer of every partition; `decisions` are those on the log."""
        recorded: dict[str, list[DecisionRecord]] = defaultdict(list)
        for decision in decisions:
            recorded[decision.customer_key].append(decision)
        expected = Expected()
        for number in range(outcome.history.partitions):
            for key, given in _by_customer(outcome, number).items():
                replay = _Replay(self, number, recorded.get(key, []))
                replay.run(given, outcome.now)
                replay.tell(key, expected)
        return expected

    def rules_of(self, digest: str) -> Rules:
        """Compiled with all versions at hand, as a rule book does it."""
        return self._rules_of(digest)


def _by_customer(outcome: Outcome, number: int) -> dict[str, list[_Given]]:
    """The inputs of each customer of a partition, markers included, in the order of the log."""
    given: dict[str, list[_Given]] = {}
    markers: list[_Given] = []
    received_max = 0
    for record in outcome.log.events[number]:
        assert record.value is not None, "events are never deleted"
        event = decode_event(record.value)
        received_max = max(received_max, parse_instant(event.received_at))
        wake_until = min(received_max - 1, outcome.slowest_clock[number][record.offset])
        readable_at = outcome.fastest_clock[number][record.offset]
        key = customer_key(event.customer_id, event.anonymous_id)
        if key is not None:
            one = _Given(record, event, wake_until, readable_at, None)
            given.setdefault(key, list(markers)).append(one)
            continue
        marker = _Given(record, event, wake_until, readable_at, str(event.properties["digest"]))
        if not markers or markers[-1].digest != marker.digest:
            markers.append(marker)
            for inputs in given.values():
                inputs.append(marker)
    return given


class _Replay:
    """One customer, alone in a partition of her own."""

    def __init__(self, judge: Judge, number: int, recorded: list[DecisionRecord]) -> None:
        self._judge = judge
        self._partition = Partition(number, {}, PartitionRecord(), NO_RULES, {})
        self._wake_ups = defaultdict(list)
        self._decided_at: dict[int, Instant] = {}
        for decision in recorded:
            if decision.cause.kind == "wake_up":
                self._wake_ups[decision.cause.offset].append(decision)
            else:
                self._decided_at[decision.cause.offset] = parse_instant(decision.decided_at)
        self._effects: list[object] = []
        self._states: dict[str, bytes | None] = {}

    def run(self, given: list[_Given], end: Instant) -> None:
        """All of her inputs, then everything that is still due by `end`."""
        at = -1
        for one in given:
            self._wake_up(at, one)
            self._wake(one.wake_until, one.wake_until)
            offset, value = one.record.offset, one.record.value or b""
            # Where nothing was decided, `now` makes no difference but to wake-ups, which had their chance.
            now = self._decided_at.get(offset, one.wake_until)
            assert self._partition.apply_record(EVENTS, offset, one.record.key, value, now)
            if one.digest is None:
                at = offset
            else:
                self._flush()
                self._partition.activate(self._judge.rules_of(one.digest))
                while self._partition.sweep(now, 1):
                    self._flush()
        self._wake_up(at, None)
        self._wake(end, end)
        self._flush()

    def _wake_up(self, offset: int, before: _Given | None) -> None:
        """The wake-ups recorded after the event at this offset, and before what comes next."""
        found = self._wake_ups.get(offset, [])
        now_due = [decision for decision in found if self._comes_first(decision, before)]
        self._wake_ups[offset] = [decision for decision in found if decision not in now_due]
        for decided_at, together in groupby(now_due, lambda decision: decision.decided_at):
            until = max(parse_instant(decision.occurred_at) for decision in together)
            self._wake(until, parse_instant(decided_at))

    def _comes_first(self, decision: DecisionRecord, given: _Given | None) -> bool:
        """A wake-up names the last event applied before it, not the last marker: its rules and its time tell,
        as rules may come back."""
        if given is None or given.digest is None:
            return True
        if decision.rules_digest != self._partition.rules.digest:
            return False
        due_at, decided_at = parse_instant(decision.occurred_at), parse_instant(decision.decided_at)
        return due_at <= given.wake_until or decided_at < given.readable_at

    def _wake(self, until: Instant, now: Instant) -> None:
        self._partition.fire_due(until, now)

    def _flush(self) -> None:
        flush = self._partition.take_flush()
        self._effects.extend(flush.effects)
        self._states.update(flush.states)
        self._partition.committed(flush)

    def tell(self, key: str, expected: Expected) -> None:
        """What she adds to the log."""
        for effect in self._effects:
            if isinstance(effect, Decide):
                expected.decisions.append(effect.record)
            elif isinstance(effect, HandOver):
                expected.handed_over.append(encode_record(effect.record))
            else:
                expected.requests.append(encode_record(effect.record))
        expected.states.update(self._states)
