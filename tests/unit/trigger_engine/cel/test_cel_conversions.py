"""Conversions and operators at their bounds, and the exact words where they have no answer."""

import math

import pytest

from trigger_engine.core.cel import (
    DURATION,
    DYN,
    Duration,
    EvaluationError,
    Timestamp,
    UInt,
    compile_value,
    map_of,
)
from trigger_engine.core.cel.limits import CONVERTED_CHARS_MAX, LIST_ITEMS_MAX, STRING_CHARS_MAX

INT_MAX = 2**63 - 1
UINT_MAX = 2**64 - 1
SECOND = 1_000
LONG = "9" * CONVERTED_CHARS_MAX
WITH: dict[str, object] = {
    "s": "text",
    "i": 1,
    "u": UInt(2),
    "d": 1.5,
    "b": True,
    "n": None,
    "l": [1],
    "m": {"a": 1},
    "t": Timestamp(86_400_000),
    "w": Duration(90_000),
    "max": INT_MAX,
    "min": -(2**63),
    "umax": UInt(UINT_MAX),
    "long": LONG,
    "longer": LONG + "9",
    "full": "a" * STRING_CHARS_MAX,
    "many": [0] * LIST_ITEMS_MAX,
}


def value(source: str) -> object:
    return compile_value(source, {"x": map_of(DYN)}).evaluate({"x": WITH})


NO_OVERLOAD = [
    ("size(x.i)", "size() does not take int"),
    ("int(x.l)", "int() does not take list"),
    ("uint(x.b)", "uint() does not take bool"),
    ("uint(x.t)", "uint() does not take timestamp"),
    ("double(x.b)", "double() does not take bool"),
    ("double(x.m)", "double() does not take map"),
    ("bool(x.i)", "bool() does not take int"),
    ("string(x.n)", "string() does not take null"),
    ("string(x.l)", "string() does not take list"),
    ("timestamp(x.b)", "timestamp() does not take bool"),
    ("timestamp(x.u)", "timestamp() does not take uint"),
    ("duration(x.i)", "duration() does not take int"),
    ("x.i.contains('a')", "contains() does not take int, string"),
    ("x.s.startsWith(x.i)", "startsWith() does not take string, int"),
    ("x.n.endsWith('a')", "endsWith() does not take null, string"),
    ("x.i.getHours()", "getHours() does not take int"),
    ("x.w.getFullYear()", "getFullYear() does not take duration"),
    ("x.s + x.i", "'+' does not work on string and int"),
    ("x.i + x.d", "'+' does not work on int and double: convert one of them, as in double(x)"),
    ("x.i - x.u", "'-' does not work on int and uint: convert one of them, as in double(x)"),
    ("x.s * x.i", "'*' does not work on string and int"),
    ("x.s / x.i", "'/' does not work on string and int"),
    ("x.b / x.b", "'/' does not work on bool and bool"),
    ("x.d % x.d", "'%' does not work on double and double: convert one of them, as in double(x)"),
    ("x.b % x.b", "'%' does not work on bool and bool"),
    ("x.s < x.i", "'<' does not work on string and int"),
    ("x.n <= x.n", "'<=' does not work on null and null"),
    ("x.l > x.l", "'>' does not work on list and list"),
    ("x.t >= x.w", "'>=' does not work on timestamp and duration"),
    ("x.i in x.s", "'in' does not work on int and string"),
    ("x.n in x.m", "'in' does not work on null and map"),
    ("-x.s", "'-' does not work on string"),
    ("-x.u", "'-' does not work on uint"),
    ("x.l[0].q", "a int has no fields, so no 'q'"),
    ("has(x.l[0].q)", "a int has no fields, so no 'q'"),
    ("{x.l: 1}", "the key of a map must be a string or an int, this is list"),
]
OUT_OF_BOUNDS = [
    ("int(9223372036854775808.0)", "a number is too large for an int"),
    ("int(-9223372036854775808.0)", "a number is too large for an int"),
    ("int('9223372036854775808')", "a number is too large for an int"),
    ("int(x.umax)", "a number is too large for an int"),
    ("x.max + 1", "a number is too large for an int"),
    ("x.min - 1", "a number is too large for an int"),
    ("-x.min", "a number is too large for an int"),
    ("x.min / -1", "a number is too large for an int"),
    ("x.min % -1", "a number is too large for an int"),
    ("uint(-1)", "a number does not fit into a uint"),
    ("uint(-0.5)", "a number does not fit into a uint"),
    ("uint(18446744073709551616.0)", "a number does not fit into a uint"),
    ("uint('18446744073709551616')", "a number does not fit into a uint"),
    ("x.umax + 1u", "a number does not fit into a uint"),
    ("1u - x.u", "a number does not fit into a uint"),
    ("x.i / 0", "division by zero"),
    ("x.u % 0u", "division by zero"),
    ("int(x.s)", "'text' is not a whole number"),
    ("uint('-1')", "'-1' is not a whole number"),
    ("double(x.s)", "'text' is not a number"),
    ("bool(x.s)", "'text' is neither true nor false"),
    ("int(x.longer)", f"'{LONG}' is not a whole number"),
    ("double(x.longer)", f"'{LONG}' is not a number"),
    ("bool(x.longer)", f"'{LONG}' is neither true nor false"),
    ("timestamp(x.long)", f"'{LONG}' is not a timestamp like 2024-05-31T09:00:00Z"),
    ("timestamp(x.longer)", f"'{LONG}…' is not a timestamp like 2024-05-31T09:00:00Z"),
    ("duration(x.longer)", f"'{LONG}…' is not a duration like 45m, 24h or 1h30m"),
    ("timestamp(x.s)", "'text' is not a timestamp like 2024-05-31T09:00:00Z"),
    ("timestamp(dyn('2024-01-01T24:00:00Z'))", "'2024-01-01T24:00:00Z' is not a time of day"),
    ("timestamp(dyn('2024-01-01T00:60:00Z'))", "'2024-01-01T00:60:00Z' is not a time of day"),
    ("timestamp(dyn('2024-01-01T00:00:61Z'))", "'2024-01-01T00:00:61Z' is not a time of day"),
    ("timestamp(dyn('2024-01-01T00:00:00+24:00'))", "'2024-01-01T00:00:00+24:00' is not a time of day"),
    ("timestamp(dyn('2024-01-01T00:00:00+00:60'))", "'2024-01-01T00:00:00+00:60' is not a time of day"),
    ("timestamp(dyn('2024-02-30T00:00:00Z'))", "'2024-02-30T00:00:00Z' is not a date"),
    ("x.full + 'b'", f"a text grows beyond {STRING_CHARS_MAX} characters"),
    ("x.many + x.l", f"a list grows beyond {LIST_ITEMS_MAX} items"),
]


