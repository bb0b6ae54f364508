"""The writer seen from outside: what it counts for Prometheus, what it says of itself, and its bounds."""

import asyncio

import pytest

from schemas.topics import EVENTS
from tests.fixtures.engine_cases import HOUR, T0, added, marker, ordered, profile
from tests.unit.trigger_engine.shell.test_partition_writer import RULES, Record, Shell, running, until
from trigger_engine import app as app_module
from trigger_engine.adapters.batches import Batch
from trigger_engine.app import QUEUED_BATCHES_MAX, SEEK_AGAIN_AFTER
from trigger_engine.core.rules import NO_RULES


def counted(shell: Shell, name: str, **labels: str) -> float:
    """A metric's value, 0 if it was never touched."""
    return shell.writer._metrics.registry.get_sample_value(name, labels) or 0.0


async def test_a_flush_is_counted_by_what_it_holds() -> None:
    async with running() as shell:
        await shell.read(profile("ada", "1"), ordered("ada", "2"), profile("bob", "3"), b"junk", start=0)
        assert counted(shell, "tetik_decisions_total", outcome="started") == 1
        assert counted(shell, "tetik_decisions_total", outcome="fired") == 1
        assert counted(shell, "tetik_mail_requests_total") == 1
        assert counted(shell, "tetik_customers_flushed_total") == 2
        assert counted(shell, "tetik_inputs_rejected_total") == 1
        assert counted(shell, "tetik_events_handed_over_total") == 0
        assert counted(shell, "tetik_flush_seconds_count") == 1


async def test_dropped_records_are_counted_by_reason() -> None:
    async with running(next_offset=10) as shell:
        await shell.read(profile("ada", "1"), profile("ada", "2"), start=3, end=10)
        assert counted(shell, "tetik_records_dropped_total", reason="applied before") == 2
        await shell.read(profile("ada", "3"), profile("ada", "4"), profile("ada", "5"), start=12)
        assert counted(shell, "tetik_records_dropped_total", reason="above a gap") == 3
        assert counted(shell, "tetik_seeks_total") == 1


async def test_a_gap_that_stays_is_asked_for_again_after_so_many_batches() -> None:
    async with running(next_offset=5) as shell:
        for number in range(SEEK_AGAIN_AFTER):
            await shell.read(profile("ada", "1"), start=9 + number)
        assert shell.acts.count("seek 5") == 1
        await shell.read(profile("ada", "1"), start=90)
        assert shell.acts.count("seek 5") == 2
        await shell.read(profile("ada", "1"), start=91)
        assert shell.acts.count("seek 5") == 2
        await shell.read(profile("ada", "2"), start=5)
        await shell.read(profile("ada", "3"), start=9)
        assert shell.acts.count("seek 6") == 1, "another gap is asked for at once"


async def test_wake_ups_are_counted_with_the_lateness_of_the_first() -> None:
    async with running() as shell:
        await shell.read(added("ada", "1"), added("bob", "2"), start=0)
        due_at = shell.writer.next_due_at
        shell.now[0] = due_at + 4_000
        shell.writer.log_ended(due_at + 4_000, end=2)
        await until(lambda: shell.writer.settled(due_at + 4_000))
        assert counted(shell, "tetik_wake_ups_total") == 2
        assert counted(shell, "tetik_timer_lateness_seconds_count") == 1
        assert counted(shell, "tetik_timer_lateness_seconds_sum") == 4.0


async def test_while_a_clock_is_set_back_nothing_fires() -> None:
    async with running() as shell:
        await shell.read(added("ada", "1"), start=0)
        due_at = shell.writer.next_due_at
        shell.now[0] = due_at - 5_000
        shell.writer.log_ended(due_at, end=1)
        await shell.read(added("bob", "2"), start=1)
        assert counted(shell, "tetik_timer_lateness_seconds_count") == 0
        assert counted(shell, "tetik_wake_ups_total") == 0
        shell.now[0] = due_at
        shell.writer.time_passed(due_at)
        await until(lambda: counted(shell, "tetik_wake_ups_total") == 2)
        assert counted(shell, "tetik_timer_lateness_seconds_sum") == 0.0


async def test_a_wake_up_due_at_the_instant_the_log_was_asked_at_fires() -> None:
    async with running() as shell:
        await shell.read(added("ada", "1"), start=0)
        due_at = shell.writer.next_due_at
        shell.now[0] = due_at
        assert shell.writer.waits_for_tail(due_at)
        assert not shell.writer.waits_for_tail(due_at - 1)
        assert not shell.writer.settled(due_at)
        shell.writer.log_ended(due_at - 1, end=1)
        assert shell.writer.waits_for_tail(due_at)
        shell.writer.log_ended(due_at, end=1)
        assert not shell.writer.waits_for_tail(due_at)
        await until(lambda: shell.writer.settled(due_at))
        assert counted(shell, "tetik_wake_ups_total") == 1


async def test_so_many_batches_wait_and_no_more() -> None:
    async with running() as shell:
        await shell.writer.pause()
        async with shell.writer._turn:
            batches = [Batch(EVENTS, 0, n, n + 1, [Record(n, profile("ada", str(n)))]) for n in range(20)]
            reading = [asyncio.create_task(shell.writer.submit(one, lambda: None)) for one in batches]
            for _ in range(50):
                await asyncio.sleep(0)
            assert sum(task.done() for task in reading) == QUEUED_BATCHES_MAX
            assert shell.writer.busy
        async with asyncio.timeout(5):
            await asyncio.gather(*reading)
        await until(lambda: not shell.writer.busy)
        assert shell.writer.next_offset == 20


async def test_what_is_queued_is_flushed_in_transactions_of_a_bounded_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_module, "FLUSH_INPUTS_MAX", 3)
    async with running() as shell:
        await shell.writer.pause()
        done: list[int] = []
        async with shell.writer._turn:
            for number in range(0, 8, 2):
                values = [Record(number + one, profile("ada", str(number + one))) for one in (0, 1)]
                batch = Batch(EVENTS, 0, number, number + 2, list(values))
                await shell.writer.submit(batch, lambda number=number: done.append(number))
        await until(lambda: len(done) == 4)
        assert shell.acts == ["commit", "commit"], "two batches of two each"


async def test_a_marker_of_the_rules_at_work_is_counted_and_reads_none() -> None:
    async with running() as shell:
        await shell.read(marker(RULES.digest), start=0)
        assert "read rules" not in shell.acts
        assert shell.writer.next_offset == 1
    async with running(rules=NO_RULES) as shell:
        await shell.read(profile("ada", "1"), marker(RULES.digest), start=0)
        assert shell.acts.index("commit") < shell.acts.index("read rules")
        assert shell.writer.partition.rules.digest == RULES.digest
        assert shell.writer.next_offset == 2


async def test_time_that_passes_wakes_a_writer_only_for_what_is_due() -> None:
    async with running() as shell:
        await shell.read(added("ada", "1"), start=0)
        shell.writer.log_ended(T0 + HOUR, end=1)
        await asyncio.sleep(0)
        assert counted(shell, "tetik_wake_ups_total") == 0
        due_at = shell.writer.next_due_at
        shell.now[0] = due_at
        shell.writer.time_passed(due_at - 1)
        for _ in range(10):
            await asyncio.sleep(0)
        assert counted(shell, "tetik_wake_ups_total") == 0
        shell.writer.time_passed(due_at)
        await until(lambda: counted(shell, "tetik_wake_ups_total") == 1)
