"""Files that people write: the good ones have a normal form, the malformed ones get errors one can act on."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from schemas.export import REPOSITORY, rule_file_schema
from schemas.rule_files import RULE_FILES
from schemas.rule_set import RuleSet, Template, TemplateText
from tests.contract.rule_files import CHECKERS, READERS, Case, bad, data_of, good
from trigger_engine.core.durations import format_duration
from trigger_engine.core.language.dates import YEARS
from trigger_engine.core.language.patterns import OFFSET_DAYS_MAX, THRESHOLD_COUNT_MAX
from trigger_engine.core.language.policy import (
    AT_MOST_MAX,
    CAPS_MAX,
    INTERVALS_MAX,
    POINTS_MAX,
    TRAINED_AFTER_MAX,
)
from trigger_engine.core.language.steps import FIELDS as STEP_FIELDS
from trigger_engine.core.language.steps import VARIANTS_MAX, walk
from trigger_engine.core.language.values import LISTED_MAX
from trigger_engine.core.limits import DURATION_MAX_MS, STEPS_MAX
from trigger_engine.core.rules import load_rules
from trigger_engine.core.trigger_file import FILE_LENGTH_MAX, TriggerFileErrors
from trigger_engine.core.variables import DECLARATIONS, MAIL_DECLARATIONS, SEGMENT_DECLARATIONS

GOOD = [pytest.param(case, id=case.id) for case in good()]
BAD = [pytest.param(case, id=case.id) for case in bad()]
PATTERNS = {"event", "count", "sum", "inactive", "date", "enters", "leaves"}
ONLY_THE_CHECKER = frozenset(
    (REPOSITORY / "tests/contract/data/files/only_the_checker.txt").read_text().split()
)
"""Malformed files that an editor cannot complain about: conditions, and what goes together."""


def validator(kind: str) -> Draft202012Validator:
    schema = json.loads((REPOSITORY / rule_file_schema(f"{kind}-file")).read_text("utf-8"))
    return Draft202012Validator(schema)


@pytest.mark.parametrize("case", GOOD)
def test_a_good_file_has_a_normal_form_and_the_form_is_its_own(case: Case) -> None:
    form = json.loads(json.dumps(case.read().form))
    assert CHECKERS[case.kind](form) == (form, [])


@pytest.mark.parametrize("case", GOOD)
def test_a_good_file_satisfies_the_schema_that_editors_read(case: Case) -> None:
    data = data_of(case.path.read_text("utf-8"), case.kind)
    assert [error.message for error in validator(case.kind).iter_errors(data)] == []


def test_the_good_files_hold_every_pattern_field_and_step() -> None:
    forms = [case.read().form for case in good() if case.kind == "trigger"]
    assert {name for form in forms for name in form["when"]} >= PATTERNS
    steps = [step for form in forms for _, step in walk(form["steps"])]
    assert {name for step in steps for name in step} >= set(STEP_FIELDS)
    assert {name for step in steps for name in step.get("wait_until", ())} >= {"event", "at", "time"}
    assert {name for step in steps for name in step.get("set", ())} == {
        "preferences",
        "pause",
        "marketing_email",
    }
    for kind in ("trigger", "segment", "policy"):
        held = {name for case in good() if case.kind == kind for name in case.read().form}
        assert held == set(RULE_FILES[f"{kind}-file"]["properties"])


@pytest.mark.parametrize("kind", ["trigger", "segment", "policy"])
def test_editors_have_something_to_say_about_every_field(kind: str) -> None:
    schema = RULE_FILES[f"{kind}-file"]
    Draft202012Validator.check_schema(schema)
    for name, field in schema["properties"].items():
        assert field.get("description"), name
    assert str(rule_file_schema(f"{kind}-file")).endswith(f"{kind}-file.schema.json")


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_file_gets_exactly_these_errors(case: Case) -> None:
    assert case.errors() == case.expected.read_text("utf-8")


@pytest.mark.parametrize("case", BAD)
def test_an_error_names_file_line_and_field_and_speaks_no_python(case: Case) -> None:
    with pytest.raises(TriggerFileErrors) as caught:
        case.read()
    lines = case.path.read_bytes().count(b"\n") + 1
    for error in caught.value.errors:
        assert error.file == case.path.name
        assert 1 <= error.line <= lines
        assert error.field
        assert len(str(error)) < 420
        assert not re.search(r"\bNone\b|\bdict\b|<class|Traceback|object at|\bTrue\b|\bFalse\b", str(error))


def test_there_are_many_malformed_files_and_none_of_the_errors_is_left_over() -> None:
    assert len(bad()) > 80
    assert {case.expected for case in bad()} == set((bad()[0].path.parents[1]).glob("*/*.txt"))


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_file_fails_the_schema_too_unless_only_the_checker_can_know(case: Case) -> None:
    try:
        data = data_of(case.path.read_text("utf-8"), case.kind)
    except UnicodeDecodeError:
        data = None
    if data is None:
        assert case.id not in ONLY_THE_CHECKER
        return
    assert validator(case.kind).is_valid(data) == (case.id in ONLY_THE_CHECKER)


DOCS = REPOSITORY / "docs" / "reference"
PAGES = {"trigger": "trigger-files.md", "segment": "segment-files.md", "policy": "policy-file.md"}


def examples(kind: str) -> list[str]:
    return re.findall(
        r"^```yaml\n(.*?)^```", (DOCS / PAGES[kind]).read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


@pytest.mark.parametrize("kind", PAGES)
def test_the_first_example_of_a_page_has_every_field(kind: str) -> None:
    form = READERS[kind](examples(kind)[0], PAGES[kind]).form
    assert set(form) == set(RULE_FILES[f"{kind}-file"]["properties"])


@pytest.mark.parametrize(
    ("kind", "example"), [(kind, example) for kind in PAGES for example in examples(kind)]
)
def test_an_example_or_a_part_of_one_is_good(kind: str, example: str) -> None:
    base = {
        "id": "x",
        "status": "live",
        "kind": "marketing",
        "when": {"event": "a"},
        "steps": [{"mail": "a"}],
    }
    data = data_of(example, kind)
    if kind == "trigger":
        data = {**base, **data}
    assert CHECKERS[kind](data, written=True)[1] == []
    assert [error.message for error in validator(kind).iter_errors(data)] == []


def test_the_pages_name_the_limits_of_the_code() -> None:
    trigger, policy = ((DOCS / PAGES[kind]).read_text("utf-8") for kind in ("trigger", "policy"))
    for words in (
        f"{FILE_LENGTH_MAX:,} characters a file, {LISTED_MAX} entries in a list, {VARIANTS_MAX} variants",
        f"`at_least` of a count from 1 to {THRESHOLD_COUNT_MAX}",
        f"from `-{OFFSET_DAYS_MAX}d` to `{OFFSET_DAYS_MAX}d`",
        f"At most {STEPS_MAX} steps",
        f"at most `{format_duration(DURATION_MAX_MS)}`",
    ):
        assert words in trigger
    for words in (
        f"at most `{format_duration(DURATION_MAX_MS)}`",
        f"up to {CAPS_MAX} caps",
        f"from 1 to {AT_MOST_MAX}, as in `offers`; `trained_after` from 1 to {TRAINED_AFTER_MAX}",
        f"up to {INTERVALS_MAX} entries in each list of the calendar",
        f"in the years {YEARS[0]} to {YEARS[1] - 1}",
        f"up to {POINTS_MAX} event types",
    ):
        assert words in policy


def test_the_page_names_every_variable_and_field_of_conditions() -> None:
    page = (DOCS / PAGES["trigger"]).read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page.partition("## Conditions")[2], re.MULTILINE))
    declared = {**DECLARATIONS, **MAIL_DECLARATIONS}
    assert set(rows) == set(declared)
    for name, kind in declared.items():
        for field, _ in kind.fields if name != "answer" and name != "start" else ():
            assert f"`{field}`" in rows[name]


def test_the_page_of_segments_names_what_they_may_read() -> None:
    page = (DOCS / PAGES["segment"]).read_text("utf-8")
    (named,) = re.findall(r"It may read (.*?), but no event", page)
    assert set(re.findall(r"`(\w+)`", named)) == set(SEGMENT_DECLARATIONS)


@pytest.mark.parametrize(
    "policy", [case for case in good() if case.kind == "policy"], ids=lambda case: case.id
)
def test_the_good_files_make_a_rule_set_that_the_engine_takes(policy: Case) -> None:
    forms = {
        kind: [case.read().form for case in good() if case.kind == kind] for kind in ("trigger", "segment")
    }
    names: set[str] = set()
    for form in forms["trigger"]:
        for _, step in walk(form["steps"]):
            mail = step.get("mail", {})
            names.update([mail] if isinstance(mail, str) else mail.values())
            names.update([step["else"]] if "else" in step else ())
    message = {"en": TemplateText(subject="s", html="h", text="t")}
    templates = [Template.of(name, message) for name in sorted(names)]
    rule_set = RuleSet.of(
        forms["trigger"], segments=forms["segment"], policy=policy.read().form, templates=templates
    )
    rules = load_rules(RuleSet.model_validate_json(rule_set.model_dump_json()))
    active = {form["id"] for form in forms["trigger"] if form["status"] in ("live", "shadow")}
    assert {trigger.id for trigger in rules.triggers} == active
    assert {segment.id for segment in rules.segments} == {form["id"] for form in forms["segment"]}