@pytest.mark.parametrize(("source", "message"), [*NO_OVERLOAD, *OUT_OF_BOUNDS])
def test_what_has_no_answer_says_why(source: str, message: str) -> None:
    with pytest.raises(EvaluationError) as error:
        value(source)
    assert error.value.message == message


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("int(x.max)", INT_MAX),
        ("int(9223372036854774784.0)", 9223372036854774784),
        ("int(-9223372036854774784.0)", -9223372036854774784),
        ("int(x.t)", 86_400),
        ("int(x.b)", 1),
        ("int(' -12 ')", -12),
        ("uint(0.0)", UInt(0)),
        ("uint(' +12 ')", UInt(12)),
        ("uint(x.umax)", UInt(UINT_MAX)),
        ("double('1e3')", 1000.0),
        ("double(x.u)", 2.0),
        ("bool('t')", True),
        ("bool('False')", False),
        ("string(x.b)", "true"),
        ("string(!x.b)", "false"),
        ("string(x.umax)", "18446744073709551615"),
        ("string(1e15)", "1e+15"),
        ("string(1.25e15)", "1.25e+15"),
        ("string(0.00001)", "1e-05"),
        ("string(0.0001)", "0.0001"),
        ("string(100000.0)", "100000"),
        ("string(999999.0)", "999999"),
        ("string(1000000.0)", "1e+06"),
        ("string(-1.5)", "-1.5"),
        ("string(-0.0)", "-0"),
        ("string(-1e-5)", "-1e-05"),
        ("string(x.t)", "1970-01-02T00:00:00Z"),
        ("string(timestamp(dyn('2024-05-31T09:08:07.5Z')))", "2024-05-31T09:08:07.500Z"),
        ("string(x.w)", "90s"),
        ("string(x.w - x.w)", "0s"),
        ("string(duration(dyn('-1ms')))", "-0.001s"),
        ("string(duration(dyn('-1.5s')))", "-1.500s"),
        ("timestamp(dyn('1970-01-01T00:00:00.5Z'))", Timestamp(500)),
        ("timestamp(dyn('1970-01-01T00:00:00.0459Z'))", Timestamp(45)),
        ("timestamp(dyn('1970-01-01T00:00:60Z'))", Timestamp(60 * SECOND)),
        ("timestamp(dyn('1970-01-01T23:59:59Z'))", Timestamp(86_399 * SECOND)),
        ("timestamp(dyn('1970-01-01T00:00:00-01:30'))", Timestamp(5_400 * SECOND)),
        ("timestamp(dyn('1970-01-01T23:59:00+23:59'))", Timestamp(0)),
        ("timestamp(90)", Timestamp(90 * SECOND)),
        ("duration(dyn('1h1m1s1ms'))", Duration(3_661_001)),
        ("duration(dyn('.5s'))", Duration(500)),
        ("duration(dyn('1999us'))", Duration(1)),
        ("duration(dyn('-1m'))", Duration(-60_000)),
        ("duration(dyn('2000000ns'))", Duration(2)),
        ("x.t - x.t + x.w", Duration(90_000)),
        ("x.w + x.t", Timestamp(86_490_000)),
        ("x.t - x.w", Timestamp(86_310_000)),
        ("x.w - x.w", Duration(0)),
        ("x.t.getHours()", 0),
        ("x.t.getHours('+02:00')", 2),
        ("x.t.getHours('-01:30')", 22),
        ("x.t.getMinutes('Asia/Kolkata')", 30),
        ("x.t.getDate('-01:00')", 1),
        ("x.t.getDate('Europe/Istanbul')", 2),
        ("7 / -2", -3),
        ("-7 % 2", -1),
        ("7 % -2", 1),
        ("7u % 4u", UInt(3)),
        ("1.0 / 0.0", math.inf),
        ("-1.0 / 0.0", -math.inf),
        ("1.0 / -0.0", -math.inf),
        ("x.s + 'a'", "texta"),
        ("x.l + [2]", [1, 2]),
        ("size(x.full + '') == 65536", True),
        ("size(x.many + [])", LIST_ITEMS_MAX),
        ("1 in x.l", True),
        ("1.0 in [1]", True),
        ("'a' in x.m", True),
        ("1.5 in {1: 2}", False),
        ("dyn(1.0) in {1: 2}", True),
        ("dyn(true) in {1: 2}", False),
        ("x.i < 1.5", True),
        ("x.u >= 2", True),
        ("x.t < timestamp(90000)", True),
        # an error in one term is none where another decides
        ("x.l[0].q == 1 || true", True),
        ("true || x.l[0].q", True),
        ("false && x.l[0].q", False),
        ("x.l[0].q && false", False),
        ("{'a': 1}.b == 1 || true", True),
        ("[{'a': 1}].exists(i, i.b == 1 || true)", True),
        ("[{'a': 1}].all(i, false && i.b == 1)", False),
        ("[{'a': 1}, {'b': 1}].exists(i, i.b == 1)", True),
        ("has(x.l[0].q) || true", True),
        ("x.l[9] == 1 || true", True),
        ("x.m['b'] == 1 || true", True),
        ("[1, 2].exists(i, x.l[i] == 1 || i == 2)", True),
        ("[0, 9].exists(i, x.l[i] == 1)", True),
        ("[9, 0].exists(i, x.l[i] == 1)", True),
        ("[9, 0].all(i, x.l[i] == 2)", False),
        ("int(x.s) == 1 || true", True),
        ("(x.i / 0 == 1) || true", True),
        ("(x.s < x.i) || true", True),
        ("(x.i in x.s) || true", True),
        ("-x.s == 1 || true", True),
        ("(true ? 1 : x.i / 0) == 1", True),
        ("(x.i == 1 ? x.l[9] : 1) == 1 || true", True),
    ],
)
def test_values_at_the_bounds(source: str, expected: object) -> None:
    found = value(source)
    assert found == expected
    assert type(found) is type(expected)


def test_nothing_divided_by_nothing_is_no_number() -> None:
    assert math.isnan(float(str(value("0.0 / 0.0"))))


def test_a_duration_has_the_parts_that_a_time_of_day_has() -> None:
    given = {"w": Duration(7_384_005)}
    for name, expected in (("Hours", 2), ("Minutes", 123), ("Seconds", 7_384), ("Milliseconds", 5)):
        assert compile_value(f"w.get{name}()", {"w": DURATION}).evaluate(given) == expected
