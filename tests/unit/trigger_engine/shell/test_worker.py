"""The worker's start and stop, with Faust's part planted: what it waits for, and what it does not."""

import asyncio
from typing import Any

import pytest
from faust.types import TP

from trigger_engine.adapters import worker as worker_module
from trigger_engine.adapters.worker import EngineSettings, EngineStopped, EngineWorker


class Clock:
    def now(self) -> int:
        return 0

    async def wait(self, timeout_s: float) -> None:
        await asyncio.sleep(timeout_s)


async def never(*_: Any) -> None:
    await asyncio.Event().wait()


async def at_once() -> None:
    """A start that takes no time."""


@pytest.fixture
async def worker(monkeypatch: pytest.MonkeyPatch) -> EngineWorker:
    made = EngineWorker(EngineSettings(kafka="nowhere:9092", partitions=1), Clock())
    monkeypatch.setattr(made, "_keep_time", never)
    monkeypatch.setattr(made._app, "start", never)
    monkeypatch.setattr(worker_module, "START_GRACE_S", 0.01)
    monkeypatch.setattr(made._app, "stop", never)
    return made


async def ended(work: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(5):
        await work


async def test_a_writer_that_breaks_while_the_engine_leaves_ends_the_process(
    worker: EngineWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Faust waits for acknowledgements that will never come."""
    stop = asyncio.Event()
    stop.set()
    monkeypatch.setattr(worker._app, "start", at_once)
    work = asyncio.create_task(worker.run(stop))
    for _ in range(10):
        await asyncio.sleep(0)
    worker._fail(ConnectionError("the broker went away"))
    with pytest.raises(EngineStopped, match="the broker went away"):
        await ended(work)


async def test_leaving_has_a_limit(worker: EngineWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_module, "LEAVE_TIMEOUT_S", 0.01)
    monkeypatch.setattr(worker._app, "start", at_once)
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(EngineStopped, match="not left within"):
        await ended(asyncio.create_task(worker.run(stop)))


async def test_stopped_before_it_has_started_it_does_not_wait_for_faust(worker: EngineWorker) -> None:
    """Faust's stop in the middle of its start never returns."""
    stop = asyncio.Event()
    stop.set()
    with pytest.raises(EngineStopped, match="before it had started"):
        await ended(asyncio.create_task(worker.run(stop)))


async def test_a_long_take_over_is_no_failed_start(
    worker: EngineWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    class Owned:
        @property
        def taking_over(self) -> bool:
            asked.append(len(asked) < 2)
            return asked[-1]

    monkeypatch.setattr(worker_module, "START_TIMEOUT_S", 0.01)
    monkeypatch.setattr(worker, "_owned", Owned())
    with pytest.raises(EngineStopped, match="no partitions were assigned"):
        await ended(asyncio.create_task(worker.run(asyncio.Event())))
    assert asked == [True, True, False]


async def test_faust_never_recovers_what_a_kept_partition_flushed_meanwhile(worker: EngineWorker) -> None:
    recovery = worker._app.tables.recovery
    changelog = TP("tetik-state-changelog", 0)
    recovery.active_highwaters[changelog], recovery.active_offsets[changelog] = 12, 7
    assert recovery.active_remaining_total() == 5
    assert not recovery.need_recovery()
