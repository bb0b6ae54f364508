"""Inputs that fail: few are put aside, too many stop the writer before any of them is."""

import asyncio

import pytest

from schemas.topics import EVENTS, INTERESTS
from tests.fixtures.engine_cases import HOUR, T0, added, profile
from tests.unit.trigger_engine.shell.test_partition_writer import RULES, Record, running
from trigger_engine.adapters.bad_deploy import TooManyRejected
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.app import PartitionWriter
from trigger_engine.core import partition as partition_module
from trigger_engine.core.partition import Partition, PartitionRecord


async def test_too_many_failed_inputs_stop_the_writer_and_none_of_them_is_put_aside() -> None:
    """Else a supervisor that starts it again and again would empty the topic after all."""
    async with running(rejected_max=3) as shell:
        batch = Batch(EVENTS, 0, 0, 5, [Record(number, b"junk") for number in range(5)])
        await shell.writer.submit(batch, lambda: shell.acts.append("acknowledge"))
        assert shell.task is not None
        with pytest.raises(TooManyRejected):
            await asyncio.wait_for(shell.task, 5)
    assert shell.acts == ["close"]


async def test_as_many_failed_inputs_as_are_allowed_do_not_stop_it() -> None:
    async with running(rejected_max=3) as shell:
        await shell.read(*[b"junk"] * 3, start=0)
        assert shell.acts == ["commit", "acknowledge"]
        batch = Batch(EVENTS, 0, 3, 4, [Record(3, b"junk")])
        await shell.writer.submit(batch, lambda: None)
        with pytest.raises(TooManyRejected, match="4 of 4 inputs failed, more than 3 in 1000"):
            await asyncio.wait_for(shell.task, 5)


async def test_few_failed_inputs_among_many_do_not_stop_it() -> None:
    """Catching up, a flush holds thousands of inputs: 4 in 100 are not more than 100 in 1,000."""
    async with running(rejected_max=100) as shell:
        values = [b"junk" if number % 25 == 0 else profile("ada", str(number)) for number in range(3_000)]
        await shell.read(*values, start=0)
        assert len(shell.flushes[0].rejected) == 120
        assert shell.acts == ["commit", "acknowledge"]


async def test_wake_ups_that_fail_stop_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bad deploy would end the run of every customer with `error`, one timer after another."""
    async with running(rejected_max=3) as shell:
        await shell.read(*(added(f"c{number}", f"a{number}") for number in range(5)), start=0)

        def failing(*_: object) -> None:
            raise KeyError("planted")

        monkeypatch.setattr(partition_module, "step", failing)
        shell.now[0] = T0 + HOUR
        shell.writer.log_ended(T0 + HOUR, end=5)
        with pytest.raises(TooManyRejected, match=r"5 of 10 inputs failed.* 5 x .*trigger cart-abandoned"):
            await asyncio.wait_for(shell.task, 5)
        assert len(shell.flushes) == 1, "no run was ended by it"


async def test_too_many_failed_inputs_say_what_to_do() -> None:
    partition = Partition(0, {}, PartitionRecord(next_offsets={EVENTS: 0, INTERESTS: 0}), RULES, {})
    async with running() as shell:
        writer = PartitionWriter(
            partition,
            shell,
            topic=EVENTS,
            now=lambda: T0,
            rules_of=shell.rules_of,
            seek=shell.seek,
            metrics=EngineMetrics(),
            rejected_max=1,
        )
        await writer.submit(Batch(EVENTS, 0, 0, 3, [Record(n, b"junk") for n in range(3)]), lambda: None)
        with pytest.raises(TooManyRejected, match="TETIK_REJECTED_MAX"):
            await writer.run()


async def test_the_window_of_failed_inputs_begins_anew_after_a_thousand() -> None:
    """Three in a thousand are allowed: three in each of two windows do not add up."""
    async with running(rejected_max=3) as shell:
        for start in (0, 1_000):
            values = [
                b"junk" if number < 3 else profile("ada", str(start + number)) for number in range(1_000)
            ]
            await shell.read(*values, start=start)
        await shell.read(b"junk", b"junk", b"junk", start=2_000)
        batch = Batch(EVENTS, 0, 2_003, 2_004, [Record(2_003, b"junk")])
        await shell.writer.submit(batch, lambda: None)
        with pytest.raises(TooManyRejected) as error:
            await asyncio.wait_for(shell.task, 5)  # type: ignore[arg-type]  # it is set
        assert str(error.value) == (
            "partition 0: 4 of 4 inputs failed, more than 3 in 1000. Most often: "
            "1 x JSON is malformed: invalid character (byte 0) (tetik.events at 2003). The last of them were "
            "not put aside: they come again at the next start. Mend the cause (often a bad deploy), or raise "
            "TETIK_REJECTED_MAX to make dead letters of them, and start again."
        )
