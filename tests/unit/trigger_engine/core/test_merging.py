"""Parts and catalogue as one snapshot: what it holds, when one is made, and which are forgotten."""

from typing import Any

import pytest

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, parse_instant
from schemas.records import PartnerRecord, ProductRecord, SnapshotRecord, decode_snapshot, encode_record
from trigger_engine.core import merging as merging_module
from trigger_engine.core.baskets import Basket
from trigger_engine.core.merging import Merging, merged
from trigger_engine.core.parts import count

NOW = parse_instant("2026-03-02T09:00:00.000Z")


def entry(product_id: str, category: str | None = "tea", **fields: Any) -> ProductRecord:
    return ProductRecord(
        product_id=product_id,
        name=product_id.upper(),
        category=category,
        updated_at="2026-03-01T00:00:00.000Z",
        **fields,
    )


def desk(*products: ProductRecord, orders: tuple[tuple[str, ...], ...] = ()) -> Merging:
    merging = Merging(HOUR_MS)
    for each in products:
        merging.take_product(each.product_id, each)
    merging.take_part(0, count(Basket(NOW, products) for products in orders))
    return merging


def made(merging: Merging, now: int = NOW) -> SnapshotRecord:
    snapshot = merging.merge(now)
    assert snapshot is not None
    merging.activate(snapshot)
    return snapshot


TEA = (entry("black", stock=3), entry("green"), entry("mug", "cups"))


def test_parts_are_added_up_and_the_catalogue_says_what_products_are() -> None:
    parts = [
        count([Basket(NOW, ("black", "mug")), Basket(NOW, ("gone", "black"))]),
        count([Basket(NOW, ("mug", "black")), Basket(NOW, ("mug",))]),
    ]
    snapshot = merged(parts, {each.product_id: each for each in TEA}, NOW)
    assert [(each.product_id, each.orders) for each in snapshot.products] == [
        ("black", 3),
        ("mug", 3),
        ("green", 0),
    ]
    assert snapshot.orders == 4
    assert snapshot.best_sellers == ["black", "mug"]
    assert snapshot.best_sellers_by_category == {"tea": ["black"], "cups": ["mug"]}
    assert snapshot.bought_together == {
        "black": [PartnerRecord("mug", 2)],
        "mug": [PartnerRecord("black", 2)],
    }
    assert decode_snapshot(encode_record(snapshot)) == snapshot


def test_what_is_sold_out_is_no_best_seller_and_stays_in_the_catalogue() -> None:
    snapshot = made(desk(entry("black", stock=0), entry("green"), orders=(("black",), ("black", "green"))))
    assert [each.product_id for each in snapshot.products] == ["black", "green"]
    assert snapshot.best_sellers == ["green"]


def test_equal_contents_have_one_version_and_others_another() -> None:
    first, again = made(desk(*TEA)), made(desk(*reversed(TEA)), NOW + 5)
    assert first.version == again.version
    assert first.made_at != again.made_at
    assert made(desk(*TEA, orders=(("black",),))).version != first.version
    assert made(desk(entry("black", stock=2), *TEA[1:])).version != first.version


def test_other_orders_make_other_best_sellers() -> None:
    assert made(desk(*TEA, orders=(("green",), ("green", "mug")))).best_sellers == ["green", "mug"]
    assert made(desk(*TEA, orders=(("mug",), ("green", "mug")))).best_sellers == ["mug", "green"]


def test_lists_are_bounded() -> None:
    many = [entry(f"p{number:03}") for number in range(40)]
    orders = tuple(("p000", f"p{number:03}") for number in range(1, 40))
    snapshot = made(desk(*many, orders=orders))
    assert len(snapshot.best_sellers) == len(snapshot.best_sellers_by_category["tea"]) == 24
    assert [each.product_id for each in snapshot.bought_together["p000"]] == [
        f"p{number:03}" for number in range(1, 9)
    ]


def test_a_record_stays_within_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging_module, "SNAPSHOT_PRODUCTS_BYTES_MAX", 2_000)
    monkeypatch.setattr(merging_module, "SNAPSHOT_PARTNERS_BYTES_MAX", 400)
    many = [entry(f"{number:03}{'ə' * 50}", category="c" * 100) for number in range(40)]
    orders = tuple((one.product_id, other.product_id) for one in many for other in many if one is not other)
    snapshot = made(desk(*many, orders=orders))
    assert 0 < len(snapshot.products) < 10
    assert len(encode_record(snapshot)) < 2_500


