"""Which products a mail recommends: chosen when it is decided, from the customer and the active snapshot.

A step names sources in order; the first that gives anything wins, and what sells best is always the last.
What she has in her cart, bought lately or is written about anyway is never recommended, nor what is sold out
or not in the catalogue.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import islice
from typing import Any, NamedTuple

from schemas.instants import DAY_MS, Instant
from schemas.records import SnapshotProductRecord
from trigger_engine.core.baskets import product_id_of
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.state import CustomerState, Happening

BOUGHT_LATELY_MS = 30 * DAY_MS
SOURCES = ("viewed", "bought_together", "similar", "best_sellers")


class Wanted(NamedTuple):
    """What a step asks for. `category`: of these products only."""

    sources: Sequence[str]
    at_most: int
    category: str | None


@dataclass(frozen=True, slots=True)
class Recommended:
    """Products and where they are from, as a template shows them."""

    reason: str
    products: Sequence[SnapshotProductRecord]
    version: str

    def data(self) -> dict[str, Any]:
        """For `EmailRequest.data`."""
        items = [_shown(each) | {"reason": self.reason} for each in self.products]
        return {"reason": self.reason, "items": items, "snapshot": self.version}


def recommend(
    snapshot: Snapshot, state: CustomerState, start: Happening, wanted: Wanted, now: Instant
) -> Recommended | None:
    """The products for a mail that is decided at `now`; None if there is nothing to recommend."""
    choosing = _Choosing(snapshot, state, start, now)
    for source in wanted.sources:
        for candidates in choosing.sources[source](wanted):
            found = choosing.first_fit(candidates, wanted.at_most, wanted.category)
            if found:
                return Recommended(source, found, snapshot.version)
    found = choosing.first_fit(snapshot.best_sellers, wanted.at_most, None)
    return Recommended("best_sellers", found, snapshot.version) if found else None


class _Choosing:
    """One choice. A source gives lists of candidates, best first; the first that leaves any counts."""

    def __init__(self, snapshot: Snapshot, state: CustomerState, start: Happening, now: Instant) -> None:
        self.snapshot = snapshot
        self.state = state
        cart = sorted(state.cart.items, key=lambda item: -item.added_at)
        in_cart = [item.product_id or item.key for item in cart]
        about = _products_of(start.properties)
        lines = reversed(state.orders.purchases.kept())
        bought = [(line.at, line.product_id) for line in lines if line.product_id is not None]
        lately = [product_id for at, product_id in bought if at > now - BOUGHT_LATELY_MS]
        last_order = [product_id for at, product_id in bought if at == bought[0][0]]
        self.never = frozenset([*in_cart, *about, *lately])
        self.seeds = (in_cart, about, last_order, state.views.products())
        """Products that tell what she is after, the latest first: group by group, the nearest first."""
        self.sources: Mapping[str, Callable[[Wanted], Iterator[Iterable[str]]]] = {
            "viewed": self._viewed,
            "bought_together": self._bought_together,
            "similar": self._similar,
            "best_sellers": self._best_sellers,
        }

    def first_fit(
        self, candidates: Iterable[str], at_most: int, category: str | None
    ) -> list[SnapshotProductRecord]:
        """The first candidates that may be recommended."""
        products = self.snapshot.products
        fit = (
            product
            for product_id in candidates
            if product_id not in self.never
            and (product := products.get(product_id)) is not None
            and product.stock != 0
            and (category is None or product.category == category)
        )
        return list(islice(fit, at_most))

    def _viewed(self, wanted: Wanted) -> Iterator[Iterable[str]]:
        yield self.state.views.products()

    def _bought_together(self, wanted: Wanted) -> Iterator[Iterable[str]]:
        for seeds in self.seeds:
            counts: Counter[str] = Counter()
            for seed in dict.fromkeys(seeds):
                counts.update(self.snapshot.bought_together.get(seed, {}))
            yield sorted(counts, key=lambda product_id: (-counts[product_id], product_id))

    def _similar(self, wanted: Wanted) -> Iterator[Iterable[str]]:
        for seeds in self.seeds:
            known = (self.snapshot.products.get(seed) for seed in seeds)
            seed = next((each for each in known if each is not None and each.category is not None), None)
            if seed is not None:
                yield self._like(seed, wanted)

    def _like(self, seed: SnapshotProductRecord, wanted: Wanted) -> list[str]:
        """Of its category, the nearest in price first; the most ordered first where that is the same."""
        assert seed.category is not None, "only such are asked about"
        ranked = enumerate(self.snapshot.by_category[seed.category])
        # what may not be recommended takes no place
        most = wanted.at_most + len(self.never) + 1
        offered = ((number, each) for number, each in ranked if each.stock != 0)
        nearest = nsmallest(
            most,
            ((_apart(seed, each), number, each.product_id) for number, each in offered),
        )
        return [product_id for *_, product_id in nearest if product_id != seed.product_id]

    def _best_sellers(self, wanted: Wanted) -> Iterator[Iterable[str]]:
        by_category = self.snapshot.best_sellers_by_category
        for category in (wanted.category, self._favourite()):
            if category is not None:
                yield by_category.get(category, ())
        yield self.snapshot.best_sellers

    def _favourite(self) -> str | None:
        """The category of most of her views that are kept, of several the one looked at last."""
        snapshot = self.snapshot
        views = reversed(self.state.views.kept())
        categories = (snapshot.category_of(view.product_id, view.category) for view in views)
        counts = Counter(category for category in categories if category is not None)
        return max(counts, key=lambda category: counts[category], default=None)


def _shown(product: SnapshotProductRecord) -> dict[str, Any]:
    """A product without what only the choice needs, stock and sales."""
    names = ("product_id", "name", "category", "price", "currency", "url", "image_url")
    return {name: getattr(product, name) for name in names}


def _apart(one: SnapshotProductRecord, other: SnapshotProductRecord) -> float:
    """How far two prices are apart; without end where they cannot be compared."""
    if one.price is None or other.price is None or one.currency != other.currency:
        return float("inf")
    return abs(one.price - other.price)


def _products_of(properties: Mapping[str, Any]) -> list[str]:
    """The products that an event is about: those of its list, and the one that it names."""
    lines = properties.get("products")
    maps = [line for line in lines if isinstance(line, Mapping)] if isinstance(lines, list) else []
    ids = (product_id_of(each) for each in (*maps, properties))
    return list(dict.fromkeys(product_id for product_id in ids if product_id is not None))
