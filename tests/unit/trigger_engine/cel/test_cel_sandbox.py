"""Nothing an author writes becomes Python: generated sources hold names of ours and literals only."""

import ast
import itertools
import re
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from trigger_engine.core.cel import DYN, TIMESTAMP, WITH_NOW, CelError, EvaluationError, compile_value
from trigger_engine.core.cel.helpers import HELPERS
from trigger_engine.core.cel.limits import NESTING_MAX

DECLARATIONS = {"x": DYN, "now": TIMESTAMP}
OURS = re.compile(
    r"(v|t|e|r|item|path|fixed|instant|span|unsigned|call|read|change)\d+|meter|subject|raised|value"
)
"""Names that the generator makes, besides those of its helpers."""

PAYLOADS = [
    "'",
    '"',
    "\\",
    "\\'",
    "'''",
    '"""',
    "' + __import__('os').system('true') + '",
    '" + __import__("os").system("true") + "',
    "\n    import os\n",
    "\r\n\f\v\x00\x1b\u2028\u2029\x85",
    "#",
    "# comment\nraise SystemExit",
    "{v1} {subject} %s $x",
    "\\N{BULLET} \\x41 \\u0041 \\",
    "__class__",
    "__builtins__",
    "\ud800",
    "\U0001f600 \ufb01 \uff45\uff56\uff41\uff4c \u0131",
    "v1",
    "subject",
    "\t    return True",
]
_QUOTED = [
    "{0}",
    "x[{0}]",
    "x[{0}][{0}] == {0}",
    "has(x.y) && {0} in x",
    "{{{0}: {0}}}",
    "[{0}, x, {0}].exists(e, e == {0})",
    "x.filter(e, e[{0}] != {0} && e < {0})",
    "x.startsWith({0}) || {0} + x == {0}",
    "x in [{0}, {0}]",
    "{0} < x ? x[{0}] : string({0})",
    "now.getHours(dyn({0})) > 1",
]
_NAMES = [
    "__class__",
    "__builtins__",
    "__import__",
    "__globals__",
    "eval",
    "exec",
    "type",
    "import",
    "lambda",
    "None",
    "subject",
    "meter",
    "raised",
    "v1",
    "t2",
    "e1",
    "walk",
    "EvaluationError",
    "STEPS_MAX",
    "n" * 600,
]


def _literal(text: str) -> str:
    """A CEL string literal of any text."""
    escaped = "".join(
        character if character.isascii() and character.isalnum() else f"\\U{ord(character):08x}"
        for character in text
    )
    return f"'{escaped}'"


def _sources() -> Iterator[str]:
    for payload in PAYLOADS:
        if not any(0xD800 <= ord(character) < 0xE000 for character in payload):
            for form in _QUOTED:
                yield form.format(_literal(payload))
        if not set(payload) & set("\\\n\r"):
            for quote in ("'", '"'):
                if quote not in payload:
                    yield f"x == {quote}{payload}{quote} || r{quote}{payload}{quote} in x"
    for name in _NAMES:
        yield f"x.{name}.{name} == 1 && has(x.a.{name})"
        yield f"x['{name}'] == 1"
        if name not in ("import",):
            yield f"x.exists({name}, {name} == 1 && {name}.{name} == {name})"
    for name in ("a-b", "a.b", "a/b", "a b", "__class__", "import"):
        yield f"x.`{name}`.`{name}` == 1"
    yield "1e999 > x && -1e999 < x && -0.0 == x && -9223372036854775808 < x && 18446744073709551615u > x"


