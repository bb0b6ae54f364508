"""The log that all contenders of the jobs read (docs/benchmark-jobs.md): the same bytes from the same seed.

A profile of each customer, shop events to warm up, an order of a *sentinel* for each partition, the shop
events that are measured, the sentinels once more, and shop events behind them: what is measured begins and
ends under full load. Who has seen a sentinel's output knows that everything before it in its partition has
been worked off. The log is made once, into a file of records (length of the key, key, length of the value,
value; lengths are four bytes, big-endian), so that every round loads the same bytes.

Amounts are multiples of a quarter: sums of these are exact, in whatever order they are added.
"""

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from schemas.instants import DAY_MS, MINUTE_MS, Instant, format_instant
from schemas.records import EventRecord, encode_record
from trigger_engine.adapters.partitioning import partition_of

SHARES = {
    "product_viewed": 62.0,
    "page_viewed": 14.0,
    "product_added": 8.0,
    "cart_emptied": 1.0,
    "checkout_started": 2.5,
    "order_completed": 3.0,
    "signed_up": 1.5,
    "profile_updated": 3.0,
    "subscribed": 1.0,
    "unsubscribed": 0.5,
    "email_opened": 3.5,
}
"""Percent of the shop events."""
ZIPF_EXPONENT = 0.9
ZIPF_SHIFT = 20
"""Flattens the head: the busiest of 200,000 causes about 1 event in 270, not 1 in 30."""
VISITORS = 300
"""Who are on the site at a time: some four minutes a visit where 900,000 events fill a day."""
EVENTS_PER_VISIT = 8
"""On average; the lengths of visits are geometric."""
PRODUCTS = 2_000
CATEGORIES = 40
AGREED_SHARE = 0.9
"""Of the customers, who have agreed to marketing mail."""
DOUBLED_SHARE = 0.005
DOUBLED_WITHIN = 40
"""Records of the log within which an event comes again, if it does."""
RECEIVED_AFTER_MS = 250
SPAN_MS = DAY_MS
END_BEFORE_NOW_MS = 10 * MINUTE_MS
WARM, END = "sentinel-warm-", "sentinel-end-"
"""What the order ids of sentinels begin with; the number of the partition follows."""

_LENGTH = struct.Struct(">I")
_AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Mobile"


@dataclass(frozen=True, slots=True)
class LogPlan:
    """What a log holds; `now` is when it is made."""

    customers: int
    warm_up: int
    measured: int
    tail: int
    seed: int
    now: Instant
    partitions: int = 4

    @property
    def starts_at(self) -> Instant:
        """The first shop event; the profiles come before it, a millisecond apart."""
        return self.now - END_BEFORE_NOW_MS - SPAN_MS

    @property
    def shop_records(self) -> int:
        """Records behind the profiles, sentinels among them."""
        return self.warm_up + self.measured + self.tail + 2 * self.partitions


class LogRecord(NamedTuple):
    """Key and value as they stand on the topic."""

    key: bytes
    value: bytes


