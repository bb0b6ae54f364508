"""What the engine's shell relies on, held against a real Kafka and against the simulator's log alike."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.adapters.conftest import DEADLINE_S, Bench
from trigger_engine.adapters.log_port import Fenced, LogWriter, Row, Transaction


def rows(*values: bytes) -> list[Row]:
    return [(b"k", value, [("h", b"1")]) for value in values]


@asynccontextmanager
async def writer_of(bench: Bench, name: str) -> AsyncIterator[LogWriter]:
    writer = await bench.log.open_writer(name)
    try:
        yield writer
    finally:
        await writer.close()


@asynccontextmanager
async def left_open(writer: LogWriter, topic: str, *values: bytes) -> AsyncIterator[Transaction]:
    """A transaction whose records the log holds. What becomes of it at the end is another test's question."""
    with suppress(Fenced, LookupError):
        async with writer.transaction() as transaction:
            await transaction.append(topic, 0, rows(*values))
            await transaction.written()
            yield transaction
            raise LookupError


async def write(writer: LogWriter, topic: str, *values: bytes, between: "Later | None" = None) -> None:
    """A transaction of these records; `between` is called when the log holds the first of them."""
    async with writer.transaction() as transaction:
        await transaction.append(topic, 0, rows(values[0]))
        if between is not None:
            await transaction.written()
            await between()
        if values[1:]:
            await transaction.append(topic, 0, rows(*values[1:]))


async def test_a_committed_transaction_is_seen_whole_in_every_topic_and_partition(bench: Bench) -> None:
    first, second = await bench.topic(), await bench.topic()
    async with writer_of(bench, bench.name()) as writer, writer.transaction() as transaction:
        await transaction.append(first, 0, rows(b"1", b"2"))
        await transaction.append(second, 1, rows(b"3"))
        await transaction.append(first, 1, rows(b"4"))
    for topic, partition, expected in ((first, 0, [b"1", b"2"]), (second, 1, [b"3"]), (first, 1, [b"4"])):
        await bench.until_end(topic, len(expected) + 1, partition)
        assert await bench.values(topic, partition) == expected
    assert await bench.values(second, 0) == []


async def test_an_open_transaction_is_unseen_and_the_log_ends_at_its_first_record(bench: Bench) -> None:
    topic = await bench.topic()
    await bench.produce(topic, 0, b"before")
    async with (
        writer_of(bench, bench.name()) as writer,
        left_open(writer, topic, b"1", b"2"),
    ):
        assert await bench.values(topic) == [b"before"]
        assert await bench.end(topic) == 1
        assert await bench.log.bounds(topic, 0) == (0, 3)
        assert await bench.log.end_offsets(topic, [0, 1], committed=False) == {0: 3, 1: 0}


