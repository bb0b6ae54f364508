"""No source and no event makes a condition hang, overflow the stack or fill the memory."""

import gc
from collections.abc import Callable
from contextlib import suppress

import pytest

from trigger_engine.core.cel import DYN, CelError, EvaluationError, compile_value
from trigger_engine.core.cel.limits import (
    LIST_ITEMS_MAX,
    MACRO_NESTING_MAX,
    NESTING_MAX,
    SOURCE_CHARS_MAX,
    STEPS_MAX,
    STRING_CHARS_MAX,
)

DECLARATIONS = {"x": DYN}


def test_source_length() -> None:
    fitting = "x" + " " * (SOURCE_CHARS_MAX - 1)
    assert compile_value(fitting, DECLARATIONS).evaluate({"x": 1}) == 1
    with pytest.raises(CelError, match=f"the limit is {SOURCE_CHARS_MAX}"):
        compile_value(fitting + " ", DECLARATIONS)


NESTED: list[Callable[[int], str]] = [
    lambda depth: "(" * depth + "x" + ")" * depth,
    lambda depth: "[" * depth + "x" + "]" * depth,
    lambda depth: "{'a': " * depth + "x" + "}" * depth,
    lambda depth: "!" * depth + "x",
    lambda depth: "-" * depth + "x",
    lambda depth: "x" + " + x" * depth,
    lambda depth: "x" + ".a" * depth,
    lambda depth: "x" + "[0]" * depth,
    lambda depth: "x" + "['a']" * depth,
    lambda depth: "x == 1 ? 1 : " * depth + "1",
    lambda depth: "dyn(" * depth + "x" + ")" * depth,
    lambda depth: "x || (x && (" * (depth // 2) + "x" + "))" * (depth // 2),
]


@pytest.mark.parametrize("nested", NESTED)
def test_nesting(nested: Callable[[int], str]) -> None:
    compile_value(nested(NESTING_MAX // 2), DECLARATIONS)
    for depth in (NESTING_MAX + 1, 200):
        with pytest.raises(CelError, match=f"deeper than {NESTING_MAX} levels"):
            compile_value(nested(depth), DECLARATIONS)


def test_macros_inside_one_another() -> None:
    def nested(depth: int) -> str:
        return "".join(f"[e{level}].map(e{level + 1}, " for level in range(depth)) + "1" + ")" * depth

    source = nested(MACRO_NESTING_MAX).replace("e0", "x")
    assert str(compile_value(source, DECLARATIONS).evaluate({"x": 0})).count("[") == MACRO_NESTING_MAX
    with pytest.raises(CelError, match=f"deeper than {MACRO_NESTING_MAX} levels"):
        compile_value(nested(MACRO_NESTING_MAX + 1).replace("e0", "x"), DECLARATIONS)


def test_macros_one_after_the_other_do_not_nest() -> None:
    chain = "x" + ".map(e, e + 1)" * (NESTING_MAX - 2)
    assert compile_value(chain, DECLARATIONS).evaluate({"x": [0]}) == [NESTING_MAX - 2]


def test_unclosed_brackets_end_with_a_clear_error() -> None:
    with pytest.raises(CelError, match="nested deeper"):
        compile_value("([{" * 1_000, DECLARATIONS)


def test_long_chains_of_alternatives_do_not_nest() -> None:
    chain = " || ".join(f"x == {number}" for number in range(300))
    assert compile_value(chain, DECLARATIONS).evaluate({"x": 299}) is True


@pytest.mark.parametrize(
    "source",
    [
        "x.all(a, x.all(b, x.all(c, a + b + c >= 0)))",
        "x.map(a, x.map(b, a * b)).size() > 0",
        "x.exists(a, a in x && a < 0)",
        "x.exists(a, x + [a] == [])",
        "x.exists(a, x == x && a < 0)",
    ],
)
def test_work_is_bounded(source: str) -> None:
    expression = compile_value(source, DECLARATIONS)
    with pytest.raises(EvaluationError, match=f"more than {STEPS_MAX} steps"):
        expression.evaluate({"x": list(range(2_000))})


def test_a_spent_bound_does_not_leak_into_the_next_evaluation() -> None:
    expression = compile_value("x.all(a, x.all(b, a + b >= 0))", DECLARATIONS)
    with pytest.raises(EvaluationError):
        expression.evaluate({"x": list(range(2_000))})
    assert expression.evaluate({"x": [1, 2]}) is True


def test_texts_and_lists_do_not_grow_without_bound() -> None:
    doubled = compile_value("x + x", DECLARATIONS)
    with pytest.raises(EvaluationError, match="a text grows"):
        doubled.evaluate({"x": "a" * STRING_CHARS_MAX})
    with pytest.raises(EvaluationError, match="a list grows"):
        doubled.evaluate({"x": [0] * LIST_ITEMS_MAX})


def test_deep_values_compare_with_a_clear_error() -> None:
    deep: object = 1
    for _ in range(5_000):
        deep = [deep]
    other: object = 1
    for _ in range(5_000):
        other = [other]
    with pytest.raises(EvaluationError, match="nested deeper"):
        compile_value("x[0] == x[1]", DECLARATIONS).evaluate({"x": [deep, other]})


@pytest.mark.parametrize("source", ["int(x)", "double(x)", "duration(x)", "timestamp(x)", "bool(x)"])
def test_long_texts_do_not_convert(source: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_value(source, DECLARATIONS).evaluate({"x": "1" * 100_000})
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("number", [10**400, -(10**400), 2**64])
def test_numbers_beyond_every_type_compare_but_do_not_count(number: int) -> None:
    above = compile_value("x > 1.5 && x > 1 && !(x == 1.5)", DECLARATIONS)
    assert above.evaluate({"x": number}) is (number > 0)
    for source in ("x + 1", "int(x)", "uint(x)", "string(x)"):
        with pytest.raises(EvaluationError, match="a number"):
            compile_value(source, DECLARATIONS).evaluate({"x": number})


@pytest.mark.parametrize(
    "source",
    [
        "x.a || x.b || true",
        "x.a && x.b",
        "[1, 2].exists(n, x.a == n) ? 1 : 2",
        "[1, 2].map(n, x.a)",
        "x.a + x.b",
        "!(x.a && x.b) == (x.c ? true : false)",
    ],
)
def test_errors_leave_no_garbage_behind(source: str) -> None:
    """An error that is kept in a frame that it holds itself would wait for the collector, at each event."""
    expression = compile_value(source, DECLARATIONS)
    gc.collect()
    gc.disable()
    try:
        for _ in range(10):
            with suppress(EvaluationError):
                expression.evaluate({"x": {}})
        assert gc.collect() == 0
    finally:
        gc.enable()