def log_records(plan: LogPlan) -> Iterator[LogRecord]:
    """The whole log, in the order of the topic."""
    shop = Shop(plan.customers, plan.seed)
    sentinels = sentinels_of(plan.partitions)
    people = [*shop.names, *sentinels]
    for number, name in enumerate(people):
        yield shop.profile(name, plan.starts_at - len(people) + number)
    slots = (plan.starts_at + SPAN_MS * number // plan.shop_records for number in range(plan.shop_records))
    for events, prefix in ((plan.warm_up, WARM), (plan.measured, END)):
        for _ in range(events):
            yield shop.event(next(slots))
        for number, name in enumerate(sentinels):
            yield shop.order(name, f"{prefix}{number}", next(slots))
    for received_at in slots:
        yield shop.event(received_at)


def live_records(plan: LogPlan, times: Iterable[Instant], stream: int) -> Iterator[LogRecord]:
    """What the same customers do afterwards, received at these times: in each stream (numbered from 1) other
    events and other orders, and others are the busiest: the same ones would come to the limit of live runs
    with the orders of some streams, and then an order starts nothing."""
    shop = Shop(plan.customers, plan.seed, stream)
    return (shop.event(received_at) for received_at in times)


def sentinels_of(partitions: int) -> list[str]:
    """For each partition, a customer who lives there."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < partitions:
        name = f"sentinel-{number}"
        found.setdefault(partition_of(name.encode(), partitions), name)
        number += 1
    return [found[partition] for partition in range(partitions)]


class Shop:
    """Draws what happens. All customers have an address; they come in visits, and their carts get a new id
    behind each order."""

    def __init__(self, customers: int, seed: int, stream: int = 0) -> None:
        self._random = Random(f"{seed} {stream}")
        self.names = [f"c-{number:08d}" for number in range(customers)]
        self._busiest_first = list(self.names)
        Random(f"{seed} {stream}" if stream else seed).shuffle(self._busiest_first)
        self._weights = list(
            accumulate(1 / (rank + ZIPF_SHIFT) ** ZIPF_EXPONENT for rank in range(customers))
        )
        self._types, self._shares = list(SHARES), list(accumulate(SHARES.values()))
        self._visitors = [self._who_comes() for _ in range(VISITORS)]
        self._carts: dict[str, int] = {}
        self._orders = 0
        self._stream = stream
        self._again: deque[tuple[int, LogRecord]] = deque()
        self._made = 0

    def profile(self, name: str, received_at: Instant) -> LogRecord:
        """`profile_updated` with all that is known of her."""
        agreed = name.startswith("sentinel") or self._random.random() < AGREED_SHARE
        return self._record(
            name,
            "profile_updated",
            received_at,
            {**self._names(name), "consent": {"marketing_email": agreed}},
        )

    def event(self, received_at: Instant) -> LogRecord:
        """The next shop event, or one of the last that comes again."""
        self._made += 1
        if self._again and self._again[0][0] <= self._made:
            return _received(self._again.popleft()[1], received_at)
        place = self._random.randrange(VISITORS)
        name = self._visitors[place]
        if self._random.random() * EVENTS_PER_VISIT < 1:
            self._visitors[place] = self._who_comes()
        event_type = self._random.choices(self._types, cum_weights=self._shares)[0]
        if event_type == "order_completed":
            self._orders += 1
            made = self.order(name, f"o-{self._stream}-{self._orders:07d}", received_at)
        else:
            made = self._record(name, event_type, received_at, self._properties(name, event_type))
        if self._random.random() < DOUBLED_SHARE and not self._again:
            self._again.append((self._made + self._random.randrange(1, DOUBLED_WITHIN), made))
        return made

    def _who_comes(self) -> str:
        return self._random.choices(self._busiest_first, cum_weights=self._weights)[0]

    def order(self, name: str, order_id: str, received_at: Instant) -> LogRecord:
        """`order_completed`."""
        cart_id = self._cart(name)
        self._carts[name] = self._carts.get(name, 0) + 1
        lines = [self._product() | {"quantity": 1}]
        for line in lines:
            del line["image_url"]
        properties = {
            "order_id": order_id,
            "cart_id": cart_id,
            "total": self._random.randrange(40, 1_200) / 4,
            "currency": "TRY",
            "products": lines,
        }
        return self._record(name, "order_completed", received_at, properties)

    def _properties(self, name: str, event_type: str) -> dict[str, Any]:
        if event_type == "product_viewed":
            return self._product()
        if event_type == "product_added":
            return {"cart_id": self._cart(name), **self._product(), "quantity": self._random.randrange(1, 4)}
        if event_type == "checkout_started":
            value = self._random.randrange(40, 1_200) / 4
            return {"cart_id": self._cart(name), "value": value, "currency": "TRY", "step": 1}
        if event_type == "cart_emptied":
            cart_id = self._cart(name)
            self._carts[name] = self._carts.get(name, 0) + 1
            return {"cart_id": cart_id}
        if event_type in ("signed_up", "subscribed"):
            return {**self._names(name), "consent": {"marketing_email": True}, "method": "newsletter box"}
        if event_type == "profile_updated":
            return self._names(name)
        if event_type == "unsubscribed":
            return {"reason": "too many mails", "list": "newsletter"}
        if event_type == "email_opened":
            return {"campaign": f"campaign-{self._random.randrange(20)}", "subject": "New lanterns are here"}
        return {"name": "Home", "path": "/", "title": "Lanterns and lights", "search": ""}

    def _cart(self, name: str) -> str:
        return f"cart-{name}-{self._carts.get(name, 0)}"

    def _product(self) -> dict[str, Any]:
        number = int(PRODUCTS * self._random.random() ** 2)
        return {
            "product_id": f"p-{number}",
            "name": f"Lantern number {number}",
            "category": f"lights/{number * CATEGORIES // PRODUCTS}",
            "price": 5 + number % 300 + 0.75,
            "url": f"https://shop.example/products/{number}",
            "image_url": f"https://img.example/{number}.webp",
        }

    def _names(self, name: str) -> dict[str, Any]:
        locale = self._random.choice(("tr", "az", "en"))
        return {
            "email": f"{name}@customers.example",
            "first_name": "Gülşen",
            "last_name": "Öztürk",
            "locale": locale,
            "country": "TR",
        }

    def _record(
        self, name: str, event_type: str, received_at: Instant, properties: dict[str, Any]
    ) -> LogRecord:
        number = self._random.randrange(PRODUCTS)
        record = EventRecord(
            event_id=f"ev-{self._random.getrandbits(96):024x}",
            type=event_type,
            customer_id=name,
            occurred_at=format_instant(received_at - RECEIVED_AFTER_MS),
            received_at=format_instant(received_at),
            source="shop",
            properties=properties,
            context={
                "page": {"path": f"/products/{number}", "referrer": "https://search.example/"},
                "user_agent": _AGENT,
            },
        )
        return LogRecord(name.encode(), encode_record(record))


def _received(record: LogRecord, received_at: Instant) -> LogRecord:
    """The same record, received at another time."""
    marker = b'"received_at":"'
    head, _, tail = record.value.partition(marker)
    _, _, rest = tail.partition(b'"')
    return LogRecord(record.key, head + marker + format_instant(received_at).encode() + b'"' + rest)


def write_log(path: Path, records: Iterable[LogRecord]) -> int:
    """Write a file of records; returns how many."""
    count = 0
    with path.open("wb") as file:
        for key, value in records:
            file.write(_LENGTH.pack(len(key)) + key + _LENGTH.pack(len(value)) + value)
            count += 1
    return count


def read_log(path: Path) -> Iterator[LogRecord]:
    """The records of such a file."""
    with path.open("rb") as file:
        while head := file.read(_LENGTH.size):
            key = file.read(_LENGTH.unpack(head)[0])
            value = file.read(_LENGTH.unpack(file.read(_LENGTH.size))[0])
            yield LogRecord(key, value)
