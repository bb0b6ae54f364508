"""When what she bought runs out, by her own orders or by what the shop says; dates and segments on it."""

from typing import Any

import pytest

from schemas.instants import DAY_MS
from tests.unit.trigger_engine.core.history import History, at
from tests.unit.trigger_engine.core.test_activity import asked
from tests.unit.trigger_engine.core.test_dates import due
from trigger_engine.core.cel import Timestamp
from trigger_engine.core.limits import PRODUCTS_DUE_MAX
from trigger_engine.core.purchases import Purchase, Purchases
from trigger_engine.core.replenishment import dues, next_change_at, next_due

REPLENISH = """
id: replenish
status: live
kind: marketing
when: {date: orders.replenish_at}
steps: [{mail: more}]
exit:
  - event: order_completed
    where: event.properties.products.exists(p, p.product_id == start.properties.product_id)
"""
MAILED = ["started replenish", "fired replenish/more", "send more"]


def bought(*lines: tuple[float, str, int | None]) -> Purchases:
    """Lines at days, of products, with the days they last."""
    purchases = Purchases()
    for days, product, lasts in lines:
        purchases.add(Purchase(int(days * DAY_MS), product, consumable_days=lasts))
    return purchases


def days_of(purchases: Purchases) -> list[tuple[float, str]]:
    return [(one.at / DAY_MS, one.product_id) for one in dues(purchases)]


# --- when


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(0, "a", 30)], [(30, "a")]),
        ([(0, "a", None)], []),
        ([(0, "a", None), (20, "a", None), (40, "a", None)], []),
        ([(0, "a", 30), (20, "a", None)], [(40, "a")]),
        ([(0, "a", None), (20, "a", 30)], [(40, "a")]),
        ([(0, "a", 30), (10, "a", 30), (30, "a", 30)], [(45, "a")]),
        ([(0, "a", 30), (10, "a", 30), (30, "a", 30), (70, "a", 30)], [(90, "a")]),
        ([(0, "a", 30), (0, "a", 30)], [(30, "a")]),
        ([(0, "a", 30), (0.5, "a", 20)], [(20.5, "a")]),
        ([(0, "a", 30), (10, "a", 30), (10.5, "a", 30), (20.5, "a", 30)], [(30.5, "a")]),
        ([(0, "a", 30), (1, "a", None)], [(2, "a")]),
        ([(0, "b", 5), (0, "a", 5), (1, "c", 2)], [(3, "c"), (5, "a"), (5, "b")]),
    ],
)
def test_a_consumable_is_due_one_interval_after_her_last_order_of_it(
    lines: list[tuple[float, str, int | None]], expected: list[tuple[float, str]]
) -> None:
    assert days_of(bought(*lines)) == expected


def test_the_mean_of_two_gaps_is_in_whole_milliseconds() -> None:
    purchases = Purchases()
    for instant in (0, DAY_MS, 2 * DAY_MS + 1):
        purchases.add(Purchase(instant, "a", consumable_days=1))
    assert dues(purchases)[0].at == 3 * DAY_MS + 1


def test_the_next_one_is_the_first_that_is_not_a_day_past() -> None:
    purchases = bought((0, "a", 5), (0, "b", 8))
    for now, expected in ((0, "a"), (6 * DAY_MS - 1, "a"), (6 * DAY_MS, "b"), (9 * DAY_MS, None)):
        found = next_due(purchases, now)
        assert (None if found is None else found.product_id) == expected
    assert next_change_at(purchases, 0) == 6 * DAY_MS
    assert next_change_at(purchases, 6 * DAY_MS) == 9 * DAY_MS
    assert next_change_at(purchases, 9 * DAY_MS) is None


def order(history: History, when: str, *products: tuple[str, int], **more: Any) -> list[str]:
    lines = [
        {"product_id": name, "name": name.title(), "category": "drinks", "price": 9, "consumable_days": days}
        for name, days in products
    ]
    return history.event("order_completed", when, products=lines, **more)