async def test_what_others_write_behind_an_open_transaction_waits_for_it(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer:
        async with writer.transaction() as transaction:
            await transaction.append(topic, 0, rows(b"1"))
            await transaction.written()
            await bench.produce(topic, 0, b"behind")
            assert await bench.values(topic) == []
            assert await bench.end(topic) == 0
        await bench.until_end(topic, 3)
        assert await bench.values(topic) == [b"1", b"behind"]


async def test_an_open_transaction_holds_no_other_partition_back(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer, left_open(writer, topic, b"1"):
        await bench.produce(topic, 1, b"beside")
        assert await bench.values(topic, 1) == [b"beside"]
        assert await bench.end(topic, 1) == 1


async def test_an_exception_aborts_and_nothing_of_it_is_ever_seen(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer:
        async with left_open(writer, topic, b"1", b"2"):
            pass
        await bench.until_end(topic, 3)
        assert await bench.values(topic) == []
        await write(writer, topic, b"3")
        await bench.until_end(topic, 5)
        assert [(seen.offset, seen.value) for seen in await bench.committed(topic)] == [(3, b"3")]


async def test_transactions_of_a_writer_follow_each_other_with_a_marker_between(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer:
        await write(writer, topic, b"1", b"2")
        await write(writer, topic, b"3")
        await write(writer, topic, b"4", b"5")
    await bench.until_end(topic, 8)
    seen = await bench.committed(topic)
    assert [one.value for one in seen] == [b"1", b"2", b"3", b"4", b"5"]
    assert [one.offset for one in seen] == [0, 1, 3, 5, 6]
    assert {one.key for one in seen} == {b"k"}


async def test_two_appends_to_one_partition_keep_their_order(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer, writer.transaction() as transaction:
        for number in range(20):
            await transaction.append(topic, 0, rows(str(number).encode()))
    await bench.until_end(topic, 21)
    assert await bench.values(topic) == [str(number).encode() for number in range(20)]


async def test_a_transaction_is_told_where_its_records_end(bench: Bench) -> None:
    """Whatever number of batches they make: a copy of the partition goes on from there."""
    first, second = await bench.topic(), await bench.topic()
    await bench.produce(first, 1, b"before")
    async with writer_of(bench, bench.name()) as writer:
        async with writer.transaction() as transaction:
            await transaction.append(first, 0, rows(*[bytes(100_000)] * 20))
            await transaction.append(second, 0, rows(b"1"))
            assert await transaction.written() == {(first, 0): 20, (second, 0): 1}
            await transaction.append(first, 1, rows(b"1", b"2"))
            await transaction.append(first, 0, rows(b"3"))
            assert await transaction.written() == {(first, 0): 21, (second, 0): 1, (first, 1): 3}
        async with writer.transaction() as transaction:
            await transaction.append(first, 0, rows(b"4"))
            assert await transaction.written() == {(first, 0): 23}, "behind the marker of the one before"


async def test_a_transaction_without_records_changes_nothing(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer:
        async with writer.transaction() as transaction:
            await transaction.append(topic, 0, rows())
        await write(writer, topic, b"1")
    await bench.until_end(topic, 2)
    assert [seen.offset for seen in await bench.committed(topic)] == [0]


async def test_opening_a_name_again_fences_who_held_it(bench: Bench) -> None:
    topic, name = await bench.topic(), bench.name()
    async with writer_of(bench, name) as zombie:
        await write(zombie, topic, b"1")
        async with writer_of(bench, name) as owner:
            with pytest.raises(Fenced):
                await write(zombie, topic, b"zombie")
            await write(owner, topic, b"2")
            await bench.until_end(topic, 4)
            assert await bench.values(topic) == [b"1", b"2"]


async def test_fencing_aborts_the_open_transaction_of_who_held_the_name(bench: Bench) -> None:
    """When opening returns, the end is final: nothing of the former holder comes after."""
    topic, name = await bench.topic(), bench.name()
    async with (
        writer_of(bench, name) as zombie,
        left_open(zombie, topic, b"1", b"2"),
        writer_of(bench, name) as owner,
    ):
        await bench.until_end(topic, 3)
        assert await bench.values(topic) == []
        await write(owner, topic, b"3")
        await bench.until_end(topic, 5)
        assert await bench.values(topic) == [b"3"]


async def test_a_zombie_can_neither_write_on_nor_commit_what_it_had_open(bench: Bench) -> None:
    topic, name = await bench.topic(), bench.name()
    async with writer_of(bench, name) as zombie, writer_of_later(bench, name) as later:
        with pytest.raises(Fenced):
            await write(zombie, topic, b"1", b"2", between=later)
        await write(await later(), topic, b"3")
        await bench.until_end(topic, 4)
        assert await bench.values(topic) == [b"3"]


async def test_a_zombie_that_only_commits_is_fenced_too(bench: Bench) -> None:
    topic, name = await bench.topic(), bench.name()
    async with writer_of(bench, name) as zombie, writer_of_later(bench, name) as later:
        with pytest.raises(Fenced):
            await write(zombie, topic, b"1", between=later)
        await bench.until_end(topic, 2)
        assert await bench.values(topic) == []


async def test_a_zombie_that_is_told_between_two_batches_says_that_it_is_fenced(bench: Bench) -> None:
    """Not that it has no transaction, which is all that a producer says once its own task ended it."""
    topic, name = await bench.topic(), bench.name()
    async with writer_of(bench, name) as zombie, writer_of_later(bench, name) as later:
        with pytest.raises(Fenced):
            await write_on_and_on(zombie, topic, later)


async def write_on_and_on(writer: LogWriter, topic: str, between: "Later") -> None:
    """A transaction that goes on in a second partition, behind `between`, until the log has enough of it."""
    async with writer.transaction() as transaction, asyncio.timeout(DEADLINE_S):
        await transaction.append(topic, 0, rows(b"1"))
        await transaction.written()
        await between()
        while True:
            await transaction.append(topic, 1, rows(b"2"))
            await asyncio.sleep(0.01)


async def test_what_the_former_holder_committed_is_seen_when_opening_returns(bench: Bench) -> None:
    """The take-over reads the changelog right after it, to the end that it is told."""
    topic, name = await bench.topic(), bench.name()
    expected: list[bytes | None] = []
    for number in range(5):
        value = str(number).encode()
        async with writer_of(bench, name) as writer:
            assert await bench.values(topic) == expected
            await write(writer, topic, value)
            expected.append(value)


async def test_other_names_are_not_fenced(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as one, writer_of(bench, bench.name()) as other:
        async with one.transaction() as first, other.transaction() as second:
            await first.append(topic, 0, rows(b"1"))
            await first.written()
            await second.append(topic, 0, rows(b"2"))
        await bench.until_end(topic, 4)
        assert await bench.values(topic) == [b"1", b"2"]


async def test_a_reader_goes_on_where_it_stood_and_ends_at_markers(bench: Bench) -> None:
    topic = await bench.topic()
    reader = await bench.log.open_reader(topic, 0)

    async def new() -> list[bytes | None]:
        return [record.value async for records in reader.read_on() for record in records]

    try:
        assert await new() == []
        async with writer_of(bench, bench.name()) as writer:
            await write(writer, topic, b"1", b"2")
            await bench.until_end(topic, 3)
            assert await new() == [b"1", b"2"]
            assert await new() == []
            await write(writer, topic, b"3")
            await bench.until_end(topic, 5)
            assert await new() == [b"3"]
    finally:
        await reader.close()


async def test_a_reader_begins_where_it_is_told_and_says_where_it_stands(bench: Bench) -> None:
    topic = await bench.topic()
    async with writer_of(bench, bench.name()) as writer:
        await write(writer, topic, b"1", b"2", b"3")
        await bench.until_end(topic, 4)
        reader = await bench.log.open_reader(topic, 0, 1)
        try:
            assert await reader.position() == 1
            seen = [record.value async for records in reader.read_on() for record in records]
            assert seen == [b"2", b"3"]
            assert await reader.position() == 4, "behind the marker"
        finally:
            await reader.close()


async def test_ends_are_told_for_the_partitions_asked_for(bench: Bench) -> None:
    topic = await bench.topic(3)
    await bench.produce(topic, 1, b"1")
    await bench.produce(topic, 1, b"2")
    assert await bench.log.end_offsets(topic, [0, 1]) == {0: 0, 1: 2}
    assert await bench.log.end_offsets(topic, []) == {}


async def test_topics_are_described_and_those_that_do_not_exist_left_out(bench: Bench) -> None:
    three, one = await bench.topic(3), await bench.topic(1)
    described = await bench.log.describe((three, one, "log-suite-missing"))
    assert {name: facts.partitions for name, facts in described.items()} == {three: 3, one: 1}
    assert described == await bench.log.describe((three, one))


async def test_a_topic_that_is_made_again_has_another_id(bench: Bench) -> None:
    topic = await bench.topic()
    before = (await bench.log.describe((topic,)))[topic]
    await bench.make_again(topic)
    after = (await bench.log.describe((topic,)))[topic]
    assert before.id
    assert after.id not in (before.id, None)
    assert after.partitions == before.partitions


@asynccontextmanager
async def writer_of_later(bench: Bench, name: str) -> AsyncIterator["Later"]:
    """A writer to be opened in the middle of something, and closed at the end."""
    later = Later(bench, name)
    try:
        yield later
    finally:
        if later.writer is not None:
            await later.writer.close()


class Later:
    """Opens its writer when called first."""

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench = bench
        self._name = name
        self.writer: LogWriter | None = None

    async def __call__(self) -> LogWriter:
        if self.writer is None:
            self.writer = await self._bench.log.open_writer(self._name)
        return self.writer
