"""The log on Kafka.

Each writer is a transactional producer; its name is the transactional id, by which Kafka fences whoever
held it before. So a worker that was stopped and wakes up again can write nothing more.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IllegalOperation, MessageSizeTooLargeError, ProducerFenced
from aiokafka.producer.message_accumulator import BatchBuilder

from schemas.topics import all_topics
from trigger_engine.adapters.as_read import leave_as_read
from trigger_engine.adapters.batches import LogRecord
from trigger_engine.adapters.log_port import Bounds, Ends, Fenced, Row, TopicFacts
from trigger_engine.adapters.topic_ids import describe

BATCH_BYTES_MAX = 900_000
"""Below Kafka's default limit of a batch (`message.max.bytes`, `RECORD_BYTES_DEFAULT`)."""
RECORD_BYTES_DEFAULT = 1_048_588
TRANSACTION_TIMEOUT_MS = 60_000
REQUEST_TIMEOUT_MS = 30_000
POLL_MS = 200
RECORDS_PER_POLL_MAX = 10_000
FETCH_BYTES_MAX = 8 * 2**20


class RecordRefused(RuntimeError):
    """A topic's limit is below what it has to take; the message says how to raise it."""


class BatchMaker(Protocol):
    """The part of a producer that makes record batches."""

    def create_batch(self) -> BatchBuilder: ...


class KafkaLog:
    """Our topics on a Kafka. `bootstrap` is `host:port[,host:port]`."""

    def __init__(self, bootstrap: str, *, check_crcs: bool = True) -> None:
        self._bootstrap = bootstrap
        self._check_crcs = check_crcs
        self._asking: dict[str, AIOKafkaConsumer] = {}
        self._connecting = asyncio.Lock()

    async def open_writer(self, name: str) -> "KafkaWriter":
        """Fence who held the name before."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            client_id=name,
            transactional_id=name,
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
        return KafkaWriter(producer)

    async def open_reader(self, topic: str, partition: int, start: int | None = None) -> "KafkaReader":
        """A consumer of its own, in no group."""
        read = TopicPartition(topic, partition)
        # "earliest" in the constructor: `assign` then `seek_to_beginning` races with the reset to latest.
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            check_crcs=self._check_crcs,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        consumer.assign([read])
        if start is not None:
            consumer.seek(read, start)
        return KafkaReader(consumer, read)

    async def bounds(self, topic: str, partition: int) -> Bounds:
        """Asked on a connection of its own, which is closed again."""
        asked = TopicPartition(topic, partition)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        await consumer.start()
        try:
            start = (await consumer.beginning_offsets([asked]))[asked]
            end = (await consumer.end_offsets([asked]))[asked]
        finally:
            await consumer.stop()
        return Bounds(start, end)

    async def end_offsets(
        self, topic: str, partitions: list[int], *, committed: bool = True
    ) -> dict[int, int]:
        """Asked on a connection that nothing else uses: a broker answers a connection's requests in turn, and
        behind a waiting fetch the answer would take as long as the fetch."""
        if not partitions:
            return {}
        asking = await self._asking_consumer("read_committed" if committed else "read_uncommitted")
        ends = await asking.end_offsets([TopicPartition(topic, number) for number in partitions])
        return {asked.partition: end for asked, end in ends.items()}

    async def _asking_consumer(self, isolation_level: str) -> AIOKafkaConsumer:
        async with self._connecting:
            if isolation_level not in self._asking:
                asking = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level=isolation_level)
                try:
                    await asking.start()
                except BaseException:
                    await asking.stop()
                    raise
                self._asking[isolation_level] = asking
            return self._asking[isolation_level]

    async def describe(self, topics: tuple[str, ...]) -> dict[str, TopicFacts]:
        """Asked on a connection of its own, which is closed again."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            return await describe(admin, topics)
        finally:
            await admin.close()

    async def close(self) -> None:
        """Close the connections that ends are asked on."""
        while self._asking:
            _, asking = self._asking.popitem()
            await asking.stop()


