"""A simulated shop whose products go and come back: who waits for them, and who is told, while engines die,
freeze and lose their partitions in the middle of slices.

A world of its own beside the shoppers' one, since what is judged here lies between customers: the log alone
says who has to be told. Everybody whose interest was written before the news, and who has not lost it since,
is told once; whoever ever was interested in time may be; nobody is told twice, and no news but one that a
newer one has overtaken is told to nobody.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

from schemas.ids import product_notice_id
from schemas.instants import Instant, parse_instant
from schemas.records import EventRecord, InterestRecord, decode_event, decode_interest
from schemas.topics import EVENTS, INTERESTS
from sender import app as sender_app
from tests.fixtures.engine_cases import rule_set
from tests.fixtures.products import ON_NOTICE, told
from tests.model.notices import ProductHistory
from tests.model.notices import Told as ToldOf
from tests.simulation.history import Fault, FaultKind, Happened, History, Item, Published, Quiet
from tests.simulation.memory_log import MemoryRecord
from tests.simulation.virtual_time import Deadlock, run
from tests.simulation.world import HOUSEKEEPING_S, NeverSettles, World
from trigger_engine import app as engine_app
from trigger_engine.core import interest_buckets

CUSTOMERS = 14
PRODUCTS = ("p1", "p2", "p3")
SLICE = 2
BUCKET = 2
WAYS = {"product_viewed": 12, "product_wished": 3, "product_unwished": 2, "order_completed": 1}
FAULTS: tuple[FaultKind, ...] = ("kill", "kill", "kill", "freeze", "thaw", "isolate", "heal", "rebalance")
Planted = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Restocked:
    """The shop tells of a product."""

    gap: int
    event_id: str
    product: str
    stock: int
    price: float


@dataclass(frozen=True, slots=True)
class ProductsOnLog:
    """What a run has left: what was told of products, and interests, in the broker's order; and notices."""

    told: list[tuple[MemoryRecord, EventRecord]]
    interests: list[tuple[MemoryRecord, InterestRecord]]
    notices: list[EventRecord]
    failures: list[str]
    dead_letters: int


class ProductWorld(World):
    """A world in which products are told of."""

    async def _do(self, item: Item | Restocked) -> None:
        if isinstance(item, Restocked):
            value = told(
                item.product,
                item.event_id,
                self.now(),
                stock=item.stock,
                price=item.price,
                currency="EUR",
            )
            self._write(f"product:{item.product}", value)
        else:
            await super()._do(item)

    def left(self) -> ProductsOnLog:
        """What lies on the log."""
        found = ProductsOnLog(
            [], [], [], self.failures, len(self.broker.fetch("tetik.dead-letters", 0, 0, 999)[0])
        )
        for number in range(self.partitions):
            for record in self.broker.fetch(EVENTS, number, 0, 2**62)[0]:
                event = decode_event(record.value or b"")
                if event.type == "product_updated":
                    found.told.append((record, event))
                elif event.type == "product_notice":
                    found.notices.append(event)
            for record in self.broker.fetch(INTERESTS, number, 0, 2**62)[0]:
                found.interests.append((record, decode_interest(record.value or b"")))
        found.told.sort(key=lambda one: one[0].order)
        found.interests.sort(key=lambda one: one[0].order)
        return found


