"""What templates see of a request: every field there, each of its type, lists bounded."""

from typing import Any

import pytest

from sender.core.rendering import VARIABLES
from sender.core.template_data import RECOMMENDED_MAX, VIEWS_MAX, template_data

SENDERS_OWN = {"unsubscribe_url", "locale", "brand", "shop_url", "survey_url"}
ITEM = {"product_id": "p", "name": "Kupa", "price": "12.50", "currency": "TRY"}


def test_every_variable_is_there_when_nothing_is_known() -> None:
    seen = template_data({})
    assert set(seen) | SENDERS_OWN == VARIABLES
    assert seen["cart"] is seen["offer"] is seen["recommended"] is seen["answer"] is seen["purchase"] is None
    assert seen["profile"] == {"first_name": None, "last_name": None}
    assert seen["views"] == {"items": [], "category": None}
    assert seen["event"].pop("products") == []
    assert set(seen["event"].values()) == {None}


@pytest.mark.parametrize("junk", [None, 3, "text", [], {}, [3], {"items": 3, "code": {}, "survey": []}])
def test_junk_is_as_good_as_nothing(junk: Any) -> None:
    names = ("profile", "cart", "event", "offer", "recommended", "answer", "views", "purchase")
    seen = template_data(dict.fromkeys(names, junk))
    assert seen["offer"] is seen["recommended"] is seen["purchase"] is None
    assert seen["views"]["items"] == seen["event"]["products"] == []


def test_fields_have_their_type_and_unknown_ones_stay() -> None:
    event = template_data(
        {
            "event": {
                "tracking_number": 123,
                "old_price": "99.9",
                "price": "free",
                "points": True,
                "colour": [1],
            }
        }
    )["event"]
    assert event["tracking_number"] == "123"
    assert (event["old_price"], event["price"], event["points"]) == (99.9, None, None)
    assert event["colour"] == [1]
    for endless in ("inf", "nan", float("inf"), "1e999"):
        assert template_data({"event": {"price": endless}})["event"]["price"] is None


@pytest.mark.parametrize(
    ("limit", "value", "missing"),
    [(50, 20.1, 29.9), ("50", 20, 30), (50, 50, None), (50, 60, None), ("soon", 20, None), (50, None, None)],
)
def test_what_is_missing_for_free_shipping_is_reckoned_from_the_cart_of_now(
    limit: Any, value: Any, missing: float | None
) -> None:
    cart = None if value is None else {"value": value, "items": []}
    seen = template_data({"event": {"free_shipping_limit": limit}, "cart": cart})
    assert seen["event"]["missing_for_free_shipping"] == missing


def test_what_the_shop_says_is_missing_stands_where_it_tells_no_limit() -> None:
    data = {"event": {"missing_for_free_shipping": 12}, "cart": {"value": 20, "items": []}}
    assert template_data(data)["event"]["missing_for_free_shipping"] == 12


def test_an_offer_needs_a_code() -> None:
    assert template_data({"offer": {"value": "10%"}})["offer"] is None
    offer = template_data({"offer": {"code": " X1 ", "value": "10%"}})["offer"]
    assert offer == {"code": "X1", "value": "10%", "valid_until": None}


def test_recommended_products_are_bounded_and_their_reason_is_one_of_four() -> None:
    many = template_data({"recommended": {"reason": "similar", "items": [ITEM] * 40}})["recommended"]
    assert len(many["items"]) == RECOMMENDED_MAX
    assert many["reason"] == "similar"
    assert many["items"][0]["price"] == 12.5
    assert many["items"][0]["image_url"] is None
    other = template_data({"recommended": {"reason": "paid for", "items": [ITEM]}})["recommended"]
    assert other["reason"] is None
    assert template_data({"recommended": {"reason": "similar", "items": []}})["recommended"] is None


def test_a_purchase_is_a_product_that_may_have_had_a_higher_price() -> None:
    purchase = template_data({"purchase": ITEM | {"name": None}})["purchase"]
    assert (purchase["name"], purchase["price"], purchase["old_price"]) == ("p", 12.5, None)


def test_views_and_answers() -> None:
    views = template_data({"views": {"items": [ITEM] * 40, "category": "Mutfak"}})["views"]
    assert (len(views["items"]), views["category"]) == (VIEWS_MAX, "Mutfak")
    assert template_data({"answer": {"survey": "s", "answer": 5}})["answer"] == {"survey": "s", "answer": "5"}
