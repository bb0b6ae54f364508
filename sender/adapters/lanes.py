"""Work in lanes: the mails of one customer one after the other, different customers side by side.

`concurrency` bounds what runs, `pending_max` what waits in memory; `submit` waits for room.
"""

import asyncio
from collections.abc import Awaitable, Callable


class Lanes:
    """Runs work by key. An exception in any work ends the lanes: `failure` is set and `submit` raises it."""

    def __init__(self, *, concurrency: int, pending_max: int) -> None:
        self._running = asyncio.Semaphore(concurrency)
        self._pending_max = pending_max
        self._pending = 0
        self._changed = asyncio.Event()
        self._tails: dict[str, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.failure: BaseException | None = None

    @property
    def pending(self) -> int:
        """How much was submitted and is not finished."""
        return self._pending

    @property
    def room(self) -> int:
        """How much more may be submitted without waiting."""
        return self._pending_max - self._pending

    async def wait_for_room(self) -> int:
        """Waits until something may be submitted; returns how much."""
        while self.room <= 0 and self.failure is None:
            await self._change()
        self._raise_failure()
        return self.room

    def submit(self, key: str | None, work: Callable[[], Awaitable[None]]) -> None:
        """Queues work behind the last one of the same key; without a key, behind nobody."""
        self._raise_failure()
        before = self._tails.get(key) if key is not None else None
        self._pending += 1
        task = asyncio.create_task(self._run(work, before))
        self._tasks.add(task)
        if key is not None:
            self._tails[key] = task
        task.add_done_callback(lambda done: self._ended(key, done))

    async def drain(self) -> None:
        """Waits until everything submitted is finished."""
        while self._pending and self.failure is None:
            await self._change()
        self._raise_failure()

    async def cancel(self) -> None:
        """Stops everything; the ledger knows where each mail stands."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, work: Callable[[], Awaitable[None]], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        async with self._running:
            await work()

    def _ended(self, key: str | None, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._pending -= 1
        if key is not None and self._tails.get(key) is task:
            del self._tails[key]
        if not task.cancelled() and task.exception() is not None and self.failure is None:
            self.failure = task.exception()
        self._changed.set()

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure
