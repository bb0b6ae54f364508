"""The stories of the shipped triggers: they hold, and without any one condition of a trigger they do not."""

from collections.abc import Iterator
from typing import Any

import pytest

from schemas.rule_set import RuleSet
from services.triggers.folder import LIBRARY, Place, check_folder
from services.triggers.story import Names
from services.triggers.story_files import StoryFile, parse_stories, read_stories
from services.triggers.testing import tell_all
from tests.unit.services.triggers.weakening import less, weakened_policy, weakened_trigger
from trigger_engine.core.rules import RulesError

SHIPPED = Place(LIBRARY)
TRIGGERS = sorted(path.stem for path in SHIPPED.triggers)

PREFERENCE = "no story sees a preference; test_an_answer_is_kept_where_segments_read_it does"
NOT_MISSED = {
    "activation": {
        "steps[3]": PREFERENCE,
        "steps[3].wait_until.where": PREFERENCE,
        "steps[4]": "without an answer there is nothing to keep, skipped or not",
    },
    "cart-abandoned": {
        "steps[6].choose[0].if: false": "without an answer no branch below holds",
        "steps[7]": PREFERENCE,
    },
    "policy": {"engagement": "it says what the defaults are, in the place where a shop tunes them"},
}
"""By file: what is gone without a story that fails, and why that is right."""


@pytest.fixture(scope="module")
def library() -> RuleSet:
    """Of the mails the names alone, which is quick."""
    checked = check_folder(LIBRARY, texts=False)
    assert checked.rule_set is not None, checked.errors
    return checked.rule_set


def stories_of(name: str, library: RuleSet) -> StoryFile:
    path = LIBRARY / "stories" / f"{name}.yaml"
    file = read_stories(path, SHIPPED.name_of(path), Names.of(library))
    assert file.remarks == ()
    return file


def failures(file: StoryFile, rule_set: RuleSet) -> Iterator[str]:
    """The stories that are not as told, one by one."""
    return (one.story.title for _, one in tell_all([file], rule_set) if one.failures)


def hold(file: StoryFile, rule_set: RuleSet) -> bool:
    """Not if the set is refused, as a wait is with nothing behind it: that nobody can overlook."""
    try:
        return next(failures(file, rule_set), None) is None
    except RulesError:
        return False


def with_forms(library: RuleSet, forms: list[dict[str, Any]], policy: dict[str, Any]) -> RuleSet:
    return RuleSet.of(forms, segments=library.segments, policy=policy, templates=library.templates)


@pytest.mark.parametrize("name", TRIGGERS)
def test_each_trigger_s_stories_hold(name: str, library: RuleSet) -> None:
    file = stories_of(name, library)
    assert len(file.stories) >= 4
    assert all(name in story.triggers for story in file.stories)
    assert list(failures(file, library)) == []


def test_the_policy_s_stories_hold(library: RuleSet) -> None:
    assert list(failures(stories_of("policy", library), library)) == []


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_story_fails_without_a_condition_of_the_trigger(name: str, library: RuleSet) -> None:
    file = stories_of(name, library)
    cast = {trigger for story in file.stories for trigger in story.triggers}
    forms = {str(form["id"]): form for form in library.triggers if form["id"] in cast}
    weakened = [
        (weak.what, with_forms(library, [*{**forms, name: weak.form}.values()], library.policy))
        for weak in weakened_trigger(forms[name])
    ]
    not_missed = {what for what, rule_set in weakened if hold(file, rule_set)}
    assert not_missed == NOT_MISSED.get(name, {}).keys()


def test_a_story_fails_without_a_rule_of_the_policy(library: RuleSet) -> None:
    file = stories_of("policy", library)
    not_missed = {
        weak.what
        for weak in weakened_policy(library.policy)
        if hold(file, with_forms(library, library.triggers, weak.form))
    }
    assert not_missed == NOT_MISSED["policy"].keys()


def test_whatever_is_not_missed_has_a_place() -> None:
    assert NOT_MISSED.keys() <= {*TRIGGERS, "policy"}


PROBE = {
    "id": "probe",
    "status": "live",
    "kind": "transactional",
    "when": {"enters": "price-sensitive"},
    "steps": [{"mail": "welcome", "id": "probe"}],
}
ADDED = "{event: product_added, properties: {product_id: p1, price: 20}}"
ANSWERED = "{event: survey_answered, properties: {survey: %s, answer: price}}"


@pytest.mark.parametrize(
    ("trigger", "steps"),
    [
        ("activation", ["{event: signed_up}", "{after: 30d1m}"]),
        ("cart-abandoned", [ADDED, "{after: 4d}"]),
    ],
)
def test_an_answer_is_kept_where_segments_read_it(trigger: str, steps: list[str], library: RuleSet) -> None:
    """`price-sensitive` looks for it among her preferences. An answer to another question is none."""
    rule_set = with_forms(library, [*library.triggers, PROBE], library.policy)
    survey = "cart-questions" if trigger == "cart-abandoned" else trigger
    told = [*steps, ANSWERED % "rooms", "{expect_none: {trigger: probe}}", ANSWERED % survey]
    story = f"{{story: It, steps: [{', '.join([*told, '{expect: probe}'])}]}}"
    head = f"profile: {{email: ada@example.com, consent: true}}\ntriggers: [{trigger}, probe]\n"
    file = parse_stories(f"{head}stories: [{story}]", "it.yaml", Names.of(rule_set))
    assert file.remarks == ()
    ((_, one),) = tell_all([file], rule_set)
    unexpected = "a mail was sent that is not expected"  # those of the trigger itself
    assert [each.message for each in one.failures if unexpected not in each.message] == []


@pytest.mark.parametrize(
    ("source", "without"),
    [
        ("a", {}),
        ("a && b", {"a": "b", "b": "a"}),
        ("has(a.b) && a.b > 1", {"a.b > 1": "has(a.b)"}),
        ("a || has(b)", {"a": "has(b)", "has(b)": "a"}),
        ("f(a && b) || c == ' || '", {"f(a && b)": "c == ' || '", "c == ' || '": "f(a && b)"}),
        (
            "a ||\n (b && c)",
            {"a": "(b && c)", "(b && c)": "a", "b": "a || (c)", "c": "a || (b)"},
        ),
        ("(a) && (b)", {"(a)": "(b)", "(b)": "(a)"}),
    ],
)
def test_a_condition_without_each_of_its_parts(source: str, without: dict[str, str]) -> None:
    assert dict(less(source)) == without
