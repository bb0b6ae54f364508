"""The snapshots on `tetik.snapshots`, read on demand.

Recommendations are never worth a standstill: a version that is not there, or cannot be read, is said in the
log and counted, and the partition goes on with the one before.
"""

import asyncio
import logging

from schemas.records import Malformed, decode_snapshot
from schemas.topics import SNAPSHOTS
from trigger_engine.adapters.log_port import EngineLog, LogReader
from trigger_engine.adapters.metrics import EngineMetrics
from trigger_engine.core.parts import PART_KEY_PREFIX
from trigger_engine.core.snapshot import Snapshot

logger = logging.getLogger(__name__)

ATTEMPTS = 10
ATTEMPT_WAIT_S = 0.2
"""A snapshot and its markers are one transaction, which becomes visible partition by partition."""
LATEST_KEPT = 2
IN_USE_MAX = 4


class SnapshotBook:
    """Snapshots by version. The latest records are kept as they were read; an older one is read again."""

    def __init__(self, log: EngineLog, metrics: EngineMetrics) -> None:
        self._log = log
        self._metrics = metrics
        self._reader: LogReader | None = None
        self._versions: set[str] = set()
        self._latest: dict[str, bytes] = {}
        self._in_use: dict[str, Snapshot] = {}
        self._reading = asyncio.Lock()

    async def snapshot_of(self, version: str) -> Snapshot | None:
        """The snapshot of a version; None if there is none that can be read."""
        if not version:
            return None
        async with self._reading:
            snapshot = self._in_use.get(version) or await self._find(version)
            if snapshot is None:
                self._metrics.snapshots_missing.inc()
                return None
            self._in_use.pop(version, None)
            self._in_use[version] = snapshot
            if len(self._in_use) > IN_USE_MAX:
                del self._in_use[next(iter(self._in_use))]
        self._metrics.snapshot_products.set(len(snapshot.products))
        self._metrics.snapshot_made_at.set(snapshot.made_at / 1000)
        return snapshot

    async def close(self) -> None:
        """Stop reading."""
        if self._reader is not None:
            await self._reader.close()
            self._reader = None

    async def _find(self, version: str) -> Snapshot | None:
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(ATTEMPT_WAIT_S)
            await self._read_to_end()
            if version in self._versions:
                value = self._latest.get(version) or await self._read_again(version)
                return None if value is None else _read(version, value)
        logger.error("%s does not hold the snapshot %s that a marker activates", SNAPSHOTS, version)
        return None

    async def _read_to_end(self) -> None:
        if self._reader is None:
            self._reader = await self._log.open_reader(SNAPSHOTS, 0)
        async for records in self._reader.read_on():
            for record in records:
                key = (record.key or b"").decode()
                if key.startswith(PART_KEY_PREFIX):
                    continue
                self._latest.pop(key, None)
                if record.value is None:
                    self._versions.discard(key)
                    continue
                self._versions.add(key)
                self._latest[key] = record.value
                if len(self._latest) > LATEST_KEPT:
                    del self._latest[next(iter(self._latest))]

    async def _read_again(self, version: str) -> bytes | None:
        """An older version, from the beginning of the topic."""
        found: bytes | None = None
        reader = await self._log.open_reader(SNAPSHOTS, 0)
        try:
            async for records in reader.read_on():
                for record in records:
                    if record.key == version.encode():
                        found = record.value
        finally:
            await reader.close()
        return found


def _read(version: str, value: bytes) -> Snapshot | None:
    try:
        return Snapshot(decode_snapshot(value))
    except Malformed as error:
        logger.error("the snapshot %s on %s cannot be read: %s", version, SNAPSHOTS, error)
        return None
