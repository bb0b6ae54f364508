"""One transaction per flush: outputs, touched customers and partition record become durable together.

Each partition has a writer of its own, named `<group>-<partition>`: opening it fences whoever owned the
partition before.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import NamedTuple, TypeAlias

from schemas.contract import Contract
from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.event import Event
from schemas.headers import KafkaHeaders, headers_at
from schemas.interest import Interest
from schemas.keys import PRODUCT_PREFIX, record_key
from schemas.records import encode_record
from schemas.topics import (
    DEAD_LETTERS,
    EVENTS,
    INTERESTS,
    OUTBOUND,
    SNAPSHOTS,
    STATE_CHANGELOG,
    TRIGGERS,
)
from trigger_engine.adapters.dead_letters import SOURCE, dead_letter_of
from trigger_engine.adapters.left_open import end_left_open
from trigger_engine.adapters.log_port import EngineLog, LogWriter, Row
from trigger_engine.adapters.partitioning import partition_of
from trigger_engine.core.effects import (
    CancelMail,
    Decide,
    DropInterest,
    HandOver,
    NoteInterest,
    RequestMail,
)
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush
from trigger_engine.core.parts import PART_KEY_PREFIX

logger = logging.getLogger(__name__)

_NO_HEADERS: KafkaHeaders = []
OWN_TOPICS = (TRIGGERS, OUTBOUND, STATE_CHANGELOG)
"""Of these a partition's flushes write the partition of its number, and nobody else does."""
SHARED_TOPICS = (EVENTS, INTERESTS, DEAD_LETTERS, SNAPSHOTS)
"""Of these they may write any partition, as others do."""


def written_by(partition: int) -> dict[str, int | None]:
    """Where the flushes of a partition write (as `end_left_open` takes it)."""
    return {**dict.fromkeys(OWN_TOPICS, partition), **dict.fromkeys(SHARED_TOPICS)}


class Portion(NamedTuple):
    """Records of a flush that go to one partition of a topic, in order."""

    topic: str
    partition: int
    rows: Iterable[Row]


Portions: TypeAlias = Callable[[Flush, int, int], Iterable[Portion]]
"""From a flush of a partition, one of so many, to what it writes."""


class TransactionalLog:
    """Writes flushes of one partition. Raises Fenced and what the log raises; then it is unusable.

    `portions` says what a flush writes where."""

    def __init__(self, writer: LogWriter, partition: int, partitions: int) -> None:
        self._writer = writer
        self._partition = partition
        self._partitions = partitions
        self.portions: Portions = portions_of

    @classmethod
    async def open(cls, log: EngineLog, group: str, partition: int, partitions: int) -> "TransactionalLog":
        """Fence the former owner of the partition, one of so many, and become its only writer."""
        return cls(await log.open_writer(f"{group}-{partition}"), partition, partitions)

    async def commit(self, flush: Flush) -> None:
        """Make a flush durable; when it returns, all of it is, and before that, none. The flush is told where
        it ends on the changelog."""
        async with self._writer.transaction() as transaction:
            for portion in self.portions(flush, self._partition, self._partitions):
                await transaction.append(*portion)
            ends = await transaction.written()
        flush.changelog_end = ends.get((STATE_CHANGELOG, self._partition))

    async def end_left_open(self, log: EngineLog) -> None:
        """Abort what the former owner left open and the broker did not end when it fenced him."""
        places = await end_left_open(self._writer, log, written_by(self._partition))
        if places:
            logger.info("partition %d: ended what may have been left open in %s", self._partition, places)

    async def close(self) -> None:
        """Give the writer up."""
        await self._writer.close()


def portions_of(flush: Flush, partition: int, partitions: int) -> Iterator[Portion]:
    """What a flush of `partition`, one of so many, writes, and where."""
    # Customer-keyed topics have the same partition count, and so the customer the same partition.
    yield Portion(TRIGGERS, partition, _decision_rows(flush))
    yield Portion(OUTBOUND, partition, _request_rows(flush))
    yield Portion(STATE_CHANGELOG, partition, _state_rows(flush))
    yield Portion(DEAD_LETTERS, 0, _dead_letter_rows(flush, partition))
    if flush.part is not None:
        yield Portion(SNAPSHOTS, 0, [(f"{PART_KEY_PREFIX}{partition}".encode(), flush.part, _NO_HEADERS)])
    for number, rows in _event_rows(flush, partitions).items():
        yield Portion(EVENTS, number, rows)
    for number, rows in _interest_rows(flush, partitions).items():
        yield Portion(INTERESTS, number, rows)


def _decision_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if isinstance(effect, Decide):
            record = effect.record
            headers = _headers(Decision, record.decision_id, record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _request_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if isinstance(effect, RequestMail | CancelMail):
            record = effect.record
            headers = _headers(EmailRequest, f"{record.send_id}-{record.action}", record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _event_rows(flush: Flush, partitions: int) -> dict[int, list[Row]]:
    """Events for other customers by their partition, each in order."""
    rows: dict[int, list[Row]] = defaultdict(list)
    handed_over = (effect.record for effect in flush.effects if isinstance(effect, HandOver))
    for record in chain(handed_over, flush.notices):
        key = record_key(record.customer_id, record.anonymous_id, record.product_id)
        assert key is not None, "such an event names a customer"
        headers = _headers(Event, record.event_id, record.received_at)
        encoded = key.encode()
        rows[partition_of(encoded, partitions)].append((encoded, encode_record(record), headers))
    return rows


def _interest_rows(flush: Flush, partitions: int) -> dict[int, list[Row]]:
    """What products have to know of customers, by the product's partition."""
    rows: dict[int, list[Row]] = defaultdict(list)
    for effect in flush.effects:
        if isinstance(effect, NoteInterest | DropInterest):
            record = effect.record
            headers = _headers(Interest, record.interest_id, record.occurred_at)
            encoded = (PRODUCT_PREFIX + record.product_id).encode()
            rows[partition_of(encoded, partitions)].append((encoded, encode_record(record), headers))
    return rows


def _state_rows(flush: Flush) -> Iterator[Row]:
    for key, value in flush.states:
        yield key.encode(), value, _NO_HEADERS
    for key, value in chain(flush.pools, flush.products, flush.baskets):
        yield key.encode(), value, _NO_HEADERS
    yield PARTITION_RECORD_KEY.encode(), flush.record, _NO_HEADERS


def _dead_letter_rows(flush: Flush, partition: int) -> Iterator[Row]:
    for rejected in flush.rejected:
        yield dead_letter_of(rejected, partition, flush.rules_digest)


def _headers(contract: type[Contract], record_id: str, time: str) -> KafkaHeaders:
    return headers_at(contract, record_id=record_id, source=SOURCE, time=time)
