"""Stories play by the engine's own partition: they hold, or fail or are refused with a reason."""

from pathlib import Path
from textwrap import dedent

import pytest

from schemas.rule_set import RuleSet
from services.triggers.folder import read_rule_set
from services.triggers.judge import Told, timeline_of
from services.triggers.story import Names
from services.triggers.story_files import StoryFile, parse_stories, read_stories
from services.triggers.testing import tell_all
from tests.fixtures.shop import SHOP
from trigger_engine.core.trigger_file import parse_trigger

TRIGGERS = {file.stem: file.read_text("utf-8") for file in SHOP.glob("*.yaml")}


@pytest.fixture(scope="module")
def shop() -> RuleSet:
    return read_rule_set(SHOP)


def shipped(rule_set: RuleSet, name: str) -> StoryFile:
    path = SHOP / "stories" / f"{name}.yaml"
    return read_stories(path, path.name, Names.of(rule_set))


def failed(file: StoryFile, rule_set: RuleSet) -> set[str]:
    assert file.remarks == ()
    return {told.story.title for _, told in tell_all([file], rule_set) if told.failures}


def with_trigger(rule_set: RuleSet, text: str) -> RuleSet:
    form = parse_trigger(text, "changed.yaml")
    others = [trigger for trigger in rule_set.triggers if trigger["id"] != form["id"]]
    return RuleSet.of([*others, form], segments=rule_set.segments, templates=rule_set.templates)


def told(text: str, rule_set: RuleSet) -> Told:
    """One story about a shopper who has an address and has consented."""
    lines = "".join(f"      {line}\n" for line in dedent(text).strip().splitlines())
    head = "profile: {email: ada@example.com, consent: true}\nstories:\n  - story: It\n    steps:\n"
    file = parse_stories(head + lines, "it.yaml", Names.of(rule_set))
    assert [str(remark) for remark in file.remarks] == []
    ((_, one),) = tell_all([file], rule_set)
    return one


def messages(text: str, rule_set: RuleSet) -> list[str]:
    return [failure.message for failure in told(text, rule_set).failures]


def remarks(text: str, rule_set: RuleSet) -> list[str]:
    return [str(remark) for remark in parse_stories(dedent(text), "it.yaml", Names.of(rule_set)).remarks]


ADDED = "- event: product_added\n  properties: {product_id: p1, price: 20}\n"


def test_what_was_decided_instead_is_said_with_its_reason(shop: RuleSet) -> None:
    story = ADDED + "- event: profile_updated\n  properties: {consent: {marketing_email: false}}\n"
    (said,) = messages(story + "- after: 45m\n- expect: {mail: cart-reminder, at: 45m}", shop)
    assert said.startswith("expected mail cart-reminder, at +45m (2026-03-02T09:45:00.000Z), but ")
    assert "cart-abandoned/cart-reminder was decided no_consent at +45m for shopper: " in said


def test_a_mail_at_another_time_is_said_once(shop: RuleSet) -> None:
    (said,) = messages(ADDED + "- after: 2h\n- expect: {mail: cart-reminder, at: 46m}", shop)
    assert "was decided fired at +45m" in said


def test_nothing_decided_is_said(shop: RuleSet) -> None:
    (said,) = messages("- after: 1h\n- expect: cart-reminder", shop)
    assert said == "expected mail cart-reminder, but nothing was decided until +1h"


@pytest.mark.parametrize(
    "last", ["- expect: {trigger: cart-abandoned, outcome: started}", "- expect_none: {outcome: exited}"]
)
def test_a_mail_that_nobody_expects_fails_the_story(last: str, shop: RuleSet) -> None:
    (said,) = messages(ADDED + f"- after: 1h\n{last}", shop)
    assert said.startswith(
        "a mail was sent that is not expected: cart-abandoned/cart-reminder was decided fired"
    )


def test_so_does_one_after_the_last_expectation(shop: RuleSet) -> None:
    story = ADDED + "- expect: {outcome: started}\n- after: 1h"
    assert [said.split(":")[0] for said in messages(story, shop)] == ["a mail was sent that is not expected"]


@pytest.mark.parametrize("what", ["mail", "anything", "{step: cart-reminder}", "{outcome: fired}"])
def test_expect_none_says_what_came(what: str, shop: RuleSet) -> None:
    said = messages(ADDED + f"- after: 1h\n- expect_none: {what}", shop)
    assert any("cart-abandoned/cart-reminder was decided fired at +45m" in each for each in said)


def test_expectations_in_a_row_look_at_the_same_decisions_and_claim_each_once(shop: RuleSet) -> None:
    story = ADDED + "- after: 2d\n- expect: cart-questions\n- expect: cart-reminder\n"
    assert messages(story, shop) == []
    assert len(messages(story + "- expect: cart-reminder", shop)) == 1


