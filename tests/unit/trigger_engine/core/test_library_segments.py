"""The shipped segments: who comes in, who drops out, by what she does and by time alone.

Each is played as a table of scenes: a history, and whether she is in at its end. The last test takes each
clause out of each condition and sees to it that a scene then ends otherwise.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import trigger_engine.library as library
from tests.unit.trigger_engine.core.history import History, at
from trigger_engine.core.rules import Rules
from trigger_engine.core.trigger_file import parse_segment

FILES = sorted((Path(library.__path__[0]) / "segments").glob("*.yaml"))
PAGE = Path(__file__).parents[4] / "docs" / "segments.md"
CONDITIONS = {file.stem: parse_segment(file.read_text("utf-8"), file.name)["when"] for file in FILES}
STAGES = ("prospect", "new-subscriber", "active-customer", "lapsing", "lost")

Did = tuple[str, str] | tuple[str, str, dict[str, Any]]
"""An event's type, when it happened, and its properties."""


class Scene(NamedTuple):
    """What she did, the time at which one looks, and whether she is in the segment then."""

    segment: str
    did: list[Did]
    until: str
    inside: bool


def times(number: int, type: str, start: int = 0, **properties: Any) -> list[Did]:
    """The same event on so many days in a row."""
    return [(type, f"{start + day}d", properties) for day in range(number)]


def bought(when: str, *categories: str | None) -> Did:
    """An order with a line of each of these categories."""
    products = [{"product_id": f"p{number}", "category": name} for number, name in enumerate(categories)]
    return ("order_completed", when, {"products": products})


def ordered_on_offer(day: int) -> list[Did]:
    """An offer is given, and a day later there is an order."""
    return [("offer_wanted", f"{day}d"), ("order_completed", f"{day + 1}d")]


