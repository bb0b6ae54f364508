"""What thresholds are worked out from: a few numbers of each customer, of at most so many customers.

Whose numbers are kept is decided by a hash of her key, so the same customers give the same proposal, in
whatever order they are read. Those with an order and those without are sampled apart: buyers may be few
among many visitors. Each one kept stands for `weight` customers.
"""

import heapq
from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from schemas.instants import Instant
from trigger_engine.core.carts import cart_value
from trigger_engine.core.scene import Scene
from trigger_engine.core.state import CustomerState
from trigger_engine.core.variables import score_at

SAMPLE_MAX = 200_000
"""Of buyers, and of others, some 60 MB each. A quantile of as many is right to a tenth of a percent."""


class Figures(NamedTuple):
    """A customer in numbers, as of one instant. None: there is no such thing of hers."""

    rank: int
    """Hash of her key."""
    orders: int
    total: float
    since_order_ms: int | None
    gap_ms: int | None
    """Between her orders, on average."""
    score: float
    since_seen_ms: int | None
    cart: float | None


class Weighed(NamedTuple):
    """Figures that stand for so many customers."""

    figures: Figures
    weight: float


class Stratum:
    """The customers with the lowest ranks, and how many there were."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._heap: list[tuple[int, Figures]] = []
        """By falling rank."""
        self.seen = 0

    def add(self, figures: Figures) -> None:
        """Keep her if her rank is among the lowest."""
        self.seen += 1
        entry = (-figures.rank, figures)
        if len(self._heap) < self._at_most:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            heapq.heapreplace(self._heap, entry)

    def weighed(self) -> list[Weighed]:
        """Those kept, each for her share of all."""
        weight = self.seen / len(self._heap) if self._heap else 0.0
        return [Weighed(figures, weight) for _, figures in self._heap]


class Sample:
    """Figures of all customers that were folded in, or of a sample of them."""

    def __init__(self, now: Instant, at_most: int = SAMPLE_MAX) -> None:
        self.now = now
        self._buyers = Stratum(at_most)
        self._others = Stratum(at_most)
        self._at_most = at_most

    def figures(self, state: CustomerState) -> Figures:
        """Hers. The last order cannot lie ahead of `now`, nor can she have been seen there."""
        orders, cart = state.orders, state.cart
        return Figures(
            rank=int.from_bytes(blake2b(state.customer_key.encode(), digest_size=8).digest(), "big"),
            orders=orders.count,
            total=orders.total,
            since_order_ms=_since(orders.last_at, self.now),
            gap_ms=_gap(state),
            score=score_at(Scene(state, None, None, self.now)),
            since_seen_ms=_since(state.last_seen_at, self.now),
            cart=cart_value(cart) if cart.items else None,
        )

    def fold(self, many: Iterable[Figures]) -> None:
        """Take these customers in."""
        for figures in many:
            (self._buyers if figures.orders else self._others).add(figures)

    @property
    def customers(self) -> int:
        """All that were folded in."""
        return self._buyers.seen + self._others.seen

    @property
    def buyers(self) -> int:
        """Of these, with an order."""
        return self._buyers.seen

    @property
    def whole(self) -> bool:
        """Whether nobody had to be left out."""
        return max(self._buyers.seen, self._others.seen) <= self._at_most

    def weighed(self) -> list[Weighed]:
        """All figures that were kept."""
        return [*self._buyers.weighed(), *self._others.weighed()]


def _since(at: Instant | None, now: Instant) -> int | None:
    return None if at is None else max(0, now - at)


def _gap(state: CustomerState) -> int | None:
    orders = state.orders
    if orders.first_at is None or orders.last_at is None or orders.count < 2:
        return None
    return (orders.last_at - orders.first_at) // (orders.count - 1)
