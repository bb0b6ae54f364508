"""What a mail recommends: from which source, in which order, and what it never is."""

from typing import Any

import pytest
from msgspec.structs import replace

from schemas.records import PartnerRecord, SnapshotProductRecord, SnapshotRecord
from tests.unit.trigger_engine.core.history import History, rules_of
from trigger_engine.core.snapshot import Snapshot

MAIL = """
id: news
status: live
kind: marketing
when: {{event: asked}}
once_per: event.properties.number
steps:
  - mail: news
    recommend: {recommend}
"""


def product(product_id: str, category: str | None = "tea", **fields: Any) -> SnapshotProductRecord:
    return SnapshotProductRecord(
        product_id=product_id, name=product_id.upper(), category=category, currency="TRY", **fields
    )


PRODUCTS = [
    product("black", price=100.0, orders=40),
    product("green", price=120.0, orders=30),
    product("mug", "cups", price=60.0, orders=20),
    product("white", price=300.0, orders=10),
    product("glass", "cups", price=90.0, orders=9, stock=0),
    product("oolong", price=110.0, orders=8),
    product("bowl", "cups", price=65.0, orders=0),
    product("card", None, price=5.0, orders=0),
]
RECORD = SnapshotRecord(
    version="v1",
    made_at="2026-03-01T00:00:00.000Z",
    orders=120,
    products=PRODUCTS,
    best_sellers=["black", "green", "mug", "white", "oolong"],
    best_sellers_by_category={"tea": ["black", "green", "white", "oolong"], "cups": ["mug"]},
    bought_together={
        "black": [PartnerRecord("mug", 9), PartnerRecord("glass", 8), PartnerRecord("green", 5)],
        "green": [PartnerRecord("white", 6), PartnerRecord("black", 5), PartnerRecord("mug", 1)],
        "mug": [PartnerRecord("black", 9), PartnerRecord("bowl", 2)],
    },
)


def recommending(text: str) -> History:
    rules = rules_of(text, shows="{{ recommended.reason }}")
    return History(rules=rules.with_snapshot(Snapshot(RECORD)))


def shopper(recommend: str = "best_sellers") -> History:
    return recommending(MAIL.format(recommend=recommend))


def shown(
    history: History, when: str = "1h", type: str = "asked", **properties: Any
) -> tuple[str, list[str]]:
    """The reason and the products of the mail that an event brings; what was viewed is `viewed`."""
    history.event(type, when, number=when, **properties)
    data = history.requests[-1].data.get("recommended")
    return ("none", []) if data is None else (data["reason"], [item["product_id"] for item in data["items"]])


def view(history: History, when: str, product_id: str, category: str | None = None) -> None:
    history.event("product_viewed", when, product_id=product_id, category=category)


def order(history: History, when: str, *products: str) -> None:
    lines = [{"product_id": product_id} for product_id in products]
    history.event("order_completed", when, products=lines)


def test_without_history_what_sells_best_in_all_the_shop_is_shown() -> None:
    assert shown(shopper()) == ("best_sellers", ["black", "green", "mug", "white"])


def test_the_request_holds_what_a_template_shows_and_the_snapshot() -> None:
    history = shopper("{from: best_sellers, at_most: 1}")
    shown(history)
    (item,) = history.requests[-1].data["recommended"].pop("items")
    assert history.requests[-1].data["recommended"] == {"reason": "best_sellers", "snapshot": "v1"}
    assert item == {
        "product_id": "black",
        "name": "BLACK",
        "category": "tea",
        "price": 100.0,
        "currency": "TRY",
        "url": None,
        "image_url": None,
        "reason": "best_sellers",
    }
    assert history.last("fired").facts["recommended"] == "best_sellers (snapshot v1)"


def test_nothing_is_recommended_without_a_snapshot() -> None:
    history = shopper()
    history.rules = history.rules.with_snapshot(None)
    assert shown(history) == ("none", [])
    assert "recommended" not in history.last("fired").facts