def test_parts_of_the_data_are_compared(shop: RuleSet) -> None:
    item = "{cart: {items: [{product_id: p1, price: 20}]}}"
    assert messages(ADDED + f"- after: 1h\n- expect: {{mail: cart-reminder, data: {item}}}", shop) == []
    (said,) = messages(
        ADDED + "- after: 1h\n- expect: {mail: cart-reminder, data: {cart: {value: 21}}}", shop
    )
    assert "'value': 20.0" in said


def test_an_event_at_the_instant_of_a_wake_up_comes_first_as_on_the_log(shop: RuleSet) -> None:
    order = "- event: order_completed\n  {}properties: {{order_id: o1}}\n"
    first = ADDED + order.format("after: 45m\n  ")
    assert messages(first + "- expect: order-confirmation\n- expect: {outcome: cancelled}", shop) == []
    second = ADDED + "- after: 45m\n" + order.format("")
    assert messages(second + "- expect: [cart-reminder, order-confirmation, {outcome: exited}]", shop) == []


def test_two_customers_in_a_story(shop: RuleSet) -> None:
    story = """
    - event: order_completed
      customer: bob
      properties: {order_id: o1, email: bob@example.com}
    - event: order_completed
      anonymous: device-1
      properties: {order_id: o2, email: eve@example.com}
    - expect: {mail: order-confirmation, customer: bob}
    - expect: {mail: order-confirmation, customer: "anon:device-1"}
    """
    assert messages(story, shop) == []


def test_a_draft_that_is_named_plays(shop: RuleSet) -> None:
    draft = with_trigger(shop, TRIGGERS["order-confirmation"].replace("status: live", "status: draft"))
    assert failed(shipped(draft, "order-confirmation"), draft) == set()
    steps = "[{event: order_completed, properties: {order_id: o}}, {expect_none: anything}]"
    text = f"stories: [{{story: It, steps: {steps}}}]"
    ((_, one),) = tell_all([parse_stories(text, "it.yaml", Names.of(draft))], draft)
    assert one.failures == ()


def test_an_event_that_cannot_be_used_is_a_failure(shop: RuleSet) -> None:
    story = "- event: order_completed\n  customer: tetik:partition\n- expect_none: mail"
    (said,) = messages(story, shop)
    assert "reserved prefix" in said


def test_a_mail_that_was_never_requested_cannot_be_opened(shop: RuleSet) -> None:
    (said,) = messages("- mail: cart-reminder\n  outcome: opened\n- expect_none: mail", shop)
    assert said.startswith("no mail cart-reminder was requested until now")


def test_the_timeline_tells_events_decisions_and_mails_in_order(shop: RuleSet) -> None:
    lines = timeline_of(told(ADDED + "- after: 45m\n- expect: cart-reminder", shop))
    words = [line.split() for line in lines]
    assert [line[3] for line in words] == ["event", "event", "started", "fired", "the"]
    assert words[3][:6] == ["+45m", "03-02", "09:45", "fired", "cart-abandoned/cart-reminder", "->"]


