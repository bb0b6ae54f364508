"""One partition of customers: inputs in, one flush out. Pure: no I/O, no clock.

The shell feeds it the records of the log in order and hands it the time; it calls `step`, keeps the
timers' index, and collects everything that has to become durable together in a `Flush`: outputs, the
touched customers and the partition record that says where the log goes on. Nothing counts as done until
the shell reports the flush as committed; `customers` always holds the last committed bytes.

Rules of this file:
- A customer's wake-ups and events meet in the order of the log's own clock: before an event is applied, what
  is due for her before the running maximum of `received_at` is handed in. A purchase waiting in the log
  therefore cancels before the timer mails, however late the worker is.
- Customers do not wait for each other, or a burst would hold up every event: what is due for others by then
  (`passed`) comes slice by slice. Only what concerns all waits for all.
- One bad input never leaves half-changed state: the customer goes back to her last committed bytes, her
  earlier inputs of this flush are applied again, and the input becomes a dead letter.
- Rules change only between flushes, so that an input re-applied meets the rules it met before. Customers
  are brought in line with them in slices (`sweep`); who is touched before her turn comes is brought in line
  first, and what falls due by that is handed in, so that the order stays the log's.
"""

from collections.abc import Mapping

import msgspec

from schemas.instants import Instant, format_instant
from schemas.records import CauseRecord, decode_interest
from schemas.topics import STATE_CHANGELOG
from trigger_engine.core.basket_ring import Baskets
from trigger_engine.core.customers import Customers, CustomersInMemory
from trigger_engine.core.effects import Decide, Effect, KeepBasket
from trigger_engine.core.failures import in_one_line, traceback_digest
from trigger_engine.core.flush import PARTITION_RECORD_KEY as PARTITION_RECORD_KEY
from trigger_engine.core.flush import Flush as Flush
from trigger_engine.core.flush import PartitionRecord as PartitionRecord
from trigger_engine.core.flush import Rejected as Rejected
from trigger_engine.core.inputs import EventInput, RulesChange, WakeUp
from trigger_engine.core.journal import Applied, again, stay_as_is
from trigger_engine.core.limits import BASKETS_PER_TURN, WAKE_UPS_PER_FLUSH_MAX
from trigger_engine.core.markers import activated_rules
from trigger_engine.core.notices import Notices
from trigger_engine.core.offers import codes_given
from trigger_engine.core.parts import encode_part
from trigger_engine.core.pools import PoolFull, Pools
from trigger_engine.core.product_changes import ProductChange
from trigger_engine.core.reading import Marker, NewCodes, Source, concerns_all, read_record
from trigger_engine.core.rules import Rules
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.state import CustomerState, StateError
from trigger_engine.core.step import abandon, step
from trigger_engine.core.sweep import LOOKED_AT_PER_TOUCHED, Sweep
from trigger_engine.core.timer_index import TimerIndex
from trigger_engine.core.working_set import WorkingSet


