"""The writer's second source, and the fan-outs that it works off: nothing is told before what was written is
read, and how far each of the two logs is read stands for itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest

from schemas.instants import format_instant
from schemas.records import InterestRecord, encode_record
from schemas.topics import EVENTS, INTERESTS
from tests.fixtures.engine_cases import T0, profile, rule_set
from tests.fixtures.products import ON_NOTICE, told
from tests.simulation.memory_log import MemoryBroker, MemoryLog
from tests.unit.trigger_engine.shell.test_partition_writer import Record, Shell, running, until
from trigger_engine import app as app_module
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.interest_feed import InterestFeed
from trigger_engine.core.flush import PartitionRecord
from trigger_engine.core.rules import load_rules

RULES = load_rules(rule_set(ON_NOTICE))


def noted(customer: str, action: str = "note") -> bytes:
    return encode_record(InterestRecord(f"i-{customer}", customer, "p1", action, format_instant(T0)))


async def interests(shell: Shell, *values: bytes, start: int, end: int | None = None) -> None:
    """A batch of the second source, applied."""
    records = [Record(start + number, value) for number, value in enumerate(values)]
    done = asyncio.Event()
    batch = Batch(INTERESTS, 0, start, start + len(values) if end is None else end, list(records))
    await shell.writer.submit(batch, done.set)
    async with asyncio.timeout(5):
        await done.wait()


def counted(shell: Shell, name: str, **labels: str) -> float:
    return shell.writer._metrics.registry.get_sample_value(name, labels) or 0.0


def customers(shell: Shell) -> list[str | None]:
    return [notice.customer_id for flush in shell.flushes for notice in flush.notices]


BACK = (told("p1", "e1", stock=0), told("p1", "e2", stock=1))


async def test_each_source_has_a_position_of_its_own() -> None:
    async with running(rules=RULES, next_offset=40) as shell:
        await interests(shell, noted("ada"), noted("bob"), start=0, end=5)
        assert (shell.writer.next_offset, shell.writer.next_interest) == (40, 5)
        await shell.read(profile("ada", "1"), start=40)
        assert (shell.writer.next_offset, shell.writer.next_interest) == (41, 5)
        record = msgspec.msgpack.decode(shell.flushes[-1].record, type=PartitionRecord)
        assert record.next_offsets == {EVENTS: 41, INTERESTS: 5}


async def test_interests_are_held_against_the_record_too() -> None:
    async with running(rules=RULES) as shell:
        await interests(shell, noted("ada"), noted("bob"), start=0)
        await interests(shell, noted("ada", "drop"), start=0)
        await interests(shell, noted("bob", "drop"), noted("cem"), start=1)
        await interests(shell, noted("dua"), start=9)
        assert shell.acts.count("seek 3") == 1
        assert shell.writer.next_interest == 3
        shell.writer.interests_ended(0, 0)
        await shell.read(*BACK, start=0)
        shell.writer.interests_ended(1, 3)
        await until(lambda: sorted(filter(None, customers(shell))) == ["ada", "bob", "cem"])


async def test_a_fan_out_waits_for_the_end_of_the_interests_as_it_was_when_the_product_changed() -> None:
    async with running(rules=RULES) as shell:
        shell.writer.interests_ended(0, 0)
        await interests(shell, noted("ada"), start=0)
        await shell.read(*BACK, start=0)
        await asyncio.sleep(0)
        assert customers(shell) == [], "the end was asked before the product changed"
        assert not shell.writer.settled(T0)
        shell.writer.interests_ended(1, 2)
        await asyncio.sleep(0)
        assert customers(shell) == [], "the end is not read yet"
        await interests(shell, noted("bob"), start=1)
        await until(lambda: len(customers(shell)) == 2)
        await until(lambda: shell.writer.settled(T0))
        assert counted(shell, "tetik_product_notices_total", kind="back_in_stock") == 2


async def test_behind_the_interests_nothing_is_settled() -> None:
    async with running(rules=RULES) as shell:
        await shell.read(profile("ada", "1"), start=0)
        assert shell.writer.settled(T0)
        shell.writer.interests_ended(0, 1)
        assert not shell.writer.settled(T0)
        await interests(shell, noted("ada"), start=0)
        assert shell.writer.settled(T0)


async def test_a_slice_is_one_flush_and_events_are_read_between_slices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_module, "FAN_OUT_PER_FLUSH", 2)
    async with running(rules=RULES) as shell:
        await interests(shell, *(noted(f"c{number}") for number in range(5)), start=0)
        await shell.writer.pause()
        await shell.read(*BACK, start=0)
        shell.writer.interests_ended(1, 5)
        assert customers(shell) == [], "others may be taking over"
        before = len(shell.flushes)
        shell.writer.resume()
        await until(lambda: len(customers(shell)) == 5)
        slices = [flush for flush in shell.flushes[before:] if flush.notices]
        assert [len(flush.notices) for flush in slices] == [2, 2, 1]
        assert all(flush.products for flush in slices), "the cursor is part of it"
        await until(lambda: shell.writer.settled(T0))


async def test_interests_that_come_during_a_rebalance_are_left_to_be_read_again() -> None:
    """Nobody drains them before it, as Faust does with the events: what is written then may be another's."""
    async with running(rules=RULES) as shell:
        await shell.writer.pause()
        await interests(shell, noted("ada"), start=0)
        assert (shell.writer.next_interest, shell.flushes) == (0, [])
        shell.writer.resume()
        await interests(shell, noted("ada"), start=0)
        assert shell.writer.next_interest == 1


