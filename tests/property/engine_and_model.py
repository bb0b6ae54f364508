"""Drives the engine's partitions and the reference model side by side over one log, and compares them.

Both read the same records in order and hear the same time; what the engine writes for other customers
(hand-overs, erasures of devices) goes to the log of both, at the end of the partition that it concerns. A
partition can lag, so that its records and markers are read later than those of others; and the engine can
begin again from what it flushed, as after a restart. A difference names the moves that led to it.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from schemas.instants import format_instant
from schemas.keys import record_key
from schemas.records import EmailRequestRecord, EventRecord, encode_record
from schemas.rule_set import RuleSet
from schemas.topics import EVENTS
from tests.model.model import Model
from tests.model.told import expected_of, request_of, shown
from tests.model.turn import Expected, Request
from trigger_engine.core.effects import CancelMail, Decide, HandOver, RequestMail, Written
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.pools import POOL_KEY_PREFIX
from trigger_engine.core.rules import NO_RULES, Rules, load_rules
from trigger_engine.core.state import next_wake_up_of

SWEEP_SLICE = 2
NEVER = 2**62


class Differ(AssertionError):
    """Engine and model do not say the same."""


class SideBySide:
    """Some partitions under rule sets that markers activate. `restart_every`: after so many flushes the
    engine's partition begins again from its bytes; 0: never."""

    def __init__(
        self, rule_sets: Sequence[RuleSet], start: int, *, partitions: int = 1, restart_every: int = 0
    ) -> None:
        self.rule_sets = list(rule_sets)
        self.model = Model({one.digest: one for one in rule_sets}, partitions)
        self.partitions = [
            Partition(number, {}, PartitionRecord(), NO_RULES, {}) for number in range(partitions)
        ]
        self.now = start
        self.events = 0
        self.moves: list[str] = []
        self.engine_decisions: list[Expected] = []
        self.engine_requests: list[Request] = []
        self.open_mails: list[EmailRequestRecord] = []
        self._restart_every = restart_every
        self._flushes = 0
        self._logs: list[deque[EventRecord]] = [deque() for _ in range(partitions)]
        self._offsets = [0] * partitions
        self._pools: list[dict[str, bytes]] = [{} for _ in range(partitions)]
        self._lagging: set[int] = set()
        self._late_markers: list[tuple[int, int]] = []
        self._known: list[str] = []
        self._compiled: dict[str, Rules] = {}
        self._compared = [0, 0]
        self._engine_hand_overs: Counter[tuple[str, str]] = Counter()

    def activate(self, number: int, *, apart: bool = False) -> None:
        """The marker of a rule set for every partition; `apart`: for all but the first some time later."""
        self.late_markers()
        for partition in range(len(self.partitions)):
            if apart and partition:
                self._late_markers.append((partition, number))
            else:
                self._mark(partition, number)
        self.settle()

    def late_markers(self) -> None:
        """The markers that were held back."""
        late, self._late_markers = self._late_markers, []
        for partition, number in late:
            self._mark(partition, number)
        self.settle()

    def _mark(self, partition: int, number: int) -> None:
        digest = self.rule_sets[number].digest
        self._logs[partition].append(
            EventRecord(
                event_id=f"marker-{partition}-{self._offsets[partition] + len(self._logs[partition])}",
                type="rules_activated",
                occurred_at=format_instant(self.now),
                received_at=format_instant(self.now),
                source="publish",
                properties={"digest": digest},
            )
        )

    def event(self, record: EventRecord) -> None:
        """A record of the log, at the present time; then what the engine wrote comes in."""
        self.events += 1
        self._write(record)
        self.settle()

    def lag(self, partition: int, lags: bool) -> None:
        """A partition stops reading its log, or catches up."""
        partition %= len(self.partitions)
        self.moves.append(f"{format_instant(self.now)} partition {partition} {'lags' if lags else 'reads'}")
        if lags:
            self._lagging.add(partition)
        else:
            self._lagging.discard(partition)
        self.settle()

    def settle(self) -> None:
        """Every partition that does not lag reads its log to the end."""
        while reading := [number for number in self._reading() if self._logs[number]]:
            for number in reading:
                self._read(number, self._logs[number].popleft())
        self._compare()

    def _reading(self) -> list[int]:
        return [number for number in range(len(self.partitions)) if number not in self._lagging]

    def _write(self, record: EventRecord) -> None:
        key = record_key(record.customer_id, record.anonymous_id, None)
        assert key is not None, "events of customers alone are played"
        home = (ord(key[-1]) + key.startswith("anon:")) % len(self.partitions)
        self._logs[home].append(record)

    def _read(self, number: int, record: EventRecord) -> None:
        partition, offset = self.partitions[number], self._offsets[number]
        ids = f"{record.customer_id or ''}/{record.anonymous_id or ''}"
        self.moves.append(
            f"{format_instant(self.now)} event {number}/{offset} {record.event_id} {record.type} of {ids}"
            f" at {record.occurred_at} received {record.received_at} {_shown_properties(record)}"
            f"{' backfill' if record.backfill else ''}"
        )
        value = encode_record(record)
        rules = partition.activates_rules(value)
        if not partition.apply_record(EVENTS, offset, None, value, self.now):
            raise Differ("more wake-ups than fit one slice")
        self._flush(number, may_restart=rules is None)
        if rules is not None:
            partition.activate(self._rules_of(rules))
            self._flush(number)
            self._tell_all(number)
        self.model.event(number, offset, record, self.now)
        self._offsets[number] += 1

    def _tell_all(self, number: int) -> None:
        """All are told of a change of rules before the next record. A worker may take its time: then what the
        change makes overdue is handed in later than in the model, which the simulator has to deal with."""
        while self.partitions[number].sweep(self.now, SWEEP_SLICE):
            self._flush(number)

    def pass_time(self, until: int) -> None:
        """Everything that falls due until then, each thing at its own time."""
        self.moves.append(f"time passes until {format_instant(until)}")
        self.settle()
        while True:
            dues = {number: self._next_due(number) for number in self._reading()}
            due = min(dues.values(), default=NEVER)
            if due > until:
                break
            self.now = max(self.now, due)
            for number, own in dues.items():
                if own == due:
                    self._fire_due(number, due)
            self.settle()
        self.now = max(self.now, until)

    def _next_due(self, number: int) -> int:
        model_due = self.model.next_due(number)
        engine_due = self.partitions[number].timers.next_due_at
        return min(engine_due, NEVER if model_due is None else model_due)

    def look_away(self, until: int) -> None:
        """Time passes and nobody looks: what fell due comes with the next event, or the next time."""
        self.moves.append(f"nobody looks until {format_instant(until)}")
        self.now = max(self.now, until)

    def wake(self) -> None:
        """Everything that is overdue is handed in now; nobody lags any more."""
        self.moves.append(f"everything due is handed in at {format_instant(self.now)}")
        self._lagging.clear()
        self.late_markers()
        for number in range(len(self.partitions)):
            self._fire_due(number, self.now)
        self.settle()

    def _fire_due(self, number: int, until: int) -> None:
        try:
            self.partitions[number].fire_due(until, self.now)
        except RuntimeError as error:
            raise Differ(self._story(f"the engine fails: {error}")) from error
        self._flush(number)
        self.model.time(number, until, self.now)

    def _rules_of(self, digest: str) -> Rules:
        """Compiled beside all sets that were active before, as the shell's book of rules has them."""
        if digest not in self._known:
            self._known.append(digest)
            self._compiled = {}
        if digest not in self._compiled:
            sets = {one.digest: one for one in self.rule_sets}
            others = [load_rules(sets[known]) for known in self._known if known != digest]
            self._compiled[digest] = load_rules(sets[digest], others)
        return self._compiled[digest]

    def _flush(self, number: int, *, may_restart: bool = True) -> None:
        partition = self.partitions[number]
        flush = partition.take_flush()
        if flush.rejected:
            raise Differ(self._story(f"the engine rejected an input: {flush.rejected}"))
        for effect in flush.effects:
            self._note(effect)
        partition.committed(flush)
        self._pools[number].update((key.removeprefix(POOL_KEY_PREFIX), data) for key, data in flush.pools)
        self._flushes += 1
        if may_restart and self._restart_every and self._flushes % self._restart_every == 0:
            record = msgspec.msgpack.decode(flush.record, type=PartitionRecord)
            rules = self._rules_of(record.rules_digest) if record.rules_digest else NO_RULES
            stored = partition.customers
            dues = {key: due for key, data in stored.items() if (due := next_wake_up_of(data)) is not None}
            self.partitions[number] = Partition(number, stored, record, rules, dues, self._pools[number])

    def _note(self, effect: Written) -> None:
        if isinstance(effect, Decide):
            self.engine_decisions.append(expected_of(effect.record))
        elif isinstance(effect, HandOver):
            self._write(effect.record)
            ids = (effect.record.event_id, effect.record.type)
            self._engine_hand_overs[ids] += 1
        elif isinstance(effect, RequestMail | CancelMail):
            self.engine_requests.append(request_of(effect.record))
            if effect.record.action == "send":
                self.open_mails.append(effect.record)

    def _compare(self) -> None:
        pairs: Iterable[tuple[str, Sequence[Any], Sequence[Any], int]] = (
            ("decisions", self.engine_decisions, self.model.decisions, 0),
            ("requests", self.engine_requests, self.model.requests, 1),
        )
        for name, engine, model, place in pairs:
            since = self._compared[place]
            only_engine = Counter(engine[since:]) - Counter(model[since:])
            only_model = Counter(model[since:]) - Counter(engine[since:])
            if only_engine or only_model:
                raise Differ(self._story(f"{name} differ", only_engine, only_model))
            self._compared[place] = len(model)
        written = Counter((one.event_id, one.type) for one in self.model.hand_overs)
        if written != self._engine_hand_overs:
            raise Differ(
                self._story(
                    "hand-overs differ", self._engine_hand_overs - written, written - self._engine_hand_overs
                )
            )

    def _story(self, what: str, engine: Iterable[Any] = (), model: Iterable[Any] = ()) -> str:
        told = [what, *(f"  only the engine: {shown(one)}" for one in engine)]
        told += [f"  only the model: {shown(one)}" for one in model]
        return "\n".join([*told, *(f"  {move}" for move in self.moves)])


def _shown_properties(record: EventRecord) -> dict[str, Any] | str:
    """Without the state of a hand-over, which tells nothing."""
    return {name: value for name, value in record.properties.items() if name != "state"} or ""
