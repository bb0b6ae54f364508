"""Our CEL gives the answers of the official C++ engine (cel-expr-python), value for value, error for error.

Expressions are drawn by the kind they should have, with some children of a wrong kind, over variables that
are only known as `dyn`. Both engines must agree on three things: whether the source is accepted, whether
it has a value for this context, and which. What the package says it does differently is named below.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cel_expr_python import cel
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from trigger_engine.core.cel import (
    DURATION,
    DYN,
    TIMESTAMP,
    CelError,
    Duration,
    EvaluationError,
    Timestamp,
    UInt,
    compile_value,
    map_of,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFICIAL = cel.NewEnv(
    variables={
        "x": cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
        "t": cel.Type.TIMESTAMP,
        "w": cel.Type.DURATION,
    }
)
_DECLARATIONS = {"x": map_of(DYN), "t": TIMESTAMP, "w": DURATION}
_NUMBERS_MIXED = re.compile(
    r"overload for '(_==_|_!=_|_<_|_<=_|_>_|_>=_|@in)' "
    r"applied to '\((int|uint|double), (list\()?(int|uint|double)"
)

"""The official checker refuses to compare numbers of different declared types; we compare them."""
_CONTAINERS = re.compile(r"applied to '\(.*(list|map)\(")
_INFERRED = re.compile(r"\[\]|\{\}|[\w)\]]\[")
"""The official checker infers types further, from mixed and empty literals and indexing; ours are dyn."""
_NARROWER = re.compile("the key of a map must be|stands twice in (the|a) map|longer than 292 years")
"""What we refuse, as the package says, and the official engine may not."""

Answer = tuple[str, object]


def official(source: str, variables: dict[str, object]) -> Answer:
    try:
        expression = _OFFICIAL.compile(source)
    except RuntimeError as error:
        return "refused", str(error)
    try:
        value = expression.eval(data=variables)
    except RuntimeError as error:  # a repeated map key is raised and not returned
        return "error", str(error)
    if value.type().name() == "ERROR":
        return "error", value.plain_value()
    plain = value.plain_value()
    return "value", UInt(plain) if value.type().name() == "UINT" else plain


def ours(source: str, variables: dict[str, object]) -> Answer:
    try:
        expression = compile_value(source, _DECLARATIONS)
    except CelError as error:
        return "refused", str(error)
    try:
        return "value", _plain(expression.evaluate(variables))
    except EvaluationError as error:
        return "error", error.message


def _plain(value: object) -> object:
    match value:
        case Timestamp(ms=ms):
            return _EPOCH + timedelta(milliseconds=ms)
        case Duration(ms=ms):
            return timedelta(milliseconds=ms)
        case list():
            return [_plain(item) for item in value]
        case dict():
            return {key: _plain(item) for key, item in value.items()}
    return value


def _ours_from(value: object) -> object:
    """A context value of the official engine as ours: its times are datetime and timedelta."""
    if isinstance(value, datetime):
        return Timestamp((value - _EPOCH) // timedelta(milliseconds=1))
    if isinstance(value, timedelta):
        return Duration(value // timedelta(milliseconds=1))
    return value


def _same(left: object, right: object) -> bool:
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, int) and isinstance(right, UInt) and not isinstance(left, bool):
        return left == right  # inside a list the official engine hands a uint over as an int
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    return left == right


# --- expressions: templates; `<kind>` is a child, `<kind+>` a child that sees the macro's variable VAR

_LEAVES: dict[str, list[str]] = {
    "int": [
        *("0", "1", "-1", "2", "7", "100", "0x1F", "9223372036854775807", "-9223372036854775808"),
        *("9007199254740993", "x.i", "x.i", "x.m.i", "x.l[0]"),
    ],
    "double": [
        *(
            "0.0",
            "1.0",
            "-1.5",
            "2.0",
            "120.5",
            "1e3",
            "9007199254740992.0",
            "9223372036854775807.0",
            "1e300",
        ),
        *("x.d", "x.d", "x.f"),
    ],
    "string": [
        *("''", "'a'", '"tr"', "r'a\\b'", "'\\u00e9'", "'''i'a'''", "'\\U0001F600'", "'1'", "'i'"),
        *("x.s", "x.s", "x.j"),
    ],
    "bool": ["true", "false", "x.b", "x.b", "x.i", "x.missing"],
    "uint": ["0u", "1u", "2u", "18446744073709551615u"],
    "list": [
        "[]",
        "[1, 2]",
        "[1, 'a']",
        "['a', 'tr']",
        "[1.0]",
        "[[1], []]",
        "[null, 1]",
        "x.l",
        "x.l",
        "x.n",
    ],
    "map": ["{}", "{'a': 1}", "{'a': 1, 'i': 'x'}", "{1: 'a', 2: 'b'}", "x.m", "x.m", "x", "x.s"],
    "time": ["timestamp('2024-02-29T23:59:59.999Z')", "timestamp('2024-05-31T09:00:00+03:00')", "t", "t"],
    "span": ["duration('45m')", "duration('-1.5s')", "duration('1h30m')", "w", "w"],
}
_KINDS = sorted(_LEAVES)
_ORDERED = ["int", "double", "uint", "string", "bool", "time", "span"]
_PRINTED = ["int", "string", "bool", "uint", "time", "span"]
_ZONES = ["", "'Europe/Istanbul'", "'America/New_York'", "'+05:30'", "'-02:00'", "x.s"]
_DATE_PARTS = ["getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"]
_CLOCK_PARTS = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"]

_TEMPLATES: dict[str, list[str]] = {
    "bool": [
        *["(<bool> && <bool>)", "(<bool> || <bool>)", "(<bool> && <bool> || <bool>)", "!(<bool>)"] * 4,
        *[f"(<{kind}> {symbol} <{kind}>)" for kind in _KINDS for symbol in ("==", "!=")],
        *[f"(<{kind}> {symbol} <{kind}>)" for kind in _ORDERED for symbol in ("<", "<=", ">", ">=")],
        *[f"(dyn(<int>) {symbol} <{kind}>)" for kind in ("double", "uint") for symbol in ("<", ">=", "==")],
        *[f"<string>.{name}(<string>)" for name in ("contains", "startsWith", "endsWith")],
        *[f"(<{kind}> in <list>)" for kind in _KINDS],
        *["(dyn(<any>) in <map>)", "(<string> in <map>)", "bool(dyn(<string>))", "(x.n == <any>)"],
        *[f"has(<map>.{name})" for name in ("a", "i", "missing")],
        *[
            f"<{over}>.{name}(VAR, <bool+>)"
            for over in ("list", "map")
            for name in ("all", "exists", "exists_one")
        ]
        * 2,
    ],
    "int": [
        *[f"(<int> {symbol} <int>)" for symbol in "+-*/%"] * 2,
        *["-(<int>)", "int(dyn(<any>))", "size(<string>)", "size(<list>)", "<map>.size()", "<list>[<int>]"],
        *[f"<time>.{name}({zone})" for name in _DATE_PARTS + _CLOCK_PARTS for zone in _ZONES[:2]],
        *[f"<time>.getHours({zone})" for zone in _ZONES],
        *[f"<span>.{name}()" for name in _CLOCK_PARTS],
    ],
    "uint": [*(f"(<uint> {symbol} <uint>)" for symbol in "+-*/%"), "uint(<double>)", "uint(<int>)"],
    "double": [
        *(f"(<double> {symbol} <double>)" for symbol in "+-*/"),
        "-(<double>)",
        "double(<int>)",
        "double(x.s)",
    ],
    "string": [
        "(<string> + <string>)",
        *(f"string(<{kind}>)" for kind in _PRINTED),
        "<map>[<string>]",
        "<map>.a",
    ],
    "list": [
        *["(<list> + <list>)", "[<any>, <any>]", "<list>.map(VAR, <any+>)", "<map>.map(VAR, <any+>)"],
        *["<list>.filter(VAR, <bool+>)", "<list>.map(VAR, <bool+>, <any+>)"],
    ],
    "map": ["{<string>: <any>}", "{<int>: <any>, <int>: <any>}"],
    "time": ["(<time> + <span>)", "(<time> - <span>)", "timestamp(x.s)", "timestamp(dyn(<int>))"],
    "span": ["(<span> + <span>)", "(<span> - <span>)", "(<time> - <time>)", "duration(x.s)"],
}
for _kind, _forms in _TEMPLATES.items():
    _forms.append(f"(<bool> ? <{_kind}> : <{_kind}>)")
_CHILD = re.compile(r"<(\w+)(\+?)>|VAR")

Draw = Callable[[st.SearchStrategy[Any]], Any]


@st.composite
def expressions(draw: Draw, depth: int = 3) -> str:
    """The source of an expression, its children mostly of the kinds that they should be."""

    def grow(kind: str, left: int, variables: tuple[str, ...]) -> str:
        if left == 0 or draw(st.integers(0, 5)) == 0:
            return draw(st.sampled_from([*_LEAVES[kind], *variables, *variables]))
        variable = f"e{left}"

        def child(match: re.Match[str]) -> str:
            if match[0] == "VAR":
                return variable
            wrong = match[1] == "any" or draw(st.integers(0, 15)) == 0
            wanted = draw(st.sampled_from(_KINDS)) if wrong else match[1]
            source = grow(wanted, left - 1, (*variables, variable) if match[2] else variables)
            # Inside dyn() a wrong kind must fail when it is evaluated; bare, when it is checked.
            return f"dyn({source})" if wrong and draw(st.integers(0, 3)) else source

        return _CHILD.sub(child, draw(st.sampled_from(_TEMPLATES[kind])))

    return grow(draw(st.sampled_from(_KINDS)), depth, ())


_INTS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1))
_TEXTS = st.sampled_from(
    [
        *(
            "",
            "a",
            "tr",
            "TR",
            "héé",
            "😀",
            "1",
            " 12 ",
            "-7",
            "1.5",
            "1e3",
            "true",
            "f",
            "i",
            "UTC",
            "45m",
            "1h30m",
        ),
        *("Mars/Base", "2024-05-31T09:00:00+03:00", "2024-02-30T00:00:00Z", "9223372036854775808"),
    ]
)
_SCALARS = st.one_of(_INTS, st.floats(), _TEXTS, st.booleans(), st.none())
_SHOP_DATA = st.fixed_dictionaries(
    {
        "i": _INTS,
        "d": st.one_of(st.sampled_from([0.0, -0.0, 1.0, 120.5]), st.floats(allow_nan=False)),
        "f": st.floats(),
        "s": _TEXTS,
        "b": st.booleans(),
        "n": st.none(),
        "j": _SCALARS,
        "l": st.lists(_SCALARS, max_size=4),
        "m": st.dictionaries(st.sampled_from(["a", "i", "tr", ""]), _SCALARS, max_size=3),
    }
)
CONTEXTS = st.fixed_dictionaries(
    {
        "x": _SHOP_DATA,
        "t": st.integers(0, 2 * 10**12).map(lambda ms: _EPOCH + timedelta(milliseconds=ms)),
        "w": st.integers(-(10**10), 10**10).map(lambda ms: timedelta(milliseconds=ms)),
    }
)


# --- the comparison


def assert_agree(source: str, variables: dict[str, object]) -> Answer:
    """Returns our answer after comparing it with the official one."""
    theirs = official(source, variables)
    mine = ours(source, {name: _ours_from(value) for name, value in variables.items()})
    shown = f"{source}\n  official: {theirs}\n  ours: {mine}\n  with {variables}"
    if theirs[0] == "refused" and mine[0] != "refused":
        ours_is_wider = _NUMBERS_MIXED.search(str(theirs[1])) or _CONTAINERS.search(str(theirs[1]))
        # Without a value neither engine counts the condition as true, one merely says so earlier.
        assert mine[0] == "error" or ours_is_wider or _INFERRED.search(source), shown
        return mine
    if mine[0] != "value" and _NARROWER.search(str(mine[1])):
        return mine
    assert theirs[0] == mine[0], shown
    assert mine[0] != "value" or _same(theirs[1], mine[1]), shown
    return mine


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(source=expressions(), variables=CONTEXTS)
def test_agrees_with_the_official_engine(source: str, variables: dict[str, object]) -> None:
    event(assert_agree(source, variables)[0])


CORNERS = """
x.m || true ¦ x.missing && false ¦ !x.i ¦ x.i ? 1 : 2 ¦ 1 == true ¦ x.i == true ¦ null == 1 ¦ -7 / 2
-7 % 2 ¦ 7 % -2 ¦ -9223372036854775808 % -1 ¦ 1.5 % 1.0 ¦ -1u ¦ --1 ¦ !-x.i ¦ -!x.b ¦ 1 in [1] in [true]
1 == 1 == true ¦ 1 < 2 < 3 ¦ true ? false ? 1 : 2 : 3 ¦ 10 - 2 - 5 ¦ 1. ¦ .5 ¦ int(' +12 ') ¦ int('1_0')
uint('-0') ¦ double('.5') ¦ double('1e999') ¦ bool('tRUE') ¦ bool('t') ¦ string(1e15) ¦ string(0.00001)
string(-0.0) ¦ string(123456.7) ¦ string(4.9e-324) ¦ int(-1.9) ¦ {1: 2}[dyn(1.0)] ¦ dyn(1.5) in {1: 2}
dyn(true) in {1: 2} ¦ dyn(null) in {1: 2} ¦ x.l[dyn(1u)] ¦ has(x) ¦ has(x.l[0]) ¦ has(x.i.q) ¦ x.in
x.for ¦ let ¦ .x.i ¦ x.`i` ¦ 1 .a ¦ [1, 2,] ¦ {'a': 1,} ¦ 'a' 'b' ¦ 1abc ¦ 0x ¦ 1_000 ¦ 01 ¦ [1].map(i)
[1].exists(i, 1) ¦ 1.exists(i, true) ¦ [].all(i, i.b) ¦ x.l.exists(x, x == 1) ¦ 1 in {'a': 1}
'a' in {'a': 1} ¦ [1]['a'] ¦ 'abc'[0] ¦ [1].a ¦ size(1) ¦ contains('a', 'a')
timestamp(dyn('2024-1-1T0:0:60Z')) ¦ timestamp(dyn('2024-01-01T00:00:00+02')) ¦ timestamp(-62135596801)
duration(dyn('1.h')) ¦ duration(dyn('1h1h')) ¦ duration(dyn('+0')) ¦ duration(dyn('1e3s')) ¦ -w
t.getHours(dyn('+2:00')) ¦ t.getHours(dyn('+0200')) ¦ t.getHours(dyn('')) ¦ t.getHours(dyn('utc'))
"""
_ESCAPES = [r"'\q'", r"'\ud800'", r"'\400'", r"'\377'", "'\n'", "'''\n'''", r"R'\d'"]


@pytest.mark.parametrize("source", [*re.split(r" ¦ |\n", CORNERS.strip()), *_ESCAPES])
def test_agrees_on_the_corners(source: str) -> None:
    shop_data: dict[str, object] = {"i": 1, "b": True, "l": [1, 2, 3], "m": {"a": 1}}
    assert_agree(source, {"x": shop_data, "t": _EPOCH, "w": timedelta(seconds=1)})
