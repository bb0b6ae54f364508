"""Standing by: copies of the partitions that other workers own, kept close to the end of their changelogs.

Whoever takes a partition over with a copy at hand reads the last moments of its changelog instead of all of
it. Every worker follows every partition that it does not own: which of them will get the partitions of one
that dies is Faust's choice, made when it is too late to prepare. The price is that each worker holds the
states of all partitions, in memory or in files; so it is for a few workers, not for many.

A copy is read like any other reader's, committed records only. What takes over fences first and then reads
to the end, so a copy that lags, or that failed, costs time and nothing else: whatever goes wrong here is
said in the log, counted, and begun anew.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping

from schemas.instants import Instant
from schemas.topics import STATE_CHANGELOG
from trigger_engine.adapters.log_port import EngineLog, LogReader
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.adapters.state_store import StateStore, is_of_use
from trigger_engine.adapters.stores import Stores
from trigger_engine.adapters.takeover import into_store
from trigger_engine.adapters.tasks import ended

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
BEGIN_AGAIN_S = 5.0


class Standby:
    """The copies of one worker. It stands still between `pause` and `follow`; with `following` off it holds
    only what interrupted take-overs have read."""

    def __init__(
        self,
        log: EngineLog,
        stores: Stores,
        now: Callable[[], Instant],
        metrics: EngineMetrics,
        *,
        following: bool,
    ) -> None:
        self.following = following
        self._log = log
        self._now = now
        self._stores = stores
        self._metrics = metrics
        self._copies: dict[int, StateStore] = {}
        self._task: asyncio.Task[None] | None = None

    async def pause(self) -> None:
        """Follow nothing for now: partitions are being taken over."""
        task, self._task = self._task, None
        if task is not None:
            await ended(task)

    def take_out(self, partition: int) -> StateStore | None:
        """The copy of a partition that is taken over now, if there is one; only while it stands still."""
        return self._copies.pop(partition, None)

    def put_in(self, partition: int, store: StateStore) -> None:
        """Keep the store of a partition that was given up; only while it stands still."""
        self._copies[partition] = store

    def follow(self, partitions: set[int]) -> None:
        """Follow exactly these; only while it stands still."""
        for number in self._copies.keys() - partitions:
            self._copies.pop(number).close()
        if self.following:
            self._task = asyncio.create_task(self._run(sorted(partitions)), name="standby")

    async def close(self) -> None:
        """Give everything up; what is in files stays there."""
        await self.pause()
        while self._copies:
            _, store = self._copies.popitem()
            store.close()

    async def _run(self, partitions: list[int]) -> None:
        while True:
            try:
                await self._work(partitions)
            except Exception:  # whatever it is, the partitions that are ours must go on
                self._metrics.state.standby_failures.inc()
                logger.exception("standing by: beginning anew in %s s", BEGIN_AGAIN_S)
                await asyncio.sleep(BEGIN_AGAIN_S)

    async def _work(self, partitions: list[int]) -> None:
        """Raises what the log raises."""
        readers: dict[int, LogReader] = {}
        try:
            while True:
                # open transactions included: a partition just given up stands before its last marker
                ends = await self._log.end_offsets(STATE_CHANGELOG, partitions, committed=False)
                for number in ends:
                    self._show(ends)
                    await self._catch_up(number, ends, readers)
                self._show(ends)
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            for reader in readers.values():
                await _close(reader)

    async def _catch_up(self, number: int, ends: Mapping[int, int], readers: dict[int, LogReader]) -> None:
        """Read what is new of a partition. A copy that is of no use is begun anew."""
        store = self._copies.get(number)
        if store is None:
            store = self._copies[number] = await self._stores.open(number)
        if not is_of_use(store, ends[number], self._now()):
            store.clear()
            await _close(readers.pop(number, None))
        if store.stands_at == ends[number]:
            store.caught_up()
            return
        reader = readers.get(number)
        if reader is None:
            reader = readers[number] = await self._log.open_reader(STATE_CHANGELOG, number, store.stands_at)
        async for read in into_store(reader, store):
            self._metrics.state.changelog_read.labels("standby").inc(read)
            self._show(ends)
            await asyncio.sleep(0)
        store.caught_up()

    def _show(self, ends: Mapping[int, int]) -> None:
        stand_at = {number: store.stands_at for number, store in self._copies.items()}
        lag = sum(max(0, end - stand_at.get(number, 0)) for number, end in ends.items())
        self._metrics.state.standby_lag.set(lag)
        self._metrics.state.standby_customers.set(sum(map(len, self._copies.values())))


async def _close(reader: LogReader | None) -> None:
    if reader is not None:
        await reader.close()
