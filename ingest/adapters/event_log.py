"""The event log: records in, durably on Kafka when `append` returns.

confluent-kafka was measured at a quarter of aiokafka's cost per record here. librdkafka retries by
itself, for as long as it takes; the idempotent producer keeps the order per partition and writes nothing
twice meanwhile. What has a deadline is the answer to the request, never the record: a record that times
out in flight gives its sequence number back, and if the broker had written it after all, the next record
under that number passes for its repetition: acknowledged, but not written (librdkafka issue 4134). So a
record of a refused request may land later; its event id tells the repetition.

One future per request, not per record: a thread polls for the acks and tells the loop once. The
partitioner is murmur2, as Java's default: with any other a customer would live in two partitions.
"""

import asyncio
import logging
import threading
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from ingest.core.records import LogRecord
from ingest.settings import IngestSettings

log = logging.getLogger("tetik.ingest")

_POLL_S = 0.1
_METADATA_TIMEOUT_S = 2.0
_ONLY_CRITICAL = 2
"""librdkafka's own log level: it would repeat each refused connection; `_note` says it once."""


class Unavailable(Exception):
    """The log did not take the records; some of them may still land. The message says why."""


class _Appending:
    """The acks of one request. Called on the polling thread only, so its counters need no lock."""

    __slots__ = ("_error", "_expected", "_future", "_log", "_loop")

    def __init__(self, event_log: "EventLog", loop: asyncio.AbstractEventLoop, expected: int) -> None:
        self._log = event_log
        self._loop = loop
        self._expected = expected
        self._future: asyncio.Future[KafkaError | None] = loop.create_future()
        self._error: KafkaError | None = None

    def __call__(self, error: KafkaError | None, _message: Any) -> None:
        self._log.settled += 1
        self._error = self._error or error
        self._expected -= 1
        if self._expected == 0:
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if not self._future.done():
            self._future.set_result(self._error)

    async def outcome(self, deadline_s: float) -> KafkaError | None:
        """None once every record is acknowledged, else the first error. Raises TimeoutError."""
        async with asyncio.timeout(deadline_s):
            return await self._future


class EventLog:
    """The producer, its polling thread and the watch over the broker."""

    def __init__(self, settings: IngestSettings) -> None:
        self._settings = settings
        self._topics = (settings.events_topic, settings.dead_letters_topic, settings.products_topic)
        self._stopping = threading.Event()
        self._producer: Any = None
        self._poller: threading.Thread | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._partitions: int | None = None
        self._produced = 0
        self.settled = 0
        self.problem: str | None = "ingest has not asked Kafka yet"
        self._known_away = False
        self.failure: str | None = None
        """Set once the producer can do no more; the process must be restarted."""

    @property
    def in_flight(self) -> int:
        """Records handed to the client and not yet acknowledged or given up."""
        return self._produced - self.settled

    def event_partitions(self) -> int:
        """How many partitions the events topic has. Raises Unavailable while Kafka has not told."""
        if self._partitions is None:
            raise Unavailable(str(self.problem))
        return self._partitions

    async def start(self) -> None:
        """Begin to connect; returns at once, whether Kafka is up or not."""
        self._producer = Producer(self._producer_settings())
        self._poller = threading.Thread(target=self._poll, name="kafka-acks", daemon=True)
        self._poller.start()
        self._watcher = asyncio.create_task(self._watch())

    async def append(self, records: Sequence[LogRecord]) -> None:
        """Write the records in order; returns after every broker ack. Raises Unavailable, at once while
        the broker is known to be away: nothing is queued for it then."""
        if not records:
            return
        if self._known_away:
            raise Unavailable(str(self.problem))
        appending = _Appending(self, asyncio.get_running_loop(), len(records))
        for record in records:
            self._produce(record, appending)
        deadline_ms = self._settings.delivery_deadline_ms
        try:
            error = await appending.outcome(deadline_ms / 1000)
        except TimeoutError:
            waited = f"Kafka did not acknowledge within {deadline_ms} ms"
            raise Unavailable(self.problem or waited) from None
        if error is not None:
            raise Unavailable(self.problem or f"Kafka did not take the records ({error.str()})")

    async def check(self) -> str | None:
        """Ask the broker for its topics; what is wrong, or None."""
        self._note(await asyncio.to_thread(self._look))
        return self.problem

    async def close(self) -> None:
        """Wait for the outstanding acks as long as a request would, then stop."""
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.gather(self._watcher, return_exceptions=True)
        if self._poller is not None:
            left = await asyncio.to_thread(
                self._producer.flush, self._settings.delivery_deadline_ms / 1000 + 1
            )
            self._stopping.set()
            await asyncio.to_thread(self._poller.join)
            if left:
                log.warning("%d records were given up at the end; their requests were not answered 200", left)

    def _produce(self, record: LogRecord, appending: _Appending) -> None:
        try:
            self._producer.produce(
                record.topic,
                record.value,
                record.key,
                partition=record.partition,
                headers=record.headers,
                on_delivery=appending,
            )
        except BufferError as error:
            raise Unavailable("the queue to Kafka is full") from error
        except KafkaException as error:
            raise Unavailable(f"Kafka's client refuses records ({error.args[0].str()})") from error
        self._produced += 1

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(_POLL_S)

    async def _watch(self) -> None:
        while True:
            await self.check()
            await asyncio.sleep(self._settings.kafka_check_s)

    def _look(self) -> str | None:
        try:
            known = self._producer.list_topics(timeout=_METADATA_TIMEOUT_S).topics
        except KafkaException as error:
            return f"Kafka at {self._settings.kafka} cannot be reached ({error.args[0].str()})"
        missing = [topic for topic in self._topics if topic not in known]
        if missing:
            return f"Kafka at {self._settings.kafka} has no topic {missing[0]}: create the topics first"
        self._partitions = len(known[self._settings.events_topic].partitions)
        return None

    def _note(self, problem: str | None) -> None:
        if problem is not None and _kind(problem) != _kind(self.problem):
            log.warning("%s; retrying, and refusing events with Retry-After meanwhile", problem)
        if problem is None and self.problem is not None:
            log.info("Kafka at %s answers; events are taken", self._settings.kafka)
        self.problem = problem
        self._known_away = problem is not None

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self.failure = f"Kafka's client has failed for good ({error.str()}): restart ingest"
            log.error("%s", self.failure)

    def _producer_settings(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self._settings.kafka,
            "client.id": "tetik-ingest",
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": self._settings.linger_ms,
            # Never: see the top of this file.
            "message.timeout.ms": 0,
            # After an outage the client looks for the broker at least each second.
            "reconnect.backoff.max.ms": 1_000,
            # The queue is the back-pressure: full means 429.
            "queue.buffering.max.messages": 100_000,
            "queue.buffering.max.kbytes": 262_144,
            "log_level": _ONLY_CRITICAL,
            "error_cb": self._on_error,
        }


def _kind(problem: str | None) -> str | None:
    """The problem without librdkafka's wording, which changes from try to try."""
    return None if problem is None else problem.partition(" (")[0]
