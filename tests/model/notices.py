"""The reference model of product notices (semantics, section 11): whole histories, asked again each time.

Who is interested follows from all that a customer ever did; what is news from all that was ever told of a
product. What a fan-out must do is said from outside: whom it has to have told when everything is worked off,
and whom it may have told at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from schemas.ids import product_notice_id

LONGEST_LIST = 32


@dataclass(frozen=True)
class Did:
    """An event of a customer, under rules that have a use for notices or not; `device_list`: what a device
    hands over to her."""

    type: str
    at: int
    product: str = ""
    products: tuple[str, ...] = ()
    noting: bool = True
    device_list: tuple[str, ...] = ()


def list_after(history: Sequence[Did]) -> list[str]:
    """A customer's interests after all of this, the latest last."""
    interests: list[str] = []
    for did in history:
        if did.type in ("product_viewed", "product_added", "product_wished"):
            if did.product in interests:
                interests.remove(did.product)
                interests.append(did.product)
            elif did.noting:
                interests.append(did.product)
        elif did.type == "product_unwished":
            interests = [one for one in interests if one != did.product]
        elif did.type == "order_completed":
            interests = [one for one in interests if one not in did.products]
        elif did.type == "customer_erased":
            interests = []
        elif did.type == "handover_state":
            interests += [one for one in did.device_list if one not in interests]
        interests = interests[-LONGEST_LIST:]
    return interests


def written_by(history: Sequence[Did]) -> list[tuple[str, str, int]]:
    """What the last event has written to the products: (action, product, at)."""
    before, after = list_after(history[:-1]), list_after(history)
    at = history[-1].at
    gone = [("drop", product, at) for product in before if product not in after]
    return gone + [("note", product, at) for product in after if product not in before]


@dataclass(frozen=True)
class Told:
    """An event of a product; `entry` is None where it is deleted."""

    event_id: str
    product: str
    at: int
    entry: Mapping[str, Any] | None
    starts: bool = True
    """It is neither late nor history, and the rules have a use for notices."""


@dataclass(frozen=True)
class Interest:
    """A record of the interests."""

    action: str
    product: str
    customer: str
    at: int


@dataclass(frozen=True)
class Drained:
    """Everything that was waiting has been worked off."""


@dataclass
class Duty:
    """What comes of one news. `optional`: another took its place, perhaps, before it had begun; `ended`: the
    product was deleted, perhaps in the middle of it."""

    news: Told
    kind: str
    properties: dict[str, Any]
    must: set[str]
    may: set[str]
    optional: bool = False
    ended: bool = False

    def ids(self, customers: set[str]) -> set[str]:
        """The notices of these customers."""
        return {product_notice_id(self.news.event_id, customer) for customer in customers}


def _known_after(known: dict[str, Any], entry: Mapping[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {"price": None, "currency": None, "stock": None}
    after = dict(known)
    if entry["price"] is not None:
        after["price"], after["currency"] = entry["price"], entry["currency"]
    if entry["stock"] is not None:
        after["stock"] = entry["stock"]
    return after


Happening = Told | Interest | Drained


@dataclass
class ProductHistory:
    """All that one partition of products was given, in its order."""

    given: list[Happening] = field(default_factory=list)

    def since(self, product: str, customer: str, position: int) -> int | None:
        """Since when she is interested, before the record at `position`."""
        since: int | None = None
        for one in self.given[:position]:
            if isinstance(one, Interest) and (one.product, one.customer) == (product, customer):
                since = None if one.action == "drop" else min(one.at, since or one.at)
        return since

    def last_told(self, product: str, position: int) -> tuple[Told | None, dict[str, Any]]:
        """The last event that counted before `position`, and price, currency and stock by then."""
        last: Told | None = None
        known: dict[str, Any] = {"price": None, "currency": None, "stock": None}
        interested: set[str] = set()
        for one in self.given[:position]:
            if isinstance(one, Drained) or one.product != product:
                continue
            if isinstance(one, Interest):
                (interested.add if one.action == "note" else interested.discard)(one.customer)
            elif last is None or one.at >= last.at:
                last = one
                known = _known_after(known, one.entry)
            if not interested and known["price"] is None and known["stock"] is None:
                last = None
        return last, known

    def kind_at(self, position: int) -> str | None:
        """What the record there is news of."""
        told = self.given[position]
        if not isinstance(told, Told) or told.entry is None or not told.starts:
            return None
        last, known = self.last_told(told.product, position)
        if last is not None and told.at < last.at:
            return None
        price, stock = told.entry["price"], told.entry["stock"]
        if known["stock"] == 0 and stock is not None and stock > 0:
            return "back_in_stock"
        if (known["stock"] if stock is None else stock) == 0:
            return None
        if price is None or known["price"] is None or told.entry["currency"] != known["currency"]:
            return None
        old = Decimal(str(known["price"]))
        cheaper = price < known["price"] and Decimal(str(price)) <= old * Decimal("0.95")
        return "price_drop" if cheaper else None

    def duties(self) -> list[Duty]:
        """All news, with whom they concern."""
        return [
            self._duty(position, kind)
            for position in range(len(self.given))
            if (kind := self.kind_at(position)) is not None
        ]

    def _duty(self, position: int, kind: str) -> Duty:
        news = self.given[position]
        assert isinstance(news, Told)
        assert news.entry is not None
        _, known = self.last_told(news.product, position)
        same_money = known["currency"] == news.entry["currency"]
        properties = {
            **{name: news.entry[name] for name in ("name", "category", "price", "currency")},
            **{name: news.entry[name] for name in ("url", "image_url")},
            "kind": kind,
            "product_id": news.product,
            "old_price": known["price"] if same_money else None,
            "stock": known["stock"] if news.entry["stock"] is None else news.entry["stock"],
        }
        everybody = {one.customer for one in self.given if isinstance(one, Interest)}
        duty = Duty(news, kind, properties, set(everybody), set())
        end = position
        for end in range(position + 1, len(self.given) + 1):
            interested = {
                customer
                for customer in everybody
                if (since := self.since(news.product, customer, end)) is not None and since <= news.at
            }
            duty.must &= interested
            duty.may |= interested
            if end == len(self.given) or isinstance(self.given[end], Drained):
                break
            later = self.given[end]
            if isinstance(later, Told) and later.product == news.product:
                if self.kind_at(end) == kind:
                    duty.optional = True
                last, _ = self.last_told(news.product, end)
                if later.entry is None and (last is None or later.at >= last.at):
                    duty.ended = True
        return duty
