"""Wake-ups on time: tells writers where their logs ended, asked when a wake-up was due.

A wake-up due at T fires only when its partition has been read to an end that was asked for at or after T:
the end of all that was written, since a purchase may wait behind a transaction that is open still.
The same loop looks now and then whether a partition stands still (`watchdog`), and how far behind it is.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from schemas.instants import Instant
from schemas.topics import EVENTS, INTERESTS
from trigger_engine.adapters.log_port import EngineLog
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.ownership import PartitionsOwned
from trigger_engine.adapters.watchdog import LOOK_EVERY_S, Watchdog
from trigger_engine.core.timer_index import NEVER

TICK_MAX_S = 0.1
"""How late a wake-up armed since the last look may be noticed."""
TICK_MIN_S = 0.01
INTERESTS_EVERY_S = 0.25
"""How often the ends of the interests are asked: a notice is no matter of milliseconds."""


class Clock(Protocol):
    """The time, and waiting for it to move."""

    def now(self) -> Instant: ...
    async def wait(self, timeout_s: float) -> None: ...


class Timekeeper:
    """Watches the writers of one worker. `ready` says whether no rebalance is under way; `seek` moves the
    fetch position of a partition."""

    def __init__(
        self,
        owned: PartitionsOwned,
        log: EngineLog,
        clock: Clock,
        metrics: EngineMetrics,
        *,
        ready: Callable[[], bool],
        seek: Callable[[int, int], Awaitable[None]],
    ) -> None:
        self._owned = owned
        self._log = log
        self._clock = clock
        self._metrics = metrics
        self._ready = ready
        self._ends: dict[int, int] = {}
        """Of the events, when last asked; nobody is asked while a rebalance is under way."""
        self._watchdog = Watchdog(seek)
        self._watchdog_of_interests = Watchdog(owned.reread_interests)

    async def run(self) -> None:
        """Look until cancelled. Raises what the log raises, and StoodStill."""
        look_at = interests_at = 0.0
        while True:
            await self._look_at_the_time()
            if asyncio.get_running_loop().time() >= interests_at:
                await self._look_at_interests()
                interests_at = asyncio.get_running_loop().time() + INTERESTS_EVERY_S
            if asyncio.get_running_loop().time() >= look_at:
                await self._look_for_a_stall()
                look_at = asyncio.get_running_loop().time() + LOOK_EVERY_S

    async def _look_at_the_time(self) -> None:
        now = self._clock.now()
        writers = self._owned.writers
        waiting = [number for number, writer in writers.items() if writer.waits_for_tail(now)]
        if waiting and self._ready():
            ends = await self._log.end_offsets(EVENTS, waiting, committed=False)
            for number, end in ends.items():
                if number in writers:
                    writers[number].log_ended(now, end)
        for writer in writers.values():
            writer.time_passed(now)
        next_due_at = min((writer.next_due_at for writer in writers.values()), default=NEVER)
        self._metrics.timers_pending.set(sum(len(w.partition.timers) for w in writers.values()))
        wait_s = (next_due_at - now) / 1000
        await self._clock.wait(min(max(wait_s, TICK_MIN_S), TICK_MAX_S))

    async def _look_at_interests(self) -> None:
        """What was written before a product changed counts, open transactions included."""
        if not self._ready():
            return
        queued = {n: writer.partition.notices.queued for n, writer in self._owned.writers.items()}
        ends = await self._log.end_offsets(INTERESTS, list(queued), committed=False)
        for number, end in ends.items():
            self._owned.interests_ended(number, queued[number], end)
        waiting = sum(writer.partition.notices.waiting for writer in self._owned.writers.values())
        self._metrics.products.fan_outs_pending.set(waiting)

    async def _look_for_a_stall(self) -> None:
        writers, feeds = dict(self._owned.writers), dict(self._owned.feeds)
        ready = self._ready()
        self._metrics.ready.set(ready)
        if ready:  # what a transaction holds up waits as well, so the gauges count it
            self._ends = await self._log.end_offsets(EVENTS, list(writers), committed=False)
        self._metrics.flow.show(writers, self._ends, self._clock.now())
        self._metrics.state.show(self._owned.stores.values())
        if not ready:
            self._watchdog.forget()
            self._watchdog_of_interests.forget()
            return
        ends = await self._log.end_offsets(EVENTS, list(writers))
        await self._watchdog.look(writers, ends)
        await self._watchdog_of_interests.look(feeds, await self._log.end_offsets(INTERESTS, list(feeds)))
