"""The product side: what is news, to whom, and how it is worked off."""

from typing import Any

import msgspec
import pytest

from schemas.ids import product_notice_id
from schemas.instants import format_instant
from schemas.records import EventRecord, InterestRecord, ProductRecord
from tests.fixtures.engine_cases import HOUR, T0
from tests.fixtures.products import entry_of
from trigger_engine.core import interest_buckets, notices, product_store
from trigger_engine.core.interest_buckets import bucket_of
from trigger_engine.core.limits import BUCKET_INTERESTS
from trigger_engine.core.notices import Notices
from trigger_engine.core.product_changes import ProductChange

LATENESS = 24 * HOUR


class Desk:
    """A partition's products, and what became durable of them."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.notices = Notices(self.stored)
        self.events = 0

    def note(self, customer: str, product: str = "p1", at: int = T0, action: str = "note") -> None:
        self.notices.note(InterestRecord("i", customer, product, action, format_instant(at)))

    def tell(
        self,
        product: str = "p1",
        *,
        at: int = T0,
        wanted: bool = True,
        received_at: int | None = None,
        backfill: bool = False,
        gone: bool = False,
        **values: Any,
    ) -> str:
        self.events += 1
        entry = msgspec.convert(
            {**entry_of(product, **values), "product_id": product, "updated_at": format_instant(at)},
            ProductRecord,
        )
        event_id = f"e{self.events}"
        change = ProductChange(
            event_id,
            product,
            None if gone else entry,
            at,
            at if received_at is None else received_at,
            backfill,
        )
        self.notices.tell(change, T0, LATENESS, wanted=wanted)
        return event_id

    def told(self, limit: int = 1_000) -> list[EventRecord]:
        """A slice, made durable."""
        given = self.notices.fan_out(limit, T0 + 5, queued=self.notices.queued)
        self.flush()
        return given

    def flush(self) -> list[tuple[str, bytes | None]]:
        changed = self.notices.changed()
        self.notices.committed()
        return changed

    def restart(self) -> None:
        """What was not flushed is gone."""
        self.notices = Notices(dict(self.stored))
        self.stored = self.notices._store.records


def customers(given: list[EventRecord]) -> list[str]:
    return sorted(one.customer_id or "" for one in given)


def after(*tellings: dict[str, Any]) -> list[str]:
    """The kinds of what one interested customer is told of, telling by telling."""
    desk = Desk()
    desk.note("ada")
    kinds = []
    for telling in tellings:
        desk.tell(**telling)
        kinds += [one.properties["kind"] for one in desk.told()]
    return kinds


PRICED = {"price": 10.0, "currency": "EUR", "stock": 5}


@pytest.mark.parametrize(
    ("tellings", "kinds"),
    [
        ([{"stock": 0}, {"stock": 3}], ["back_in_stock"]),
        ([{"stock": 0}, {"stock": None}, {"stock": 3}], ["back_in_stock"]),
        ([{"stock": 3}], []),
        ([{"stock": None}, {"stock": 3}], []),
        ([{"stock": 0}, {"stock": 0}], []),
        ([{"stock": 0}, {"stock": 3}, {"stock": 3}], ["back_in_stock"]),
        ([PRICED, {**PRICED, "price": 9.5}], ["price_drop"]),
        ([PRICED, {**PRICED, "price": 9.51}], []),
        ([PRICED, {**PRICED, "price": 9.51}, {**PRICED, "price": 9.1}], []),
        ([PRICED, {**PRICED, "price": 0.0}], ["price_drop"]),
        ([{**PRICED, "price": 0.0}, {**PRICED, "price": 0.0}], []),
        ([PRICED, {**PRICED, "price": 9.0, "stock": None}], ["price_drop"]),
        ([{**PRICED, "stock": None}, {**PRICED, "stock": None, "price": 9.0}], ["price_drop"]),
        ([PRICED, {**PRICED, "price": 9.0, "stock": 0}], []),
        ([{**PRICED, "stock": 0}, {**PRICED, "price": 9.0, "stock": None}], []),
        ([{**PRICED, "stock": 0}, {**PRICED, "price": 9.0}], ["back_in_stock"]),
        ([PRICED, {**PRICED, "price": 1.0, "currency": "TRY"}], []),
        ([PRICED, {**PRICED, "price": None}, {**PRICED, "price": 9.0}], ["price_drop"]),
        ([{"stock": 0}, {"gone": True}, {"stock": 3}], []),
        ([{"stock": 0}, {"stock": 3, "backfill": True}, {"stock": 3}], []),
        ([{"stock": 0}, {"stock": 3, "wanted": False}], []),
        ([{"stock": 0, "at": T0 - 2}, {"stock": 3, "at": T0 - 3}], []),
        ([{"stock": 0}, {"stock": 3, "received_at": T0 + LATENESS + 1}], []),
        ([{"stock": 0}, {"stock": 3, "received_at": T0 + LATENESS}], ["back_in_stock"]),
    ],
)
def test_what_is_news(tellings: list[dict[str, Any]], kinds: list[str]) -> None:
    assert after(*tellings) == kinds


@pytest.mark.parametrize("old", [2.0, 10.0, 4.8, 1.2, 0.6, 19.9, 1234.5, 1.1, 0.07, 99.99])
def test_a_twentieth_is_enough_whatever_floats_make_of_it(old: float) -> None:
    new = round(old * 0.95, 4)
    assert after({**PRICED, "price": old}, {**PRICED, "price": new}) == ["price_drop"]
    assert after({**PRICED, "price": old}, {**PRICED, "price": round(new + 0.0001, 4)}) == []


def test_a_notice_says_what_it_is_about() -> None:
    desk = Desk()
    desk.note("ada")
    desk.tell(**PRICED, name="Lantern")
    shown = {"category": "Home", "url": "https://shop.example/1", "image_url": "https://shop.example/1.jpg"}
    event_id = desk.tell(price=8.0, currency="EUR", name="Big lantern", at=T0 + 1, **shown)
    (given,) = desk.told()
    assert given == EventRecord(
        event_id=product_notice_id(event_id, "ada"),
        type="product_notice",
        occurred_at=format_instant(T0 + 1),
        received_at=format_instant(T0 + 5),
        source="trigger_engine",
        customer_id="ada",
        properties={
            **shown,
            "kind": "price_drop",
            "product_id": "p1",
            "name": "Big lantern",
            "price": 8.0,
            "old_price": 10.0,
            "currency": "EUR",
            "stock": 5,
        },
    )


def test_a_price_in_other_money_is_no_old_price() -> None:
    desk = Desk()
    desk.note("ada")
    desk.tell(price=10.0, currency="EUR", stock=0)
    desk.tell(price=8.0, currency="TRY", stock=1)
    assert desk.told()[0].properties["old_price"] is None


def test_only_who_was_interested_by_then_is_told() -> None:
    desk = Desk()
    desk.tell(stock=0)
    desk.note("before", at=T0 - 1)
    desk.note("at once", at=T0)
    desk.note("after", at=T0 + 1)
    desk.note("twice", at=T0 + 1)
    desk.note("twice", at=T0 - 1)
    desk.note("twice", at=T0 + 2)
    desk.note("no more")
    desk.note("no more", action="drop")
    desk.note("other", product="p2")
    desk.tell(stock=1)
    assert customers(desk.told()) == ["at once", "before", "twice"]


def test_slices_meet_everybody_once_whatever_comes_and_goes_between_them() -> None:
    desk = Desk()
    names = [f"c{number}" for number in range(500)]
    for name in names:
        desk.note(name)
    desk.tell(stock=0)
    desk.tell(stock=1)
    met: list[str] = []
    turns = 0
    while desk.notices.waiting:
        met += customers(desk.told(limit=7))
        desk.note(f"late-{turns}", at=T0 + 9)
        desk.note(names[turns], at=T0)
        desk.restart()
        turns += 1
    assert sorted(met) == sorted(names)
    assert turns > 500 / 7


def test_a_slice_that_is_not_flushed_is_told_again_and_the_same() -> None:
    desk = Desk()
    for number in range(10):
        desk.note(f"c{number}")
    desk.tell(stock=0)
    desk.tell(stock=1)
    desk.flush()
    lost = desk.notices.fan_out(4, T0 + 5, queued=9)
    desk.restart()
    assert desk.told(limit=4) == lost
    assert len(desk.told()) == 6


def test_nothing_is_split_while_somebody_is_being_told_and_it_is_made_up_for() -> None:
    desk = Desk()
    for number in range(BUCKET_INTERESTS):
        desk.note(f"c{number}")
    desk.tell(stock=0)
    desk.tell(stock=1)
    desk.told(limit=1)
    for number in range(2 * BUCKET_INTERESTS):
        desk.note(f"new{number}", at=T0 + 9)
    assert desk.notices._known("p1").buckets == 1
    assert len(desk.told()) == BUCKET_INTERESTS - 1
    desk.note("one more")
    assert desk.notices._known("p1").buckets == 3
    desk.note("and one")
    assert desk.notices._known("p1").buckets == 4


def test_buckets_stay_small_and_one_note_writes_little() -> None:
    desk = Desk()
    written = []
    for number in range(3_000):
        desk.note(f"customer-{number:06}")
        written.append(sum(len(value or b"") for _, value in desk.flush()))
    buckets = [key for key in desk.stored if key.startswith(product_store.INTEREST_KEY_PREFIX)]
    known = desk.notices._known("p1")
    assert (known.interests, known.buckets) == (3_000, -(-3_000 // BUCKET_INTERESTS))
    assert len(buckets) == known.buckets
    for bucket in range(known.buckets):
        held = interest_buckets.read_bucket(desk.notices._store, "p1", bucket)
        assert held
        assert {bucket_of(name, known.buckets) for name in held} == {bucket}
    assert sum(written[-500:]) / 500 < 3_000


def test_a_product_that_has_too_many_forgets_the_longest_of_the_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interest_buckets, "PRODUCT_INTERESTS_MAX", 3)
    desk = Desk()
    for number, at in enumerate((T0 - 1, T0 - 3, T0 - 2)):
        desk.note(f"c{number}", at=at)
    desk.note("c0", at=T0 - 1)
    assert desk.notices.take_dropped() == 0
    desk.note("newcomer")
    assert desk.notices.take_dropped() == 1
    assert desk.notices.take_dropped() == 0
    desk.tell(stock=0)
    desk.tell(stock=1)
    assert customers(desk.told()) == ["c0", "c2", "newcomer"]


def test_a_partition_with_too_many_products_watches_no_new_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "PRODUCTS_MAX", 2)
    desk = Desk()
    desk.tell("p1", stock=0)
    desk.note("ada", "p2")
    desk.note("ada", "p3")
    desk.tell("p4", stock=0)
    assert desk.notices.take_dropped() == 1
    desk.flush()
    assert sorted(desk.stored) == ["tetik:interest:p2:0", "tetik:product:p1", "tetik:product:p2"]
    desk.tell("p1", gone=True)
    desk.note("ada", "p3")
    assert desk.notices.take_dropped() == 0, "one that is gone makes room"


def test_what_nobody_tells_of_or_waits_for_leaves_nothing_behind() -> None:
    desk = Desk()
    desk.note("ada")
    desk.flush()
    assert desk.stored
    desk.note("ada", action="drop")
    desk.flush()
    assert desk.stored == {}
    desk.note("nobody", action="drop")
    assert desk.flush() == []


def test_a_newer_one_of_a_kind_takes_the_place_of_one_that_has_not_begun() -> None:
    desk = Desk()
    for number in range(4):
        desk.note(f"c{number}")
    desk.tell(**PRICED)
    desk.tell(**{**PRICED, "price": 9.0})
    desk.tell(**{**PRICED, "price": 8.0})
    assert [one.properties["price"] for one in desk.told(limit=1)] == [8.0]
    desk.tell(**{**PRICED, "price": 7.0})
    desk.tell(**{**PRICED, "price": 6.0})
    desk.tell(**{**PRICED, "stock": 0})
    desk.tell(**{**PRICED, "price": 6.0})
    told = [(one.properties["kind"], one.properties["price"]) for _ in range(9) for one in desk.told()]
    assert told == [("price_drop", 8.0)] * 3 + [("price_drop", 6.0)] * 4 + [("back_in_stock", 6.0)] * 4


def test_a_product_that_is_gone_is_no_news_any_more_and_who_waits_goes_on_waiting() -> None:
    desk = Desk()
    for number in range(4):
        desk.note(f"c{number}")
    desk.tell(stock=0)
    desk.tell(stock=1)
    assert len(desk.told(limit=2)) == 2
    desk.tell(gone=True)
    assert desk.notices.waiting == 0
    assert desk.told() == []
    desk.restart()
    desk.tell(stock=0, at=T0 + 1)
    desk.tell(stock=1, at=T0 + 1)
    assert len(desk.told()) == 4


def test_products_are_worked_off_in_the_order_that_they_came_to_wait() -> None:
    desk = Desk()
    for product in ("p2", "p1", "p3"):
        desk.note("ada", product)
        desk.note("bob", product)
        desk.tell(product, stock=0)
        desk.tell(product, stock=1)
    assert [one.properties["product_id"] for one in desk.told(limit=3)] == ["p2", "p2", "p1"]
    assert [one.properties["product_id"] for one in desk.told()] == ["p1", "p3", "p3"], "what is begun first"


def test_what_is_queued_later_does_not_begin() -> None:
    desk = Desk()
    for product in ("p1", "p2"):
        desk.note("ada", product)
        desk.tell(product, stock=0)
        desk.tell(product, stock=1)
    assert not desk.notices.may_begin(0)
    assert desk.notices.fan_out(9, T0, queued=0) == []
    assert desk.notices.may_begin(1)
    assert [one.properties["product_id"] for one in desk.notices.fan_out(9, T0, queued=1)] == ["p1"]
    assert not desk.notices.may_begin(1)
    desk.flush()
    desk.restart()
    assert (desk.notices.waiting, desk.notices.queued) == (1, 1)


def test_an_input_that_raises_has_changed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for number in range(3):
        desk.note(f"c{number}")
    desk.tell(stock=0)
    before = dict(desk.notices.changed())

    def failing(*_: object) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patched:
        patched.setattr(Notices, "_put", failing)
        with pytest.raises(RuntimeError):
            desk.note("c9")
        with pytest.raises(RuntimeError):
            desk.tell(stock=1)
    assert (dict(desk.notices.changed()), desk.notices.waiting) == (before, 0)
    desk.tell(stock=1)
    before = dict(desk.notices.changed())
    with monkeypatch.context() as patched:
        patched.setattr(notices, "notice_of", failing)
        with pytest.raises(RuntimeError):
            desk.notices.fan_out(9, T0, queued=9)
    assert (dict(desk.notices.changed()), desk.notices.waiting) == (before, 1)
    assert len(desk.told()) == 3


def test_a_fan_out_that_cannot_be_worked_off_is_given_up_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    for product in ("p1", "p2"):
        desk.note("ada", product)
        desk.tell(product, stock=0)
        desk.tell(product, stock=1)
    desk.notices._store.put("tetik:interest:p2:0", b"broken")
    desk.notices._store.keep()
    with pytest.raises(msgspec.DecodeError):
        desk.notices.fan_out(9, T0, queued=9)
    key, value = desk.notices.give_up()
    assert key == "tetik:fan-out:p2"
    assert b"back_in_stock" in value
    assert [one.properties["product_id"] for one in desk.told()] == ["p1"]
    assert desk.notices.waiting == 0
