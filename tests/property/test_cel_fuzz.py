"""Whatever the text, the compiler ends with an expression or a CelError, and that with a value or an error.

Time is bounded by construction, not measured: sources are cut off by length, trees by depth, loops by steps.
"""

from typing import Any

import pytest
from hypothesis import HealthCheck, event, example, given, settings
from hypothesis import strategies as st

from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    STRING,
    TIMESTAMP,
    WITH_NOW,
    CelError,
    EvaluationError,
    Expression,
    compile_value,
    list_of,
    map_of,
    nullable,
    record,
)
from trigger_engine.core.cel.limits import SOURCE_CHARS_MAX

DECLARATIONS = {
    "event": map_of(DYN),
    "cart": record({"value": DOUBLE, "id": nullable(STRING), "age": DURATION, "items": list_of(DYN)}),
    "on": BOOL,
    "now": TIMESTAMP,
    "x": DYN,
}
SCALARS: list[Any] = [None, True, 0, -1, 2**63, 1.5, float("nan"), "", "a", "2024-05-31T06:00:00Z", "1h"]
JSON = st.sampled_from([*SCALARS, [], {}, SCALARS, {"a": 1, "price": 11}, [{"a": 1}, {"price": 12}], [[[1]]]])


def run(source: str, value: Any) -> str:
    """What became of it; any other exception is a defect."""
    try:
        expression = compile_value(source, DECLARATIONS)
    except CelError as error:
        refusal = error
    else:
        return evaluated(expression, value)
    assert refusal.line >= 1
    assert refusal.column >= 1
    assert len(str(refusal)) < 500
    return "refused"


def evaluated(expression: Expression, value: Any) -> str:
    context = {
        "event": {"a": value},
        "cart": {"value": value, "id": value},
        "on": value,
        "now": 1,
        "x": value,
    }
    try:
        expression.evaluate(context)
    except EvaluationError as error:
        message = error.message
    else:
        return "value"
    assert len(message) < 500
    return "error"


TOKENS = [
    *("event", "cart", "x", "on", "now", "e", "value", "id", "items", "a", "b", "true", "false", "null"),
    *("0", "1", "2u", "1.5", "9223372036854775808", "1e999", "''", "'a'", '"""b"""', r"'\n'", r"r'\'"),
    *("(", ")", "[", "]", "{", "}", ",", ":", "?", ".", "!", "-", "+", "*", "/", "%", "&&", "||"),
    *("==", "!=", "<", "<=", ">", ">=", "in", " ", "\n", "//", "has(", "size(", "dyn(", "int(", "string("),
    *(".exists(e, ", ".all(e, ", ".map(e, ", ".filter(e, ", ".size()", ".getHours(", ".contains("),
    *(
        "duration('1h')",
        "timestamp('2024-05-31T06:00:00Z')",
        "`a-b`",
        "b'a'",
        "matches",
        "import",
        "__class__",
    ),
    *("'", '"', "\\", "`", "'''", "\u2019", "é", "\x00", "#", ";", "=", "&", "|", "@", "$", "~", "^"),
]
SEEDS = [
    "event.a.total >= 100 && cart.id == 'TR' && cart.value > 0.0",
    "x.exists(e, e.price > 10 && (has(e.a) ? e.a : false)) || now - duration('1h') < now",
    "{'a': [1, 2.5, null], 'b': x}.map(k, string(k) + 'é').size() % 2 == 0",
    "now.getHours('Europe/Istanbul') in [9, 10, 11] && !on",
    "x.filter(e, e in x).map(e, e * 2, [e]).all(e, e == e) ? int('3') : -x",
]


@st.composite
def mutated(draw: Any) -> str:
    """A sensible source with some of its parts taken out, doubled, exchanged or put elsewhere."""
    source: str = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(source)))
        end = min(len(source), begin + draw(st.integers(0, 12)))
        part = draw(
            st.sampled_from(["", source[begin:end] * 2, f"({source[begin:end]})"]) | st.sampled_from(TOKENS)
        )
        source = source[:begin] + part + source[end:]
    return source


SOURCES = st.one_of(
    st.text(max_size=60),
    st.text(st.characters(exclude_categories=[]), max_size=20),
    st.lists(st.sampled_from(TOKENS), max_size=25).map("".join),
    st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join),
    mutated(),
)


@settings(max_examples=1_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(source=SOURCES, value=JSON)
@example(source="'\ud800'", value=None)
@example(source="r'''" * 100, value=None)
def test_any_text_ends_well(source: str, value: Any) -> None:
    event(run(source, value))


@settings(max_examples=150, deadline=None)
@given(
    unit=st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4),
    tail=st.sampled_from(TOKENS),
    data=st.data(),
)
def test_any_repetition_ends_well(unit: list[str], tail: str, data: st.DataObject) -> None:
    """One pattern repeated up to the longest source, and past it."""
    pattern = "".join(unit)
    times = data.draw(
        st.sampled_from([5, 31, 33, 200, SOURCE_CHARS_MAX // len(pattern), 65_536 // len(pattern)])
    )
    event(run(pattern * times + tail, [1, "a"]))


LONG = [
    *(
        "(",
        "[",
        "{",
        "!",
        "-",
        "!-",
        "((",
        "a.b.",
        "1+",
        "1-1*",
        "x?x:",
        "x?",
        "x&&",
        "x||x&&",
        "[1]",
        "x.",
        "x[",
    ),
    *(
        "x.map(e,",
        "x.all(e,x.all(e,",
        "has(",
        "dyn(",
        "'",
        "'''",
        "r'''",
        '"""',
        "\\",
        "`",
        "//",
        "//\n",
        "{1:",
    ),
    *(
        "[x,",
        "1,",
        "==",
        "x==",
        "x<x&&",
        "'a'+",
        "0x",
        "1e",
        ".",
        "..",
        "x.`a`",
        " ",
        "\n",
        "é",
        "x in ",
        "?:",
    ),
]


@pytest.mark.parametrize("size", [SOURCE_CHARS_MAX, 65_536])
@pytest.mark.parametrize("pattern", LONG)
def test_long_patterns_end_well(pattern: str, size: int) -> None:
    source = (pattern * (size // len(pattern) + 1))[:size]
    for tail in ("", "x", "1", ")" * 50):
        assert run(source[: size - len(tail)] + tail, [1, 2]) in ("refused", "error", "value")


def test_the_twin_for_time_ends_well_too() -> None:
    for source in SEEDS:
        try:
            expression = compile_value(source, DECLARATIONS, moving={"now": WITH_NOW, "cart.age": WITH_NOW})
        except CelError:
            continue
        assert expression.next_flip({"now": 1, "x": None, "cart": {}, "on": True, "event": {}}, 1) != 1
