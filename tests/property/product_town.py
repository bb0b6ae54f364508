"""Some partitions with customers and products over logs in plain lists, and the reference model of notices
beside them.

What a flush holds is written where the shell would write it (`portions_of`); a partition that crashes loses
what it has not flushed and begins again from its changelog. At the end everything is worked off, and what
lies on the logs is held against the model.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from schemas.instants import parse_instant
from schemas.records import decode_event, decode_interest
from schemas.topics import EVENTS, INTERESTS, STATE_CHANGELOG
from tests.fixtures.engine_cases import event, rule_set
from tests.fixtures.products import ON_NOTICE, deleted, entry_of, told
from tests.model.notices import Did, Drained, Duty, Interest, ProductHistory, Told, written_by
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.adapters.takeover import restored_from
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core.partition import Partition, PartitionRecord
from trigger_engine.core.rules import load_rules
from trigger_engine.core.state import next_wake_up_of

RULES = load_rules(rule_set(ON_NOTICE))
Place = tuple[str, int]


class ProductTown:
    """`moves` change it; `verdict` works everything off and compares."""

    def __init__(self, partitions: int, start: int) -> None:
        self.count = partitions
        self.now = start
        self.logs: dict[Place, list[tuple[bytes, bytes | None]]] = defaultdict(list)
        self.rejected = 0
        self.broken = 0
        self._numbers = 0
        self._partitions = [self._taken_over(number) for number in range(partitions)]
        self._histories = [ProductHistory() for _ in range(partitions)]
        self._committed = [0] * partitions
        self._did: dict[str, list[Did]] = defaultdict(list)
        self._wanted: dict[tuple[str, int], list[tuple[str, str, int]]] = defaultdict(list)
        self._erased_at: dict[str, int] = {}

    def does(self, customer: str, type: str, product: str, back: int) -> None:
        """A customer does something with a product, some time ago."""
        at = self.now - back
        properties: dict[str, Any] = {"product_id": product}
        if type == "order_completed":
            properties = {"products": [{"product_id": product}, {"product_id": "p-other"}, "junk"]}
        self._write(
            EVENTS, customer, event(type, customer, self._id(), at, received_at=self.now, **properties)
        )
        if at <= self._erased_at.get(customer, -1):
            return
        if type == "customer_erased":
            self._erased_at[customer] = at
        did = Did(type, at, product, (product, "p-other"))
        self._did[customer].append(did)
        for record in written_by(self._did[customer]):
            self._wanted[customer, self._home(f"product:{record[1]}")].append(record)

    def tells(self, product: str, back: int, backfill: bool, values: Mapping[str, Any]) -> None:
        """The shop tells of a product."""
        value = told(product, self._id(), self.now - back, backfill=backfill, **values)
        self._write(EVENTS, f"product:{product}", value)

    def deletes(self, product: str) -> None:
        self._write(EVENTS, f"product:{product}", deleted(product, self._id(), self.now))

    def breaks(self, product: str) -> None:
        """A change of a product that nobody can read, and an interest."""
        self._write(EVENTS, f"product:{product}", told(product, self._id(), self.now, price="dear"))
        self._write(INTERESTS, f"product:{product}", b'{"action": "note"}')
        self.broken += 2

    def reads(self, number: int, events: int, interests: int) -> None:
        """A partition reads on in both of its logs."""
        partition = self._partitions[number]
        for topic, most in ((EVENTS, events), (INTERESTS, interests)):
            start = partition.next_offset(topic) or 0
            records = self.logs[topic, number][start : start + most]
            for offset, (key, value) in enumerate(records, start):
                assert value is not None
                if topic == EVENTS:
                    assert partition.apply_record(topic, offset, key, value, self.now)
                else:
                    partition.apply_interest(topic, offset, key, value, self.now)
                self._note(number, topic, value)
                partition.advance(topic, offset + 1)

    def tells_some(self, number: int, limit: int) -> None:
        """A slice of a fan-out, whatever it may begin."""
        partition = self._partitions[number]
        partition.fan_out(limit, self.now, queued=partition.notices.queued)

    def flushes(self, number: int) -> None:
        partition = self._partitions[number]
        if partition.dirty:
            flush = partition.take_flush()
            self.rejected += len(flush.rejected)
            for topic, home, rows in portions_of(flush, number, self.count):
                self.logs[topic, home].extend((key or b"", value) for key, value, _ in rows)
            partition.committed(flush)
            self._committed[number] = len(self._histories[number].given)

    def crashes(self, number: int) -> None:
        """What was not flushed is gone; another owner begins."""
        self._partitions[number] = self._taken_over(number)
        del self._histories[number].given[self._committed[number] :]

    def passes(self, time: int) -> None:
        self.now += time

    def drains(self) -> None:
        """Everything is read, worked off and flushed."""
        busy = True
        while busy:
            busy = False
            for number, partition in enumerate(self._partitions):
                self.reads(number, 1_000, 1_000)
                while partition.fan_out(3, self.now, queued=partition.notices.queued):
                    self.flushes(number)
                busy = busy or partition.dirty
                self.flushes(number)
        for number, history in enumerate(self._histories):
            history.given.append(Drained())
            self._committed[number] = len(history.given)

    def verdict(self) -> int:
        """Compare; how many notices there were."""
        self.drains()
        assert self.rejected == self.broken
        self._compare_interests()
        found = self._notices()
        duties = [duty for history in self._histories for duty in history.duties()]
        given = Counter(found[event_id]["event"] for event_id in found)
        for duty in duties:
            self._compare(duty, found)
        assert not found, "nobody else was told of anything"
        return given.total()

    def _compare(self, duty: Duty, found: dict[str, dict[str, Any]]) -> None:
        mine = {event_id for event_id in duty.ids(duty.may) if event_id in found}
        for event_id in mine:
            assert found.pop(event_id)["properties"] == duty.properties
        owed = duty.ids(duty.must)
        if duty.ended:
            return
        assert owed <= mine or (duty.optional and not mine), (duty.news, duty.kind)

    def _compare_interests(self) -> None:
        found: dict[tuple[str, int], list[tuple[str, str, int]]] = defaultdict(list)
        for (topic, number), records in self.logs.items():
            for key, value in records if topic == INTERESTS else ():
                if value != b'{"action": "note"}':
                    interest = decode_interest(value or b"")
                    assert key == f"product:{interest.product_id}".encode()
                    record = (interest.action, interest.product_id, parse_instant(interest.occurred_at))
                    found[interest.customer_id, number].append(record)
        assert found == {place: records for place, records in self._wanted.items() if records}

    def _notices(self) -> dict[str, dict[str, Any]]:
        """By id; raw, as they lie on the logs."""
        found: dict[str, dict[str, Any]] = {}
        for (topic, number), records in self.logs.items():
            for key, value in records if topic == EVENTS else ():
                read = decode_event(value or b"")
                if read.type == "product_notice":
                    assert read.event_id not in found, "told twice"
                    assert (read.customer_id or "").encode() == key
                    assert self._home(key.decode()) == number
                    found[read.event_id] = {"event": read.event_id, "properties": read.properties}
        return found

    def _note(self, number: int, topic: str, value: bytes) -> None:
        """Tell the model of a record of a product."""
        given = self._histories[number].given
        if topic == INTERESTS:
            if value != b'{"action": "note"}':
                one = decode_interest(value)
                at = parse_instant(one.occurred_at)
                given.append(Interest(one.action, one.product_id, one.customer_id, at))
            return
        read = decode_event(value)
        if read.type not in ("product_updated", "product_deleted") or read.properties.get("price") == "dear":
            return
        assert read.product_id is not None
        entry = dict(read.properties) if read.type == "product_updated" else None
        at = parse_instant(read.occurred_at)
        given.append(Told(read.event_id, read.product_id, at, entry, not read.backfill))

    def _taken_over(self, number: int) -> Partition:
        latest: dict[str, bytes] = {}
        for key, value in self.logs[STATE_CHANGELOG, number]:
            if value is None:
                latest.pop(key.decode(), None)
            else:
                latest[key.decode()] = value
        taken = restored_from(latest)
        record = taken.record if taken.record.next_offsets else PartitionRecord(rules_digest=RULES.digest)
        dues = {key: due for key, data in latest.items() if (due := next_wake_up_of(data)) is not None}
        return Partition(number, latest, record, RULES, dues, products=taken.products, baskets=taken.baskets)

    def _write(self, topic: str, key: str, value: bytes) -> None:
        self.logs[topic, self._home(key)].append((key.encode(), value))

    def _home(self, key: str) -> int:
        return partition_of(key.encode(), self.count)

    def _id(self) -> str:
        self._numbers += 1
        return f"e{self._numbers}"


__all__ = ["ProductTown", "entry_of"]
