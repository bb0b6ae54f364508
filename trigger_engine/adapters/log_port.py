"""The log as the shell needs it: transactions of one owner, and reading what is committed.

`kafka_log` is the one in service. The simulator's is in memory and passes the suite that Kafka passes
(`tests/adapters`), so that the shell's own classes run over both.

What every log promises:
- A transaction becomes visible as a whole or not at all; before it is committed, its partitions end, for
  a reader of committed records, at its first record.
- Opening a writer under a name ends the transaction that the former holder of the name has open, and
  makes every later write of that holder raise Fenced. When it returns, what the former holder committed
  is readable.
- Offsets grow; markers of transactions take offsets too, so those of the records have gaps.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from schemas.headers import KafkaHeaders
from trigger_engine.adapters.batches import LogRecord

Row = tuple[bytes | None, bytes | None, KafkaHeaders]
"""Key, value and headers of a record to be written; a value of None deletes the key of a compacted topic."""


class Fenced(RuntimeError):
    """Another writer was opened under this writer's name; nothing of ours was written since."""


class Bounds(NamedTuple):
    """The first offset that is still kept, and the next one to be written."""

    start: int
    end: int


class TopicFacts(NamedTuple):
    """How many partitions a topic has, and its id, which no topic of that name made later has; None where the
    broker tells none."""

    partitions: int
    id: str | None


Ends = dict[tuple[str, int], int]
"""By topic and partition: the offset behind the last record that a transaction wrote there."""


class Transaction(Protocol):
    """An open transaction. It commits where its block ends well; an exception aborts it."""

    async def append(self, topic: str, partition: int, rows: Iterable[Row]) -> None:
        """Write records, in order. Raises Fenced, and ValueError for a record beyond the size limit."""

    async def written(self) -> Ends:
        """Wait until the log holds all that was appended, invisible as it is. Raises Fenced."""


class LogWriter(Protocol):
    """The only writer under its name, until another is opened. After an error it is unusable."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """One transaction; when the block has ended well, it is committed. Raises Fenced."""

    async def close(self) -> None:
        """Give the writer up; what it left open is aborted by the next one, or by the log in time."""


class LogReader(Protocol):
    """Reads one partition of a topic, committed records only."""

    def read_on(self) -> AsyncIterator[Sequence[LogRecord]]:
        """What is new since the last call, up to the committed end as it stands when this one begins."""

    async def position(self) -> int:
        """The offset behind what was read: markers of transactions that end it count."""

    async def close(self) -> None:
        """Stop reading."""


class EngineLog(Protocol):
    """The topics. Raises what its infrastructure raises."""

    async def open_writer(self, name: str) -> LogWriter:
        """Become the only writer under `name`."""

    async def open_reader(self, topic: str, partition: int, start: int | None = None) -> LogReader:
        """Read a partition from `start`, or from its beginning."""

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Where a partition begins and ends, open transactions included."""

    async def end_offsets(
        self, topic: str, partitions: list[int], *, committed: bool = True
    ) -> dict[int, int]:
        """Where partitions of a topic end: for a reader of committed records, or open transactions and what
        was written behind them included."""

    async def describe(self, topics: tuple[str, ...]) -> dict[str, TopicFacts]:
        """What these topics are; those that do not exist are left out."""

    async def close(self) -> None:
        """Give up every connection but those of writers and readers."""
