"""Reads `tetik.interests` for one partition's writer: its second source.

Not through Faust: how far it is read stands in the partition record, and the writer's transactions are
fenced, so a plain reader that begins where the record stands is sound whatever the group does. Its batches
go through the writer's queue as those of the events do, and are held against the record in the same way; a
reader that is lost or stands elsewhere is opened anew.

Nothing is connected until there is something to read: who has no use for notices pays nothing.
"""

import asyncio
from typing import Protocol

from schemas.topics import INTERESTS
from trigger_engine.adapters.batches import Batch
from trigger_engine.adapters.log_port import EngineLog, LogReader
from trigger_engine.app import Acknowledge


class Taker(Protocol):
    """The writer that applies what is read."""

    @property
    def next_interest(self) -> int: ...
    @property
    def flushes(self) -> int: ...
    @property
    def busy(self) -> bool: ...
    async def submit(self, batch: Batch, acknowledge: Acknowledge) -> None: ...


class InterestFeed:
    """One partition's reader. `run` reads until cancelled; it raises what the log raises."""

    def __init__(self, log: EngineLog, partition: int, writer: Taker) -> None:
        self._log = log
        self._partition = partition
        self._writer = writer
        self._reader: LogReader | None = None
        self._read_to = 0
        self._end = 0
        self._lost = False
        self._news = asyncio.Event()

    @property
    def next_offset(self) -> int:
        """The next offset to apply, for the watchdog."""
        return self._writer.next_interest

    @property
    def flushes(self) -> int:
        """The writer's."""
        return self._writer.flushes

    @property
    def busy(self) -> bool:
        """Whether the writer is at work on something read already."""
        return self._writer.busy

    def log_ended(self, end: int) -> None:
        """The topic ended at `end` when it was asked."""
        self._end = end
        self._news.set()

    def reopen(self) -> None:
        """Read again from where the partition record stands."""
        self._lost = True
        self._news.set()

    async def run(self) -> None:
        """Hand on what is written."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                if self._lost:
                    self._lost = False
                    await self._close()
                if self._reader is None and self.next_offset < self._end:
                    self._read_to = self.next_offset
                    self._reader = await self._log.open_reader(INTERESTS, self._partition, self._read_to)
                if self._reader is not None and self._read_to < self._end:
                    await self._read_on(self._reader)
        finally:
            await self._close()

    async def _read_on(self, reader: LogReader) -> None:
        async for records in reader.read_on():
            start, self._read_to = self._read_to, await reader.position()
            batch = Batch(INTERESTS, self._partition, start, self._read_to, list(records))
            await self._writer.submit(batch, _nobody_waits)
            if self._lost:
                break

    async def _close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()


def _nobody_waits() -> None:
    """Progress is the partition record's; there is no Faust to be told."""