def test_conditions_read_what_runs_out_next_as_of_now() -> None:
    history = History()
    assert asked(history, "orders.replenish_at == null && orders.replenish_product == null") is True
    order(history, "0s", ("coffee", 30), ("filters", 40))
    assert asked(history, "orders.replenish_at") == Timestamp(at("30d"))
    assert asked(history, "orders.replenish_product.product_id", "30d") == "coffee"
    assert asked(history, "orders.replenish_product.name", "31d") == "Filters"
    assert asked(history, "orders.replenish_product", "41d") is None


def test_a_line_without_an_id_never_runs_out() -> None:
    history = History()
    history.event("order_completed", "0s", products=[{"name": "Çay", "consumable_days": 3}])
    assert asked(history, "orders.replenish_at") is None


# --- dates


def test_each_that_runs_out_gives_a_date_and_the_next_is_planned_when_one_has_come() -> None:
    history = History(REPLENISH)
    order(history, "0s", ("coffee", 10), ("filters", 20), ("milk", 10))
    assert due(history) == "2026-03-12T09:00"
    assert history.until("10d") == MAILED
    assert history.last("started").occasion == "c1/2026-03-12"
    assert history.requests[-1].data["event"]["product_id"] == "coffee"
    assert [one["name"] for one in history.requests[-1].data["event"]["products"]] == ["Coffee", "Milk"]
    assert due(history) == "2026-03-22T09:00", "nobody did anything since"
    assert history.until("20d") == MAILED
    assert [one["name"] for one in history.requests[-1].data["event"]["products"]] == ["Filters"]
    assert due(history) is None


def test_what_the_starting_event_says_of_products() -> None:
    history = History(REPLENISH)
    history.event(
        "order_completed", "0s", products=[{"product_id": "c", "quantity": 3, "consumable_days": 1}]
    )
    history.until("2d")
    (request,) = history.requests
    nothing = dict.fromkeys(("category", "name", "price", "url", "image_url"))
    assert request.data["event"] == {
        "date": "2026-03-03",
        "product_id": "c",
        "products": [{"product_id": "c", **nothing}],
    }


def test_a_date_names_no_more_products_than_a_mail_shows() -> None:
    history = History(REPLENISH)
    order(history, "0s", *((f"p{number:02}", 5) for number in range(20)))
    history.until("6d")
    assert len(history.requests[0].data["event"]["products"]) == PRODUCTS_DUE_MAX


def test_ordering_again_moves_the_date() -> None:
    history = History(REPLENISH)
    order(history, "0s", ("coffee", 10))
    order(history, "4d", ("coffee", 10))
    assert due(history) == "2026-03-10T09:00", "her own interval counts now: 4 days"
    assert history.until("7d") == []
    assert history.until("8d") == MAILED


def test_ordering_again_ends_what_waits_and_something_else_does_not() -> None:
    ended = ["exited replenish", "cancelling replenish/more", "cancel more"]
    for product, outcome in (("coffee", ended), ("tea", [])):
        history = History(REPLENISH.replace("[{mail: more}]", "[{mail: more}, {wait: 2d}, {mail: still}]"))
        order(history, "0s", ("coffee", 10))
        history.until("10d")
        assert order(history, "11d", (product, 90)) == [f"keep {product}", *outcome]


def test_what_ran_out_long_ago_keeps_no_other_from_its_date() -> None:
    history = History(REPLENISH)
    order(history, "0s", ("coffee", 5), backfill=True, received="90d")
    assert due(history) is None
    order(history, "91d", ("filters", 3))
    assert due(history) == "2026-06-04T09:00"
    assert history.until("95d") == MAILED
    assert history.requests[-1].data["event"]["product_id"] == "filters"


