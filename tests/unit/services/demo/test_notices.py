"""Who is told of a product: by hand, and in the demo's own week."""

from typing import Any

import pytest

from schemas.rule_set import RuleSet
from services.demo.command import DemoOptions, write_script
from services.demo.goods import entry
from services.demo.notices import notices_of
from services.demo.script import ScriptedEvent
from tests.model.play import rule_set, trigger
from tests.unit.services.demo.scripts import at, event, ordered

TEAPOT = {
    "product_id": "p1",
    "name": "TEAPOT",
    "category": "Kitchen",
    "price": 10.0,
    "url": "https://s.example",
}
WATCHED = trigger("back", {"event": ["product_notice"]}, kind="transactional")


def told(minute: int, **changed: Any) -> ScriptedEvent:
    return entry(TEAPOT, at(minute), **{"stock": 5, **changed})


def looks(minute: int, key: str, type: str = "product_viewed", product: str = "p1") -> ScriptedEvent:
    return event(minute, type, key, product_id=product)


def notices(*script: ScriptedEvent, rules: RuleSet | None = None) -> list[tuple[str, Any, int]]:
    found = notices_of(script, rules or rule_set(WATCHED))
    return [(str(each.customer_id), each.properties["kind"], (each.at - at(0)) // 60_000) for each in found]


def test_who_looked_put_it_in_the_cart_or_wished_for_it() -> None:
    script = [
        told(0, stock=0),
        looks(1, "ada"),
        looks(2, "bob", "product_added"),
        looks(3, "cem", "product_wished"),
        looks(4, "dan", product="p2"),
    ]
    assert notices(*script, told(9)) == [(key, "back_in_stock", 9) for key in ("ada", "bob", "cem")]


def test_who_comes_later_or_has_what_she_wanted_is_not_told() -> None:
    bought = ordered(3, key="bob")
    bought.properties["products"] = [{"product_id": "p1"}]
    script = [
        told(0, stock=0),
        looks(1, "bob"), looks(1, "cem"), bought, looks(4, "cem", "product_unwished"),
        told(5),
        looks(6, "dan"),
    ]  # fmt: skip
    assert notices(*script) == []


@pytest.mark.parametrize(
    ("before", "now", "kind"),
    [
        ({}, {"price": 9.5}, "price_drop"),
        ({}, {"price": 9.51}, None),
        ({}, {"price": 9.0, "stock": 0}, None),
        ({}, {}, None),
        ({"stock": 0}, {"price": 9.0}, "back_in_stock"),
        ({"stock": 0}, {"stock": 0}, None),
    ],
)
def test_what_is_news(before: dict[str, Any], now: dict[str, Any], kind: str | None) -> None:
    found = notices(told(0, **before), looks(1, "ada"), told(2, **now))
    assert found == ([] if kind is None else [("ada", kind, 2)])


def test_without_a_trigger_nobody_is_told() -> None:
    other = rule_set(trigger("other", {"event": ["product_viewed"]}))
    assert notices(told(0, stock=0), looks(1, "ada"), told(2), rules=other) == []


def test_in_the_demo_those_of_the_cast_are_told() -> None:
    found = notices(*write_script(DemoOptions()), rules=rule_set(WATCHED))
    assert {(key, kind) for key, kind, _ in found if key.startswith("cast-")} == {
        ("cast-stock-fatma", "back_in_stock"),
        ("cast-stock-daniel", "back_in_stock"),
        ("cast-price-ulviyya", "price_drop"),
    }
