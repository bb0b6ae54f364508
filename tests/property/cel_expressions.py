"""Random CEL expressions and contexts for the tests that compare engines.

Expressions are templates by the kind of value they should have: `<kind>` is a child, `<kind+>` a child that
sees the macro's variable VAR.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LEAVES: dict[str, list[str]] = {
    "int": [
        *("0", "1", "-1", "2", "7", "100", "0x1F", "9223372036854775807", "-9223372036854775808"),
        *("9007199254740993", "x.i", "x.i", "x.m.i", "x.l[0]"),
        *("i", "i", "r.k", "li[0]", "r.l[0].q"),
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
        *("x.d", "x.d", "x.f", "d", "d", "r.v", "md.a", "r.l[0].p"),
    ],
    "string": [
        *("''", "'a'", '"tr"', "r'a\\b'", "'\\u00e9'", "'''i'a'''", "'\\U0001F600'", "'1'", "'i'"),
        *("x.s", "x.s", "x.j", "s", "s", "n", "r.c", "ls[0]"),
    ],
    "bool": ["true", "false", "x.b", "x.b", "x.i", "x.missing", "b", "b"],
    "uint": ["0u", "1u", "2u", "18446744073709551615u", "u", "u"],
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
        *("li", "ls", "r.l", "['a', 'tr']"),
    ],
    "map": ["{}", "{'a': 1}", "{'a': 1, 'i': 'x'}", "{1: 'a', 2: 'b'}", "x.m", "x.m", "x", "x.s", "md", "r"],
    "time": [
        "timestamp('2024-02-29T23:59:59.999Z')",
        "timestamp('2024-05-31T09:00:00+03:00')",
        "t",
        "t",
        "r.at",
    ],
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
        *["(n == <string>)", "(n != null)", "(r.k == null || <int> > 1)", "(<string> in ['a', 'tr', '1'])"],
        *["r.l.exists(VAR, VAR.p > 1.0)", "has(r.c)", "(r.c == 'tr')", "(<double> >= 100)", "(<int> < 1.5)"],
        *["(<time> - <time> > <span>)", "(<time> + <span> <= <time>)", "(t.getHours() >= <int>)"],
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
            leaf: str = draw(st.sampled_from([*_LEAVES[kind], *variables, *variables]))
            return leaf
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
_MOMENTS = st.integers(0, 2 * 10**12).map(lambda ms: EPOCH + timedelta(milliseconds=ms))
CONTEXTS = st.fixed_dictionaries(
    {
        "x": _SHOP_DATA,
        "t": _MOMENTS,
        "w": st.integers(-(10**10), 10**10).map(lambda ms: timedelta(milliseconds=ms)),
        "i": _INTS,
        "u": st.integers(0, 3) | st.integers(0, 2**64 - 1),
        "d": st.sampled_from([0.0, -0.0, 1.0, 120.5, 2.0**53]) | st.floats(),
        "s": _TEXTS,
        "b": st.booleans(),
        "li": st.lists(_INTS, max_size=3),
        "ls": st.lists(_TEXTS, max_size=3),
        "md": st.dictionaries(st.sampled_from(["a", "tr"]), st.floats(), max_size=2),
        "n": st.none() | _TEXTS,
        "r": st.fixed_dictionaries(
            {
                "v": st.floats(allow_nan=False),
                "k": st.none() | _INTS,
                "c": st.none() | _TEXTS,
                "l": st.lists(
                    st.fixed_dictionaries({"p": st.none() | st.sampled_from([0.5, 2.0]), "q": _INTS}),
                    max_size=2,
                ),
            }
        ),
    }
)
