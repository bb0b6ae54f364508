"""Live events at a steady rate: the shop's mix of `benchmarks.shop_log`, stamped as they are sent.

Events are made beforehand and cut where id, times and order number stand, so that sending one costs a few
microseconds. They are sent round and round; each time an event is new: another id, another time, another
order, and in each round another cart.
"""

import threading
import time
from collections.abc import Iterator
from typing import Protocol

import msgspec
from confluent_kafka import Producer

from benchmarks.shop_log import Logged, shop_log
from schemas.instants import Instant, format_instant
from schemas.records import EventRecord, encode_record
from schemas.topics import EVENTS

OCCURRED_BEFORE_MS = 200
"""How long an event is on its way to us."""
TURN_S = 0.005
_ID, _OCCURRED, _RECEIVED, _ORDER = "%event-id%", "%when-it-occurred%", "%when-it-was-received%", "%order-id%"
_ROUND = "%round%"
_BEHIND = {"email_sent"}
"""What became of a mail is told of mails that were sent, not of made-up ones."""


class Source(Protocol):
    """Whatever makes events."""

    def next_event(self, now: Instant) -> tuple[bytes, bytes]: ...


class Shop:
    """Events to be stamped. The same seed makes the same shop."""

    def __init__(self, events: int, customers: int, seed: int) -> None:
        log = shop_log(events, customers, seed, time.time_ns() // 1_000_000)
        self._pool = [_cut(logged) for logged in log if logged.type not in _BEHIND]
        self._sent = 0

    def next_event(self, now: Instant, occurred_at: Instant | None = None) -> tuple[bytes, bytes]:
        """(key, value) of one more event, received now; it has just occurred, if nothing else is said."""
        occurred_at = now - OCCURRED_BEFORE_MS if occurred_at is None else occurred_at
        number, self._sent = self._sent, self._sent + 1
        turn, place = divmod(number, len(self._pool))
        key, parts = self._pool[place]
        stamps = {
            _ID: f"e-{number:012d}".encode(),
            _OCCURRED: format_instant(occurred_at).encode(),
            _RECEIVED: format_instant(now).encode(),
            _ORDER: f"o-{number:012d}".encode(),
            _ROUND: str(turn).encode(),
        }
        return key, b"".join(stamps[part] if isinstance(part, str) else part for part in parts)


def _cut(logged: Logged) -> tuple[bytes, list[bytes | str]]:
    """The record's key, and its parts between the stamps."""
    record = msgspec.json.decode(logged.value, type=EventRecord)
    properties = record.properties
    if logged.order_id is not None:
        properties = {**properties, "order_id": _ORDER}
    if "cart_id" in properties:
        properties = {**properties, "cart_id": f"{properties['cart_id']}-{_ROUND}"}
    stamped = msgspec.structs.replace(
        record, event_id=_ID, occurred_at=_OCCURRED, received_at=_RECEIVED, properties=properties
    )
    parts: list[bytes | str] = [encode_record(stamped)]
    for stamp in (_ID, _OCCURRED, _RECEIVED, _ORDER, _ROUND):
        parts = [piece for part in parts for piece in _split(part, stamp)]
    return logged.key.encode(), parts


def _split(part: bytes | str, stamp: str) -> Iterator[bytes | str]:
    if isinstance(part, str):
        yield part
        return
    first, *rest = part.split(stamp.encode())
    yield first
    for piece in rest:
        yield stamp
        yield piece


class Traffic(threading.Thread):
    """Sends events of a shop at a rate until told to stop. What the broker refuses is raised by `stop`."""

    def __init__(self, kafka: str, shop: Source, per_s: float) -> None:
        super().__init__(daemon=True)
        self._producer = Producer(
            {
                "bootstrap.servers": kafka,
                "log_level": 0,
                "enable.idempotence": True,
                "linger.ms": 2,
                "partitioner": "murmur2_random",
            }
        )
        self._shop = shop
        self.per_s = per_s
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self.sent = 0
        self.behind_max_s = 0.0
        """How far the sender itself fell behind its rate: then the machine was too busy."""

    def run(self) -> None:
        try:
            self._send_on()
        except BaseException as error:
            self._failure = error

    def stop(self) -> None:
        """Returns when all that was sent is on the log."""
        self._stopping.set()
        self.join()
        if self._failure is not None:
            raise self._failure
        self._producer.flush()

    def _send_on(self) -> None:
        begun = time.monotonic()
        while not self._stopping.wait(TURN_S):
            due = int((time.monotonic() - begun) * self.per_s)
            self.behind_max_s = max(self.behind_max_s, (due - self.sent) / self.per_s)
            now = time.time_ns() // 1_000_000
            for _ in range(due - self.sent):
                key, value = self._shop.next_event(now)
                self._producer.produce(EVENTS, value, key)
            self.sent = due
            self._producer.poll(0)
