"""One partition of customers: inputs in, one flush out. Pure: no I/O, no clock.

The shell feeds it the records of the log in order and hands it the time; it calls `step`, keeps the
timers' index, and collects everything that has to become durable together in a `Flush`: outputs, the
touched customers and the partition record that says where the log goes on. Nothing counts as done until
the shell reports the flush as committed; `customers` always holds the last committed bytes.

Rules of this file:
- Wake-ups and events meet in the order of the log's own clock: before an event is applied, every wake-up
  due before the running maximum of `received_at` is handed in. A purchase waiting in the log therefore
  cancels before the timer mails, however late the worker is.
- One bad input never leaves half-changed state: the customer goes back to her last committed bytes, her
  earlier inputs of this flush are applied again, and the input becomes a dead letter.
- Rules change only between flushes, so that an input re-applied meets the rules it met before.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from traceback import format_exception
from typing import TypeAlias

import msgspec

from schemas.event import CONTROL_TYPES
from schemas.instants import Instant, parse_instant
from schemas.keys import RESERVED_STATE_PREFIX, customer_key
from schemas.records import CauseRecord, EventRecord, Malformed, decode_event
from schemas.topics import STATE_CHANGELOG
from trigger_engine.core.effects import Effect
from trigger_engine.core.inputs import EventInput, WakeUp
from trigger_engine.core.limits import EVENT_DEPTH_MAX
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState, StateError, decode_state, encode_state, new_state
from trigger_engine.core.step import abandon, step
from trigger_engine.core.timer_index import TimerIndex
from trigger_engine.core.trim import nests_too_deeply

PARTITION_RECORD_KEY = f"{RESERVED_STATE_PREFIX}partition"
LIVE_CUSTOMERS_MAX = 20_000
"""Decoded customers kept per partition: a decoded state takes about five times its bytes (reference:
4.6 kB against 0.85 kB), so the working set of a flush is kept decoded and the rest as bytes."""

WAKE_UPS_PER_FLUSH_MAX = 1_000
"""Customers woken in one flush: a backlog of a million must not become one transaction, nor hold up
events and heartbeats."""


class PartitionRecord(msgspec.Struct, array_like=True):
    """Where a partition stands: the next input offset of each source topic and the active rule set."""

    version: int = 1
    next_offsets: dict[str, int] = {}
    rules_digest: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input that could not be used."""

    topic: str
    offset: int
    key: bytes | None
    value: bytes
    reason: str
    traceback_digest: str | None
    failed_at: Instant


@dataclass(slots=True)
class Flush:
    """What must become durable together."""

    effects: list[Effect] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    states: list[tuple[str, bytes]] = field(default_factory=list)
    record: bytes = b""
    rules_digest: str = ""


_Source: TypeAlias = tuple[str, int, bytes | None, bytes]
"""A record of the log: topic, offset, key, value."""


class _Applied(msgspec.Struct, frozen=True, gc=False):
    """An input of the present flush, so that it can be applied again; `abandoned` if it had raised.

    An event is kept as the bytes it came in: decoded, the thousands of a flush would be walked by every
    collection of garbage, and only an input that fails has them read again.
    """

    key: str
    given: _Source | WakeUp
    now: Instant
    abandoned: str | None