class KafkaWriter:
    """A transactional producer. Raises Fenced and aiokafka's KafkaError."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["KafkaTransaction"]:
        """Commit what the block appended, once all of it was acknowledged."""
        try:
            async with self._producer.transaction():
                transaction = KafkaTransaction(self._producer)
                yield transaction
                await transaction.written()
        except ProducerFenced as error:
            raise Fenced("another producer has our transactional id now") from error

    async def close(self) -> None:
        """Stop the producer."""
        await self._producer.stop()


class KafkaTransaction:
    """An open transaction of a producer."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._acknowledgements: list[tuple[str, int, int, int, asyncio.Future[Any]]] = []
        self._ends: Ends = {}

    async def append(self, topic: str, partition: int, rows: Iterable[Row]) -> None:
        """Send the records; that they were acknowledged is seen by `written`."""
        for batch in record_batches(self._producer, rows):
            try:
                acknowledgement = await self._producer.send_batch(batch, topic, partition=partition)
            except IllegalOperation as error:
                raise self._ended_by() or error from error
            count = batch.record_count()
            self._acknowledgements.append((topic, partition, batch.size(), count, acknowledgement))

    def _ended_by(self) -> BaseException | None:
        """What the producer's own task met while we sent batches. aiokafka ends the transaction then, and
        says of the next batch only that there is none."""
        waiter = self._producer._txn_manager.wait_for_transaction_end()
        return waiter.exception() if waiter.done() else None

    async def written(self) -> Ends:
        """Every batch was acknowledged by the broker. Raises RecordRefused if one is too large."""
        for topic, partition, size, count, acknowledgement in self._acknowledgements:
            try:
                first = (await acknowledgement).offset
            except MessageSizeTooLargeError as error:
                raise RecordRefused(_too_large(topic, size)) from error
            self._ends[topic, partition] = first + count
        self._acknowledgements.clear()
        return self._ends


class KafkaReader:
    """A consumer of one partition."""

    def __init__(self, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
        self._consumer = consumer
        self._partition = partition

    async def read_on(self) -> AsyncIterator[Sequence[LogRecord]]:
        """By position, not by the last record: a log may end with a transaction marker."""
        consumer, partition = self._consumer, self._partition
        end = (await consumer.end_offsets([partition]))[partition]
        at = await consumer.position(partition)
        while at < end:
            leave_as_read(consumer._fetcher)
            fetched = await consumer.getmany(timeout_ms=0, max_records=RECORDS_PER_POLL_MAX)
            before, at = at, await consumer.position(partition)
            if at > before:  # there may be markers alone
                yield fetched.get(partition, [])
            else:
                await self._something_fetched()

    async def _something_fetched(self) -> None:
        """Wait for it a while; `getmany` would pass on copies of what comes while it waits. Raises what the
        fetcher met."""
        waiter = self._consumer._fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=POLL_MS / 1_000)
        if done:
            waiter.result()
        else:
            waiter.cancel()

    async def position(self) -> int:
        """Of the consumer."""
        return int(await self._consumer.position(self._partition))

    async def close(self) -> None:
        """Stop the consumer."""
        await self._consumer.stop()


def record_batches(maker: BatchMaker, rows: Iterable[Row]) -> Iterator[BatchBuilder]:
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
                size = len(value or b"")
                raise ValueError(f"a record of {size} bytes exceeds the batch limit {BATCH_BYTES_MAX}")
    if builder is not None:
        builder.close()
        yield builder


def _too_large(topic: str, size: int) -> str:
    declared = all_topics().get(topic)
    needed = (declared and declared.record_bytes_max) or RECORD_BYTES_DEFAULT
    return (
        f"{topic} refuses a record batch of {size:,} bytes; nothing of this flush was written. Run "
        f"kafka-configs.sh --alter --topic {topic} --add-config max.message.bytes={needed} against the "
        "cluster (`tetik topics create` checks all topics), and start again."
    )
