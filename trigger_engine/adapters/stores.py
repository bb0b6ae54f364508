"""Which kind of copy a partition's states are kept in: in memory, or in files by one setting."""

from collections.abc import Callable
from pathlib import Path

from rocksdict import Cache

from schemas.instants import Instant
from schemas.topics import STATE_CHANGELOG
from trigger_engine.adapters.log_port import EngineLog
from trigger_engine.adapters.rocks_store import RocksStore
from trigger_engine.adapters.state_store import MemoryStore, StateStore

CACHE_BYTES = 64 * 2**20
"""Blocks read from files, for all partitions of a worker together."""


class Stores:
    """Opens the copies of one worker: in files under `folder`, or in memory where that is None. `lasting`:
    they outlive the ownership of their partition (a standby goes on with them)."""

    def __init__(
        self,
        log: EngineLog,
        now: Callable[[], Instant],
        *,
        folder: Path | None = None,
        lasting: bool = False,
    ) -> None:
        self._log = log
        self._now = now
        self._folder = folder
        self._lasting = lasting
        self._cache = None if folder is None else Cache(CACHE_BYTES)

    async def open(self, partition: int) -> StateStore:
        """A partition's copy: as it was left in files, else an empty one. Raises StateFolderTaken."""
        if self._folder is None or self._cache is None:
            return MemoryStore(self._now, lasting=self._lasting)
        described = await self._log.describe((STATE_CHANGELOG,))
        topic_id = described[STATE_CHANGELOG].id or ""
        return RocksStore(self._folder / str(partition), topic_id, self._now, self._cache)