class Partition:
    """The customers of one partition number. Not safe for concurrent use: one writer owns it."""

    def __init__(
        self,
        number: int,
        customers: dict[str, bytes],
        record: PartitionRecord,
        rules: Rules,
        wake_ups: Mapping[str, Instant],
    ) -> None:
        self.number = number
        self.customers = customers
        self.record = record
        self.rules = rules
        self.timers = TimerIndex(wake_ups.items())
        self.inputs_seen = 0
        self.inputs_rejected = 0
        """Events that became dead letters, and wake-ups that ended their runs with `error`."""
        self._received_max: Instant = 0
        self._live: dict[str, CustomerState] = {}
        self._touched: dict[str, CustomerState] = {}
        self._journal: list[_Applied] = []
        self._flush = Flush()
        self._moved = False

    @property
    def dirty(self) -> bool:
        """Whether there is something to flush."""
        return self._moved

    def next_offset(self, topic: str) -> int | None:
        """The next offset of `topic` to apply, or None if none was applied ever."""
        return self.record.next_offsets.get(topic)

    def advance(self, topic: str, offset: int) -> None:
        """The log is applied up to `offset` (exclusive), records or not."""
        self.record.next_offsets[topic] = offset

    def activates_rules(self, value: bytes) -> str | None:
        """The digest of a rule set if this record is the marker that activates one.

        The shell asks before `apply_record`, because it must flush first and may have to read the set.
        """
        if b'"rules_activated"' not in value:
            return None
        try:
            event = decode_event(value)
        except Malformed:
            return None
        digest = event.properties.get("digest")
        return digest if event.type == "rules_activated" and isinstance(digest, str) else None

    def activate(self, rules: Rules) -> None:
        """Decide by `rules` from here on. The flush before must have been taken."""
        self.rules = rules
        self.record.rules_digest = rules.digest
        self._moved = True

    def apply_record(self, topic: str, offset: int, key: bytes | None, value: bytes, now: Instant) -> bool:
        """Apply one record of the log; it never raises for what the record holds.

        False: more wake-ups come before it than fit one slice. It is not applied; flush and give it again.
        """
        self._moved = True
        source = (topic, offset, key, value)
        try:
            received_at, event = self._read(source)
        except ValueError as error:  # Malformed is one
            self.inputs_seen += 1
            self._reject(*source, str(error), None, now)
            return True
        if received_at > self._received_max:
            # never beyond `now`: another machine's clock may run ahead of ours
            before = min(received_at - 1, now)
            if self.timers.next_due_at <= before:
                self.fire_due(before, now, WAKE_UPS_PER_FLUSH_MAX)
                if self.timers.next_due_at <= before:
                    return False
            self._received_max = received_at
        self.inputs_seen += 1
        if event is not None:
            self._apply_event(event, source, now)
        return True

    def _read(self, source: _Source) -> tuple[Instant, EventInput | None]:
        """`received_at`, and the input if the event concerns a customer. Raises ValueError."""
        topic, offset, _, value = source
        event = decode_event(value)
        if nests_too_deeply(value):
            raise Malformed(f"the record nests deeper than {EVENT_DEPTH_MAX}")
        received_at = parse_instant(event.received_at)
        occurred_at = parse_instant(event.occurred_at)
        subject = _subject(event)
        if subject is None:
            return received_at, None
        return received_at, EventInput(
            event.event_id,
            event.type,
            subject,
            event.customer_id,
            event.anonymous_id,
            occurred_at,
            received_at,
            event.source,
            event.properties,
            event.context,
            event.backfill,
            CauseRecord("event", topic, self.number, offset, event.event_id),
        )

    def fire_due(self, until: Instant, now: Instant, limit: int | None = None) -> int:
        """Hand in the wake-ups due at or before `until`, by due time; returns how many customers it met."""
        fired = 0
        while limit is None or fired < limit:
            entry = self.timers.take(until)
            if entry is None:
                break
            self._moved = True
            self._wake(entry[0], until, now)
            fired += 1
        return fired

    def _wake(self, key: str, until: Instant, now: Instant) -> None:
        """Hand one customer's due wake-ups in until her next one lies beyond `until`."""
        try:
            state = self._state(key)
        except StateError as error:
            self.inputs_seen += 1
            unreadable = STATE_CHANGELOG, -1, key.encode(), self.customers[key]
            self._reject(*unreadable, f"nothing can be decided for this customer: {error}", None, now)
            return
        while state.next_wake_up_at is not None and state.next_wake_up_at <= until:
            due_at = state.next_wake_up_at
            wake_up = WakeUp(due_at, CauseRecord("wake_up", *state.last_applied(), None))
            self._apply_wake_up(key, wake_up, now)
            state = self._live[key]
            if state.next_wake_up_at == due_at:
                raise RuntimeError(f"a wake-up did not move on: customer {key!r}, due at {due_at}")
        if state.next_wake_up_at is not None:
            self.timers.add(key, state.next_wake_up_at)

    def take_flush(self) -> Flush:
        """What was collected since the last flush; the partition stays as it is until `committed`."""
        flush = self._flush
        flush.states = [(key, encode_state(state)) for key, state in self._touched.items()]
        flush.record = msgspec.msgpack.encode(self.record)
        flush.rules_digest = self.rules.digest
        return flush

    def committed(self, flush: Flush) -> None:
        """The flush is durable."""
        self.customers.update(flush.states)
        if len(self._live) > LIVE_CUSTOMERS_MAX:
            self._live = dict(self._touched) if len(self._touched) < LIVE_CUSTOMERS_MAX else {}
        self._touched = {}
        self._journal = []
        self._flush = Flush()
        self._moved = False

    def _state(self, key: str) -> CustomerState:
        state = self._live.get(key)
        if state is None:
            state = self._committed_state(key)
            self._live[key] = state
        return state

    def _committed_state(self, key: str) -> CustomerState:
        data = self.customers.get(key)
        return new_state(key) if data is None else decode_state(data)

    def _apply_event(self, event: EventInput, source: _Source, now: Instant) -> None:
        key = event.customer_key
        try:
            before = self._state(key)
        except StateError as error:  # there is nothing to go back to
            self._reject(*source, str(error), None, now)
            return
        try:
            state, effects = step(self.rules, before, event, now)
        except Exception as error:  # whatever a rule or a record provokes: undo, record, go on
            self._undo(key)
            self._reject(*source, _in_one_line(error), _traceback_digest(error), now)
            return
        self._note(_Applied(key, source, now, None), state, effects)

    def _apply_wake_up(self, key: str, wake_up: WakeUp, now: Instant) -> None:
        self.inputs_seen += 1
        abandoned = None
        try:
            state, effects = step(self.rules, self._state(key), wake_up, now)
        except Exception as error:  # as above, but its runs end here, or it would fail for ever
            self._undo(key)
            self.inputs_rejected += 1
            abandoned = _in_one_line(error)
            state, effects = abandon(self.rules, self._live[key], wake_up, now, abandoned)
        self._note(_Applied(key, wake_up, now, abandoned), state, effects)

    def _note(self, applied: _Applied, state: CustomerState, effects: list[Effect]) -> None:
        """An input went well: what has to be flushed, and when to look at the customer again."""
        key = applied.key
        self._journal.append(applied)
        self._live[key] = state
        self._touched[key] = state
        if effects:
            self._flush.effects.extend(effects)
        if state.next_wake_up_at is not None:
            self.timers.add(key, state.next_wake_up_at)

    def _undo(self, key: str) -> None:
        """Rebuild a customer as she was before the failed input; its earlier effects are kept already."""
        state = self._committed_state(key)
        for past in self._journal:
            if past.key != key:
                continue
            given = past.given if isinstance(past.given, WakeUp) else self._read(past.given)[1]
            assert given is not None, "it concerned a customer when it was applied"
            if past.abandoned is None:
                state, _ = step(self.rules, state, given, past.now)
            else:
                assert isinstance(given, WakeUp), "only wake-ups are abandoned"
                state, _ = abandon(self.rules, state, given, past.now, past.abandoned)
        self._live[key] = state
        if key in self._touched:
            self._touched[key] = state

    def _reject(
        self,
        topic: str,
        offset: int,
        key: bytes | None,
        value: bytes,
        reason: str,
        traceback_digest: str | None,
        now: Instant,
    ) -> None:
        self.inputs_rejected += 1
        self._flush.rejected.append(Rejected(topic, offset, key, value, reason, traceback_digest, now))


def _subject(event: EventRecord) -> str | None:
    """The customer an event concerns; None for product events and control markers.

    Raises ValueError for a key that would collide with our own records.
    """
    if event.type in CONTROL_TYPES:
        return None
    key = customer_key(event.customer_id, event.anonymous_id)
    if key is not None and key.startswith(RESERVED_STATE_PREFIX):
        raise ValueError(f"the id {key!r} begins with the reserved prefix {RESERVED_STATE_PREFIX!r}")
    return key


def _in_one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:1000]


def _traceback_digest(error: Exception) -> str:
    """Groups dead letters of one cause without keeping anybody's data in a trace."""
    return blake2b("".join(format_exception(error)).encode(), digest_size=8).hexdigest()
