"""Baskets and snapshots of a partition: part of its flushes, and restored at a take-over."""

from typing import Any

import msgspec
import pytest

from schemas.instants import DAY_MS, HOUR_MS, format_instant
from schemas.records import EventRecord, SnapshotProductRecord, SnapshotRecord, encode_record
from schemas.topics import EVENTS, SNAPSHOTS, STATE_CHANGELOG
from tests.fixtures.engine_cases import T0, event, profile
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from tests.unit.trigger_engine.core.history import rules_of
from trigger_engine.adapters.state_store import MemoryStore
from trigger_engine.adapters.takeover import read_changelog
from trigger_engine.adapters.transaction import portions_of
from trigger_engine.core import journal
from trigger_engine.core import partition as partition_module
from trigger_engine.core.basket_ring import BASKET_KEY_PREFIX
from trigger_engine.core.flush import Flush, PartitionRecord
from trigger_engine.core.markers import activated_snapshot
from trigger_engine.core.partition import Partition
from trigger_engine.core.parts import Part, decode_part
from trigger_engine.core.rules import Rules
from trigger_engine.core.snapshot import Snapshot

RULES = rules_of(
    """
id: news
status: live
kind: marketing
when: {event: article_read}
steps: [{mail: news}]
""",
    shows="{{ recommended.reason }}",
)


def snapshot_of(*products: str, version: str = "v1") -> Snapshot:
    return Snapshot(
        SnapshotRecord(
            version=version,
            made_at="2026-03-01T00:00:00.000Z",
            orders=1,
            products=[SnapshotProductRecord(product_id=each, name=each, orders=1) for each in products],
            best_sellers=list(products),
        )
    )


