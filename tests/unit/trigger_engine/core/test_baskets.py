"""Baskets of orders: what is kept of them, for how long, and what a partition counts."""

from typing import Any

import msgspec
import pytest

from schemas.instants import DAY_MS, HOUR_MS
from trigger_engine.core import basket_ring as ring_module
from trigger_engine.core import parts as parts_module
from trigger_engine.core.basket_ring import BASKET_KEY_PREFIX, BasketProgress, Baskets
from trigger_engine.core.baskets import Basket, basket_of
from trigger_engine.core.parts import Part, PartError, count, decode_part, encode_part

NOW = 400 * DAY_MS


def ring(progress: BasketProgress | None = None, **records: bytes) -> Baskets:
    return Baskets(records, progress or BasketProgress())


def counted(kept: Baskets, now: int = NOW) -> set[str]:
    """The products that a count comes to."""
    part = kept.count_some(now, 100)
    assert part is not None
    return {product_id for product_id, _ in part.products}


def lines(*ids: object) -> dict[str, Any]:
    return {"products": [{"product_id": each} for each in ids]}


@pytest.mark.parametrize(
    ("properties", "products"),
    [
        (lines("a", "b", "a"), ("a", "b")),
        (lines(7, None, "", True, "x" * 129, "b"), ("7", "b")),
        ({"products": [{"sku": "s"}, {"product_id": "p", "sku": "s"}, "text", None]}, ("s", "p")),
        (lines(*(f"p{number}" for number in range(25))), tuple(f"p{number}" for number in range(20))),
        (lines(), None),
        ({"products": "a"}, None),
        ({}, None),
        ({"products": [{"name": "Tea"}]}, None),
    ],
)
def test_a_basket_holds_the_distinct_products_of_an_order(
    properties: dict[str, Any], products: tuple[str, ...] | None
) -> None:
    assert basket_of(properties, 5) == (None if products is None else Basket(5, products))


def test_only_the_last_baskets_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "BASKETS_MAX", 3)
    progress = BasketProgress()
    kept = ring(progress)
    for number in range(5):
        kept.add(Basket(NOW, (f"p{number}",)), NOW)
    changed = kept.take_changed()
    assert sorted(key for key, _ in changed) == [f"{BASKET_KEY_PREFIX}{place}" for place in (0, 1, 2)]
    assert counted(kept) == {"p2", "p3", "p4"}
    assert (len(kept), progress.taken, kept.take_changed()) == (3, 5, [])


def test_a_restart_goes_on_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ring_module, "BASKETS_MAX", 3)
    progress = BasketProgress()
    kept = ring(progress)
    for number in range(4):
        kept.add(Basket(NOW, (f"p{number}",)), NOW)
    stored = {key.removeprefix(BASKET_KEY_PREFIX): data for key, data in kept.take_changed()}
    again = Baskets(stored, msgspec.msgpack.decode(msgspec.msgpack.encode(progress), type=BasketProgress))
    again.add(Basket(NOW, ("p4",)), NOW)
    assert counted(again) == {"p2", "p3", "p4"}


def test_baskets_count_for_thirty_days() -> None:
    kept = ring()
    for days, name in ((30, "too-old"), (29, "old"), (0, "new")):
        kept.add(Basket(NOW - days * DAY_MS, (name,)), NOW)
    assert counted(kept) == {"old", "new"}
    assert counted(kept, NOW + DAY_MS) == {"new"}


def test_it_is_time_to_count_in_each_new_interval_that_brought_baskets() -> None:
    kept = ring()
    assert not kept.due(NOW, HOUR_MS)
    for number in range(10):
        kept.add(Basket(NOW, (f"p{number}",)), NOW)
    assert kept.due(NOW, HOUR_MS)
    counted(kept)
    assert not kept.due(NOW + HOUR_MS, HOUR_MS)
    kept.add(Basket(NOW, ("p",)), NOW)
    assert not kept.due(NOW + HOUR_MS - 1, HOUR_MS)
    assert kept.due(NOW + HOUR_MS, HOUR_MS)


def test_twice_as_many_as_were_counted_are_counted_at_once() -> None:
    kept = ring()
    for _ in range(3):
        kept.add(Basket(NOW, ("p",)), NOW)
    counted(kept)
    for _ in range(2):
        kept.add(Basket(NOW, ("p",)), NOW)
    assert not kept.due(NOW, HOUR_MS)
    kept.add(Basket(NOW, ("p",)), NOW)
    assert kept.due(NOW, HOUR_MS)


def test_they_are_counted_daily_as_they_grow_old() -> None:
    kept = ring()
    kept.add(Basket(NOW, ("p",)), NOW)
    counted(kept)
    assert not kept.due(NOW + DAY_MS - 1, HOUR_MS)
    assert kept.due(NOW + DAY_MS, HOUR_MS)


def test_a_part_counts_orders_by_product_and_by_pair() -> None:
    part = count([Basket(1, ("a", "b")), Basket(2, ("b", "a", "c")), Basket(3, ("b",))])
    assert part.orders == 3
    assert part.products == [("b", 3), ("a", 2), ("c", 1)]
    assert part.pairs == [(1, 0, 2), (1, 2, 1), (0, 2, 1)]
    assert decode_part(encode_part(part)) == part


def test_of_a_large_basket_only_the_first_products_make_pairs() -> None:
    part = count([Basket(1, tuple(f"p{number:02}" for number in range(20)))])
    assert (len(part.products), len(part.pairs)) == (20, 28)
    assert max(place for one, other, _ in part.pairs for place in (one, other)) == 7


def test_a_part_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "SNAPSHOT_PRODUCTS_MAX", 3)
    monkeypatch.setattr(parts_module, "PART_PARTNERS_MAX", 1)
    part = count([Basket(1, ("a", "b", "c")), Basket(2, ("a", "b", "d")), Basket(3, ("a", "c", "e"))])
    assert part.products == [("a", 3), ("b", 2), ("c", 2)]
    assert part.pairs == [(0, 1, 2), (0, 2, 2)]
    monkeypatch.setattr(parts_module, "PART_PAIRS_MAX", 1)
    assert len(count([Basket(1, ("a", "b", "c"))]).pairs) == 1


@pytest.mark.parametrize("data", [b"", b"\x00", b"{}", encode_part(Part(1, [("a", 1)], [(0, 1, 1)]))])
def test_what_is_no_part_is_refused(data: bytes) -> None:
    with pytest.raises(PartError):
        decode_part(data)


def test_a_slice_at_a_time_counts_what_was_there_at_the_beginning() -> None:
    progress = BasketProgress()
    kept = ring(progress)
    for number in range(5):
        kept.add(Basket(NOW, (f"p{number}",)), NOW)
    assert kept.count_some(NOW, 2) is None
    assert kept.due(NOW, HOUR_MS)
    assert progress == BasketProgress(5, 0, 0)
    kept.add(Basket(NOW, ("p9",)), NOW)
    assert kept.count_some(NOW + 5, 2) is None
    part = kept.count_some(NOW + 9, 2)
    assert part is not None
    assert (part.orders, progress) == (5, BasketProgress(6, NOW, 5))
    assert not kept.due(NOW + 9, HOUR_MS)
