"""One Kafka transaction per flush: outputs, touched customers and partition record become durable together.

Each partition has a producer of its own, with the transactional id `<group>-<partition>`: opening it
fences whoever owned the partition before, so a worker that was stopped and wakes up again can write
nothing more.
"""

from collections.abc import Iterable

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.decision import Decision
from schemas.email_request import EmailRequest
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.instants import Instant, parse_instant
from schemas.records import DecisionRecord, EmailRequestRecord, encode_record
from schemas.topics import DEAD_LETTERS, OUTBOUND, STATE_CHANGELOG, TRIGGERS
from trigger_engine.adapters.dead_letters import dead_letter_of
from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import PARTITION_RECORD_KEY, Flush

SOURCE = "/tetik/engine"
BATCH_BYTES_MAX = 900_000
"""Below Kafka's default limit of 1,048,588 bytes a batch (`message.max.bytes`)."""
TRANSACTION_TIMEOUT_MS = 60_000
REQUEST_TIMEOUT_MS = 30_000

Row = tuple[bytes | None, bytes, KafkaHeaders]


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
                for topic, partition, rows in self._tables(flush)
                for batch in _batches(producer, rows)
            ]
            for acknowledgement in acknowledgements:
                await acknowledgement

    def _tables(self, flush: Flush) -> Iterable[tuple[str, int, list[Row]]]:
        decisions: list[Row] = []
        requests: list[Row] = []
        for effect in flush.effects:
            if isinstance(effect, Decide):
                decisions.append(_decision_row(effect.record))
            else:
                requests.append(_request_row(effect.record))
        states: list[Row] = [(key.encode(), value, []) for key, value in flush.states]
        states.append((PARTITION_RECORD_KEY.encode(), flush.record, []))
        dead_letters: list[Row] = [
            dead_letter_of(rejected, self._partition, flush.rules_digest) for rejected in flush.rejected
        ]
        # Customer-keyed topics have the same partition count, and so the customer the same partition.
        yield TRIGGERS, self._partition, decisions
        yield OUTBOUND, self._partition, requests
        yield STATE_CHANGELOG, self._partition, states
        yield DEAD_LETTERS, 0, dead_letters

    async def close(self) -> None:
        """Give the producer up; an open transaction is aborted by the next owner's fencing."""
        await self._producer.stop()


def _decision_row(record: DecisionRecord) -> Row:
    headers = cloud_event_headers(
        Decision, record_id=record.decision_id, source=SOURCE, time=_ms(record.decided_at)
    )
    return record.customer_key.encode(), encode_record(record), headers


def _request_row(record: EmailRequestRecord) -> Row:
    headers = cloud_event_headers(
        EmailRequest,
        record_id=f"{record.send_id}-{record.action}",
        source=SOURCE,
        time=_ms(record.decided_at),
    )
    return record.customer_key.encode(), encode_record(record), headers


def _ms(text: str) -> Instant:
    return parse_instant(text)


def _batches(producer: AIOKafkaProducer, rows: list[Row]) -> Iterable[BatchBuilder]:
    """The rows as closed record batches, in order, each below the size limit."""
    if not rows:
        return
    builder = producer.create_batch()
    for key, value, headers in rows:
        if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
            builder.close()
            yield builder
            builder = producer.create_batch()
            if builder.append(timestamp=None, key=key, value=value, headers=headers) is None:
                raise ValueError(f"a record of {len(value)} bytes exceeds the batch limit {BATCH_BYTES_MAX}")
    builder.close()
    yield builder
