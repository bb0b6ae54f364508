"""The choice of recommended products against the semantics page, followed sentence by sentence.

The walk knows the customer's events as they were made, not her state, and looks everything up in plain lists.
"""

from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.instants import DAY_MS, HOUR_MS
from schemas.records import CauseRecord, PartnerRecord, SnapshotProductRecord, SnapshotRecord
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.recommending import SOURCES, Wanted, recommend
from trigger_engine.core.rules import NO_RULES
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.state import Happening, new_state
from trigger_engine.core.step import step

NOW = 100 * DAY_MS
IDS = [f"p{number}" for number in range(8)]
CATEGORIES = ["tea", "cups", None]
Lines = list[str]


def product(drawn: tuple[str, str | None, float | None, str, int | None, int]) -> SnapshotProductRecord:
    product_id, category, price, currency, stock, orders = drawn
    return SnapshotProductRecord(
        product_id=product_id,
        name=product_id,
        category=category,
        price=price,
        currency=currency,
        stock=stock,
        orders=orders,
    )


ids = st.sampled_from(IDS)
PRODUCTS = st.lists(
    st.builds(
        lambda *drawn: product(drawn),
        ids,
        st.sampled_from(CATEGORIES),
        st.sampled_from([None, 10.0, 20.0, 30.0]),
        st.sampled_from(["TRY", "TRY", "EUR"]),
        st.sampled_from([None, None, 0, 5]),
        st.integers(0, 3),
    ),
    unique_by=lambda each: each.product_id,
    min_size=5,
    max_size=8,
)
PAIRS = st.dictionaries(
    ids, st.lists(st.builds(PartnerRecord, ids, st.integers(1, 3)), max_size=4), min_size=4, max_size=8
)
MINUTES = st.integers(0, 45 * 24)
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("product_viewed"), MINUTES, ids, st.sampled_from(CATEGORIES)),
        st.tuples(st.just("product_added"), MINUTES, ids, st.none()),
        st.tuples(st.just("order_completed"), MINUTES, st.lists(ids, max_size=3), st.none()),
    ),
    min_size=2,
    max_size=8,
    unique_by=lambda event: event[1],
)
STARTS = st.one_of(
    st.just({}),
    st.builds(lambda one: {"product_id": one}, ids),
    st.builds(lambda some: {"products": [{"product_id": each} for each in some]}, st.lists(ids, max_size=2)),
)
WANTED = st.builds(
    Wanted,
    st.lists(st.sampled_from(SOURCES), min_size=1, max_size=4, unique=True),
    st.integers(1, 5),
    st.sampled_from([None, None, "tea", "cups"]),
)


def snapshot_of(
    products: list[SnapshotProductRecord], pairs: dict[str, list[PartnerRecord]]
) -> SnapshotRecord:
    ranked = sorted(products, key=lambda each: (-each.orders, each.product_id))
    sold = [each for each in ranked if each.orders and each.stock != 0]
    return SnapshotRecord(
        version="v",
        made_at="2026-03-01T00:00:00.000Z",
        orders=9,
        products=ranked,
        best_sellers=[each.product_id for each in sold],
        best_sellers_by_category={
            name: [each.product_id for each in sold if each.category == name]
            for name in CATEGORIES
            if name is not None
        },
        bought_together={
            name: list({each.product_id: each for each in partners}.values())
            for name, partners in pairs.items()
        },
    )


