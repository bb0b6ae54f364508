"""A log in memory that behaves as Kafka does for the engine's shell: `tests/adapters` holds it to that.

Every record and every transaction marker takes one offset. A transaction is decided at one instant and
becomes visible partition by partition, marker by marker, after it; a reader of committed records never
sees beyond the first record of a transaction that is open in its partition. Each client (`MemoryLog`)
passes a `Pace` before everything it does, where the simulator lets others act, freezes or kills it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from itertools import count
from typing import Literal, Protocol

from schemas.topics import all_topics
from tests.simulation.virtual_time import Bell
from trigger_engine.adapters.log_port import Bounds, Ends, Fenced, Row, TopicFacts

Place = tuple[str, int]
"""A partition of a topic."""


def every_topic(partitions: int) -> dict[str, int]:
    """The topics of a deployment with so many customer partitions, and how many each has."""
    return {name: topic.partition_count(partitions) for name, topic in all_topics().items()}


class Pace(Protocol):
    """What comes between a client and the broker."""

    async def at(self, point: str) -> None:
        """The client is about to do `point`; others may act before it does."""

    def slice(self, available: int) -> int:
        """How many of so many records one fetch brings, at least one."""


class NoPace:
    """Everything at once, but for others having their turn."""

    async def at(self, point: str) -> None:
        await asyncio.sleep(0)

    def slice(self, available: int) -> int:
        return available


class MemoryRecord:
    """A record as it lies in its partition. `order` is its place among all records of the broker, `owner` the
    writer of its transaction; `written_at` and `visible_at` are the broker's times: when it was written, and
    when it was committed (behind another's open transaction it waits even longer to be read)."""

    __slots__ = ("aborted", "headers", "key", "offset", "order", "owner", "value", "visible_at", "written_at")

    def __init__(self, offset: int, order: int, owner: str | None, written_at: int, row: Row) -> None:
        self.offset = offset
        self.order = order
        self.owner = owner
        self.written_at = written_at
        self.key, self.value, self.headers = row
        self.aborted = False
        self.visible_at: int | None = None


class MemoryPartition:
    """One partition: records and markers (None) by offset."""

    def __init__(self, order: Iterator[int]) -> None:
        self._order = order
        self._entries: list[MemoryRecord | None] = []
        self._open: dict[str, int] = {}

    @property
    def end(self) -> int:
        """The next offset to be written."""
        return len(self._entries)

    @property
    def committed_end(self) -> int:
        """Where the partition ends for a reader of committed records."""
        return min(self._open.values(), default=len(self._entries))

    def append(self, row: Row, owner: str | None, now: int) -> None:
        """Write a record, of the transaction of `owner` if one is named."""
        offset = len(self._entries)
        record = MemoryRecord(offset, next(self._order), owner, now, row)
        if owner is None:
            record.visible_at = now
        else:
            self._open.setdefault(owner, offset)
        self._entries.append(record)

    def end_transaction(self, owner: str, committed: bool, records: list[MemoryRecord], now: int) -> None:
        """Write the marker of the transaction of `owner`."""
        for record in records:
            record.aborted = not committed
            record.visible_at = now if committed else None
        self._entries.append(None)
        self._open.pop(owner, None)

    def last(self) -> MemoryRecord:
        """The record written last."""
        record = self._entries[-1]
        assert record is not None, "asked right after it was written"
        return record

    def read(self, start: int, end: int) -> list[MemoryRecord]:
        """The committed records in [`start`, `end`)."""
        return [entry for entry in self._entries[start:end] if entry is not None and not entry.aborted]


class _Producer:
    """What the transaction coordinator knows of a name."""

    def __init__(self) -> None:
        self.epoch = -1
        self.state: Literal["empty", "open", "committing", "aborting"] = "empty"
        self.written: dict[Place, list[MemoryRecord]] = {}
        self.ended = asyncio.Event()
        self.ended.set()


class MemoryBroker:
    """The topics and the transaction coordinator. `now` stamps when records became visible."""

    def __init__(self, topics: dict[str, int], *, now: Callable[[], int] = lambda: 0) -> None:
        self._order = count()
        self._topics: dict[str, list[MemoryPartition]] = {}
        self._made: dict[str, int] = {}
        for name, partitions in topics.items():
            self.create(name, partitions)
        self._producers: dict[str, _Producer] = {}
        self._pace: Pace = NoPace()
        self._ending: list[asyncio.Task[None]] = []
        self._bell = Bell()
        self._now = now

    def create(self, topic: str, partitions: int) -> None:
        """A new topic, in the place of one of that name."""
        self._made[topic] = self._made.get(topic, 0) + 1
        self._topics[topic] = [MemoryPartition(self._order) for _ in range(partitions)]

    def set_pace(self, pace: Pace) -> None:
        """How long the coordinator takes between a decision and each marker."""
        self._pace = pace

    async def news(self) -> None:
        """Wait until something may have become readable, somewhere."""
        await self._bell.wait()

    def tell(self) -> None:
        """Wake up everybody who waits for news."""
        self._bell.ring()

    def describe(self) -> dict[str, TopicFacts]:
        """How many partitions each topic has, and its id."""
        return {
            name: TopicFacts(len(partitions), f"{name}#{self._made[name]}")
            for name, partitions in self._topics.items()
        }

    def partition(self, topic: str, number: int) -> MemoryPartition:
        """One partition."""
        return self._topics[topic][number]

    def produce(self, topic: str, number: int, row: Row) -> None:
        """Write a record outside of any transaction."""
        self.partition(topic, number).append(row, None, self._now())
        self.tell()

    def fetch(self, topic: str, number: int, start: int, limit: int) -> tuple[list[MemoryRecord], int]:
        """Committed records from `start`, and the position behind: markers and aborted records count."""
        partition = self.partition(topic, number)
        end = min(partition.committed_end, start + limit)
        return partition.read(start, end), max(start, end)

    async def open(self, name: str) -> int:
        """Fence the former holder of a name; its open transaction is aborted. The new epoch."""
        producer = self._producers.setdefault(name, _Producer())
        producer.epoch += 1
        epoch = producer.epoch
        if producer.state == "open":
            self._decide(name, producer, committed=False)
        await producer.ended.wait()
        self._check(producer, epoch)
        return epoch

    @property
    def deciding(self) -> bool:
        """Whether a decided transaction still lacks markers."""
        return not all(task.done() for task in self._ending)

    async def settled(self) -> None:
        """Wait until every decided transaction has its markers."""
        await asyncio.gather(*self._ending)

    async def begin(self, name: str, epoch: int) -> None:
        """Open a transaction, once the one before has ended. Raises Fenced."""
        producer = self._producers[name]
        self._check(producer, epoch)
        await producer.ended.wait()
        self._check(producer, epoch)
        producer.state = "open"

    def append(self, name: str, epoch: int, place: Place, rows: list[Row]) -> None:
        """Write records of an open transaction. Raises Fenced."""
        producer = self._producers[name]
        self._check(producer, epoch)
        assert producer.state == "open", f"{name} has no open transaction"
        partition = self.partition(*place)
        written = producer.written.setdefault(place, [])
        for row in rows:
            partition.append(row, name, self._now())
            written.append(partition.last())

    def end(self, name: str, epoch: int, *, committed: bool) -> asyncio.Event:
        """Decide a transaction; the event is set once every partition has its marker. Raises Fenced."""
        producer = self._producers[name]
        self._check(producer, epoch)
        self._decide(name, producer, committed=committed)
        return producer.ended

    def _decide(self, name: str, producer: _Producer, *, committed: bool) -> None:
        producer.state = "committing" if committed else "aborting"
        producer.ended.clear()
        self._ending = [task for task in self._ending if not task.done()]
        # In a context of its own: once decided it is the broker's work, whatever becomes of the client.
        work = self._write_markers(name, producer, committed)
        self._ending.append(asyncio.get_running_loop().create_task(work, context=Context()))

    async def _write_markers(self, name: str, producer: _Producer, committed: bool) -> None:
        for place, records in producer.written.items():
            await self._pace.at(f"marker {place[0]}")
            self.partition(*place).end_transaction(name, committed, records, self._now())
            self.tell()
        producer.written = {}
        producer.state = "empty"
        producer.ended.set()

    def _check(self, producer: _Producer, epoch: int) -> None:
        if producer.epoch != epoch:
            raise Fenced("another writer was opened under our name")


class MemoryLog:
    """One client of a broker in memory."""

    def __init__(self, broker: MemoryBroker, pace: Pace | None = None) -> None:
        self.broker = broker
        self.pace: Pace = pace or NoPace()

    async def open_writer(self, name: str) -> "MemoryWriter":
        """Fence who held the name before."""
        await self.pace.at("fence")
        epoch = await self.broker.open(name)
        await self.pace.at("fenced")
        return MemoryWriter(self, name, epoch)

    async def open_reader(self, topic: str, partition: int, start: int | None = None) -> "MemoryReader":
        """A reader of its own."""
        await self.pace.at(f"open {topic}")
        return MemoryReader(self, topic, partition, start or 0)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Nothing is ever deleted."""
        await self.pace.at(f"bounds {topic}")
        return Bounds(0, self.broker.partition(topic, partition).end)

    async def end_offsets(
        self, topic: str, partitions: list[int], *, committed: bool = True
    ) -> dict[int, int]:
        """The answer takes a moment too."""
        await self.pace.at(f"ends {topic}")
        asked = {number: self.broker.partition(topic, number) for number in partitions}
        ends = {number: one.committed_end if committed else one.end for number, one in asked.items()}
        await self.pace.at(f"answer {topic}")
        return ends

    async def describe(self, topics: tuple[str, ...]) -> dict[str, TopicFacts]:
        """As the broker was given them."""
        await self.pace.at("describe")
        described = self.broker.describe()
        return {name: described[name] for name in topics if name in described}

    async def close(self) -> None:
        """There is no connection."""


class MemoryWriter:
    """A writer of one name and epoch."""

    def __init__(self, log: MemoryLog, name: str, epoch: int) -> None:
        self._log = log
        self._name = name
        self._epoch = epoch

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["MemoryTransaction"]:
        """Commit where the block ends well, abort where it does not."""
        broker, pace = self._log.broker, self._log.pace
        await pace.at("begin")
        await broker.begin(self._name, self._epoch)
        try:
            yield MemoryTransaction(self._log, self._name, self._epoch)
        except Fenced:
            raise
        except BaseException:
            await pace.at("abort")
            broker.end(self._name, self._epoch, committed=False)
            raise
        await pace.at("commit")
        broker.end(self._name, self._epoch, committed=True)
        await pace.at("committed")

    async def close(self) -> None:
        """What is open stays open until the name is fenced."""
        await self._log.pace.at("close")


class MemoryTransaction:
    """An open transaction."""

    def __init__(self, log: MemoryLog, name: str, epoch: int) -> None:
        self._log = log
        self._name = name
        self._epoch = epoch
        self._ends: Ends = {}

    async def append(self, topic: str, partition: int, rows: Iterable[Row]) -> None:
        """Write the records; none is no write."""
        kept = list(rows)
        if kept:
            await self._log.pace.at(f"append {topic}")
            self._log.broker.append(self._name, self._epoch, (topic, partition), kept)
            self._ends[topic, partition] = self._log.broker.partition(topic, partition).end

    async def written(self) -> Ends:
        """They are."""
        await self._log.pace.at("written")
        return self._ends


class MemoryReader:
    """Reads one partition on and on."""

    def __init__(self, log: MemoryLog, topic: str, partition: int, start: int) -> None:
        self._log = log
        self._topic = topic
        self._number = partition
        self._position = start

    async def read_on(self) -> AsyncIterator[Sequence[MemoryRecord]]:
        """Slice by slice."""
        end = self._log.broker.partition(self._topic, self._number).committed_end
        while self._position < end:
            await self._log.pace.at(f"read {self._topic}")
            limit = self._log.pace.slice(end - self._position)
            records, self._position = self._log.broker.fetch(self._topic, self._number, self._position, limit)
            yield records

    async def position(self) -> int:
        """Known here."""
        return self._position

    async def close(self) -> None:
        """Nothing is held."""
