"""Who is beside a soaking engine: a sender that answers requests, and readers of what it writes."""

import threading

import msgspec
from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, Producer, TopicPartition

from schemas.ids import feedback_event_id
from schemas.instants import format_instant
from schemas.keys import RESERVED_STATE_PREFIX
from schemas.records import EventRecord, encode_record
from schemas.topics import DEAD_LETTERS, EVENTS, OUTBOUND, STATE_CHANGELOG


class Reader(threading.Thread):
    """Hands the committed records of a topic, from its present end on, to `on_message` until stopped."""

    def __init__(self, kafka: str, topic: str, partitions: int) -> None:
        super().__init__(daemon=True)
        self._consumer = Consumer(
            {
                "bootstrap.servers": kafka,
                "log_level": 0,
                "group.id": f"soak-{topic}",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign([TopicPartition(topic, number, OFFSET_END) for number in range(partitions)])
        self._consumer.poll(1.0)
        self._stopping = threading.Event()
        self._failure: BaseException | None = None

    def on_message(self, message: Message) -> None:
        """What to do with a record."""
        raise NotImplementedError

    def run(self) -> None:
        try:
            while not self._stopping.is_set():
                for message in self._consumer.consume(2_000, 0.1):
                    if (error := message.error()) is not None:
                        raise KafkaException(error)
                    self.on_message(message)
        except BaseException as error:
            self._failure = error
        finally:
            self._consumer.close()

    def stop(self) -> None:
        """Raises what the reader met."""
        self._stopping.set()
        self.join()
        if self._failure is not None:
            raise self._failure


class _Request(msgspec.Struct):
    send_id: str
    action: str
    trigger_id: str
    step: str
    customer_key: str
    decided_at: str


class Answers(Reader):
    """Tells of every mail that it was sent, as the sender does."""

    def __init__(self, kafka: str, partitions: int) -> None:
        super().__init__(kafka, OUTBOUND, partitions)
        self._producer = Producer(
            {"bootstrap.servers": kafka, "log_level": 0, "linger.ms": 20, "partitioner": "murmur2_random"}
        )
        self._decode = msgspec.json.Decoder(_Request).decode
        self.answered = 0

    def on_message(self, message: Message) -> None:
        request = self._decode(message.value() or b"")
        if request.action != "send":
            return
        _, at = message.timestamp()
        record = EventRecord(
            event_id=feedback_event_id(request.send_id, "sent", 1),
            type="email_sent",
            customer_id=request.customer_key,
            occurred_at=format_instant(at),
            received_at=format_instant(at),
            source="sender",
            properties={
                "send_id": request.send_id,
                "trigger_id": request.trigger_id,
                "step": request.step,
                "status": "sent",
            },
        )
        self._producer.produce(EVENTS, encode_record(record), request.customer_key)
        self._producer.poll(0)
        self.answered += 1


class StateSize(Reader):
    """The bytes of all customers' states, as the changelog has them. It begins with those it is given."""

    def __init__(self, kafka: str, partitions: int, sizes: dict[bytes, int]) -> None:
        super().__init__(kafka, STATE_CHANGELOG, partitions)
        self._sizes = sizes
        self.total = sum(sizes.values())

    @property
    def customers(self) -> int:
        return len(self._sizes)

    def on_message(self, message: Message) -> None:
        key = message.key() or b""
        if key.startswith(RESERVED_STATE_PREFIX.encode()):
            return
        size = len(message.value() or b"")
        self.total += size - self._sizes.get(key, 0)
        self._sizes[key] = size


class DeadLetters(Reader):
    """How many inputs could not be used."""

    def __init__(self, kafka: str) -> None:
        super().__init__(kafka, DEAD_LETTERS, 1)
        self.count = 0

    def on_message(self, message: Message) -> None:
        self.count += 1
