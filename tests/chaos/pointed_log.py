"""The log port over another log, with the phases of a flush and of a take-over told to `Points`.

What a phase promises is made true before it is told: "after outputs" means that the broker has acknowledged
them. At all other passes the calls go through as they are.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from schemas.topics import STATE_CHANGELOG
from tests.chaos.points import Phase, Points
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.adapters.log_port import (
    Bounds,
    Ends,
    EngineLog,
    LogReader,
    LogWriter,
    Row,
    TopicFacts,
    Transaction,
)


class PointedLog:
    """An `EngineLog`. Only writers of partitions and readers of the changelog have phases."""

    def __init__(self, log: EngineLog, points: Points) -> None:
        self._log = log
        self._points = points

    async def open_writer(self, name: str) -> LogWriter:
        writer = await self._log.open_writer(name)
        if not name.rpartition("-")[2].isdigit():
            return writer  # not a partition's
        self._points.at(Phase.FENCED)
        return PointedWriter(writer, self._points)

    async def open_reader(self, topic: str, partition: int, start: int | None = None) -> LogReader:
        reader = await self._log.open_reader(topic, partition, start)
        return PointedReader(reader, self._points) if topic == STATE_CHANGELOG else reader

    async def bounds(self, topic: str, partition: int) -> Bounds:
        return await self._log.bounds(topic, partition)

    async def end_offsets(
        self, topic: str, partitions: list[int], *, committed: bool = True
    ) -> dict[int, int]:
        return await self._log.end_offsets(topic, partitions, committed=committed)

    async def describe(self, topics: tuple[str, ...]) -> dict[str, TopicFacts]:
        return await self._log.describe(topics)

    async def close(self) -> None:
        await self._log.close()


class PointedWriter:
    """A partition's writer."""

    def __init__(self, writer: LogWriter, points: Points) -> None:
        self._writer = writer
        self._points = points

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        points = self._points
        points.at(Phase.CHECKED)
        committing = False
        async with self._writer.transaction() as transaction:
            yield PointedTransaction(transaction, points)
            if points.reached(Phase.WRITTEN):
                await transaction.written()
                points.act()
            if committing := points.reached(Phase.COMMITTING):
                await transaction.written()
                points.amid_commit()
        if committing:
            points.act()  # the answer was faster
        points.at(Phase.COMMITTED)

    async def close(self) -> None:
        await self._writer.close()


class PointedTransaction:
    """An open transaction: outputs come first, then the changelog, then the rest."""

    def __init__(self, transaction: Transaction, points: Points) -> None:
        self._transaction = transaction
        self._points = points

    async def append(self, topic: str, partition: int, rows: Iterable[Row]) -> None:
        changelog = topic == STATE_CHANGELOG
        if changelog and self._points.reached(Phase.OUTPUTS):
            await self._transaction.written()
            self._points.act()
        await self._transaction.append(topic, partition, rows)
        if changelog and self._points.reached(Phase.CHANGELOG):
            await self._transaction.written()
            self._points.act()

    async def written(self) -> Ends:
        return await self._transaction.written()


class PointedReader:
    """Reads a changelog."""

    def __init__(self, reader: LogReader, points: Points) -> None:
        self._reader = reader
        self._points = points

    async def read_on(self) -> AsyncIterator[Sequence[LogRecord]]:
        async for records in self._reader.read_on():
            if records:
                self._points.at(Phase.RECOVERING)
            yield records

    async def position(self) -> int:
        return await self._reader.position()

    async def close(self) -> None:
        await self._reader.close()
