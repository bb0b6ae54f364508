"""The cast: named people who act out each play of the library, and some who must not meet it.

Everything is written by hand, in whole minutes: `mon 09:30` lies in the week, `-62d 10:00` so many days
before its Monday, and is history. The shop's backend reports it all over the API, survey answers and clicks
in mails too. An act says what was done and with which goods of the real shop; their names, categories and
prices come from the catalogue.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.demo.goods import consumable_days_of
from services.demo.retail import CURRENCY
from services.demo.script import MONDAY, ScriptedEvent, since_start

PREFIX = "cast-"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FROM: Mapping[str, dict[str, str]] = {
    "tr": {"locale": "tr-TR", "country": "TR", "time_zone": "Europe/Istanbul"},
    "az": {"locale": "az", "country": "AZ", "time_zone": "Asia/Baku"},
    "en": {"locale": "en-GB", "country": "GB", "time_zone": "Europe/London"},
}
Goods = tuple[str, int]
"""A product by its number, and how many."""


def instant_at(when: str) -> Instant:
    """The instant of `mon 09:30` or `-62d 10:00`. Raises ValueError for another text."""
    day, clock = when.split(" ")
    days = DAYS.index(day) if day in DAYS else int(day.removesuffix("d"))
    hours, minutes = clock.split(":")
    return MONDAY + days * DAY_MS + int(hours) * HOUR_MS + int(minutes) * MINUTE_MS


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happens, at a time as the module's docstring says."""

    when: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    goods: tuple[Goods, ...] = ()

    @property
    def at(self) -> Instant:
        """The instant of `when`."""
        return instant_at(self.when)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One of the cast; `name` is her part and her first name, as `winback-ayse`. Her profile is the first
    that is heard of her."""

    name: str
    called: tuple[str, str]
    of: str
    acts: tuple[Act, ...]
    consent: bool = True
    traits: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The shop's id of her."""
        return PREFIX + self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A play and who shows it: it fires for each of `meets`, for one of them by the end of day `by_day`, 1 to
    7, and never for one of `spared`."""

    play: str
    by_day: int
    meets: tuple[Member, ...]
    spared: tuple[Member, ...]


def act(when: str, type: str, *goods: Goods, **properties: Any) -> Act:
    """Anything else than what follows."""
    return Act(when, type, properties, goods)


def viewed(when: str, product: str, **properties: Any) -> Act:
    """She looks at a product."""
    return Act(when, "product_viewed", properties, ((product, 1),))


def added(when: str, product: str, quantity: int = 1, **properties: Any) -> Act:
    """She puts it into her cart."""
    return Act(when, "product_added", properties, ((product, quantity),))


def ordered(when: str, order: str, *goods: Goods, **properties: Any) -> Act:
    """She buys; `order` is its number among her orders."""
    return Act(when, "order_completed", {"order": order, **properties}, goods)


def parcel(when: str, type: str, order: str, *goods: Goods, **properties: Any) -> Act:
    """What becomes of an order: `order_shipped`, `order_delivered`, `order_refunded`."""
    return Act(when, type, {"order": order, **properties}, goods)


def answered(when: str, survey: str, answer: str) -> Act:
    """She answers a mail's question."""
    return Act(when, "survey_answered", {"survey": survey, "answer": answer})


def play_parts(members: Iterable[Member], products: Mapping[str, dict[str, Any]]) -> Iterator[ScriptedEvent]:
    """What they do, as events; `products` of the catalogue by their numbers."""
    for member in members:
        acts = sorted(member.acts, key=lambda one: one.at)
        yield since_start(_profile(member, acts[0].at))
        for number, one in enumerate(acts):
            properties = _properties(member, one, products)
            yield since_start(_event(member, one.at, one.type, f"{number:02d}", properties))


def _profile(member: Member, at: Instant) -> ScriptedEvent:
    first_name, last_name = member.called
    traits: dict[str, Any] = {
        "email": f"{member.key}@shoppers.example",
        "first_name": first_name,
        "last_name": last_name,
        **FROM[member.of],
        "consent": {"marketing_email": member.consent},
        **member.traits,
    }
    return _event(member, at, "profile_updated", "profile", traits)


def _event(member: Member, at: Instant, type: str, label: str, properties: dict[str, Any]) -> ScriptedEvent:
    return ScriptedEvent(
        at=at,
        path="native",
        event_id=f"{member.key}-{label}",
        type=type,
        customer_id=member.key,
        properties=properties,
    )


def _order_number(key: str, order: str) -> str:
    """As a shop would count them: six digits."""
    drawn = blake2b(f"{key}/{order}".encode(), digest_size=4).digest()
    return str(100_000 + int.from_bytes(drawn, "big") % 900_000)


def _line(product: Mapping[str, Any], quantity: int) -> dict[str, Any]:
    """As a shop's order lists it: how long one lasts is said where it is used up."""
    days = consumable_days_of(product["name"])
    return {**product, "quantity": quantity, **({} if days is None else {"consumable_days": days})}


def _properties(member: Member, one: Act, products: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    lines = [_line(products[product], quantity) for product, quantity in one.goods]
    told = dict(one.properties)
    if "order" in told:
        told["order_id"] = _order_number(member.key, told.pop("order"))
    if one.type.startswith("product_"):
        (line,) = lines
        cart = {"cart_id": f"{member.key}-cart"} if one.type in ("product_added", "product_removed") else {}
        return {**line, "currency": CURRENCY, **cart, **told}
    if not lines:
        return told
    total = round(sum(line["price"] * line["quantity"] for line in lines), 2)
    if one.type == "checkout_started":
        told = {"cart_id": f"{member.key}-cart", "value": total, **told}
    return {"total": total, "currency": CURRENCY, "products": lines, **told}
