"""What a mail is given to show: the rest of what is known only where its template names it."""

from typing import Any

import pytest

from schemas.records import SnapshotProductRecord, SnapshotRecord
from schemas.rule_set import RuleSet, Template, TemplateText
from sender.adapters.template_files import SHIPPED, read_templates
from tests.unit.trigger_engine.core.history import History
from trigger_engine.core.rules import Rules, load_rules
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.template_names import data_read_by
from trigger_engine.core.trigger_file import parse_trigger

ASKS = """
id: asks
status: live
kind: transactional
when: {event: signed_up}
steps:
  - wait_until: {event: survey_answered, for: 1d}
  - mail: told
"""
VIEWED = """
id: viewed
status: live
kind: transactional
when: {event: [product_viewed, page_viewed]}
wait: 1h
steps: [{mail: told}]
"""
REPLENISH = """
id: replenish
status: live
kind: transactional
when: {date: orders.replenish_at}
steps: [{wait: 2d}, {mail: told}]
"""


def template(*sources: str) -> Template:
    """In two languages; the sources stand in subject, HTML and text of the second."""
    subject, html, text = (*sources, "s", "h", "t")[:3]
    plain = TemplateText(subject="s", html="h", text="t")
    return Template.of("told", {"en": plain, "tr": TemplateText(subject=subject, html=html, text=text)})


def rules(text: str, html: str) -> Rules:
    return load_rules(RuleSet.of([parse_trigger(text, "t.yaml")], templates=[template("s", html)]))


def told(history: History) -> dict[str, Any]:
    """The data of the last mail beside what all are given."""
    data = history.requests[-1].data
    return {name: value for name, value in data.items() if name not in ("profile", "cart", "event")}


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        ((), set()),
        (("{{ views.category }}",), {"views"}),
        (("s", "{% if purchase %}{{ purchase.name }}{% endif %}"), {"purchase"}),
        (("s", "h", "{{answer.survey}} {{ recommended.reason }}"), {"answer", "recommended"}),
        (("interviews, purchases", "unanswered", "answers views_of"), set()),
        (("reviews and views",), {"views"}),
    ],
)
def test_a_template_reads_what_any_part_of_any_language_names(
    sources: tuple[str, ...], names: set[str]
) -> None:
    assert data_read_by(template(*sources)) == names


def test_a_template_reads_fields_of_the_event() -> None:
    read = data_read_by(
        template("{{ event.plan }}", "{% if event.price %}{{event.plan}}", "events.x eventual")
    )
    assert read == {"event.plan", "event.price"}


def test_the_shipped_mails_are_given_what_they_show() -> None:
    read = {one.name: data_read_by(one) for one in read_templates(SHIPPED)}
    assert read["browse-category"] >= {"views", "recommended"}
    assert "purchase" in read["replenishment-reminder"]
    assert "answer" in read["cart-answer-help"]
    assert read["renewal-notice"] >= {"event.plan", "event.renews_at", "event.price", "event.currency"}
    assert "views" not in read["order-confirmation"] | read["welcome"] | read["replenishment-reminder"]
    assert [name for name, names in read.items() if "purchase" in names] == ["replenishment-reminder"]


def test_of_a_made_start_the_event_shows_the_traits_that_the_template_names() -> None:
    renewal = REPLENISH.replace("orders.replenish_at", "profile.traits.renews_at").replace("{wait: 2d}, ", "")
    history = History(rules=rules(renewal, "{{ event.plan }} {{ event.price }} {{ event.date }} event.no"))
    traits = {"renews_at": "2026-03-10", "plan": "Tea box", "secret": "s", "date": "no", "first_name": "Ada"}
    history.event("profile_updated", "0s", **traits)
    history.until("10d")
    assert history.requests[-1].data["event"] == {"plan": "Tea box", "date": "2026-03-10"}


def test_of_an_event_of_hers_no_trait_is_shown() -> None:
    history = History(rules=rules(VIEWED, "{{ event.plan }}"))
    history.event("profile_updated", "0s", plan="Tea box")
    history.event("page_viewed", "1m", url="https://shop.example")
    history.until("2h")
    assert history.requests[-1].data["event"] == {"url": "https://shop.example"}