AGREED: Did = ("subscribed", "0s", {"email": "ada@example.com"})
SCENES = [
    Scene("prospect", [("product_viewed", "0s")], "400d", True),
    Scene("prospect", [AGREED], "1h", False),
    Scene("prospect", [AGREED], "30d", True),
    Scene("prospect", [AGREED, ("unsubscribed", "1d")], "1d", True),
    Scene("prospect", [("product_viewed", "0s"), ("order_completed", "1d")], "1d", False),
    Scene("new-subscriber", [AGREED], "29d23h", True),
    Scene("new-subscriber", [AGREED], "30d", False),
    Scene("new-subscriber", [AGREED, ("subscribed", "20d")], "30d", False),
    Scene("new-subscriber", [AGREED, ("unsubscribed", "20d"), ("subscribed", "40d")], "50d", True),
    Scene("new-subscriber", [("product_viewed", "0s")], "1h", False),
    Scene("new-subscriber", [AGREED, ("unsubscribed", "1d")], "1d", False),
    Scene("new-subscriber", [AGREED, ("order_completed", "1d")], "1d", False),
    Scene("active-customer", [("order_completed", "0s")], "59d", True),
    Scene("active-customer", [("order_completed", "0s")], "60d", False),
    Scene("active-customer", [("order_completed", "0s"), ("order_completed", "59d")], "118d", True),
    Scene("active-customer", [("product_viewed", "0s")], "1d", False),
    Scene("lapsing", [("order_completed", "0s")], "59d23h", False),
    Scene("lapsing", [("order_completed", "0s")], "60d", True),
    Scene("lapsing", [("order_completed", "0s")], "179d", True),
    Scene("lapsing", [("order_completed", "0s")], "180d", False),
    Scene("lapsing", [("order_completed", "0s"), ("order_completed", "70d")], "70d", False),
    Scene("lost", [("order_completed", "0s")], "179d23h", False),
    Scene("lost", [("order_completed", "0s")], "180d", True),
    Scene("lost", [("order_completed", "0s"), ("order_completed", "200d")], "200d", False),
    Scene("lost", [("product_viewed", "0s")], "400d", False),
    Scene("engaged", times(9, "product_viewed"), "9d", False),
    Scene("engaged", [("order_completed", "0s")], "1h", True),
    Scene("engaged", [("email_clicked", "0s"), ("email_clicked", "1h")], "2h", True),
    Scene("engaged", [("order_completed", "0s"), ("product_viewed", "1h")], "2d", True),
    Scene("engaged", [("order_completed", "0s"), ("product_viewed", "1h")], "10d", False),
    Scene("engagement-dropped", times(9, "email_sent"), "400d", False),
    Scene("engagement-dropped", times(10, "email_sent"), "10d", True),
    Scene("engagement-dropped", [("email_clicked", "0s"), *times(10, "email_sent", 1)], "89d23h", False),
    Scene("engagement-dropped", [("email_clicked", "0s"), *times(10, "email_sent", 1)], "90d", True),
    Scene("engagement-dropped", [*times(20, "email_sent"), ("email_clicked", "20d")], "200d", False),
    Scene("engagement-dropped", [*times(10, "email_sent"), ("email_clicked", "20d")], "20d", False),
    Scene("vip", times(5, "order_completed", total=1000), "93d", True),
    Scene("vip", times(5, "order_completed", total=1000), "94d", False),
    Scene("vip", times(4, "order_completed", total=2000), "10d", False),
    Scene("vip", times(5, "order_completed", total=999), "10d", False),
    Scene("rfm-loyal", times(3, "order_completed", total=400), "181d", True),
    Scene("rfm-loyal", times(3, "order_completed", total=400), "182d", False),
    Scene("rfm-loyal", times(2, "order_completed", total=800), "10d", False),
    Scene("rfm-loyal", times(3, "order_completed", total=333), "10d", False),
    Scene("from-store", [("signed_up", "0s", {"source": "store"})], "1d", True),
    Scene("from-store", [("signed_up", "0s", {"source": "site"})], "1d", False),
    Scene("from-store", [("signed_up", "0s")], "1d", False),
    Scene("from-site", [("signed_up", "0s", {"source": "site"})], "1d", True),
    Scene("from-site", [("signed_up", "0s", {"source": "store"})], "1d", False),
    Scene("from-site", [("signed_up", "0s")], "1d", False),
    Scene("high-value-cart", [("product_added", "0s", {"product_id": "p", "price": 1000})], "30d", True),
    Scene("high-value-cart", [("product_added", "0s", {"product_id": "p", "price": 999})], "1d", False),
    Scene(
        "high-value-cart",
        [("product_added", "0s", {"product_id": "p", "price": 1000}), ("order_completed", "1h")],
        "1h",
        False,
    ),
    Scene("category-loyal", [bought("0s", "tea"), bought("1d", "tea", "tea", "cups", "cups")], "1d", True),
    Scene("category-loyal", [bought("0s", "tea", "tea", "tea")], "1d", False),
    Scene("category-loyal", [bought("0s", "tea"), bought("1d", "tea")], "1d", False),
    Scene("category-loyal", [bought("0s", *["tea"] * 3), bought("1d", "cups", "jam", None)], "1d", False),
    Scene("category-loyal", [bought("0s", None, None), bought("1d", None, None)], "1d", False),
    Scene("price-sensitive", [("survey_answered", "0s", {"answer": "price"})], "1d", True),
    Scene("price-sensitive", [("survey_answered", "0s", {"answer": "offers"})], "1d", True),
    Scene("price-sensitive", [("survey_answered", "0s", {"answer": "later"})], "1d", False),
    Scene(
        "price-sensitive",
        [("survey_answered", "0s", {"answer": "price"}), ("survey_answered", "9d", {"answer": "later"})],
        "9d",
        False,
    ),
    Scene("price-sensitive", [AGREED, *ordered_on_offer(1), *ordered_on_offer(9)], "11d", True),
    Scene("price-sensitive", [AGREED, *ordered_on_offer(1)], "11d", False),
    Scene("price-sensitive", [AGREED, ("offer_wanted", "1d"), *times(2, "order_completed", 9)], "11d", False),
    Scene(
        "price-sensitive",
        [AGREED, *times(2, "order_completed", 1), *ordered_on_offer(5), *ordered_on_offer(9)],
        "11d",
        False,
    ),
]


def rules_of_segments(conditions: dict[str, str]) -> Rules:
    """The segments, and triggers that keep what she answers and give offers, as plays do."""
    return History(KEEPS_ANSWERS, GIVES_OFFERS, known=False, segments=conditions).rules


