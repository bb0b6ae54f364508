"""The writer: what it applies, drops, asks for again, and in which order things become durable."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from schemas.topics import EVENTS, INTERESTS
from tests.fixtures.engine_cases import CONFIRMATION, HOUR, T0, added, marker, ordered, profile, rule_set
from trigger_engine import app as app_module
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.app import PartitionWriter
from trigger_engine.core.partition import Flush, Partition, PartitionRecord
from trigger_engine.core.rules import NO_RULES, Rules, load_rules

RULES = load_rules(rule_set())


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes | None
    key: bytes | None = b"k"


def recorded(offset: int, value: bytes) -> Record:
    """Markers have no key."""
    return Record(offset, value, None if b'_activated"' in value else b"k")


@dataclass
class Shell:
    """A writer on a log in memory; `acts` is the order in which things happened."""

    writer: PartitionWriter
    now: list[int]
    acts: list[str] = field(default_factory=list)
    flushes: list[Flush] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None
    other_rules: Rules = RULES

    async def commit(self, flush: Flush) -> None:
        self.acts.append("commit")
        self.flushes.append(flush)

    async def close(self) -> None:
        self.acts.append("close")

    async def seek(self, topic: str, partition: int, offset: int) -> None:
        self.acts.append(f"seek {offset}")

    async def rules_of(self, digest: str) -> Rules:
        self.acts.append("read rules")
        return self.other_rules

    async def read(self, *values: bytes, start: int, end: int | None = None) -> None:
        records = [recorded(start + number, value) for number, value in enumerate(values)]
        batch = Batch(EVENTS, 0, start, start + len(values) if end is None else end, list(records))
        done = asyncio.Event()

        def acknowledge() -> None:
            self.acts.append("acknowledge")
            done.set()

        await self.writer.submit(batch, acknowledge)
        async with asyncio.timeout(5):
            await done.wait()


@asynccontextmanager
async def running(
    next_offset: int = 0, rules: Rules = RULES, rejected_max: int = 100
) -> AsyncIterator[Shell]:
    now = [T0]
    partition = Partition(0, {}, PartitionRecord(next_offsets={EVENTS: next_offset, INTERESTS: 0}), rules, {})
    shell = Shell(None, now)  # type: ignore[arg-type]  # set in the next statement
    shell.writer = PartitionWriter(
        partition,
        shell,
        topic=EVENTS,
        now=lambda: now[0],
        rules_of=shell.rules_of,
        seek=shell.seek,
        metrics=EngineMetrics(),
        rejected_max=rejected_max,
    )
    task = shell.task = asyncio.create_task(shell.writer.run())
    try:
        yield shell
    finally:
        await shell.writer.close()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def test_a_batch_is_durable_before_it_is_acknowledged() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), ordered("ada", "2"), start=0)
        assert shell.acts == ["commit", "acknowledge"]
        assert shell.writer.next_offset == 2


async def test_a_batch_wholly_below_the_partition_record_is_dropped() -> None:
    async with running(next_offset=10) as shell:
        await shell.read(profile("ada", "1"), start=3, end=10)
        assert shell.acts == ["acknowledge"]
        assert shell.writer.next_offset == 10


async def test_a_batch_that_overlaps_is_cut() -> None:
    async with running(next_offset=1) as shell:
        await shell.read(ordered("ada", "1"), profile("ada", "2"), ordered("ada", "3"), start=0)
        assert shell.writer.partition.inputs_seen == 2
        assert shell.writer.next_offset == 3


async def test_a_gap_is_read_again_from_where_we_stand_and_once_only() -> None:
    async with running(next_offset=5) as shell:
        await shell.read(profile("ada", "1"), start=9)
        await shell.read(profile("ada", "2"), start=10)
        assert shell.acts == ["seek 5", "acknowledge", "acknowledge"]
        await shell.read(profile("ada", "3"), start=5)
        assert shell.writer.next_offset == 6


async def test_a_span_without_records_moves_the_position() -> None:
    async with running() as shell:
        await shell.read(start=0, end=7)
        assert shell.writer.next_offset == 7
        assert shell.acts == ["acknowledge"]


async def test_what_came_before_a_marker_is_flushed_by_the_old_rules() -> None:
    async with running(rules=NO_RULES) as shell:
        await shell.read(profile("ada", "1"), marker(RULES.digest), ordered("ada", "2"), start=0)
        await until(lambda: shell.acts[-1] == "commit")  # the sweep's, which finds nobody
        assert shell.acts == ["commit", "read rules", "commit", "acknowledge", "commit"]
        before, after, _ = shell.flushes
        assert (before.rules_digest, before.effects) == (NO_RULES.digest, [])
        assert after.rules_digest == RULES.digest
        assert len(after.effects) == 3


async def test_after_a_marker_who_has_runs_is_told_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trigger is gone: every run of it ends, though none of these shoppers does anything more."""
    monkeypatch.setattr(app_module, "SWEEP_PER_FLUSH", 3)
    other = load_rules(rule_set(CONFIRMATION))
    names = [f"c{number}" for number in range(8)]
    async with running() as shell:
        shell.other_rules = other
        await shell.read(*(added(name, f"a-{name}") for name in names), start=0)
        assert shell.writer.settled(T0)
        shell.flushes.clear()
        await shell.read(marker(other.digest), start=8)
        await until(lambda: shell.writer.settled(T0))
        assert [len(flush.states) for flush in shell.flushes if flush.states] == [3, 3, 2]
        ended = [e.record for flush in shell.flushes for e in flush.effects]
        assert [(record.customer_key, record.outcome) for record in ended] == [
            (name, "exited") for name in names
        ]
        assert {(record.cause.kind, record.cause.offset) for record in ended} == {("rules", 8)}


