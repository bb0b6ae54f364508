"""What every simulated process has in common: it ends, freezes or is cut off from its group at any step that
it takes towards what is outside of it, and everything that it started ends with it."""

import asyncio
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from random import Random
from typing import Any

from schemas.instants import Instant
from tests.simulation.virtual_time import passes

_process: ContextVar["Mortal | None"] = ContextVar("process", default=None)


class Killed(RuntimeError):
    """The process is no more; whatever it was about to do is not done."""


def spawn(process: "Mortal", work: Coroutine[Any, Any, Any], name: str) -> "asyncio.Task[Any]":
    """A task that dies with the process, as all that it starts."""
    context = copy_context()
    context.run(_process.set, process)
    return asyncio.get_running_loop().create_task(work, name=name, context=context)


def factory(loop: asyncio.AbstractEventLoop, work: Any, **given: Any) -> "asyncio.Task[Any]":
    """The loop's task factory: notes whose task it is."""
    context = given.get("context")
    process = _process.get() if context is None else context.get(_process)
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **given)
    if process is not None:
        process.adopt(task)
    return task


class Steps:
    """The process's steps; at each it may be slow, frozen, or dead."""

    def __init__(self, process: "Mortal", random: Random) -> None:
        self._process = process
        self._random = random

    async def at(self, point: str) -> None:
        process = self._process
        process.step(point)
        chance = self._random.random()
        await passes(0 if chance < 0.7 else chance * 0.004 if chance < 0.98 else chance * 0.1)
        while process.frozen:
            await process.thawed.wait()
        process.check()

    def slice(self, available: int) -> int:
        return self._random.randint(1, available)


class ProcessClock:
    """Its machine's clock, which jumps."""

    def __init__(self, process: "Mortal", now: Callable[[], Instant]) -> None:
        self._process = process
        self._now = now
        self.offset = 0

    def now(self) -> Instant:
        return self._now() + self.offset

    async def wait(self, timeout_s: float) -> None:
        await passes(timeout_s)
        while self._process.frozen:
            await self._process.thawed.wait()


class Mortal:
    """`frozen`: stopped in whatever it does. `member`: the group counts on it. `ended` is told of its end."""

    def __init__(self, number: int, random: Random, ended: Callable[[Any, BaseException], None]) -> None:
        self.number = number
        self.alive = True
        self.frozen = False
        self.member = True
        self.thawed = asyncio.Event()
        self.left = asyncio.Event()
        self.point = ""
        self._random = random
        self._ended = ended
        self._doomed_in: int | None = None
        self._doom_at = ""
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self.steps = Steps(self, random)

    def adopt(self, task: "asyncio.Task[Any]") -> None:
        """One more task of this process."""
        self._tasks[task] = None
        task.add_done_callback(lambda done: self._tasks.pop(done, None))

    def doom(self, steps: int, point: str = "") -> None:
        """Die at the so-manieth step from now, of those that begin like that."""
        self._doomed_in, self._doom_at = steps, point

    def step(self, point: str) -> None:
        """Note a step. Raises Killed where it is the last one."""
        self.check()
        self.point = point
        if self._doomed_in is not None and point.startswith(self._doom_at):
            self._doomed_in -= 1
            if self._doomed_in <= 0:
                self.kill(Killed(f"before: {point}"))
                raise Killed(point)

    def check(self) -> None:
        """Raises Killed if it is dead."""
        if not self.alive:
            raise Killed(self.point)

    def kill(self, reason: BaseException) -> None:
        """kill -9: nothing is tidied up."""
        if self.alive:
            self.alive = False
            self.leave()
            for task in tuple(self._tasks):
                task.cancel()
            self._ended(self, reason)

    def leave(self) -> None:
        """The group goes on without it."""
        self.member = False
        self.left.set()

    def join(self) -> None:
        """The group counts on it again."""
        self.member = True
        self.left.clear()

    def freeze(self) -> None:
        """Stop in whatever it does."""
        self.frozen = True
        self.thawed.clear()

    def thaw(self) -> None:
        """Go on as if nothing had been."""
        self.frozen = False
        self.thawed.set()
