"""Whom the load consists of: shoppers who come, do some forty things within half a minute, and stay away.

The seed says who does what; the time is given. Some events come twice, late, or as a backfill, and some
records can be read by nobody.
"""

from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

from schemas.instants import DAY_MS, Instant, format_instant
from schemas.records import EventRecord, encode_record

PRESENT = 120
"""How many shop at a time."""
EVENTS_EACH = 40
PRODUCTS = 4
POISON = (
    b"{",
    b"\xff\xfe\x00",
    b"[]",
    b'{"event_id":"x","type":"page_viewed"}',
    b'{"event_id":7,"type":"page_viewed","occurred_at":"yesterday"}',
    b"",
)
_DOINGS = (
    ("product_viewed", 40),
    ("product_added", 20),
    ("page_viewed", 10),
    ("order_completed", 9),
    ("cart_emptied", 5),
    ("profile_updated", 3),
    ("subscribed", 2),
    ("unsubscribed", 1),
)


class Written(NamedTuple):
    """A record to be written: its key, its bytes, and its event's id if it can be read."""

    key: str
    value: bytes
    event_id: str | None


class Shoppers:
    """`poison`: the share of records that nobody can read."""

    def __init__(self, seed: int, poison: float = 0.005) -> None:
        self.poison = poison
        self._random = Random(f"shoppers-{seed}")
        self._seed = seed
        self._number = 0
        self._came = 0
        self._left: dict[str, int] = {}
        self._last: dict[str, Written] = {}

    def some(self, count: int, now: Instant) -> Iterator[Written]:
        """So many records of this moment."""
        for _ in range(count):
            yield self._one(now)

    def _one(self, now: Instant) -> Written:
        random = self._random
        if len(self._left) < PRESENT:
            return self._comes(now)
        name = random.choice(list(self._left))
        self._left[name] -= 1
        if self._left[name] == 0:
            del self._left[name]
        if random.random() < self.poison:
            return Written(name, random.choice(POISON), None)
        if random.random() < 0.03 and name in self._last:
            return self._last[name]
        (doing,) = random.choices([name for name, _ in _DOINGS], [weight for _, weight in _DOINGS])
        return self._event(name, doing, now, self._properties(name, doing))

    def _comes(self, now: Instant) -> Written:
        name = f"s{self._seed}-{self._came}"
        self._came += 1
        self._left[name] = self._random.randint(5, EVENTS_EACH)
        traits: dict[str, Any] = {"email": f"{name}@customers.example"}
        if self._random.random() < 0.9:
            traits["consent"] = {"marketing_email": True}
        return self._event(name, "signed_up", now, traits)

    def _event(self, name: str, doing: str, now: Instant, properties: dict[str, Any]) -> Written:
        random = self._random
        self._number += 1
        late = DAY_MS + random.randrange(DAY_MS) if random.random() < 0.01 else random.randrange(300)
        event = EventRecord(
            event_id=f"e{self._seed}-{self._number}",
            type=doing,
            occurred_at=format_instant(now - late),
            received_at=format_instant(now),
            source="shop",
            customer_id=name,
            properties=properties,
            backfill=random.random() < 0.01,
        )
        written = Written(name, encode_record(event), event.event_id)
        self._last[name] = written
        return written

    def _properties(self, name: str, doing: str) -> dict[str, Any]:
        product = f"p{self._random.randrange(PRODUCTS)}"
        if doing == "product_viewed":
            return {"product_id": product}
        if doing == "product_added":
            price = self._random.choice((0, 5.5, 20))
            return {"product_id": product, "name": product, "price": price, "quantity": 1}
        if doing == "order_completed":
            return {"order_id": f"o{self._number}", "total": 12.5, "currency": "GBP"}
        return {"first_name": f"N{self._number}"} if doing == "profile_updated" else {}