async def test_what_cannot_be_read_is_a_dead_letter_of_its_topic() -> None:
    async with running(rules=RULES) as shell:
        await interests(shell, b"junk", noted("ada"), b'{"action": "note"}', start=0)
        assert [(one.topic, one.offset) for one in shell.flushes[0].rejected] == [
            (INTERESTS, 0),
            (INTERESTS, 2),
        ]
        await shell.read(told("p1", "e1", price="dear"), start=0)
        (letter,) = shell.flushes[1].rejected
        assert (letter.topic, letter.offset) == (EVENTS, 0)
        assert "product_updated holds no entry of the catalogue" in letter.reason


async def test_a_product_that_cannot_be_told_of_is_a_dead_letter_and_the_next_one_is_told() -> None:
    async with running(rules=RULES) as shell:
        await interests(shell, noted("ada"), start=0)
        store = shell.writer.partition.notices._store
        store.records["tetik:interest:p1:0"] = b"broken"
        await shell.read(*BACK, start=0)
        shell.writer.interests_ended(1, 1)
        await until(lambda: shell.writer.settled(T0))
        (letter,) = shell.flushes[-1].rejected
        assert letter.key == b"tetik:fan-out:p1"
        assert letter.reason.startswith("the customers of this product could not be told: ")
        assert ("tetik:fan-out:p1", None) in shell.flushes[-1].products


class Taken:
    """A writer that notes what a feed brings."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.busy = False
        self.flushes = 0
        self.next_interest = 0

    async def submit(self, batch: Batch, acknowledge: object) -> None:
        self.batches.append(batch)
        self.next_interest = max(self.next_interest, batch.end)


@asynccontextmanager
async def feeding(log: MemoryLog, writer: Taken) -> AsyncIterator[InterestFeed]:
    feed = InterestFeed(log, 0, writer)
    task = asyncio.create_task(feed.run())
    try:
        yield feed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def spans(writer: Taken) -> list[tuple[int, int, int]]:
    return [(batch.start, batch.end, len(batch.records)) for batch in writer.batches]


async def test_a_feed_begins_where_the_record_stands_and_follows_the_log() -> None:
    broker = MemoryBroker({INTERESTS: 1})
    for number in range(5):
        broker.produce(INTERESTS, 0, (b"k", b"%d" % number, []))
    writer = Taken()
    writer.next_interest = 3
    async with feeding(MemoryLog(broker), writer) as feed:
        feed.log_ended(3)
        await until(lambda: not feed._news.is_set())
        assert writer.batches == [], "there is nothing to be read"
        feed.log_ended(5)
        await until(lambda: spans(writer) == [(3, 5, 2)])
        broker.produce(INTERESTS, 0, (b"k", b"5", []))
        feed.log_ended(6)
        await until(lambda: spans(writer) == [(3, 5, 2), (5, 6, 1)])


async def test_a_feed_that_is_to_read_again_begins_where_the_record_stands_then() -> None:
    broker = MemoryBroker({INTERESTS: 1})
    for number in range(4):
        broker.produce(INTERESTS, 0, (b"k", b"%d" % number, []))
    writer = Taken()
    async with feeding(MemoryLog(broker), writer) as feed:
        feed.log_ended(4)
        await until(lambda: spans(writer) == [(0, 4, 4)])
        writer.next_interest = 1
        feed.reopen()
        await until(lambda: spans(writer)[1:] == [(1, 4, 3)])
        assert feed.next_offset == 4
