"""A log with two partitions of customers, known ones in the first and devices in the second, as the shell
runs them: each record in a flush of its own, and what a flush writes to the log is read in its turn.

    town = Town(CART)
    town.device("product_added", "0s", cart_id="k1", **product())
    town.both("signed_up", "1m", email="a@example.com")
    town.until("2h")
    town.told  # ["started cart", ...]

A flush can be dropped before it is durable (`kill_at`), as a crash does: the partition begins again from
what was durable before. Times are durations after `T0`.
"""

from typing import Any

import msgspec

from schemas.instants import format_instant
from schemas.keys import record_key
from schemas.records import DecisionRecord, EmailRequestRecord, EventRecord, encode_record
from schemas.topics import EVENTS
from tests.unit.trigger_engine.core.history import at, line, rules_of
from trigger_engine.core.effects import Effect, HandOver
from trigger_engine.core.partition import Partition, PartitionRecord, Rejected
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState, StateError, decode_state, new_state, next_wake_up_of

CUSTOMER = "ada"
DEVICE = "d1"
DEVICE_KEY = f"anon:{DEVICE}"
SWEEP = 2
"""Customers brought in line with new rules in one flush."""


class Town:
    """Both partitions, their log and what became durable."""

    def __init__(
        self, *texts: str, rules: Rules | None = None, kill_at: frozenset[int] = frozenset(), **more: Any
    ) -> None:
        first = rules or rules_of(*texts, **more)
        self.rules = {first.digest: first}
        self.logs: list[list[EventRecord]] = [[], []]
        self.stored: list[dict[str, bytes]] = [{}, {}]
        record = PartitionRecord(next_offsets={EVENTS: 0}, rules_digest=first.digest)
        self.records = [msgspec.msgpack.encode(record)] * 2
        self.partitions = [self._take_over(number) for number in (0, 1)]
        self.effects: list[Effect] = []
        self.rejected: list[Rejected] = []
        self.flushes = 0
        self.events = 0
        self.now = 0
        self._kill_at = kill_at

    def customer(self, type: str, when: str, **more: Any) -> None:
        """An event of the known customer."""
        self.event(type, when, customer_id=more.pop("customer_id", CUSTOMER), **more)

    def device(self, type: str, when: str, **more: Any) -> None:
        """An event of the device alone."""
        self.event(type, when, anonymous_id=more.pop("anonymous_id", DEVICE), **more)

    def both(self, type: str, when: str, **more: Any) -> None:
        """An event that names both, as every event of an SDK does after the login."""
        customer_id, anonymous_id = more.pop("customer_id", CUSTOMER), more.pop("anonymous_id", DEVICE)
        self.event(type, when, customer_id=customer_id, anonymous_id=anonymous_id, **more)

    def event(
        self,
        type: str,
        when: str,
        *,
        id: str | None = None,
        received: str | None = None,
        customer_id: str | None = None,
        anonymous_id: str | None = None,
        then: bool = True,
        **properties: Any,
    ) -> None:
        """An event for the log. `then`: everything that follows from it is done before this returns."""
        self.events += 1
        self.write(
            EventRecord(
                event_id=id or f"e{self.events}",
                type=type,
                occurred_at=format_instant(at(when)),
                received_at=format_instant(at(received or when)),
                source="test",
                customer_id=customer_id,
                anonymous_id=anonymous_id,
                properties=properties,
            )
        )
        self.now = max(self.now, at(received or when))
        if then:
            self.settle()

    def activate(
        self, rules: Rules, when: str, *, numbers: tuple[int, ...] = (0, 1), then: bool = True
    ) -> None:
        """The marker of a rule set, in both partitions or one."""
        self.rules[rules.digest] = rules
        self.now = max(self.now, at(when))
        for number in numbers:
            self.logs[number].append(
                EventRecord(
                    event_id=f"marker-{rules.digest}-{number}",
                    type="rules_activated",
                    occurred_at=format_instant(at(when)),
                    received_at=format_instant(at(when)),
                    source="publish",
                    properties={"digest": rules.digest},
                )
            )
        if then:
            self.settle()

    def write(self, record: EventRecord) -> None:
        """A record into the partition of its key."""
        key = record_key(record.customer_id, record.anonymous_id, None)
        assert key is not None
        self.logs[int(key.startswith("anon:"))].append(record)

    def write_asked(self, customer_id: object) -> None:
        """A question to the device, in the name of `customer_id`."""
        self.write(
            EventRecord(
                event_id=f"ask-{customer_id}",
                type="handover_asked",
                occurred_at=format_instant(self.now),
                received_at=format_instant(self.now),
                source="test",
                anonymous_id=DEVICE,
                properties={"customer_id": customer_id},
            )
        )

    def settle(self) -> None:
        """Read both logs to their ends, what they write for each other included; then sweep."""
        while any(self._read_one(number) for number in (0, 1)) or any(
            self._sweep(number) for number in (0, 1)
        ):
            pass

    def until(self, when: str) -> None:
        """Let time pass; each wake-up comes at its own time."""
        end = at(when)
        while (due_at := min(one.timers.next_due_at for one in self.partitions)) <= end:
            self.now = max(self.now, due_at)
            for number in (0, 1):
                if self.partitions[number].fire_due(self.now, self.now):
                    self._flush(number)
            self.settle()
        self.now = max(self.now, end)

    def restart(self, number: int) -> None:
        """The partition begins again from what is stored."""
        self.partitions[number] = self._take_over(number)

    def state(self, key: str) -> CustomerState:
        """As it is stored."""
        data = self.stored[int(key.startswith("anon:"))].get(key)
        return new_state(key) if data is None else decode_state(data)

    @property
    def told(self) -> list[str]:
        """Decisions and requests, as short lines."""
        return [line(effect) for effect in self.effects if not isinstance(effect, HandOver)]

    @property
    def decisions(self) -> list[DecisionRecord]:
        return [effect.record for effect in self.effects if isinstance(effect.record, DecisionRecord)]

    @property
    def requests(self) -> list[EmailRequestRecord]:
        return [effect.record for effect in self.effects if isinstance(effect.record, EmailRequestRecord)]

    @property
    def handed(self) -> list[EventRecord]:
        """What the partitions wrote to each other's logs."""
        return [effect.record for effect in self.effects if isinstance(effect, HandOver)]

    def types(self, *wanted: str) -> list[str]:
        """The types of what they wrote to each other, as `type key`."""
        return [
            f"{record.type} {record_key(record.customer_id, record.anonymous_id, None)}"
            for record in self.handed
            if not wanted or record.type in wanted
        ]

    def _read_one(self, number: int) -> bool:
        partition, log = self.partitions[number], self.logs[number]
        offset = partition.next_offset(EVENTS)
        assert offset is not None
        if offset == len(log):
            return False
        value = encode_record(log[offset])
        partition.apply_record(EVENTS, offset, None, value, self.now)
        digest = partition.activates_rules(value)
        if digest is not None:
            partition.advance(EVENTS, offset)
            if not self._flush(number):
                return True
            partition.activate(self.rules[digest])
        partition.advance(EVENTS, offset + 1)
        self._flush(number)
        return True

    def _sweep(self, number: int) -> bool:
        if not self.partitions[number].sweep(self.now, SWEEP):
            return False
        self._flush(number)
        return True

    def _flush(self, number: int) -> bool:
        """False: killed, nothing became durable."""
        self.flushes += 1
        flush = self.partitions[number].take_flush()
        if self.flushes in self._kill_at:
            self.partitions[number] = self._take_over(number)
            return False
        for effect in flush.effects:
            if isinstance(effect, HandOver):
                self.write(effect.record)
        self.effects += flush.effects
        self.rejected += flush.rejected
        for key, data in flush.states:
            if data is None:
                self.stored[number].pop(key, None)
            else:
                self.stored[number][key] = data
        self.records[number] = flush.record
        self.partitions[number].committed(flush)
        return True

    def _take_over(self, number: int) -> Partition:
        stored = dict(self.stored[number])
        wake_ups = {key: due for key, data in stored.items() if (due := _due_of(data)) is not None}
        record = msgspec.msgpack.decode(self.records[number], type=PartitionRecord)
        return Partition(number, stored, record, self.rules[record.rules_digest], wake_ups)


def _due_of(data: bytes) -> int | None:
    """As the shell's take-over does, but that broken bytes are not looked at."""
    try:
        return next_wake_up_of(data)
    except StateError:
        return None