class Walk:
    """One choice, as section 12 of the semantics tells it."""

    def __init__(
        self, record: SnapshotRecord, events: list[Any], start: dict[str, Any], wanted: Wanted
    ) -> None:
        self.record = record
        self.wanted = wanted
        self.catalogue = {each.product_id: each for each in record.products}
        in_order = sorted(events, key=lambda event: event[1])
        views = [event for event in in_order if event[0] == "product_viewed"]
        self.views = views[-20:][::-1]
        orders = [event for event in in_order if event[0] == "order_completed"]
        last_order = max((event[1] for event in orders), default=-1)
        added: dict[str, int] = {}
        for event in in_order:
            if event[0] == "product_added" and event[1] > last_order:
                added[event[2]] = event[1]
        cart = sorted(added, key=lambda product_id: -added[product_id])
        named = [line["product_id"] for line in start.get("products", ())]
        named += [start["product_id"]] if "product_id" in start else []
        with_lines = [event for event in orders if event[2]]
        last_lines = list(with_lines[-1][2]) if with_lines else []
        viewed = [event[2] for event in self.views]
        self.groups = [cart, named, last_lines, viewed]
        bought = [line for event in orders if event[1] * HOUR_MS > 15 * DAY_MS for line in event[2]]
        self.never = {*cart, *named, *bought}

    def answer(self) -> tuple[str, list[str]] | None:
        for source in self.wanted.sources:
            for candidates in getattr(self, source)():
                fit = [each for each in candidates if self.allowed(each, self.wanted.category)]
                if fit:
                    return source, fit[: self.wanted.at_most]
        fit = [each for each in self.record.best_sellers if self.allowed(each, None)]
        return ("best_sellers", fit[: self.wanted.at_most]) if fit else None

    def allowed(self, product_id: str, category: str | None) -> bool:
        if product_id in self.never or product_id not in self.catalogue:
            return False
        found = self.catalogue[product_id]
        return found.stock != 0 and (category is None or found.category == category)

    def viewed(self) -> Iterator[Lines]:
        yield list(dict.fromkeys(self.groups[3]))

    def bought_together(self) -> Iterator[Lines]:
        for group in self.groups:
            sums: dict[str, int] = {}
            for seed in set(group):
                for partner in self.record.bought_together.get(seed, []):
                    sums[partner.product_id] = sums.get(partner.product_id, 0) + partner.orders
            yield sorted(sorted(sums), key=lambda name: sums[name], reverse=True)

    def similar(self) -> Iterator[Lines]:
        for group in self.groups:
            seeds = [
                self.catalogue[each]
                for each in group
                if each in self.catalogue and self.catalogue[each].category is not None
            ]
            if seeds:
                like = [each for each in self.record.products if each.category == seeds[0].category]
                like = [each for each in like if each is not seeds[0]]
                like.sort(key=lambda each, seed=seeds[0]: distance(seed, each))  # type: ignore[misc]
                yield [each.product_id for each in like]

    def best_sellers(self) -> Iterator[Lines]:
        if self.wanted.category is not None:
            yield self.record.best_sellers_by_category.get(self.wanted.category, [])
        seen = [
            self.catalogue[each[2]].category if each[2] in self.catalogue else each[3] for each in self.views
        ]
        known = [each for each in seen if each is not None]
        if known:
            most = max(known.count(each) for each in known)
            favourite = next(each for each in known if known.count(each) == most)
            yield self.record.best_sellers_by_category.get(favourite, [])
        yield self.record.best_sellers


def distance(one: SnapshotProductRecord, other: SnapshotProductRecord) -> float:
    if one.price is None or other.price is None or one.currency != other.currency:
        return float("inf")
    return abs(one.price - other.price)


@settings(max_examples=400, deadline=None)
@given(PRODUCTS, PAIRS, EVENTS, STARTS, WANTED, st.randoms(use_true_random=False))
def test_the_choice_is_that_of_the_semantics(
    products: list[SnapshotProductRecord],
    pairs: dict[str, list[PartnerRecord]],
    events: list[Any],
    start: dict[str, Any],
    wanted: Wanted,
    random: Any,
) -> None:
    """Views and orders arrive in any order; additions in that of time, as carts go by arrival in part."""
    record = snapshot_of(products, pairs)
    state = new_state("c1")
    arriving = list(events)
    random.shuffle(arriving)
    arriving.sort(key=lambda event: event[1] if event[0] != "product_viewed" else 0)
    for number, (name, hours, what, category) in enumerate(arriving):
        lines = {"products": [{"product_id": each} for each in what]} if name == "order_completed" else {}
        line = {} if lines else {"product_id": what, "category": category}
        at = NOW - 45 * DAY_MS + hours * HOUR_MS
        cause = CauseRecord("event", "tetik.events", 0, number, f"e{number}")
        event = EventInput(f"e{number}", name, "c1", "c1", None, at, NOW, "t", lines | line, {}, True, cause)
        state, _ = step(NO_RULES, state, event, NOW)
    happened = Happening("s", "asked", NOW, start)
    found = recommend(Snapshot(record), state, happened, wanted, NOW)
    told = None if found is None else (found.reason, [each.product_id for each in found.products])
    assert told == Walk(record, events, start, wanted).answer()