def test_best_sellers_are_of_the_category_that_she_looked_at_most() -> None:
    history = shopper()
    view(history, "1m", "card")
    view(history, "2m", "bowl")
    view(history, "3m", "unknown", "cups")
    view(history, "4m", "black", "cups")  # the catalogue knows better
    assert shown(history) == ("best_sellers", ["mug"])


def test_of_two_categories_as_often_looked_at_the_last_one_counts() -> None:
    history = shopper()
    view(history, "1m", "bowl")
    view(history, "2m", "black")
    assert shown(history)[1] == ["black", "green", "white", "oolong"]


def test_what_she_viewed_comes_latest_first() -> None:
    history = shopper("viewed")
    for minute, product_id in enumerate(["white", "mug", "unknown", "glass", "white"]):
        view(history, f"{minute + 1}m", product_id)
    assert shown(history) == ("viewed", ["white", "mug"])


def test_counts_of_all_seeds_are_summed_and_ties_go_by_id() -> None:
    history = shopper("bought_together")
    view(history, "1m", "black")
    view(history, "2m", "green")
    # mug 9 + 1, white 6; black and green 5 each
    assert shown(history) == ("bought_together", ["mug", "white", "black", "green"])


def test_the_cart_is_asked_first_then_the_event_the_last_order_and_views() -> None:
    history = shopper("bought_together")
    view(history, "1m", "mug")
    assert shown(history, "2m")[1] == ["black", "bowl"]
    order(history, "3m", "green")
    assert shown(history, "4m")[1] == ["white", "black", "mug"]
    assert shown(history, "5m", product_id="mug")[1] == ["black", "bowl"]
    assert shown(history, "6m", products=[{"product_id": "mug"}])[1] == ["black", "bowl"]
    history.event("product_added", "7m", product_id="black")
    assert shown(history, "8m") == ("bought_together", ["mug"])


def test_seeds_that_leave_nothing_give_way_to_the_next_ones() -> None:
    history = shopper("bought_together")
    order(history, "1m", "green")
    history.event("product_added", "2m", product_id="black")
    # of black: the event is about mug, glass is sold out, green was bought; of mug: black is in the cart
    assert shown(history, "3m", product_id="mug") == ("bought_together", ["bowl"])


def test_of_several_orders_the_last_one_is_the_seed() -> None:
    history = shopper("bought_together")
    order(history, "2m", "mug")
    order(history, "1m", "green")
    assert shown(history)[1] == ["black", "bowl"]


def test_similar_products_are_near_in_price_and_of_the_same_category() -> None:
    history = shopper("similar")
    view(history, "1m", "oolong")  # black and green are both 10 away: black sold more
    assert shown(history) == ("similar", ["black", "green", "white"])


def test_similar_looks_at_the_latest_seed_that_has_a_category() -> None:
    history = shopper("similar")
    view(history, "1m", "green")
    view(history, "2m", "mug")
    view(history, "3m", "card")
    view(history, "4m", "unknown")
    assert shown(history) == ("similar", ["bowl"])


def test_prices_that_cannot_be_compared_come_last() -> None:
    history = shopper("{from: similar, at_most: 12}")
    products = [
        *PRODUCTS,
        SnapshotProductRecord(product_id="chai", name="Chai", category="tea", price=110.0, currency="EUR"),
        SnapshotProductRecord(product_id="mate", name="Mate", category="tea", currency="TRY"),
    ]
    history.rules = history.rules.with_snapshot(Snapshot(replace(RECORD, products=products)))
    view(history, "1m", "oolong")
    assert shown(history)[1] == ["black", "green", "white", "chai", "mate"]


def test_the_first_source_that_gives_anything_wins() -> None:
    history = shopper("[similar, viewed, bought_together]")
    view(history, "1m", "card")
    assert shown(history, "2m") == ("viewed", ["card"])
    view(history, "3m", "mug")
    assert shown(history, "4m") == ("similar", ["bowl"])


