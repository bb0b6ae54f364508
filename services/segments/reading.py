"""All customers' committed states, one after the other, in memory that does not grow with the states.

The changelog is compacted now and then only, so a customer's state is met several times; the last one counts.
Of each, no more is kept than the caller makes of it (a `Mark`), and of one partition at a time: which
customer is on which partition never changes.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import click
from aiokafka.errors import KafkaError

from schemas.keys import RESERVED_STATE_PREFIX
from schemas.topics import STATE_CHANGELOG
from services.platform.errors import PlatformError
from services.progress import Bar
from services.settings import ProcessSettings
from services.triggers.published import TopicsMissing
from trigger_engine.adapters.kafka_log import KafkaLog
from trigger_engine.core.state import CustomerState, StateError, decode_state

Mark = TypeVar("Mark")
Answer = TypeVar("Answer")
_OTHER_KEYS = RESERVED_STATE_PREFIX.encode()


class NoCustomers(PlatformError):
    """No engine has written a state yet."""


@dataclass(slots=True)
class Read:
    """What was met besides the marks."""

    customers: int = 0
    unreadable: int = 0


def answer_of(asking: Coroutine[Any, Any, Answer], settings: ProcessSettings) -> Answer | None:
    """What a question to Kafka comes to; None if it cannot be answered, and why is said on stderr."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        return asyncio.run(asking)
    except (KafkaError, OSError) as error:
        click.echo(f"Kafka at {settings.kafka} cannot be read ({error})", err=True)
    except PlatformError as error:
        click.echo(str(error), err=True)
    return None


class Latest(Generic[Mark]):
    """The last mark of each key of one partition. `mark_of` gives None for whom it does not count."""

    def __init__(self, mark_of: Callable[[CustomerState], Mark | None]) -> None:
        self._mark_of = mark_of
        self._marks: dict[bytes, Mark | None] = {}
        """None: her state cannot be read."""

    def __len__(self) -> int:
        """How many customers were met."""
        return len(self._marks)

    def admit(self, key: bytes, value: bytes | None) -> None:
        """A record of the changelog; what is no customer's is passed over."""
        if key.startswith(_OTHER_KEYS):
            return
        if value is None:
            self._marks.pop(key, None)
            return
        try:
            state = decode_state(value)
        except StateError:
            self._marks[key] = None
            return
        mark = None if _is_nobody(state) else self._mark_of(state)
        if mark is None:
            self._marks.pop(key, None)
        else:
            self._marks[key] = mark

    def take(self, read: Read) -> list[Mark]:
        """The marks, given away; what cannot be read is counted."""
        marks = [mark for mark in self._marks.values() if mark is not None]
        read.customers += len(marks)
        read.unreadable += len(self._marks) - len(marks)
        self._marks = {}
        return marks


def _is_nobody(state: CustomerState) -> bool:
    """An alias belongs to somebody else; of who was erased nothing is known until she comes back."""
    if state.alias is not None:
        return True
    return state.erased_at is not None and not state.last_at and state.profile.email is None


def _show(bar: Bar, done: float, of: int, customers: int) -> None:
    """So many partitions are read, the present one in part."""
    counts = f"partition {min(int(done) + 1, of)} of {of}, {customers:,} customers"
    bar.show("reading states", done, of, counts)


async def read_latest(
    settings: ProcessSettings,
    mark_of: Callable[[CustomerState], Mark | None],
    fold: Callable[[Iterable[Mark]], None],
) -> Read:
    """Mark every customer, and fold the marks, partition by partition.

    Raises TopicsMissing, NoCustomers where nobody was met, and what aiokafka raises.
    """
    log = KafkaLog(settings.kafka, check_crcs=settings.check_crcs)
    try:
        described = await log.describe((STATE_CHANGELOG,))
        if STATE_CHANGELOG not in described:
            said = f"{STATE_CHANGELOG} does not exist at {settings.kafka}: run tetik topics create"
            raise TopicsMissing(said)
        partitions = described[STATE_CHANGELOG].partitions
        ends = await log.end_offsets(STATE_CHANGELOG, list(range(partitions)))
        read = Read()
        with Bar() as bar:
            for number in range(partitions):
                latest = Latest(mark_of)
                async for share in _read_partition(log, number, latest, ends[number]):
                    _show(bar, number + share, partitions, read.customers + len(latest))
                fold(latest.take(read))
    finally:
        await log.close()
    if not read.customers and not read.unreadable:
        raise NoCustomers(
            f"no customer is known at {settings.kafka} yet: engines write their states, event by event"
        )
    return read


async def _read_partition(log: KafkaLog, number: int, latest: Latest[Mark], end: int) -> AsyncIterator[float]:
    """Yields how much of it is read, from 0 to 1."""
    reader = await log.open_reader(STATE_CHANGELOG, number)
    start: int | None = None
    try:
        async for records in reader.read_on():
            for record in records:
                assert record.key is not None, "every record of the changelog has a key"
                latest.admit(record.key, record.value)
            if records:
                start = records[0].offset if start is None else start
                yield min(1.0, (records[-1].offset - start) / max(1, end - start))
    finally:
        await reader.close()