async def test_everybody_is_told_of_a_change_before_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two markers in one batch, the trigger gone with the first and back with the second: its runs end."""
    monkeypatch.setattr(app_module, "SWEEP_PER_FLUSH", 3)
    other = load_rules(rule_set(CONFIRMATION))
    sets = {RULES.digest: RULES, other.digest: other}
    names = [f"c{number}" for number in range(8)]
    async with running() as shell:
        monkeypatch.setattr(shell.writer, "_rules_of", lambda digest: _at_once(sets[digest]))
        await shell.read(*(added(name, f"a-{name}") for name in names), start=0)
        shell.flushes.clear()
        await shell.read(marker(other.digest), marker(RULES.digest), start=8)
        await until(lambda: shell.writer.settled(T0))
        ended = [e.record for flush in shell.flushes for e in flush.effects]
        assert [(record.customer_key, record.outcome) for record in ended] == [
            (name, "exited") for name in names
        ]
        assert {record.cause.offset for record in ended} == {8}


async def _at_once(rules: Rules) -> Rules:
    return rules


async def test_wake_ups_due_before_a_marker_are_decided_by_the_old_rules() -> None:
    """The worker comes late: the reminder was due, and would have gone out, before its trigger ended."""
    other = load_rules(rule_set(CONFIRMATION))
    async with running() as shell:
        shell.other_rules = other
        shell.now[0] = T0 + 2 * HOUR
        values = profile("ada", "1"), added("ada", "2"), marker(other.digest, at=T0 + HOUR)
        await shell.read(*values, start=0)
        fired = [e.record for f in shell.flushes for e in f.effects if e.record.step == "cart-reminder"]
        assert [record.rules_digest for record in fired if hasattr(record, "outcome")] == [RULES.digest]


async def test_a_repeated_marker_changes_nothing() -> None:
    async with running() as shell:
        await shell.read(marker(RULES.digest), start=0)
        assert "read rules" not in shell.acts
        assert shell.writer.next_offset == 1


async def test_a_wake_up_waits_for_the_logs_end() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), added("ada", "2"), start=0)
        shell.now[0] = T0 + HOUR
        assert shell.writer.waits_for_tail(T0 + HOUR)
        shell.writer.log_ended(T0 + HOUR, end=3)
        await shell.read(ordered("ada", "3", T0 + HOUR // 2), start=2)
        await until(lambda: shell.writer.settled(T0 + HOUR))
        fired = [e.record.step for f in shell.flushes for e in f.effects if e.record.step]
        assert "cart-reminder" not in fired


async def test_a_wake_up_fires_once_the_log_is_read_to_its_end() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), added("ada", "2"), start=0)
        shell.now[0] = T0 + HOUR
        shell.writer.log_ended(T0 + HOUR, end=2)
        await until(lambda: shell.writer.settled(T0 + HOUR))
        assert [e.record.step for e in shell.flushes[-1].effects] == ["cart-reminder", "cart-reminder"]
        assert shell.writer.next_due_at > T0 + HOUR


async def test_a_wake_up_fires_though_the_clock_was_set_back_after_the_end_was_asked() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), added("ada", "2"), start=0)
        shell.writer.log_ended(T0 + HOUR, end=2)
        for _ in range(5):
            await asyncio.sleep(0)
        shell.now[0] = T0 + HOUR
        assert not shell.writer.waits_for_tail(T0 + HOUR)
        shell.writer.time_passed(T0 + HOUR)
        await until(lambda: shell.writer.settled(T0 + HOUR))


async def test_paused_it_fires_nothing_and_resumed_it_goes_on() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), added("ada", "2"), start=0)
        await shell.writer.pause()
        shell.now[0] = T0 + HOUR
        shell.writer.log_ended(T0 + HOUR, end=2)
        assert not shell.writer.waits_for_tail(T0 + HOUR)
        flushes = len(shell.flushes)
        shell.writer.resume()
        await until(lambda: shell.writer.settled(T0 + HOUR))
        assert len(shell.flushes) == flushes + 1


async def test_back_pressure_holds_the_reader() -> None:
    async with running() as shell:
        await shell.writer.pause()
        async with shell.writer._turn:
            batches = [Batch(EVENTS, 0, n, n + 1, [Record(n, profile("ada", str(n)))]) for n in range(20)]
            reading = [asyncio.create_task(shell.writer.submit(b, lambda: None)) for b in batches]
            for _ in range(50):
                await asyncio.sleep(0)
            assert sum(task.done() for task in reading) < len(batches)
        async with asyncio.timeout(5):
            await asyncio.gather(*reading)


async def test_what_a_closed_writer_held_is_acknowledged_and_left_to_the_next_owner() -> None:
    """Faust waits for every batch it handed out; progress is the partition record's alone."""
    async with running() as shell:
        await shell.writer.pause()
        acknowledged: list[int] = []
        async with shell.writer._turn:
            for number in range(3):
                batch = Batch(EVENTS, 0, number, number + 1, [Record(number, profile("ada", str(number)))])
                await shell.writer.submit(batch, lambda number=number: acknowledged.append(number))
            closing = asyncio.create_task(shell.writer.close())
            await until(lambda: acknowledged == [0, 1, 2])
        await closing
        late = Batch(EVENTS, 0, 3, 4, [Record(3, profile("ada", "3"))])
        await shell.writer.submit(late, lambda: acknowledged.append(3))
        assert acknowledged == [0, 1, 2, 3]
        assert shell.writer.next_offset == 0