class Desk:
    """A partition that is fed records one after the other, flushed and taken over."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.partition = Partition(0, {}, PartitionRecord(next_offsets={EVENTS: 0}), rules, {})
        self.rows: list[Any] = []
        self.offset = 0

    def take(self, *values: bytes) -> None:
        for value in values:
            assert self.partition.apply_record(EVENTS, self.offset, b"k", value, T0)
            self.offset += 1
            self.partition.advance(EVENTS, self.offset)

    def flush(self) -> Flush:
        flush = self.partition.take_flush()
        self.rows += [
            row
            for portion in portions_of(flush, 0, 1)
            if portion.topic == STATE_CHANGELOG
            for row in portion.rows
        ]
        self.partition.committed(flush)
        return flush

    async def take_over(self, snapshot: Snapshot | None = None) -> None:
        """As another worker does, from what stands in the changelog."""
        broker = MemoryBroker({STATE_CHANGELOG: 1})
        for row in self.rows:
            broker.produce(STATE_CHANGELOG, 0, row)
        store = MemoryStore(lambda: T0)
        restored = await read_changelog(MemoryLog(broker), 0, store)
        self.partition = Partition(
            0,
            store,
            restored.record,
            RULES,
            {},
            restored.pools,
            baskets=restored.baskets,
            snapshot=snapshot,
        )

    def part(self, now: int = T0) -> Part | None:
        """What it counts now."""
        if not self.partition.count_baskets(now, HOUR_MS):
            return None
        data = self.flush().part
        assert data is not None
        return decode_part(data)


def order(customer: str, event_id: str, *products: str, **more: Any) -> bytes:
    lines = [{"product_id": each} for each in products]
    return event("order_completed", customer, event_id, products=lines, **more)


def marker(version: object) -> bytes:
    return encode_record(
        EventRecord(
            event_id="m",
            type="snapshot_activated",
            occurred_at="2026-03-02T09:00:00.000Z",
            received_at="2026-03-02T09:00:00.000Z",
            source="engine",
            properties={"version": version},
        )
    )


def test_orders_of_all_customers_are_counted() -> None:
    desk = Desk()
    desk.take(order("ada", "1", "tea", "mug"), order("bob", "2", "tea"), order("ada", "3"))
    part = desk.part()
    assert part == Part(2, [("tea", 2), ("mug", 1)], [(1, 0, 1)])
    assert desk.part() is None


def test_an_order_that_came_before_is_counted_once() -> None:
    desk = Desk()
    desk.take(order("ada", "1", "tea"), order("ada", "1", "tea"))
    desk.flush()
    desk.take(order("ada", "1", "tea"))
    assert desk.part() == Part(1, [("tea", 1)], [])


def test_history_counts_and_what_is_too_old_does_not() -> None:
    desk = Desk()
    for name, days in (("recent", 29), ("old", 30)):
        record = msgspec.json.decode(order("ada", name, name))
        occurred_at = format_instant(T0 - days * DAY_MS)
        desk.take(msgspec.json.encode({**record, "occurred_at": occurred_at, "backfill": True}))
    assert desk.part() == Part(1, [("recent", 1)], [])


def test_a_flush_holds_the_baskets_beside_the_customers() -> None:
    desk = Desk()
    desk.take(order("ada", "1", "tea"))
    flush = desk.flush()
    assert [key for key, _ in flush.baskets] == [f"{BASKET_KEY_PREFIX}0"]
    assert [row[0] for row in desk.rows][1:-1] == [f"{BASKET_KEY_PREFIX}0".encode()]
    assert desk.flush().baskets == []


def test_a_part_goes_to_its_topic_with_the_flush() -> None:
    desk = Desk()
    desk.take(order("ada", "1", "tea"))
    assert desk.partition.count_baskets(T0, HOUR_MS)
    flush = desk.partition.take_flush()
    (portion,) = [each for each in portions_of(flush, 3, 8) if each.topic == SNAPSHOTS]
    assert (portion.partition, list(portion.rows)) == (0, [(b"part:3", flush.part, [])])


async def test_a_take_over_restores_baskets_and_counts_on() -> None:
    desk = Desk()
    desk.take(order("ada", "1", "tea"), order("bob", "2", "tea", "mug"))
    desk.flush()
    await desk.take_over()
    assert set(desk.partition.customers.keys_after("")) == {"ada", "bob"}
    desk.take(order("eve", "3", "mug"))
    assert desk.part() == Part(3, [("mug", 2), ("tea", 2)], [(0, 1, 1)])
    await desk.take_over()
    assert desk.part() is None
    desk.take(order("eve", "4", "mug"))
    later = desk.part(T0 + HOUR_MS)
    assert later is not None
    assert later.orders == 4


def test_an_order_that_fails_leaves_no_basket_and_doubles_none(monkeypatch: pytest.MonkeyPatch) -> None:
    real = partition_module.step

    def failing(rules: Any, state: Any, given: Any, now: int) -> Any:
        result = real(rules, state, given, now)
        if getattr(given, "event_id", "") == "2":
            raise RuntimeError("planted")
        return result

    monkeypatch.setattr(partition_module, "step", failing)
    desk = Desk()
    desk.take(order("ada", "1", "tea"), order("ada", "2", "mug"), order("ada", "3", "cup"))
    part = desk.part()
    assert part is not None
    assert dict(part.products) == {"tea": 1, "cup": 1}


def test_a_device_that_became_somebodys_is_counted_at_her_once() -> None:
    desk = Desk()
    device = msgspec.json.decode(order("ada", "1", "tea"))
    desk.take(msgspec.json.encode({**device, "customer_id": None, "anonymous_id": "d1"}))
    asked = {
        **device,
        "event_id": "asked",
        "type": "handover_asked",
        "customer_id": None,
        "anonymous_id": "d1",
        "properties": {"customer_id": "ada"},
    }
    desk.take(msgspec.json.encode(asked))
    late = {**device, "event_id": "2", "customer_id": None, "anonymous_id": "d1"}
    desk.take(msgspec.json.encode(late))
    told = [effect.record for effect in desk.flush().effects]
    forwarded = [each for each in told if isinstance(each, EventRecord)]
    assert [each.type for each in forwarded] == ["handover_state", "order_completed"]
    desk.take(*map(encode_record, forwarded))
    part = desk.part()
    assert part is not None
    assert part.orders == 2


@pytest.mark.parametrize(
    ("value", "version"),
    [
        (marker("v1"), "v1"),
        (marker(""), None),
        (marker(7), None),
        (event("page_viewed", "ada", "1", note='"snapshot_activated"'), None),
        (b'"snapshot_activated"', None),
    ],
)
def test_only_a_marker_that_names_a_version_activates_one(value: bytes, version: str | None) -> None:
    assert activated_snapshot(value) == version


async def test_a_snapshot_counts_from_its_marker_on_and_over_a_take_over() -> None:
    desk = Desk()
    desk.take(profile("ada", "p"), event("article_read", "ada", "1"))
    first = snapshot_of("tea")
    assert "recommended" not in recommended(desk)
    desk.take(marker("v1"))
    desk.partition.activate_snapshot(first)
    desk.take(event("article_read", "ada", "2"))
    assert recommended(desk)["recommended"]["snapshot"] == "v1"
    assert desk.partition.record.snapshot_version == "v1"
    await desk.take_over(first)
    assert desk.partition.record.snapshot_version == "v1"
    desk.take(event("article_read", "ada", "3"))
    assert recommended(desk)["recommended"]["items"][0]["product_id"] == "tea"


def test_other_rules_keep_the_snapshot() -> None:
    desk = Desk()
    desk.partition.activate_snapshot(snapshot_of("tea"))
    desk.partition.activate(
        rules_of("id: other\nstatus: live\nkind: marketing\nwhen: {event: seen}\nsteps: [{mail: m}]")
    )
    snapshot = desk.partition.rules.snapshot
    assert snapshot is not None
    assert snapshot.version == "v1"


def test_a_customer_rebuilt_after_a_failed_input_is_recommended_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.partition.activate_snapshot(snapshot_of("tea"))
    desk.flush()
    seen: list[str | None] = []
    real = partition_module.step

    def watched(rules: Rules, state: Any, given: Any, now: int) -> Any:
        seen.append(rules.snapshot and rules.snapshot.version)
        if getattr(given, "event_id", "") == "bad":
            raise RuntimeError("planted")
        return real(rules, state, given, now)

    monkeypatch.setattr(partition_module, "step", watched)
    monkeypatch.setattr(journal, "step", watched)
    desk.take(profile("ada", "p"), event("article_read", "ada", "1"), event("article_read", "ada", "bad"))
    assert set(seen) == {"v1"}
    assert len(seen) == 5


def recommended(desk: Desk) -> dict[str, Any]:
    """The data of the last mail that is asked for."""
    requests = [effect.record for effect in desk.flush().effects if type(effect).__name__ == "RequestMail"]
    return requests[-1].data  # type: ignore[union-attr]
