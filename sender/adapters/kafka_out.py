"""What the sender writes to Kafka: deliveries, feedback events, dead letters. Idempotent, acks=all.

A record counts only when the broker has acknowledged it. An idempotent producer that failed once may be
unusable afterwards, so a failure replaces it; the ids are deterministic, and readers fold repetitions.
"""

import asyncio
import logging

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from schemas.contract import Contract
from schemas.dead_letter import DeadLetter, value_text
from schemas.delivery import Delivery
from schemas.event import Event
from schemas.headers import KafkaHeaders, cloud_event_headers
from schemas.ids import stable_hash
from schemas.instants import Instant, datetime_of, instant_of
from schemas.records import EventRecord, encode_record
from sender.core.outcomes import Outcome, delivery_of, feedback_of
from sender.settings import SenderTopics

log = logging.getLogger("tetik.sender")

CE_SOURCE = "/tetik/sender"
RETRY_S_MAX = 10.0
QUEUE_TIME_MS = 20_000


class KafkaUnavailable(ConnectionError):
    """The broker did not acknowledge."""


class Publisher:
    """One producer, replaced when it fails."""

    def __init__(self, bootstrap: str, topics: SenderTopics) -> None:
        self._bootstrap = bootstrap
        self._topics = topics
        self._producer: AIOKafkaProducer | None = None
        self._lock = asyncio.Lock()
        self.available = True

    async def report(self, outcome: Outcome) -> None:
        """Both records of an outcome, acknowledged; waits and repeats until Kafka takes them."""
        delivery, event = delivery_of(outcome), feedback_of(outcome)
        key = outcome.customer_key.encode()
        headers = _headers(Delivery, event.event_id, outcome.occurred_at)
        await self._patiently(self._topics.deliveries, key, encode_record(delivery), headers)
        await self._patiently(
            self._topics.events,
            key,
            encode_record(event),
            _headers(Event, event.event_id, outcome.occurred_at),
        )

    async def bury(self, letter: DeadLetter, key: bytes | None) -> None:
        """A dead letter, acknowledged; waits until Kafka takes it."""
        record_id = stable_hash("dead-letter", letter.topic, str(letter.partition), str(letter.offset))
        headers = cloud_event_headers(
            DeadLetter, record_id=record_id, source=CE_SOURCE, time=instant_of(letter.failed_at)
        )
        await self._patiently(self._topics.dead_letters, key, letter.model_dump_json().encode(), headers)

    async def publish_event(self, event: EventRecord, key: str, at: Instant, *, timeout_s: float) -> None:
        """An event, acknowledged within `timeout_s`; a person waits. Raises KafkaUnavailable."""
        headers = _headers(Event, event.event_id, at)
        try:
            async with asyncio.timeout(timeout_s):
                await self._send(self._topics.events, key.encode(), encode_record(event), headers)
        except (KafkaError, OSError, TimeoutError) as error:
            await self._discard()
            raise KafkaUnavailable(f"Kafka at {self._bootstrap} did not take the event: {error}") from error

    async def close(self) -> None:
        """Ends the producer; what was acknowledged stays."""
        await self._discard()

    async def _patiently(self, topic: str, key: bytes | None, value: bytes, headers: KafkaHeaders) -> None:
        delay_s = 0.2
        while True:
            try:
                await self._send(topic, key, value, headers)
            except (KafkaError, OSError) as error:
                if self.available:
                    log.warning(
                        "Kafka at %s does not take records for %s (%s); trying again until it does",
                        self._bootstrap, topic, error or type(error).__name__,
                    )  # fmt: skip
                self.available = False
                await self._discard()
                await asyncio.sleep(delay_s)
                delay_s = min(2 * delay_s, RETRY_S_MAX)
                continue
            if not self.available:
                log.info("Kafka at %s takes records again", self._bootstrap)
            self.available = True
            return

    async def _send(self, topic: str, key: bytes | None, value: bytes, headers: KafkaHeaders) -> None:
        producer = await self._ready()
        await producer.send_and_wait(topic, value, key=key, headers=headers)

    async def _ready(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id="tetik-sender",
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=2,
                    request_timeout_ms=QUEUE_TIME_MS,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self) -> None:
        """Others may be waiting on the same producer: they fail too, and come back with the next one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            try:
                async with asyncio.timeout(5):
                    await producer.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.debug("closing a failed producer: %s", error)


def dead_letter(
    *, topic: str, partition: int, offset: int, key: bytes | None, value: bytes, reason: str, now: Instant,
    traceback_digest: str | None = None,
) -> DeadLetter:  # fmt: skip
    """The letter about a record, its value as text or base64."""
    text, encoding = value_text(value)
    return DeadLetter.model_validate(
        {
            "topic": topic,
            "partition": partition,
            "offset": offset,
            "key": None if key is None else key.decode(errors="replace"),
            "value": text,
            "value_encoding": encoding,
            "stage": "sender",
            "reason": reason[:1000],
            "traceback_digest": traceback_digest,
            "failed_at": datetime_of(now),
        }
    )


def _headers(contract: type[Contract], record_id: str, at: Instant) -> KafkaHeaders:
    return cloud_event_headers(contract, record_id=record_id, source=CE_SOURCE, time=at)
