"""Files that people write: the good ones have a normal form, the malformed ones get errors one can act on."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from schemas.export import REPOSITORY, rule_file_schema
from schemas.rule_files import RULE_FILES
from tests.contract.rule_files import CHECKERS, Case, bad, data_of, good
from trigger_engine.core.language.steps import FIELDS as STEP_FIELDS
from trigger_engine.core.language.steps import walk
from trigger_engine.core.trigger_file import TriggerFileErrors

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