def names_in(python: str) -> set[str]:
    """All names in a source: variables, attributes, functions, arguments, handlers."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(python)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=str() as name):
                found.add(name)
            case ast.Import() | ast.ImportFrom() | ast.Global() | ast.Lambda() | ast.JoinedStr():
                pytest.fail(f"{type(node).__name__} in generated code")
    return found


@pytest.mark.parametrize("source", list(_sources()))
def test_no_text_of_the_author_becomes_a_name(source: str) -> None:
    python = compile_value(source, DECLARATIONS).python
    assert python.isascii()
    strange = {name for name in names_in(python) if not OURS.fullmatch(name)} - HELPERS.keys()
    assert strange <= {"with_traceback", "message", "ms", "append"}
    assert len(ast.parse(python).body) == 1


@pytest.mark.parametrize("payload", PAYLOADS)
def test_texts_arrive_as_they_were_written(payload: str) -> None:
    if not payload.isprintable() or set(payload) & set("'\\"):
        payload = payload.replace("\ud800", "")
    source = _literal(payload)
    assert compile_value(source, DECLARATIONS).evaluate({}) == payload
    assert compile_value(f"x[{source}]", DECLARATIONS).evaluate({"x": {payload: 1}}) == 1
    assert compile_value(f"x in [{source}]", DECLARATIONS).evaluate({"x": payload}) is True
    assert compile_value(f"x == {source}", DECLARATIONS).evaluate({"x": payload + "'"}) is False


def test_lone_surrogates_cannot_break_the_generated_source() -> None:
    assert compile_value("x == '\ud800'", DECLARATIONS).evaluate({"x": "\ud800"}) is True


def test_a_generated_function_can_reach_nothing_but_its_helpers() -> None:
    expression = compile_value("x.exists(e, e == x.y)", DECLARATIONS)
    world = expression.evaluate.__globals__  # type: ignore[attr-defined]  # it is a plain function
    assert world["__builtins__"] == {}
    assert set(world) - HELPERS.keys() - {"__builtins__", "value"} == set()
    reachable = {name for name, value in world.items() if value is sys or callable(value)}
    assert not reachable & {"eval", "exec", "open", "getattr", "setattr", "compile", "__import__", "globals"}


@pytest.mark.parametrize(
    "source",
    [
        "x.__class__",
        "x.__class__.__mro__",
        "''.__class__",
        "[].__class__",
        "x['__class__']",
        "x.ms",
        "x.append",
    ],
)
@pytest.mark.parametrize("value", [{}, [], "", 1, None, object(), lambda: None])
def test_attributes_of_python_values_are_out_of_reach(source: str, value: object) -> None:
    try:
        expression = compile_value(source, DECLARATIONS)
    except CelError:
        return
    with pytest.raises(EvaluationError):
        expression.evaluate({"x": value})


SHAPES = [
    "x.a || (x.b && (",
    "x ? x.a : (",
    "!(",
    "[x, (",
    "dyn(",
    "x + (",
    "x == (",
]


def _nested(shape: str, depth: int) -> str:
    source = shape * depth + "x"
    return source + "".join({"(": ")", "[": "]"}[bracket] for bracket in reversed(source) if bracket in "([")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_deepest_expressions_stay_within_pythons_limits(shape: str) -> None:
    """Whatever passes the limit of the language compiles, also as the twin that tells the next flip."""
    compiled, refused = 0, set()
    for depth in range(1, NESTING_MAX + 2):
        try:
            compile_value(_nested(shape, depth), DECLARATIONS, moving={"now": WITH_NOW})
        except CelError as error:
            refused.add(error.message)
        else:
            compiled += 1
    assert compiled >= NESTING_MAX // 4
    assert len(refused) == 1
    assert "nested deeper" in refused.pop()


def test_a_condition_of_thousands_of_clauses_compiles() -> None:
    source = "||".join(["x>1"] * 800)
    assert compile_value(source, DECLARATIONS).evaluate({"x": 2}) is True
    items = ",".join(["x"] * 2_000)
    assert compile_value(f"[{items}].size()", DECLARATIONS).evaluate({"x": 2}) == 2_000


def test_a_variable_used_twice_in_each_of_many_macros_compiles() -> None:
    source = "x" + ".map(e, e + e)" * (NESTING_MAX - 2)
    assert compile_value(source, DECLARATIONS).evaluate({"x": [1]}) == [2 ** (NESTING_MAX - 2)]


def test_a_value_that_holds_one_list_many_times_is_bounded() -> None:
    source = "x" + ".map(e, [e, e])" * (NESTING_MAX - 3)
    with pytest.raises(EvaluationError, match="holds more than"):
        compile_value(source, DECLARATIONS).evaluate({"x": [1]})


_LITERALS = ["1", "-1", "1.5", "'a'", "true", "null", "2u", "[1]", "duration('1h')"]
_FORMS = [
    *("dyn({0}).a", "dyn({0})[{1}]", "has(dyn({0}).a)", "dyn({0}) == dyn({1})", "dyn({0}) != {1}"),
    *("dyn({0}) < dyn({1})", "dyn({0}) in dyn({1})", "dyn({0}) in [{1}]", "dyn({0}) + dyn({1})"),
    *(
        "dyn({0}) && dyn({1})",
        "!dyn({0})",
        "-dyn({0})",
        "dyn({0}) ? {1} : {0}",
        "dyn({0}).exists(e, e == {1})",
    ),
    *("dyn({0}) - dyn({1})", "dyn({0}) * dyn({1})", "size(dyn({0}))", "dyn({0}).contains(dyn({1}))"),
]


@pytest.mark.parametrize("form", _FORMS)
def test_literals_in_every_place_compile_without_a_warning(form: str) -> None:
    """Python warns of some that it knows to be wrong, such as `1 is None`; here a warning is an error."""
    answers = 0
    for one, other in itertools.product(_LITERALS, _LITERALS):
        with suppress(CelError):
            expression = compile_value(form.format(one, other), DECLARATIONS)
            answers += 1
            with suppress(EvaluationError):
                expression.evaluate({})
    assert answers >= len(_LITERALS)
