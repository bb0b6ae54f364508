"""A great many customers with a pending wake-up each, as their changelog would hold them.

One customer is really made: a running engine is sent her profile, her views and her full cart, and what it
writes about her is read back. The others are copies under names and due times of the same width, so that
the bytes are the engine's own. Partition records, rules and positions are those that the engine left.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator

import msgspec
from confluent_kafka import Producer

from benchmarks.kafka_log import TIMEOUT_S, LoadFailed
from benchmarks.live.engine import memory_mib, records_of
from schemas.instants import MINUTE_MS, Instant, format_instant
from schemas.records import EventRecord, encode_record
from schemas.topics import STATE_CHANGELOG
from tests.fixtures.engine import PARTITIONS, EngineBench
from trigger_engine.core.state import decode_state

PATTERN = "c-99999999"
"""The customer who is copied; `name_of` gives names of the same width."""
CART_WAIT_MS = 45 * MINUTE_MS
"""`wait` of the trigger that her cart starts (tests/fixtures/shop)."""
MADE_WITHIN_S = 60.0


def name_of(number: int) -> str:
    """The customer's name, which is her key too; the shop's traffic uses the same names."""
    return f"c-{number:08d}"


def number_of(name: str) -> int:
    """The number that `name_of` was given."""
    return int(name[2:])


class Pattern:
    """The state of the customer who is copied, and the due time it holds. `engine_mib` is what the engine
    held that made her, and nobody else."""

    def __init__(self, data: bytes, due_at: Instant, engine_mib: float) -> None:
        self.engine_mib = engine_mib
        state = decode_state(data)
        if state.next_wake_up_at != due_at or len(state.runs) != 1:
            raise LoadFailed(f"{PATTERN} does not wait for {format_instant(due_at)} alone: {state}")
        self._data = data
        self._due = msgspec.msgpack.encode(due_at)
        copy = decode_state(self.copy(name_of(1), due_at + 1))
        if (copy.customer_key, copy.next_wake_up_at) != (name_of(1), due_at + 1):
            raise LoadFailed(f"a copy of {PATTERN} cannot be told apart from her: {copy}")

    def __len__(self) -> int:
        return len(self._data)

    def copy(self, name: str, due_at: Instant) -> bytes:
        """The same customer under another name, waiting until another time."""
        renamed = self._data.replace(PATTERN.encode(), name.encode())
        return renamed.replace(self._due, msgspec.msgpack.encode(due_at))


def make_pattern(bench: EngineBench, at: Instant, **environment: str) -> Pattern:
    """Have an engine make the customer who is copied, whose cart is filled at `at`; it has ended when this
    returns. For that engine it is `at` all the while: else an hour ago her wake-up would be due at once."""
    asyncio.run(bench.tick(at))
    engine = bench.start(TETIK_CLOCK="topic", **environment)
    asyncio.run(bench.produce([(PATTERN, value) for value in _her_history(at)]))
    deadline = time.monotonic() + MADE_WITHIN_S
    while not (data := _last_state(bench.kafka, at + CART_WAIT_MS)):
        if time.monotonic() > deadline:
            raise LoadFailed(f"the engine made no state of {PATTERN}:\n{bench.logs()}")
        time.sleep(0.5)
    engine_mib, _ = memory_mib(engine.process.pid)
    engine.terminate()
    return Pattern(data, at + CART_WAIT_MS, engine_mib)


def load_population(kafka: str, pattern: Pattern, customers: Iterable[tuple[str, Instant]]) -> None:
    """Write (name, due time) into the changelog, and that the pattern is no customer of the shop.

    Raises LoadFailed.
    """
    append_all(kafka, STATE_CHANGELOG, _records(pattern, customers))


def append_all(kafka: str, topic: str, records: Iterable[tuple[bytes, bytes | None]]) -> None:
    """Append (key, value) as quickly as the broker takes them. Raises LoadFailed."""
    producer = Producer(
        {
            "bootstrap.servers": kafka,
            "log_level": 0,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 500_000,
            "queue.buffering.max.kbytes": 65_536,
            "partitioner": "murmur2_random",
        }
    )
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
    if left := producer.flush(TIMEOUT_S):
        raise LoadFailed(f"{left} records of {topic} were not acknowledged within {TIMEOUT_S:g} s")


def spread(first: int, count: int, start: Instant, end: Instant) -> Iterator[tuple[int, Instant]]:
    """So many customers from `first` on, due one after the other in equal steps from `start` to `end`."""
    return ((first + number, start + (end - start) * number // count) for number in range(count))


def named(due: Iterable[tuple[int, Instant]]) -> Iterator[tuple[str, Instant]]:
    """Customers by name instead of by number."""
    return ((name_of(number), due_at) for number, due_at in due)


def _records(
    pattern: Pattern, customers: Iterable[tuple[str, Instant]]
) -> Iterator[tuple[bytes, bytes | None]]:
    yield PATTERN.encode(), None
    for name, due_at in customers:
        yield name.encode(), pattern.copy(name, due_at)


def _last_state(kafka: str, due_at: Instant) -> bytes | None:
    """Her state if her cart is in it, which comes last."""
    records = records_of(kafka, STATE_CHANGELOG, PARTITIONS)
    states = [value for key, value in records if key == PATTERN.encode()]
    return states[-1] if states and decode_state(states[-1]).next_wake_up_at == due_at else None


def _her_history(at: Instant) -> Iterator[bytes]:
    """A profile, ten views and two products in the cart, the last of them at `at`."""
    traits = {
        "email": f"{PATTERN}@customers.example",
        "first_name": "Gülşen",
        "last_name": "Öztürk",
        "locale": "tr",
        "country": "TR",
        "consent": {"marketing_email": True},
    }
    yield _event("profile_updated", "profile", at - 20 * MINUTE_MS, **traits)
    for number in range(10):
        yield _event("product_viewed", f"view-{number}", at - (12 - number) * MINUTE_MS, **_product(number))
    for number in (1, 0):
        # Without a cart id of the shop's: what is remembered of it is a digest, which no copy can rename.
        line = {"quantity": 1, **_product(number)}
        yield _event("product_added", f"added-{number}", at - number * MINUTE_MS, **line)


def _product(number: int) -> dict[str, object]:
    return {
        "product_id": f"p-{number}",
        "sku": f"SKU-{number:06d}",
        "name": f"Lantern number {number}",
        "category": f"lights/{number % 4}",
        "price": 5.9 + number,
        "currency": "TRY",
        "url": f"https://shop.example/products/{number}",
    }


def _event(type: str, event_id: str, at: Instant, **properties: object) -> bytes:
    return encode_record(
        EventRecord(
            event_id=f"pattern-{event_id}",
            type=type,
            occurred_at=format_instant(at),
            received_at=format_instant(at),
            source="shop",
            customer_id=PATTERN,
            properties=properties,
        )
    )
