"""An event loop whose time leaps to whatever is planned next: no waiting, the same order in every run."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


class Deadlock(RuntimeError):
    """Everybody waits for somebody else."""


class _Leaping(selectors.SelectSelector):
    """Instead of waiting for input, of which there is none, the time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.passed: Callable[[float], None] = lambda seconds: None

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("nothing is planned any more, and the work is not done")
        if timeout > 0:
            self.passed(timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Begins at 0 seconds."""

    def __init__(self) -> None:
        self._leapt = 0.0
        selector = _Leaping()
        selector.passed = self._pass
        super().__init__(selector)

    def time(self) -> float:
        return self._leapt

    def _pass(self, seconds: float) -> None:
        self._leapt += seconds


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run to the end, then end whatever else still runs."""
    loop = VirtualTimeLoop()
    try:
        return loop.run_until_complete(_alone(work()))
    finally:
        loop.close()


async def passes(timeout_s: float) -> None:
    """Virtual time goes by."""
    await asyncio.sleep(timeout_s)


class Bell:
    """Whoever waits hears it ring."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, timeout_s: float | None = None) -> None:
        """Until it rings, at most so long if that is told."""
        waiting = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await waiting

    def ring(self) -> None:
        """Now."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


async def _alone(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    finally:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
