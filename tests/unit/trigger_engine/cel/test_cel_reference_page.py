"""The reference page of conditions: every example on it does what it says, every limit is the real one."""

import re
from collections.abc import Iterator

import pytest

from tests.tidy.repository import text
from trigger_engine.core.cel import (
    DOUBLE,
    DURATION,
    DYN,
    STRING,
    TIMESTAMP,
    CelError,
    Duration,
    EvaluationError,
    Timestamp,
    compile_value,
    limits,
    map_of,
    nullable,
    record,
)

PAGE = "docs/reference/conditions.md"
DECLARATIONS = {
    "cart": record({"value": DOUBLE, "age": DURATION}),
    "profile": record({"country": nullable(STRING)}),
    "event": record({"properties": map_of(DYN)}),
    "answer": nullable(record({"properties": map_of(DYN)})),
    "now": TIMESTAMP,
}
CONTEXT = {
    "cart": {"value": 1200, "age": Duration(7_200_000)},
    "profile": {"country": "TR"},
    "event": {
        "properties": {
            "total": 120.5,
            "tags": ["new", "sale"],
            "products": [{"sku": "a", "price": 10}, {"sku": "b", "price": 250}],
        }
    },
    "answer": None,
    "now": Timestamp(1_717_135_200_123),
}


def examples() -> Iterator[tuple[str, str, str]]:
    for block in re.findall(r"```cel\n(.*?)```", text(PAGE), re.DOTALL):
        for line in block.splitlines():
            match = re.fullmatch(r"(.+?) +// (gives|error:|refused:) (.+)", line)
            assert match is not None, line
            yield match[1], match[2], match[3]


@pytest.mark.parametrize(("source", "outcome", "what"), list(examples()))
def test_example(source: str, outcome: str, what: str) -> None:
    if outcome == "refused:":
        with pytest.raises(CelError) as refused:
            compile_value(source, DECLARATIONS)
        assert what in str(refused.value)
        return
    expression = compile_value(source, DECLARATIONS)
    if outcome == "error:":
        with pytest.raises(EvaluationError) as failed:
            expression.evaluate(CONTEXT)
        assert what in failed.value.message
        return
    value, expected = expression.evaluate(CONTEXT), compile_value(what, {}).evaluate({})
    assert (type(value), value) == (type(expected), expected)


def test_there_are_examples_of_each_kind() -> None:
    outcomes = [outcome for _, outcome, _ in examples()]
    assert all(outcomes.count(kind) >= 5 for kind in ("gives", "error:", "refused:"))


@pytest.mark.parametrize("name", [name for name in dir(limits) if name.endswith(("_MAX", "_PER_STEP"))])
def test_every_limit_stands_on_the_page(name: str) -> None:
    assert re.search(rf"\b{getattr(limits, name):,}\b", text(PAGE))
