"""Histories of shoppers, generated: carts filled and left, orders, devices that become customers, late and
repeated events, changes of consent, days that are moved, customers who are erased and come back, edits of the
rules, and everything that goes wrong with processes."""

from datetime import date
from random import Random
from typing import Any

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Instant, datetime_of, format_instant
from tests.simulation.history import (
    T0,
    Broken,
    Fault,
    FaultKind,
    Happened,
    History,
    Imported,
    Item,
    Published,
    Quiet,
)

CUSTOMERS = 30
_PRODUCTS = ("p1", "p2", "p3", "p4")
_GAPS = (0, 0, 0, 5 * SECOND_MS, 40 * SECOND_MS, 3 * MINUTE_MS, 12 * MINUTE_MS)
_LONG_GAPS = (50 * MINUTE_MS, 2 * HOUR_MS, 9 * HOUR_MS, 25 * HOUR_MS)
_TYPES = (
    ("product_viewed", 12),
    ("product_added", 12),
    ("cart_updated", 3),
    ("product_removed", 2),
    ("cart_emptied", 2),
    ("checkout_started", 4),
    ("order_completed", 5),
    ("page_viewed", 2),
    ("email_opened", 1),
    ("email_clicked", 1),
    ("profile_updated", 2),
    ("subscribed", 1),
    ("unsubscribed", 1),
    ("signed_up", 2),
    ("customer_erased", 1),
)
_ZONES = (None, "Europe/Istanbul", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Nowhere/Near")
_COUNTRIES = (None, "TR", "DE", "US")
_DAYS_AHEAD = 4
"""A history takes some days, and what falls due within weeks behind it is followed: her days lie this far
ahead on average, some are just over."""
_FAULTS: tuple[tuple[FaultKind, int], ...] = (
    ("kill", 8),
    ("freeze", 3),
    ("thaw", 4),
    ("isolate", 3),
    ("heal", 4),
    ("rebalance", 3),
    ("clock", 1),
    ("sender_kill", 3),
    ("sender_stop", 1),
    ("sender_freeze", 1),
    ("sender_isolate", 1),
    ("sender_rebalance", 1),
)
_POOLS = ("cart-10", "happy")
_POINTS = ("", "", "ledger", "relay hears", "relay answers", "relay answers", "ledger finish", "report")
"""Before what a sender dies."""


class _Shoppers:
    """Draws items one by one."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._sent: list[Happened] = []
        self._number = 0
        self._to_come: list[Happened] = []
        self._codes = 1

    def event(self) -> Happened:
        """Something a shopper does, or a repetition of it."""
        random = self._random
        if self._to_come:
            self._sent.append(self._to_come.pop(0))
            return self._sent[-1]
        if self._sent and random.random() < 0.06:
            again = random.choice(self._sent[-60:])
            return Happened(**{**_fields(again), "gap": self._gap(), "held": 0})
        self._number += 1
        if self._sent and self._sent[-1].type == "product_viewed" and random.random() < 0.6:
            # Who looks often looks again: else nobody would ever reach a threshold.
            looked = self._sent[-1]
            self._sent.append(
                Happened(**{**_fields(looked), "gap": self._gap(), "event_id": f"e{self._number}"})
            )
            return self._sent[-1]
        (type,) = random.choices([name for name, _ in _TYPES], [weight for _, weight in _TYPES])
        if type == "customer_erased":
            return self._erasure()
        customer, device = self._who()
        event = Happened(
            gap=self._gap(),
            event_id=f"e{self._number}",
            type=type,
            customer=customer,
            device=device,
            properties=self._properties(type, customer),
            late=random.choice((0, 0, 0, 0, 20 * SECOND_MS, 10 * MINUTE_MS, 2 * HOUR_MS, 30 * HOUR_MS)),
            skew=random.choice((0, 0, 0, -2 * SECOND_MS, 3 * SECOND_MS)),
            held=random.choice((0, 0, 0, 0, 0, 30, 400)),
            backfill=random.random() < 0.02,
        )
        self._sent.append(event)
        return event

    def _erasure(self) -> Happened:
        """Somebody is erased: perhaps while a device of hers is being asked, seldom a device alone; and often
        she is back at once, or what she did before still arrives."""
        random = self._random
        number = self._whose()
        customer, device = f"c{number}", f"d{random.choice((number, random.randrange(CUSTOMERS)))}"
        if random.random() < 0.4:
            added = self._product()
            self._to_come.append(self._plain("product_added", None, device, added))
            self._to_come.append(self._plain("page_viewed", customer, device, {}))
        if random.random() < 0.1:
            self._to_come.append(self._plain("customer_erased", None, device, {}))
        else:
            self._to_come.append(self._plain("customer_erased", customer, None, {}))
        if random.random() < 0.5:
            self._to_come.append(self._plain("product_viewed", customer, device, self._product()))
        if random.random() < 0.6:
            self._to_come.append(self._plain("signed_up", customer, None, self._sign_up(customer)))
        self._sent.append(self._to_come.pop(0))
        return self._sent[-1]

    def _plain(
        self, type: str, customer: str | None, device: str | None, properties: dict[str, Any]
    ) -> Happened:
        """Right behind the one before, as a rule on time."""
        self._number += 1
        gap, late = self._random.choice((0, 0, SECOND_MS)), self._random.choice((0, 0, 0, 20 * SECOND_MS))
        return Happened(gap, f"e{self._number}", type, customer, device, properties, late)

    def broken(self) -> Broken:
        """A record that nobody can read."""
        return Broken(0, self._who()[0] or "c0", self._random.choice(("{", "[]", '{"event_id": 7}')))

    def known(self, number: int) -> Happened:
        """A customer who can be mailed."""
        self._number += 1
        properties = {
            "email": f"c{number}@customers.example",
            "locale": "en",
            "consent": {"marketing_email": self._random.random() < 0.9},
            **self._place(),
            **self._days(),
        }
        return Happened(SECOND_MS, f"e{self._number}", "signed_up", f"c{number}", None, properties)

    def codes(self) -> Imported:
        """Codes for one partition; some of them were there before."""
        random = self._random
        pool, first = random.choice(_POOLS), random.randrange(max(1, self._codes - 1), self._codes + 1)
        self._codes = first + random.randint(1, 4)
        partition = random.randrange(4)
        codes = tuple(f"{pool}_{partition}-{number}" for number in range(first, self._codes))
        return Imported(0, partition, pool, codes)

    def fault(self) -> Fault:
        """Something that goes wrong."""
        random = self._random
        (kind,) = random.choices([name for name, _ in _FAULTS], [weight for _, weight in _FAULTS])
        amount, point = 0, ""
        if kind == "sender_kill":
            point = random.choice(_POINTS)
            amount = random.randint(1, 3) if point else random.randint(1, 60)
        elif kind == "kill":
            amount = random.randint(1, 120)
        elif kind == "clock":
            amount = random.choice((-1, 1)) * random.choice((SECOND_MS, MINUTE_MS, 20 * MINUTE_MS))
        return Fault(random.choice((0, SECOND_MS)), kind, random.randrange(4), amount, point)

    def _who(self) -> tuple[str | None, str | None]:
        number, chance = self._whose(), self._random.random()
        if chance < 0.72:
            return f"c{number}", None
        return (None, f"d{number}") if chance < 0.9 else (f"c{number}", f"d{number}")

    def _whose(self) -> int:
        """Few do most."""
        return min(int(self._random.expovariate(4 / CUSTOMERS)), CUSTOMERS - 1)

    def _gap(self) -> int:
        random = self._random
        return random.choice(_LONG_GAPS) if random.random() < 0.02 else random.choice(_GAPS)

    def _product(self) -> dict[str, Any]:
        random = self._random
        name = random.choice(_PRODUCTS)
        price = random.choice((5, 19.9, 120))
        return {"product_id": name, "name": name, "category": name[-1:], "price": price, "quantity": 1}

    def _properties(self, type: str, customer: str | None) -> dict[str, Any]:
        random = self._random
        if type in ("product_viewed", "product_added", "product_removed"):
            return self._product()
        if type in ("cart_updated", "checkout_started"):
            return {"products": [self._product() for _ in range(random.randrange(3))]}
        if type == "order_completed":
            total = {"total": random.choice((10, 60, 400)), "currency": "GBP"}
            return {"order_id": f"o{self._number}", "products": self._lines(), **total}
        if type == "profile_updated":
            changes: tuple[dict[str, Any], ...] = (
                {"email": f"new-{customer}@customers.example"},
                {"consent": {"marketing_email": True}},
                self._days(),
                self._place(),
                {},
            )
            return random.choice(changes)
        return self._sign_up(customer) if type == "signed_up" else {}

    def _lines(self) -> list[dict[str, Any]]:
        """What is bought follows from the order's number; every other product lasts a day."""
        first = self._number % len(_PRODUCTS)
        return [
            {"product_id": name, "category": name[-1:], "consumable_days": (None, 1)[place % 2]}
            for place, name in enumerate(_PRODUCTS)
            if place in (first, first + 1)
        ]

    def _sign_up(self, customer: str | None) -> dict[str, Any]:
        """With the days that she tells."""
        address = {"email": f"{customer}@customers.example", "consent": {"marketing_email": True}}
        return address | self._days()

    def _place(self) -> dict[str, Any]:
        """Where her clock hangs; some zones nobody knows."""
        return {"time_zone": self._random.choice(_ZONES), "country": self._random.choice(_COUNTRIES)}

    def _days(self) -> dict[str, Any]:
        """Some of her days; now and then one that is no day, or is no longer known."""
        random = self._random
        days: dict[str, Any] = {}
        if random.random() < 0.6:
            born = self._day().replace(year=random.choice((1970, 1988, 2001)))
            days["birthday"] = random.choice((born.isoformat(),) * 6 + ("30 February", None))
        if random.random() < 0.5:
            at = self._day_begins() + random.randrange(DAY_MS)
            days["renews_at"] = random.choice((format_instant(at),) * 6 + ("soon", None))
        if random.random() < 0.4:
            days["card_until"] = self._day().isoformat() + random.choice(("", "T12:00:00Z"))
        return days

    def _day(self) -> date:
        return datetime_of(self._day_begins()).date()

    def _day_begins(self) -> Instant:
        return T0 + (int(self._random.expovariate(1 / _DAYS_AHEAD)) - 2) * DAY_MS


def _fields(event: Happened) -> dict[str, Any]:
    return {name: getattr(event, name) for name in Happened.__slots__}


def history_of(seed: int, events: int, rule_sets: int) -> History:
    """A history of so many events of the shop."""
    random = Random(f"history-{seed}")
    shoppers = _Shoppers(random)
    items: list[Item] = [Published(0, 0)]
    items += [shoppers.known(number) for number in range(CUSTOMERS)]
    items += [shoppers.codes() for _ in range(3)]
    while sum(isinstance(item, Happened | Broken) for item in items) < events:
        chance = random.random()
        if chance < 0.9:
            some = range(min(10, events))
            items += [shoppers.broken() if random.random() < 0.015 else shoppers.event() for _ in some]
        elif chance < 0.93:
            items.append(Quiet(random.choice((0, HOUR_MS, DAY_MS)), random.random() < 0.3))
        elif chance < 0.945 and rule_sets > 1:
            items.append(Published(SECOND_MS, random.randrange(rule_sets)))
        elif chance < 0.985:
            items.append(shoppers.codes())
        items += [shoppers.fault() for _ in range(random.choice((0, 0, 1, 1, 2)))]
    return History(
        seed,
        tuple(items),
        partitions=random.choice((1, 2, 3, 4)),
        workers=random.choice((1, 2, 2, 3)),
        noise=random.choice((0.0, 0.03, 0.15)),
        senders=random.choice((1, 2, 2)),
        retry_unanswered=random.random() < 0.25,
    )