def products_history(seed: int) -> History:
    """Customers come to wait, products go and come back, and engines die."""
    random = Random(f"products-{seed}")
    items: list[Any] = [Published(0, 0)]
    for number, product in enumerate(PRODUCTS):
        items.append(Restocked(0, f"first-{number}", product, 0, 10.0))
    for number in range(100):
        chance = random.random()
        if chance < 0.7:
            (type,) = random.choices(list(WAYS), list(WAYS.values()))
            customer = f"c{random.randrange(CUSTOMERS)}"
            properties = {"product_id": random.choice(PRODUCTS)}
            items.append(
                Happened(random.choice((0, 0, 1_000)), f"e{number}", type, customer, None, properties)
            )
        elif chance < 0.9:
            price = random.choice((10.0, 9.0, 8.0))
            product, stock = random.choice(PRODUCTS), random.choice((0, 0, 3))
            items.append(Restocked(random.choice((0, 1, 2_000)), f"r{number}", product, stock, price))
        else:
            items.append(Quiet(random.choice((0, 5_000))))
        if random.random() < 0.15:
            amount = random.randint(1, 60)
            items.append(Fault(0, random.choice(FAULTS), random.randrange(3), amount))
    return History(
        seed,
        tuple(items),
        partitions=random.choice((1, 2, 3)),
        workers=random.choice((1, 2, 2)),
        noise=random.choice((0.0, 0.05, 0.15)),
        senders=1,
    )


def played(history: History, planted: Planted = nullcontext) -> ProductsOnLog:
    """Run a history to its end. Raises NeverSettles, and Deadlock."""
    worlds: list[ProductWorld] = []

    async def play() -> None:
        worlds.append(ProductWorld(history, [rule_set(ON_NOTICE)]))
        await worlds[0].play()

    with (
        patch.object(sender_app, "HOUSEKEEPING_S", HOUSEKEEPING_S),
        patch.object(engine_app, "FAN_OUT_PER_FLUSH", SLICE),
        patch.object(interest_buckets, "BUCKET_INTERESTS", BUCKET),
        planted(),
    ):
        run(play)
    return worlds[0].left()


def product_problems(history: History, planted: Planted = nullcontext) -> list[str]:
    """What is wrong with a run, one line each; none if it is right."""
    try:
        found = played(history, planted)
    except (NeverSettles, Deadlock) as error:
        return [f"{type(error).__name__}: {error}"]
    said = [f"a process ended with {failure}" for failure in found.failures]
    said += ["there are dead letters"] * bool(found.dead_letters)
    counts = Counter(notice.event_id for notice in found.notices)
    said += [f"{event_id} was told {count} times" for event_id, count in counts.items() if count > 1]
    allowed: set[str] = set()
    for position, (record, event) in enumerate(found.told):
        kind = _kind(found, position)
        if kind is None:
            continue
        must, may = _who(found, record, event)
        allowed |= {product_notice_id(event.event_id, customer) for customer in may}
        missing = {name for name in must if product_notice_id(event.event_id, name) not in counts}
        if missing and not (missing == must and _overtaken(found, position, kind)):
            said.append(f"{sorted(missing)} were not told of {event.event_id}, {kind} of {event.product_id}")
    return said + [f"{event_id} was told and is owed to nobody" for event_id in counts.keys() - allowed]


def _kind(found: ProductsOnLog, position: int) -> str | None:
    """What the model says that it is news of."""
    history = ProductHistory()
    product = found.told[position][1].product_id
    for _, event in found.told[: position + 1]:
        if event.product_id == product:
            history.given.append(
                ToldOf(event.event_id, product or "", parse_instant(event.occurred_at), event.properties)
            )
    return history.kind_at(len(history.given) - 1)


def _who(found: ProductsOnLog, news: MemoryRecord, event: EventRecord) -> tuple[set[str], set[str]]:
    """Who has to be told, and who may be."""
    at: Instant = parse_instant(event.occurred_at)
    must: set[str] = set()
    may: set[str] = set()
    for record, interest in found.interests:
        if interest.product_id != event.product_id:
            continue
        if interest.action == "drop":
            must.discard(interest.customer_id)
        elif parse_instant(interest.occurred_at) <= at:
            may.add(interest.customer_id)
            if record.order < news.order:
                must.add(interest.customer_id)
    return must, may


def _overtaken(found: ProductsOnLog, position: int, kind: str) -> bool:
    """Whether a newer one of its product and kind may have taken its place."""
    product = found.told[position][1].product_id
    return any(
        event.product_id == product and _kind(found, later) == kind
        for later, (_, event) in enumerate(found.told[position + 1 :], position + 1)
    )
