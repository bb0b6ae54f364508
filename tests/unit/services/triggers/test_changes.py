"""What differs between two sets, field by field; and what that means to people mid-series."""

from typing import Any

import pytest

from schemas.rule_set import RuleSet, Template, TemplateText
from services.triggers.changes import changes_between, versions_of
from services.triggers.fates import counted, existing_members, fate_of, fates, starting_with_existing
from services.triggers.people import People, Place

CART: dict[str, Any] = {
    "id": "cart",
    "status": "live",
    "kind": "marketing",
    "when": {"event": ["product_added"]},
    "wait": "45m",
    "steps": [{"mail": "a", "id": "a"}, {"wait": "1d"}, {"mail": "b", "id": "b"}],
}
VIP: dict[str, Any] = {
    "id": "vip",
    "status": "live",
    "kind": "marketing",
    "when": {"enters": "vip", "start_with_existing": True, "spread": "1d"},
    "steps": [{"mail": "a", "id": "a"}],
}
SEGMENT = {"id": "vip", "when": "orders.total > 1000.0"}


def template(subject: str) -> Template:
    return Template.of("a", {"en": TemplateText(subject=subject, html="<p>1</p>", text="1")})


def lines(before: RuleSet | None, after: RuleSet) -> list[str]:
    return [line for change in changes_between(before, after) for line in change.lines]


def test_equal_sets_do_not_differ() -> None:
    assert lines(RuleSet.of([CART]), RuleSet.of([dict(reversed(CART.items()))])) == []


def test_added_and_removed() -> None:
    first, second = RuleSet.of([CART]), RuleSet.of([VIP], segments=[SEGMENT])
    assert lines(None, first) == ["+ trigger cart"]
    assert lines(first, second) == ["- trigger cart", "+ trigger vip", "+ segment vip"]


def test_changed_fields_are_named_with_both_values() -> None:
    after = {**CART, "wait": "1h", "cooldown": "7d"}
    assert lines(RuleSet.of([CART]), RuleSet.of([after])) == [
        "~ trigger cart",
        "    ~ wait: 45m -> 1h",
        "    + cooldown: 7d",
    ]


def test_a_step_put_in_between_is_one_change() -> None:
    steps = CART["steps"]
    after = {**CART, "steps": [*steps[:1], {"wait": "2h"}, {"mail": "c", "id": "c"}, *steps[1:]]}
    assert lines(RuleSet.of([CART]), RuleSet.of([after])) == [
        "~ trigger cart",
        '    + steps[1]: {"wait": "2h"}',
        '    + steps[2]: {"mail": "c", "id": "c"}',
    ]


def test_policy_and_templates() -> None:
    before = RuleSet.of([CART], policy={"caps": [{"at_most": 2, "within": "1d"}]}, templates=[template("Hi")])
    after = RuleSet.of([CART], policy={"caps": [{"at_most": 3, "within": "1d"}]}, templates=[template("Ho")])
    assert lines(before, after) == [
        "~ policy",
        "    ~ caps[0].at_most: 2 -> 3",
        "~ template a",
        "    ~ en.subject: Hi -> Ho",
    ]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "they go on"),
        ({"wait": "1h"}, "pin"),
        ({"wait": "1h", "on_edit": "migrate"}, "migrate"),
        ({"wait": "1h", "on_edit": "drain"}, "drain"),
        ({"status": "paused"}, "wait until the trigger is live again"),
        ({"status": "draft"}, "they end (exited): the trigger is a draft"),
    ],
)
def test_what_becomes_of_runs(changed: dict[str, Any], said: str) -> None:
    place = Place("cart", versions_of(RuleSet.of([CART]))["cart"], "a")
    after = {**CART, **changed}
    assert said in fate_of(place, after, versions_of(RuleSet.of([after]))["cart"])
    assert "the trigger is gone" in fate_of(place, None, None)


def test_runs_are_told_by_version_and_place() -> None:
    version = versions_of(RuleSet.of([CART]))["cart"]
    people = People(customers=9)
    people.runs.update(
        {Place("cart", version, ""): 2, Place("cart", version, "a"): 1, Place("old", "1", ""): 4}
    )
    assert list(fates(people, RuleSet.of([CART]))) == [
        "cart: 3 runs",
        f"    2 of version {version} before the first mail: they go on",
        f"    1 of version {version} after a: they go on",
        "old: 4 runs",
        "    4 of version 1 before the first mail: they end (exited): the trigger is gone",
    ]


def test_existing_members_start_only_where_trigger_or_segment_is_new() -> None:
    after = RuleSet.of([CART, VIP], segments=[SEGMENT])
    assert starting_with_existing(RuleSet.of([CART]), after) == [VIP]
    assert starting_with_existing(after, after) == []
    other = RuleSet.of([CART, VIP], segments=[{**SEGMENT, "when": "orders.total > 2000.0"}])
    assert starting_with_existing(after, other) == [VIP]
    paused = RuleSet.of([{**VIP, "status": "paused"}], segments=[SEGMENT])
    assert starting_with_existing(None, paused) == []
    assert list(existing_members([VIP], {"vip": 412})) == [
        "vip: 412 members of the segment vip now; they start too, spread over 1d"
    ]


def test_counts_read_well() -> None:
    assert [counted(1, "story"), counted(2, "story"), counted(1200, "run")] == [
        "1 story",
        "2 stories",
        "1,200 runs",
    ]
