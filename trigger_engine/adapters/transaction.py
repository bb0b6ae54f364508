"""One Kafka transaction per flush: outputs, touched customers and partition record become durable together.

Each partition has a producer of its own, with the transactional id `<group>-<partition>`: opening it
fences whoever owned the partition before, so a worker that was stopped and wakes up again can write
nothing more.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.contract import Contract
from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.instants import parse_instant
from schemas.records import encode_record
from schemas.topics import DEAD_LETTERS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from trigger_engine.adapters.dead_letters import SOURCE, dead_letter_of
from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush

BATCH_BYTES_MAX = 900_000
"""Below Kafka's default limit of 1,048,588 bytes a batch (`message.max.bytes`)."""
TRANSACTION_TIMEOUT_MS = 60_000
REQUEST_TIMEOUT_MS = 30_000

_NO_HEADERS: KafkaHeaders = []

Row = tuple[bytes | None, bytes, KafkaHeaders]


class BatchMaker(Protocol):
    """The part of a producer that makes record batches."""

    def create_batch(self) -> BatchBuilder: ...


class TransactionalLog:
    """Writes flushes of one partition. Raises aiokafka's KafkaError; after one, the log is unusable."""

    def __init__(self, producer: AIOKafkaProducer, partition: int) -> None:
        self._producer = producer
        self._partition = partition

    @classmethod
    async def open(cls, bootstrap: str, group: str, partition: int) -> "TransactionalLog":
        """Fence the former owner of the partition and become its only writer."""
        producer = AIOKafkaProducer(
            bootstrap_servers=bootstrap,
            client_id=f"{group}-{partition}",
            transactional_id=f"{group}-{partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return cls(producer, partition)

    async def commit(self, flush: Flush) -> None:
        """Make a flush durable; when it returns, all of it is, and before that, none."""
        producer = self._producer
        async with producer.transaction():
            acknowledgements = [
                await producer.send_batch(batch, topic, partition=partition)
                for topic, partition, batch in encode_flush(producer, flush, self._partition)
            ]
            for acknowledgement in acknowledgements:
                await acknowledgement

    async def close(self) -> None:
        """Give the producer up; an open transaction is aborted by the next owner's fencing."""
        await self._producer.stop()


def encode_flush(
    batches: BatchMaker, flush: Flush, partition: int
) -> Iterator[tuple[str, int, BatchBuilder]]:
    """The record batches of a flush of `partition`, each with its topic and partition."""
    # Customer-keyed topics have the same partition count, and so the customer the same partition.
    for topic, number, rows in (
        (TRIGGERS, partition, _decision_rows(flush)),
        (OUTBOUND, partition, _request_rows(flush)),
        (STATE_CHANGELOG, partition, _state_rows(flush)),
        (DEAD_LETTERS, 0, _dead_letter_rows(flush, partition)),
    ):
        for batch in _batches(batches, rows):
            yield topic, number, batch


def _decision_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if isinstance(effect, Decide):
            record = effect.record
            headers = _headers(Decision, record.decision_id, record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _request_rows(flush: Flush) -> Iterator[Row]:
    for effect in flush.effects:
        if not isinstance(effect, Decide):
            record = effect.record
            headers = _headers(EmailRequest, f"{record.send_id}-{record.action}", record.decided_at)
            yield record.customer_key.encode(), encode_record(record), headers


def _state_rows(flush: Flush) -> Iterator[Row]:
    for key, value in flush.states:
        yield key.encode(), value, _NO_HEADERS
    yield PARTITION_RECORD_KEY.encode(), flush.record, _NO_HEADERS


def _dead_letter_rows(flush: Flush, partition: int) -> Iterator[Row]:
    for rejected in flush.rejected:
        yield dead_letter_of(rejected, partition, flush.rules_digest)


def _headers(contract: type[Contract], record_id: str, decided_at: str) -> KafkaHeaders:
    """Thousands of decisions share one `decided_at`, and so all of their headers but the id."""
    return [("ce_id", record_id.encode()), *_shared_headers(contract, decided_at)]


@lru_cache(maxsize=64)
def _shared_headers(contract: type[Contract], decided_at: str) -> tuple[tuple[str, bytes], ...]:
    headers = cloud_event_headers(contract, record_id="", source=SOURCE, time=parse_instant(decided_at))
    return tuple(header for header in headers if header[0] != "ce_id")


def _batches(maker: BatchMaker, rows: Iterator[Row]) -> Iterator[BatchBuilder]:
    """The rows as closed record batches, in order, each below the size limit."""
    builder = None
    for key, value, headers in rows:
        if builder is None:
            builder = maker.create_batch()
        if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
            builder.close()
            yield builder
            builder = maker.create_batch()
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                raise ValueError(f"a record of {len(value)} bytes exceeds the batch limit {BATCH_BYTES_MAX}")
    if builder is not None:
        builder.close()
        yield builder