def test_what_sells_best_is_the_last_resort_of_every_list() -> None:
    history = shopper("[viewed, similar]")
    assert shown(history) == ("best_sellers", ["black", "green", "mug", "white"])


def test_a_step_that_says_nothing_goes_by_what_is_bought_together_first() -> None:
    silent = MAIL.replace("    recommend: {recommend}\n", "").format()
    history = recommending(silent)
    assert shown(history, "1m")[0] == "best_sellers"
    view(history, "2m", "card")
    assert shown(history, "3m") == ("viewed", ["card"])
    view(history, "4m", "white")
    assert shown(history, "5m")[0] == "similar"
    view(history, "6m", "mug")
    assert shown(history, "7m") == ("bought_together", ["black", "bowl"])


@pytest.mark.parametrize("source", ["viewed", "bought_together", "similar", "best_sellers"])
def test_never_what_is_in_the_cart_was_bought_or_is_sold_out(source: str) -> None:
    history = shopper(source)
    view(history, "1m", "glass")
    view(history, "2m", "black")
    view(history, "3m", "green")
    view(history, "4m", "mug")
    order(history, "5m", "black")
    history.event("product_added", "6m", product_id="mug")
    reason, products = shown(history, product_id="green")
    assert reason in (source, "best_sellers")
    assert not {"glass", "black", "mug", "green"} & set(products)
    assert products or reason == "none"


def test_what_was_bought_a_month_ago_may_be_shown_again() -> None:
    history = shopper("{from: best_sellers, at_most: 1}")
    order(history, "0s", "black")
    assert shown(history, "29d")[1] == ["green"]
    assert shown(history, "30d")[1] == ["black"]


def test_what_was_bought_by_its_sku_is_not_shown_either() -> None:
    history = shopper("{from: best_sellers, at_most: 1}")
    history.event("order_completed", "1m", products=[{"sku": "black"}])
    history.event("product_added", "2m", sku="green")
    assert shown(history)[1] == ["mug"]


def test_a_category_limits_every_source_but_the_last_resort() -> None:
    history = shopper("{from: [viewed, best_sellers], category: start.properties.category}")
    view(history, "1m", "black")
    view(history, "2m", "bowl")
    assert shown(history, "3m", category="cups") == ("viewed", ["bowl"])
    assert shown(history, "4m", category="tea") == ("viewed", ["black"])
    assert shown(history, "5m", category="spoons") == ("best_sellers", ["black", "green", "mug", "white"])


def test_a_category_that_cannot_be_worked_out_limits_nothing_and_is_told() -> None:
    history = shopper("{from: [viewed], category: start.properties.category}")
    view(history, "1m", "black")
    assert shown(history) == ("viewed", ["black"])
    assert "category" in history.last("fired").facts["recommend"]


def test_as_many_as_the_step_asks_for() -> None:
    assert len(shown(shopper("{from: best_sellers, at_most: 2}"))[1]) == 2
    assert len(shown(shopper("{from: best_sellers, at_most: 12}"))[1]) == 5


def test_two_shoppers_of_different_categories_are_shown_different_products() -> None:
    tea, cups = shopper("[similar]"), shopper("[similar]")
    view(tea, "1m", "green")
    view(cups, "1m", "mug")
    assert shown(tea)[1] == ["oolong", "black", "white"]
    assert shown(cups)[1] == ["bowl"]


def test_nothing_left_to_recommend_is_nothing_recommended() -> None:
    history = shopper("best_sellers")
    order(history, "1m", *(each.product_id for each in PRODUCTS))
    assert shown(history) == ("none", [])


def test_a_mail_whose_template_shows_none_is_given_none() -> None:
    history = History(MAIL.format(recommend="best_sellers"))
    history.rules = history.rules.with_snapshot(Snapshot(RECORD))
    assert shown(history) == ("none", [])
    assert "recommended" not in history.last("fired").facts