def test_no_more_products_are_held_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging_module, "CATALOGUE_MAX", 2)
    merging = desk(*TEA)
    assert merging.passed_over == 1
    assert [each.product_id for each in made(merging).products] == ["black", "green"]
    merging.take_product("green", None)
    merging.take_product("mug", TEA[2])
    merging.take_product("black", entry("black", stock=1))
    assert [each.product_id for each in made(merging).products] == ["black", "mug"]


def test_the_first_snapshot_is_made_as_soon_as_there_is_a_product() -> None:
    merging = Merging(HOUR_MS)
    assert not merging.due(NOW)
    merging.take_part(0, count([Basket(NOW, ("black",))]))
    assert not merging.due(NOW)
    merging.take_product("black", TEA[0])
    assert merging.due(NOW)


def test_the_next_one_is_made_an_interval_later_if_anything_changed() -> None:
    merging = desk(*TEA, orders=(("black",),) * 10)
    made(merging)
    assert not merging.due(NOW + HOUR_MS)
    merging.take_part(1, count([Basket(NOW, ("green",))]))
    assert not merging.due(NOW + HOUR_MS - 1)
    assert merging.due(NOW + HOUR_MS)


def test_what_says_nothing_new_is_no_snapshot_and_is_not_merged_again() -> None:
    merging = desk(*TEA)
    made(merging)
    merging.take_product("black", TEA[0])
    assert merging.due(NOW + HOUR_MS)
    assert merging.merge(NOW + HOUR_MS) is None
    assert not merging.due(NOW + 2 * HOUR_MS)


@pytest.mark.parametrize("change", ["sold out", "deleted", "back"])
def test_sold_out_and_back_are_told_after_a_minute(change: str) -> None:
    merging = desk(*TEA, entry("out", stock=0))
    made(merging)
    if change == "back":
        merging.take_product("out", entry("out", stock=1))
    else:
        merging.take_product("black", None if change == "deleted" else entry("black", stock=0))
    assert not merging.due(NOW + MINUTE_MS - 1)
    assert merging.due(NOW + MINUTE_MS)
    made(merging, NOW + MINUTE_MS)
    merging.take_product("green", entry("green", stock=8))
    assert not merging.due(NOW + 3 * MINUTE_MS)


def test_a_product_that_is_sold_out_and_back_within_the_minute_is_no_reason() -> None:
    merging = desk(*TEA)
    made(merging)
    merging.take_product("black", entry("black", stock=0))
    merging.take_product("black", entry("black", stock=9))
    assert not merging.due(NOW + MINUTE_MS)


@pytest.mark.parametrize("what", ["orders", "products"])
def test_twice_as_much_to_go_by_is_told_after_a_minute(what: str) -> None:
    merging = desk(*TEA, orders=(("black",),) * 3)
    made(merging)
    for number in range(1, 4):
        assert not merging.due(NOW + MINUTE_MS)
        if what == "orders":
            merging.take_part(1, count([Basket(NOW, ("green",))] * number))
        else:
            merging.take_product(f"p{number}", entry(f"p{number}"))
    assert not merging.due(NOW + MINUTE_MS - 1)
    assert merging.due(NOW + MINUTE_MS)


def test_old_versions_are_forgotten_but_never_the_active_one(monkeypatch: pytest.MonkeyPatch) -> None:
    merging = desk(*TEA)
    merging.take_version("old", NOW - 30 * DAY_MS)
    merging.take_version("young", NOW - 30 * DAY_MS + 1)
    merging.take_version("gone", NOW - 40 * DAY_MS)
    merging.take_version("gone", None)
    active = made(merging, NOW - 50 * DAY_MS)
    assert merging.outdated(NOW) == ["old"]
    monkeypatch.setattr(merging_module, "SNAPSHOTS_KEPT_MAX", 1)
    merging.take_version("younger", NOW)
    assert merging.outdated(NOW) == ["young", "old"]
    assert active.version not in merging.outdated(NOW + 100 * DAY_MS)
