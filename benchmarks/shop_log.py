"""The log of a made-up shop: the same events for every contender, the same in every run of one seed.

A few shoppers do most of what happens (Zipf), three in five events are product views, and one in five
starts, prolongs or ends a run of the shipped triggers. The log is a backlog of 24 hours that ends ten
minutes before `now`, so wake-ups fall due between the events, as they do after a downtime.

What became of each order confirmation (`email_sent`) follows the order, as the sender would write it.
"""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Any

from schemas.ids import feedback_event_id, send_id
from schemas.instants import DAY_MS, MINUTE_MS, Instant, format_instant
from schemas.keys import customer_key
from schemas.records import EventRecord, encode_record

SHARES = {
    "product_viewed": 60.0,
    "page_viewed": 11.0,
    "product_added": 11.0,
    "cart_viewed": 3.0,
    "product_removed": 1.0,
    "checkout_started": 3.0,
    "order_completed": 3.0,
    "profile_updated": 3.0,
    "signed_up": 1.0,
    "subscribed": 0.7,
    "unsubscribed": 0.3,
}
"""Percent of the events that shoppers cause; each order brings one `email_sent` besides."""
ZIPF_EXPONENT = 0.9
ZIPF_SHIFT = 20
"""Flattens the head: the busiest of 50,000 causes about 1 event in 170, not 1 in 20."""
PRODUCTS = 2_000
END_BEFORE_NOW_MS = 10 * MINUTE_MS
CONFIRMATION = "order-confirmation"
"""Trigger and mail that confirm an order."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A record of the log; `order_id` if it is a completed order."""

    key: str
    value: bytes
    type: str
    order_id: str | None


@dataclass(slots=True)
class _Shopper:
    name: str
    carts: int = 0


def shop_log(events: int, customers: int, seed: int, now: Instant) -> Iterator[Logged]:
    """`events` records in the order in which ingest received them."""
    random = Random(seed)
    types, shares = list(SHARES), list(accumulate(SHARES.values()))
    shoppers = [_Shopper(f"c-{number:08d}") for number in range(customers)]
    weights = list(accumulate(1 / (rank + ZIPF_SHIFT) ** ZIPF_EXPONENT for rank in range(customers)))
    random.shuffle(shoppers)
    start = now - END_BEFORE_NOW_MS - DAY_MS
    outcomes: deque[tuple[str, str]] = deque()
    for number in range(events):
        received_at = start + DAY_MS * number // events
        if outcomes and number % 8 == 0:
            yield _email_sent(*outcomes.popleft(), received_at)
            continue
        shopper = random.choices(shoppers, cum_weights=weights)[0]
        event_type = random.choices(types, cum_weights=shares)[0]
        order_id = f"o-{number:08d}" if event_type == "order_completed" else None
        if order_id is not None:
            outcomes.append((shopper.name, order_id))
        yield _event(random, shopper, event_type, number, received_at, order_id)


def type_counts(log: list[Logged]) -> dict[str, int]:
    """How often each type occurs, most frequent first."""
    return dict(Counter(logged.type for logged in log).most_common())


def _event(
    random: Random,
    shopper: _Shopper,
    event_type: str,
    number: int,
    received_at: Instant,
    order_id: str | None,
) -> Logged:
    record = EventRecord(
        event_id=f"ajs-next-{random.getrandbits(128):032x}",
        type=event_type,
        customer_id=shopper.name,
        anonymous_id=None,
        occurred_at=format_instant(received_at - random.randrange(50, 2_000)),
        received_at=format_instant(received_at),
        source="shop",
        properties=_properties(random, shopper, event_type, order_id),
        context=_context(random, number),
    )
    return Logged(_key(shopper.name), encode_record(record), event_type, order_id)


def _properties(random: Random, shopper: _Shopper, event_type: str, order_id: str | None) -> dict[str, Any]:
    if event_type in ("profile_updated", "signed_up", "subscribed"):
        return _traits(random, shopper)
    if event_type == "unsubscribed":
        return {"reason": "too many mails", "list": "newsletter"}
    if event_type == "page_viewed":
        return {"name": "Home", "path": "/", "title": "Lanterns and lights", "search": ""}
    cart_id = f"cart-{shopper.name}-{shopper.carts}"
    if event_type in ("cart_viewed", "checkout_started"):
        return {"cart_id": cart_id, "value": 40.0, "currency": "TRY", "step": 1}
    if order_id is not None:
        shopper.carts += 1
        return {
            "order_id": order_id,
            "total": round(random.uniform(5, 500), 2),
            "currency": "TRY",
            "email": f"{shopper.name}@customers.example",
            "products": [_product(random)],
        }
    if event_type == "product_viewed":
        return _product(random)
    return {"cart_id": cart_id, **_product(random), "quantity": random.randrange(1, 4)}


def _product(random: Random) -> dict[str, Any]:
    number = int(PRODUCTS * random.random() ** 2)
    return {
        "product_id": f"p-{number}",
        "sku": f"SKU-{number:06d}",
        "name": f"Lantern number {number}",
        "category": f"lights/{number % 40}",
        "price": 5 + number % 300 + 0.9,
        "currency": "TRY",
        "url": f"https://shop.example/products/{number}",
    }


def _traits(random: Random, shopper: _Shopper) -> dict[str, Any]:
    return {
        "email": f"{shopper.name}@customers.example",
        "first_name": "Gülşen",
        "last_name": "Öztürk",
        "locale": random.choice(("tr", "az", "en")),
        "country": "TR",
        "consent": {"marketing_email": random.random() < 0.7},
    }


def _context(random: Random, number: int) -> dict[str, Any]:
    return {
        "library": {"name": "analytics.js", "version": "next-1.70.0"},
        "page": {"path": f"/products/{number % PRODUCTS}", "referrer": "https://search.example/"},
        "locale": "tr-TR",
        "session_id": random.getrandbits(32),
    }


def _email_sent(shopper: str, order_id: str, received_at: Instant) -> Logged:
    key = _key(shopper)
    sent = send_id(CONFIRMATION, f"{key}/{order_id}", CONFIRMATION)
    record = EventRecord(
        event_id=feedback_event_id(sent, "sent", 1),
        type="email_sent",
        customer_id=shopper,
        occurred_at=format_instant(received_at),
        received_at=format_instant(received_at),
        source="sender",
        properties={"send_id": sent, "trigger_id": CONFIRMATION, "step": CONFIRMATION, "status": "sent"},
    )
    return Logged(key, encode_record(record), "email_sent", None)


def _key(shopper: str) -> str:
    key = customer_key(shopper, None)
    assert key is not None, "a shopper has a name"
    return key