@pytest.mark.parametrize(("offset", "first", "second"), [("-7d", "05", "07"), ("3d", "15", "17")])
def test_an_offset_moves_all_dates_and_loses_none(offset: str, first: str, second: str) -> None:
    history = History(REPLENISH.replace("replenish_at}", f"replenish_at, offset: {offset}}}"))
    order(history, "0s", ("coffee", 10), ("filters", 12))
    assert due(history) == f"2026-03-{first}T09:00"
    order(history, "11d", ("tea", 60), received="11d")
    history.until("20d")
    days = [request.data["event"]["date"] for request in history.requests]
    assert days == ["2026-03-12", "2026-03-14"]
    assert due(history) is not None, "the tea's"
    starts = [one.occurred_at for one in history.decisions if one.outcome == "started"]
    assert starts == [f"2026-03-{first}T09:00:00.000Z", f"2026-03-{second}T09:00:00.000Z"]


def test_a_date_that_runs_out_before_the_hour_of_the_day_is_kept_by_another_order_that_morning() -> None:
    """It ran out at 00:30; the order at 08:00 plans anew."""
    history = History(REPLENISH)
    order(history, "-8h30m", ("coffee", 10))
    order(history, "9d23h", ("tea", 60))
    assert due(history) == "2026-03-12T09:00"


def test_an_expression_may_choose_among_them() -> None:
    chosen = "\"orders.replenish_product.product_id == 'filters' ? orders.replenish_at : null\""
    history = History(REPLENISH.replace("orders.replenish_at", chosen))
    order(history, "0s", ("coffee", 10), ("filters", 20))
    assert due(history) == "2026-03-22T09:00"
    history.until("20d")
    assert [one["product_id"] for one in history.requests[0].data["event"]["products"]] == ["filters"]


def test_other_dates_name_no_products() -> None:
    history = History(REPLENISH.replace("orders.replenish_at", "orders.last_at, offset: 1d"))
    order(history, "0s", ("coffee", 1))
    history.until("2d")
    assert history.requests[0].data["event"] == {"date": "2026-03-02"}


def test_a_date_that_is_missed_behind_another_one_is_told_whatever_comes_in_between() -> None:
    """The engine is two days late, and an event of in between changes nothing of what runs out."""
    history = History(REPLENISH)
    order(history, "0s", ("coffee", 1), ("filters", 2))
    assert history.until("1d", now="5d") == ["expired replenish"]
    assert due(history) == "2026-03-04T09:00"
    assert history.event("page_viewed", "36h", now="5d") == []
    assert history.until("3d", now="5d") == ["expired replenish"]
    assert due(history) is None


def test_a_wide_grace_hands_no_date_in_twice() -> None:
    history = History(f"{REPLENISH}once_per: start.properties.product_id\n", policy={"date_grace": "30d"})
    order(history, "0s", ("coffee", 1), ("filters", 2), ("milk", 4))
    assert history.until("3d") == MAILED * 2
    assert due(history) == "2026-03-06T09:00"
    assert history.until("60d") == MAILED
    assert due(history) is None


# --- segments


SOON = {
    "soon": "orders.replenish_at - now <= duration('72h')",
    "drinks": "orders.replenish_product.price > 5.0",
}
ENTERS = """
id: {0}-{1}
status: live
kind: transactional
when: {{{0}: {1}}}
steps: [{{mail: told}}]
"""


def test_time_alone_brings_her_in_and_out_of_a_segment_on_it() -> None:
    rules = [ENTERS.format(verb, name) for verb in ("enters", "leaves") for name in SOON]
    history = History(*rules, segments=SOON)
    order(history, "0s", ("coffee", 10), ("filters", 30))
    times = [
        ("enters-drinks", "2026-03-02T09:00:00.000Z"),
        ("enters-soon", "2026-03-09T09:00:00.000Z"),
        ("leaves-soon", "2026-03-13T09:00:00.000Z"),
        ("enters-soon", "2026-03-29T09:00:00.000Z"),
        ("leaves-drinks", "2026-04-02T09:00:00.000Z"),
        ("leaves-soon", "2026-04-02T09:00:00.000Z"),
    ]
    history.until("90d")
    started = [(one.trigger_id, one.occurred_at) for one in history.decisions if one.outcome == "started"]
    assert started == times
