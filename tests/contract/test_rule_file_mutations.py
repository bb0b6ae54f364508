"""Good files with random changes: whatever comes of it is accepted or refused in words, and never raises.

What is accepted has a normal form that is its own, and satisfies the schema of editors: so the schema never
complains about a file that could be published.
"""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemas.rule_files import RULE_FILES
from tests.contract.rule_files import CHECKERS, READERS, Case, data_of, good
from trigger_engine.core.trigger_file import TriggerFileError, TriggerFileErrors

CASES = good()
TEXTS = {case.id: case.path.read_text("utf-8") for case in CASES}
DATA = {case.id: data_of(TEXTS[case.id], case.kind) for case in CASES}
SCHEMAS = {kind: Draft202012Validator(RULE_FILES[f"{kind}-file"]) for kind in CHECKERS}
TOKENS = (
    *(":", " ", "\n", "\t", "- ", "  ", "{", "}", "[", "]", "'", '"', "#", "&a ", "*a", "!", "|", ">", "%"),
    *("null", "true", "9" * 400, "-1", "1.5", ".nan", "\\", '"\\ud800"', "\x00", "\ufeff", "İ", "\u2028"),
    *("exit", "event", "where: ", "wait: ", "mail: ", "choose:", "cart.", "&& ", "(", "start.properties.x"),
)
VALUES = (
    *(None, True, False, 0, 1, -1, 41, 10**14, 0.5, float("inf"), "", " ", "x", "exit", "7d", "10%", "09:00"),
    *("cart.value", "true", "2026-11-27", "order_completed", "vip", [], {}, ["x"], [[]], {"": 1}, "\ud800"),
    *({"event": "x"}, {"a": "7d", "b": "1h"}, {"mail": "m"}, {"value": "now"}, "a" * 5000),
)
NAMES = ("where", "then", "if", "id", "else", "for", "at", "x")


@st.composite
def changed_texts(draw: st.DrawFn) -> tuple[Case, str]:
    case = draw(st.sampled_from(CASES))
    text = TEXTS[case.id]
    for _ in range(draw(st.integers(1, 4))):
        text = _changed(draw, text)
    return case, text


def _changed(draw: st.DrawFn, text: str) -> str:
    kind = draw(st.sampled_from(["insert", "replace", "cut", "delete", "repeat", "indent"]))
    at = draw(st.integers(0, len(text)))
    if kind in ("insert", "replace"):
        token = draw(st.sampled_from(TOKENS) | st.text(max_size=4))
        return text[:at] + token + text[at + (len(token) if kind == "replace" else 0) :]
    if kind == "cut":
        return text[:at] + text[at + draw(st.integers(1, 30)) :]
    lines = text.split("\n")
    row = draw(st.integers(0, len(lines) - 1))
    line = lines[row]
    lines[row : row + 1] = {"delete": [], "repeat": [line, line], "indent": [f"  {line}"]}[kind]
    return "\n".join(lines)


@given(changed_texts())
@settings(max_examples=500, deadline=None)
def test_a_changed_text_is_read_or_refused_in_words(changed: tuple[Case, str]) -> None:
    case, text = changed
    errors: list[TriggerFileError] = []
    try:
        form = READERS[case.kind](text, "mine.yaml").form
    except TriggerFileErrors as error:
        errors = error.errors
    else:
        assert CHECKERS[case.kind](json.loads(json.dumps(form))) == (form, [])
        return
    assert errors
    for each in errors:
        assert 1 <= each.line <= len(text.splitlines()) + 1
        assert each.message
        str(each).encode("utf-8")


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of plain data."""
    found: list[tuple[Any, Any]] = []
    pending = [data]
    while pending:
        inner = pending.pop()
        if isinstance(inner, dict | list):
            for key in list(inner) if isinstance(inner, dict) else range(len(inner)):
                found.append((inner, key))
                pending.append(inner[key])
    return found


@st.composite
def changed_data(draw: st.DrawFn) -> tuple[Case, Any]:
    case = draw(st.sampled_from(CASES))
    data = copy.deepcopy(DATA[case.id])
    for _ in range(draw(st.integers(1, 3))):
        found = places(data)
        if not found:
            break
        inner, key = draw(st.sampled_from(found))
        kind = draw(st.sampled_from(["set", "remove", "copy", "wrap", "rename"]))
        if kind == "remove":
            del inner[key]
        elif kind == "wrap":
            inner[key] = [inner[key]]
        elif kind == "rename" and isinstance(inner, dict):
            inner[draw(st.sampled_from(NAMES))] = inner.pop(key)
        elif kind == "copy":
            other, place = draw(st.sampled_from(found))
            inner[key] = copy.deepcopy(other[place])
        else:
            inner[key] = copy.deepcopy(draw(st.sampled_from(VALUES) | st.text(max_size=12)))
    return case, data


@given(changed_data(), st.booleans())
@settings(max_examples=800, deadline=None)
def test_changed_data_is_checked_without_raising_and_what_is_accepted_satisfies_the_schema(
    changed: tuple[Case, Any], written: bool
) -> None:
    case, data = changed
    form, problems = CHECKERS[case.kind](data, written=written)
    assert all(problem.message for problem in problems)
    if problems:
        return
    assert CHECKERS[case.kind](json.loads(json.dumps(form))) == (form, [])
    if written:
        assert [error.message for error in SCHEMAS[case.kind].iter_errors(data)] == []


@pytest.mark.parametrize("kind", CHECKERS)
@pytest.mark.parametrize("data", [None, True, 5, 1.5, "x", [], ["x"], {}, {"id": None}, {5: {}}], ids=repr)
def test_anything_may_be_checked(kind: str, data: Any) -> None:
    form, problems = CHECKERS[kind](data)
    assert problems or (kind, form) == ("policy", {})