def test_a_mail_that_names_nothing_is_given_what_all_are() -> None:
    history = History(rules=rules(VIEWED, "no word of it"))
    history.event("product_viewed", "0s", product_id="p1")
    history.until("1h")
    assert told(history) == {}


def test_views_are_the_last_twelve_and_their_category_the_starts_or_that_of_most() -> None:
    history = History(rules=rules(VIEWED, "{{ views.category }}"))
    for number in range(14):
        history.event("product_viewed", f"{number}m", product_id=f"p{number}", category="tea", price="4.5")
    history.event("product_viewed", "15m", product_id="pot", category="pots", url="https://shop.example/pot")
    history.event("page_viewed", "16m")
    history.until("2h")
    views = told(history)["views"]
    assert views["category"] == "tea", "the run began with a view of tea"
    assert [item["product_id"] for item in views["items"]] == ["pot", *(f"p{n}" for n in range(13, 2, -1))]
    nothing = {"name": None, "price": None, "image_url": None}
    pot = {"product_id": "pot", "category": "pots", "url": "https://shop.example/pot", **nothing}
    assert views["items"][0] == pot
    history.event("page_viewed", "3h")
    history.until("5h")
    assert told(history)["views"]["category"] == "tea", "of most views kept"
    history.event("product_viewed", "6h", product_id="pot", category="pots")
    history.until("8h")
    assert told(history)["views"]["category"] == "pots", "this run began with a pot"


def test_who_has_looked_at_nothing_has_no_views() -> None:
    history = History(rules=rules(ASKS, "{{ views.items }}"))
    history.event("signed_up", "0s")
    history.until("2d")
    assert told(history) == {"views": {"category": None, "items": []}}


def test_an_answer_is_there_if_there_was_one() -> None:
    for answered in (True, False):
        history = History(rules=rules(ASKS, "{{ answer.survey }}"))
        history.event("signed_up", "0s")
        if answered:
            history.event("survey_answered", "1h", survey="first", answer="good")
        history.until("2d")
        assert told(history) == ({"answer": {"survey": "first", "answer": "good"}} if answered else {})


def test_a_purchase_is_what_the_runs_date_is_about_and_else_what_runs_out_next() -> None:
    lines = [
        {"product_id": "coffee", "name": "Kahve", "price": 9, "consumable_days": 10, "quantity": 2},
        {"product_id": "filters", "name": "Filtre", "consumable_days": 11},
    ]
    nothing = {"category": None, "url": None, "image_url": None}
    coffee = {"product_id": "coffee", "name": "Kahve", "price": 9.0, **nothing}
    history = History(rules=rules(REPLENISH, "{{ purchase.name }}"))
    history.event("order_completed", "0s", products=lines)
    history.until("12d")
    assert told(history) == {"purchase": coffee}, "two days later the filters are next"
    other = History(rules=rules(VIEWED, "{{ purchase.name }}"))
    other.event("page_viewed", "0s")
    other.event("order_completed", "1m", products=lines)
    other.until("2h")
    assert told(other) == {"purchase": coffee}
    other.event("page_viewed", "11d")
    other.until("12d")
    assert told(other)["purchase"]["product_id"] == "filters"
    other.event("page_viewed", "20d")
    other.until("21d")
    assert told(other) == {}, "all ran out long ago"


def test_prices_have_the_currency_of_the_catalogue() -> None:
    products = [
        SnapshotProductRecord(product_id="p1", name="Cup", currency="TRY"),
        SnapshotProductRecord(product_id="p2", name="Pot"),
    ]
    record = SnapshotRecord(version="v1", made_at="2026-03-01T00:00:00.000Z", orders=0, products=products)
    known = rules(VIEWED, "{{ views.items }}").with_snapshot(Snapshot(record))
    history = History(rules=known)
    for product_id in ("p1", "p2", "p3"):
        history.event("product_viewed", "0s", product_id=product_id, price=5.0)
    history.until("1h")
    items = {item["product_id"]: item for item in history.requests[-1].data["views"]["items"]}
    assert items["p1"]["currency"] == "TRY"
    assert "currency" not in items["p2"] | items["p3"]