SPOILT = [
    ("- event: product_aded", "no trigger reads 'product_aded', and it is not a usual one; did you mean"),
    ("- event: segment_entered", "'segment_entered' is what the engine says to itself; nobody can send it"),
    (
        "- event: signed_up\n  customer: 'anon:d1'",
        "'anon:d1' is a device, not a customer; write anonymous: d1",
    ),
    (f"- event: signed_up\n  customer: {'c' * 257}", "has 257 characters; an id has 256 at most"),
    (f"- event: signed_up\n  id: {'c' * 257}", "has 257 characters; an id has 256 at most"),
    (f"- event: {'C' * 200}", "CCC… is no event type"),
    ("- expect_none: cart-reminder", "is not understood; write expect_none: {mail: cart-reminder}"),
    ("- profile: {consent: {email: true}}", "profile.consent.email: unknown field 'email'"),
    ("- profile: {consent: {marketing_email: maybe}}", "marketing_email: is true or false, not 'maybe'"),
    ("- at: 9999-12-31 23:59-01:00", "is neither a duration from the start of the story nor a date"),
    ("start: 0001-01-01 00:00+14:00\nstories: []", "stories: is a list of stories; write stories:"),
    (
        "start: 9999-12-31 23:59-01:00\nstories: [{story: It, steps: [{expect_none: mail}]}]",
        "it.yaml:1: error: start: '9999-12-31 23:59-01:00' is no date with a time",
    ),
    ("storys: []", "it.yaml:1: error: storys: unknown field 'storys'; did you mean 'stories'?"),
    ("just text", "it.yaml:1: error: stories: a story file holds stories:"),
    ("stories: {}", "it.yaml:1: error: stories: stories: is a list of stories"),
    ("stories:\n- steps: [{expect_none: mail}]", "it.yaml:2: error: stories[0]: the story has no title"),
    ("stories:\n- story: It", "it.yaml:2: error: stories[0]: steps: is a list of event:, after:, expect: …"),
    ("- event: x\n  - after: 1d", "this is no YAML"),
    ("- event: product_added\n- after: 45", "it.yaml:5: error: stories[0].steps[1].after: 45 is no duration"),
    ("- afer: 45m\n- expect_none: mail", "unknown field 'afer'; did you mean 'after'?"),
    ("- event: Product Added\n- expect_none: mail", "is no event type; did you mean 'product_added'?"),
    ("- event: a\n  expect: cart-reminder", "event: and expect: are steps of their own"),
    ("- event: a\n  after: 1m\n  at: 2m\n- expect_none: mail", "after: and at: both say when"),
    ("- after: 2h\n- event: a\n  at: 1h\n- expect_none: mail", "'1h' lies in the past"),
    ("- expect: cart-remindr", "there is no mail 'cart-remindr'; did you mean 'cart-reminder'?"),
    ("- expect: {trigger: carts}", "there is no trigger 'carts'; there are: cart-abandoned"),
    ("- expect_none: {outcome: fird}", "there is no outcome 'fird'; did you mean 'fired'?"),
    ("- expect_none: {step: cart-remindr}", "there is no step 'cart-remindr'; did you mean 'cart-reminder'?"),
    ("- expect_none: nothing", "'nothing' is not understood; write expect_none: mail"),
    ("- expect: []", "the list is empty; name a mail"),
    ("- expect: {mail: cart-reminder, at: soon}", "'soon' is neither a duration from the start of the story"),
    ("- expect: {outcome: fired, data: {a: 1}}", "only a mail has data; add mail:"),
    (
        "- mail: cart-reminder\n  outcome: lost\n- expect_none: mail",
        "'lost' is no such outcome; write outcome: sent or",
    ),
    ("- mail: cart-reminder\n- expect_none: mail", "what became of it is missing"),
    ("- profile: ada\n- expect_none: mail", "'ada' is no profile"),
    ("- profile: {consent: maybe}\n- expect_none: mail", "consent: is true or false"),
    ("- event: a", "nothing is expected, so the story cannot fail"),
    ("- event: a\n  properties: [1]\n- expect_none: mail", "properties: holds fields, not a list"),
    ("- 5\n- expect_none: mail", "5 is no step"),
    ("- after: 999999d\n- expect_none: mail", "the story is longer than 3660d; tell a shorter one"),
    ("- at: 9999-12-31 23:59\n- expect_none: mail", "the story is longer than 3660d; tell a shorter one"),
    ("- event: a\n  ago: 999999d\n- expect_none: mail", "'999999d' is too long ago; at most ten years"),
    ("- event: a\n  event: b\n- expect_none: mail", "the field is given twice"),
]


@pytest.mark.parametrize(("text", "said"), SPOILT, ids=[text for text, _ in SPOILT])
def test_a_malformed_story_says_where_and_what_to_do(text: str, said: str, shop: RuleSet) -> None:
    if text.startswith("- "):
        text = "stories:\n- story: It\n  steps:\n" + "".join(f"  {line}\n" for line in text.splitlines())
    found = remarks(text, shop)
    assert any(said in each for each in found), found
    assert all(each.startswith("it.yaml:") for each in found)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            "start: yesterday",
            "it.yaml:1: error: start: 'yesterday' is no date with a time",
        ),
        (
            "start: 0001-01-01 00:00",
            "it.yaml:1: error: start: '0001-01-01 00:00' is no year to tell stories of",
        ),
        ("mails: later", "it.yaml:1: error: mails: mails: is sent (each at once) or held, not 'later'"),
        (
            "triggers: [cart-abandond]",
            "it.yaml:1: error: triggers[0]: there is no trigger 'cart-abandond'; did you mean",
        ),
    ],
)
def test_a_mistake_at_the_top_is_said_once(head: str, said: str, shop: RuleSet) -> None:
    story = "- {story: It, steps: [{expect_none: mail}]}\n"
    (found,) = remarks(f"{head}\nstories:\n{story}{story}", shop)
    assert found.startswith(said)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path, shop: RuleSet) -> None:
    (tmp_path / "it.yaml").write_bytes(b"stories: \xff")
    (remark,) = read_stories(tmp_path / "it.yaml", "it.yaml", Names.of(shop)).remarks
    assert str(remark).endswith("it is no text in UTF-8; save it as UTF-8 in the editor")


def test_an_event_type_that_a_trigger_names_is_no_slip_of_a_usual_one(shop: RuleSet) -> None:
    spoilt = TRIGGERS["cart-abandoned"].replace("cart_updated", "product_addded")
    changed = with_trigger(shop, spoilt)
    story = "stories: [{story: It, steps: [{event: product_addded}, {expect_none: mail}]}]"
    assert remarks(story, changed) == []
    assert "did you mean 'product_added'?" in remarks(story, shop)[0]