KEEPS_ANSWERS = """
id: keeps-answers
status: live
kind: marketing
when: {event: survey_answered}
steps: [{set: {preferences: {reason: {value: start.properties.answer}}}}, {wait: 1d}, {mail: thanks}]
"""
GIVES_OFFERS = """
id: gives-offers
status: live
kind: marketing
when: {event: offer_wanted}
steps: [{mail: offer, offer: {code: TEN, value: 10%, valid_for: 2d}, else: none-today}]
"""


def play(scene: Scene, rules: Rules) -> bool:
    """Whether she is in at the end. Nobody looks in between but the engine's own wake-ups."""
    history = History(known=False, rules=rules)
    for type, when, *properties in scene.did:
        history.event(type, when, **(properties[0] if properties else {}))
    history.until(scene.until)
    return scene.segment in history.state.segments


SHIPPED = rules_of_segments(CONDITIONS)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_file_is_named_as_its_segment_described_and_on_the_page(file: Path) -> None:
    form = parse_segment(file.read_text("utf-8"), file.name)
    assert form["id"] == file.stem
    assert form["description"].endswith(".")
    assert f"`{file.stem}`" in PAGE.read_text("utf-8")


@pytest.mark.parametrize(
    "scene", SCENES, ids=[f"{number}-{scene.segment}" for number, scene in enumerate(SCENES)]
)
def test_scene(scene: Scene) -> None:
    assert play(scene, SHIPPED) is scene.inside


@pytest.mark.parametrize("name", CONDITIONS)
def test_each_segment_has_scenes_inside_and_outside(name: str) -> None:
    assert {scene.inside for scene in SCENES if scene.segment == name} == {True, False}


def test_everybody_is_in_one_stage_of_life_at_any_time() -> None:
    history = History(known=False, rules=SHIPPED)
    seen = []
    for type, when in [
        ("product_viewed", "0s"),
        ("subscribed", "1d"),
        ("order_completed", "10d"),
        ("product_viewed", "75d"),
        ("order_completed", "80d"),
    ]:
        history.event(type, when)
        seen.append([stage for stage in STAGES if stage in history.state.segments])
    for when in ("139d", "140d", "260d", "600d"):
        history.until(when)
        seen.append([stage for stage in STAGES if stage in history.state.segments])
    assert seen == [
        ["prospect"],
        ["new-subscriber"],
        ["active-customer"],
        ["lapsing"],
        ["active-customer"],
        ["active-customer"],
        ["lapsing"],
        ["lost"],
        ["lost"],
    ]


def test_who_is_vip_is_loyal_too() -> None:
    history = History(known=False, rules=SHIPPED)
    for day in range(5):
        history.event("order_completed", f"{day}d", total=1000)
    assert {"vip", "rfm-loyal"} <= history.state.segments.keys()
    history.until("94d")
    assert "vip" not in history.state.segments
    assert "rfm-loyal" in history.state.segments
    assert history.state.segments["rfm-loyal"] == at("2d")


def operands(condition: str, sign: str) -> list[str]:
    """What the outermost `&&` or `||` join."""
    found, depth, start = [], 0, 0
    for position, letter in enumerate(condition):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0 and condition.startswith(sign, position):
            found.append(condition[start:position].strip())
            start = position + 2
    return [*found, condition[start:].strip()]


def without_one(condition: str) -> Iterator[str]:
    """The condition without each of its clauses, in brackets too. `has(…)` and `…_at != null` are left in:
    without them, what is not there is an error, and an error is no."""
    for sign, nothing in (("||", "false"), ("&&", "true")):
        parts = operands(condition, sign)
        if len(parts) > 1:
            for number, part in enumerate(parts):
                others = [*parts[:number], *parts[number + 1 :]]
                if not (part.startswith("has(") or part.endswith("_at != null")):
                    yield f" {sign} ".join([*others, nothing])
                if part.startswith("("):
                    for weaker in without_one(part[1:-1]):
                        yield f" {sign} ".join([*others, f"({weaker})"])
            return
    yield "true"


WEAKENED = [(name, weaker) for name, condition in CONDITIONS.items() for weaker in without_one(condition)]


@pytest.mark.parametrize(("name", "condition"), WEAKENED)
def test_a_clause_that_is_missing_is_noticed(name: str, condition: str) -> None:
    rules = rules_of_segments({name: condition})
    scenes = [scene for scene in SCENES if scene.segment == name]
    assert [play(scene, rules) for scene in scenes] != [scene.inside for scene in scenes]