class Partition:
    """The customers of one partition number. Not safe for concurrent use: one writer owns it."""

    def __init__(
        self,
        number: int,
        customers: Customers | dict[str, bytes],
        record: PartitionRecord,
        rules: Rules,
        wake_ups: Mapping[str, Instant],
        pools: Mapping[str, bytes] = {},
        *,
        products: dict[str, bytes] | None = None,
        baskets: Mapping[str, bytes] = {},
        snapshot: Snapshot | None = None,
    ) -> None:
        """`customers`: a dict is kept in memory. `pools`: the records of pools of codes, by name; `products`:
        those of products, by key; `baskets`: those of baskets, by place."""
        self.number = number
        self.customers = CustomersInMemory(customers) if isinstance(customers, dict) else customers
        self._states = WorkingSet(self.customers)
        self.record = record
        self.pools = Pools(pools, record.codes_taken)
        self.notices = Notices({} if products is None else products)
        self.baskets = Baskets(baskets, record.baskets)
        self.rules = self._given(rules, snapshot)
        self.timers = TimerIndex(wake_ups.items())
        self.inputs_seen = 0
        self.inputs_rejected = 0
        """Events that became dead letters, and wake-ups that ended their runs with `error`."""
        self._marker: Marker | None = None
        self._sweep: Sweep | None = None
        self._journal: list[Applied] = []
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

    activates_rules = staticmethod(activated_rules)
    """The shell asks before `apply_record`, because it must flush first and may have to read the set."""

    def activate(self, rules: Rules) -> None:
        """Decide by `rules` from the marker applied last on. The flush before must have been taken."""
        record = self.record
        record.rules_digest = rules.digest
        record.activated_at, record.activation = self._marker or (record.received_max, None)
        record.sweep_after = ""
        self.rules = self._given(rules, self.rules.snapshot)
        self._sweep = None
        self._moved = True

    def activate_snapshot(self, snapshot: Snapshot) -> None:
        """Recommend by `snapshot` from here on. The flush before must have been taken."""
        self.record.snapshot_version = snapshot.version
        self.rules = self.rules.with_snapshot(snapshot)
        self._moved = True

    def _given(self, rules: Rules, snapshot: Snapshot | None) -> Rules:
        """The rules as this partition decides by them: since its marker, with its codes and its snapshot."""
        activated = rules.activated(self.record.activated_at, self.record.activation)
        return activated.with_codes(self.pools.code_of).with_snapshot(snapshot)

    def count_baskets(self, now: Instant, every_ms: int) -> bool:
        """Count a slice of what was ordered, if it is time to. Returns whether there was anything to do."""
        if not self.baskets.due(now, every_ms):
            return False
        if (part := self.baskets.count_some(now, BASKETS_PER_TURN)) is not None:
            self._flush.part, self._moved = encode_part(part), True
        return True

    @property
    def sweeping(self) -> bool:
        """Whether customers are left that a change of rules has to be told to."""
        return self.record.sweep_after is not None

    def sweep(self, now: Instant, limit: int) -> bool:
        """Bring up to `limit` customers in line with the active rules, those with runs (or all, if segments
        or watches changed) in the order of their keys. Returns whether there was anything left to do."""
        after = self.record.sweep_after
        if after is None:
            return False
        if self.rules.activation is None:  # an older record: each follows when she is touched
            self.record.sweep_after = None
            return False
        if self._sweep is None:
            self._sweep = Sweep(self.rules, self.customers.keys_after(after))
        touched = 0
        for _ in range(limit * LOOKED_AT_PER_TOUCHED):
            key = self._sweep.next_key()
            self.record.sweep_after = key
            if key is None:
                self._sweep = None
                break
            if self._sweep.concerns(key, self._states.live, self.customers) and self._states.can_be_read(key):
                self._change_rules(key, now)
                touched += 1
                if touched == limit:
                    break
        self._moved = True
        return True

    def apply_record(self, topic: str, offset: int, key: bytes | None, value: bytes, now: Instant) -> bool:
        """Apply one record of the log; it never raises for what the record holds.

        False: it concerns all customers and more wake-ups come before it than fit a slice: flush, give again.
        """
        self._moved = True
        source = (topic, offset, key, value)
        try:
            received_at, read = read_record(source, self.number)
        except ValueError as error:  # Malformed is one
            self.inputs_seen += 1
            self._reject(Rejected(*source, str(error), None, now))
            return True
        record = self.record
        if received_at > record.received_max:
            record.received_max = received_at
        passed = self.passed(now)
        if self.timers.next_due_at <= passed and concerns_all(read, value):
            self.fire_due(passed, now, WAKE_UPS_PER_FLUSH_MAX)
            if self.timers.next_due_at <= passed:
                return False
        self.inputs_seen += 1
        if isinstance(read, EventInput):
            self._apply_event(read, source, passed, now)
        elif isinstance(read, NewCodes):
            self._take_in(read, source, now)
        elif isinstance(read, ProductChange):
            self._hear_of_product(read, source, now)
        elif read is not None:
            self._marker = read
        return True

    def passed(self, now: Instant) -> Instant:
        """The log's own clock is behind that; never beyond `now`: another machine's may be ahead of ours."""
        return min(self.record.received_max - 1, now)

    def apply_interest(self, topic: str, offset: int, key: bytes | None, value: bytes, now: Instant) -> None:
        """Apply one record of the interests; it never raises for what the record holds."""
        self._moved = True
        self.inputs_seen += 1
        try:
            self.notices.note(decode_interest(value))
        except Exception as error:
            self._reject(
                Rejected(topic, offset, key, value, in_one_line(error), traceback_digest(error), now)
            )

    def fan_out(self, limit: int, now: Instant, *, queued: int) -> bool:
        """Tell a slice of those who wait for news of products, as `Notices.fan_out` does. Returns whether
        there was anything left to do."""
        if not self.notices.may_begin(queued):
            return False
        self._moved = True
        try:
            self._flush.notices.extend(self.notices.fan_out(limit, now, queued=queued))
        except Exception as error:  # its record or a bucket is broken: its customers are not told
            key, value = self.notices.give_up()
            reason = f"the customers of this product could not be told: {in_one_line(error)}"
            self._reject(
                Rejected(STATE_CHANGELOG, -1, key.encode(), value, reason, traceback_digest(error), now)
            )
        return True

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
            state = self._in_line(key, now)
        except StateError as error:
            self.inputs_seen += 1
            self._reject_state(key, f"nothing can be decided for this customer: {error}", now)
            return
        while state.next_wake_up_at is not None and state.next_wake_up_at <= until:
            wake_up = WakeUp(state.next_wake_up_at, CauseRecord("wake_up", *state.last_applied(), None))
            self._apply_wake_up(key, wake_up, now)
            state = self._states.state(key)
        if state.next_wake_up_at is not None:
            self.timers.add(key, state.next_wake_up_at)

    def take_flush(self) -> Flush:
        """What was collected since the last flush; the partition stays as it is until `committed`."""
        flush = self._flush
        flush.states = self._states.touched()
        flush.pools = self.pools.take_changed()
        flush.products = self.notices.changed()
        flush.baskets = self.baskets.take_changed()
        flush.record = msgspec.msgpack.encode(self.record)
        flush.rules_digest = self.rules.digest
        return flush

    def committed(self, flush: Flush) -> None:
        """The flush is durable."""
        self.customers.committed(flush)
        self._states.committed(flush.states)
        self.notices.committed()
        self._journal = []
        self._flush = Flush()
        self._moved = False

    def _in_line(self, key: str, now: Instant) -> CustomerState:
        """The customer's state, brought in line with the rules if she has not been since they changed."""
        state = self._states.state(key)
        if state.rules_digest == self.rules.digest or self.rules.activation is None:
            return state
        if state.blank or state.alias is not None:
            return state
        self._change_rules(key, now)
        return self._states.state(key)

    def _change_rules(self, key: str, now: Instant) -> None:
        self.inputs_seen += 1
        cause = self.rules.activation
        assert cause is not None, "a marker activated them"
        change = RulesChange(self.rules.activated_at, cause)
        abandoned = None
        try:
            state, effects = step(self.rules, self._states.state(key), change, now)
        except Exception as error:  # as for wake-ups; her runs go on as they were
            self._undo(key)
            abandoned = in_one_line(error)
            self._reject_state(
                key, f"a change of rules could not be applied to this customer: {abandoned}", now
            )
            state, effects = stay_as_is(self.rules, self._states.state(key)), []
        self._note(Applied(key, change, now, abandoned), state, effects)

    def _take_in(self, new: NewCodes, source: Source, now: Instant) -> None:
        try:
            self.pools.add(new.pool, new.codes)
        except PoolFull as error:
            self._reject(Rejected(*source, str(error), None, now))

    def _hear_of_product(self, change: ProductChange, source: Source, now: Instant) -> None:
        rules = self.rules
        try:
            self.notices.tell(change, now, rules.policy.lateness_ms, wanted=rules.notes_interests)
        except Exception as error:  # what is known of it cannot be read
            self._reject(Rejected(*source, in_one_line(error), traceback_digest(error), now))

    def _apply_event(self, event: EventInput, source: Source, passed: Instant, now: Instant) -> None:
        """`passed`: wake-ups due by then come first."""
        key, rules = event.customer_key, self.rules
        try:
            before = self._states.state(key)
            if before.rules_digest != rules.digest:
                before = self._in_line(key, now)
        except StateError as error:  # there is nothing to go back to
            self._reject(Rejected(*source, str(error), None, now))
            return
        known_due_at = before.next_wake_up_at
        if known_due_at is not None and known_due_at <= passed:
            self._wake(key, passed, now)
            before = self._states.state(key)
            known_due_at = None
        try:
            state, effects = step(rules, before, event, now)
        except Exception as error:  # whatever a rule or a record provokes: undo, record, go on
            self._undo(key)
            self._reject(Rejected(*source, in_one_line(error), traceback_digest(error), now))
            return
        if effects and any(isinstance(effect, Decide) for effect in effects):
            self._flush.answered.append(event.received_at)
        self._note(Applied(key, source, now, None), state, effects, known_due_at)

    def _apply_wake_up(self, key: str, wake_up: WakeUp, now: Instant) -> None:
        self.inputs_seen += 1
        abandoned = None
        try:
            state, effects = step(self.rules, self._states.state(key), wake_up, now)
            if state.next_wake_up_at == wake_up.due_at:
                raise RuntimeError(f"the wake-up due at {format_instant(wake_up.due_at)} did not move on")
        except Exception as error:  # as above, but its runs end here, or it would fail for ever
            self._undo(key)
            self.inputs_rejected += 1
            abandoned = in_one_line(error)
            state, effects = abandon(self.rules, self._states.state(key), wake_up, now, abandoned)
        self._note(Applied(key, wake_up, now, abandoned), state, effects)

    def _note(
        self,
        applied: Applied,
        state: CustomerState,
        effects: list[Effect],
        known_due_at: Instant | None = None,
    ) -> None:
        """An input went well: what has to be flushed, and when to look at her again but at `known_due_at`."""
        key = applied.key
        if effects:
            self._carry_out(effects)
            codes = codes_given(effects)
            if codes:
                applied = msgspec.structs.replace(applied, codes=codes)
                self.pools.take(given.pool for given in codes.values())
        self._journal.append(applied)
        self._states.touch(key, state)
        due_at = state.next_wake_up_at
        if due_at is not None and due_at != known_due_at:
            self.timers.add(key, due_at)

    def _carry_out(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, KeepBasket):
                self.baskets.add(effect.basket, self.record.received_max)
            else:
                self._flush.effects.append(effect)

    def _undo(self, key: str) -> None:
        """Rebuild a customer as she was before the failed input; its earlier effects are kept already."""
        state = self._states.committed_state(key)
        for past in self._journal:
            if past.key == key:
                state = again(state, past, self.rules, self.number)
        self._states.put_back(key, state)

    def _reject_state(self, key: str, reason: str, now: Instant) -> None:
        """Nothing of the log is at fault: the dead letter holds the state as it was flushed last."""
        self._reject(
            Rejected(STATE_CHANGELOG, -1, key.encode(), self.customers.get(key) or b"", reason, None, now)
        )

    def _reject(self, rejected: Rejected) -> None:
        self.inputs_rejected += 1
        self._flush.rejected.append(rejected)
