"""What expressions mean: an expression and its value, or the words of its error, over one context."""

import math

import pytest

from trigger_engine.core.cel import (
    DURATION,
    DYN,
    TIMESTAMP,
    Duration,
    EvaluationError,
    Timestamp,
    UInt,
    compile_condition,
    compile_value,
    map_of,
)

DECLARATIONS = {"event": map_of(DYN), "now": TIMESTAMP, "age": DURATION}
CONTEXT = {
    "event": {
        "total": 120.5,
        "count": 3,
        "name": "Kuş",
        "vip": True,
        "none": None,
        "tags": ["new", "sale"],
        "items": [{"price": 10, "sku": "a"}, {"price": 250.0, "sku": "b"}],
        "nested": {"a-b": {"c": 1}},
    },
    "now": Timestamp(1_717_135_200_123),
    "age": Duration(90_000),
}

VALUES: list[tuple[str, object]] = [
    # numbers
    ("event.total >= 100", True),
    ("event.count * 2 + 1", 7),
    ("-7 / 2", -3),
    ("-7 % 2", -1),
    ("7.0 / 2.0", 3.5),
    ("1.0 / 0.0", math.inf),
    ("2u + 3u", UInt(5)),
    ("0x1F", 31),
    ("-9223372036854775808", -(2**63)),
    ("event.count == 3.0", True),
    ("dyn(9007199254740993) == 9007199254740992.0", True),
    ("event.vip == 1", False),
    ("event.count == true", False),
    # literals where Python would warn of them
    ("dyn(1) == true || dyn('a') != true && null == dyn(2)", False),
    ("dyn(1) == null || dyn(1.5) == null || dyn(1u) == null || null != null", False),
    ("true == dyn('a') || dyn(true).a || dyn(1)['a'] || dyn('x')[0] || true", True),
    ("has(dyn(1).a) || dyn('a').b.c || dyn(-1).d || dyn([1]).e || true", True),
    # text
    ("event.name + '!'", "Kuş!"),
    ("size(event.name)", 3),
    (r"'\x41\u00e9\U0001F600\101\n\"'", 'Aé😀A\n"'),
    (r"r'\d'", "\\d"),
    ("'''it's'''", "it's"),
    ('"""a "b" c"""', 'a "b" c'),
    ("event.name.startsWith('K') && event.name.endsWith('ş') && event.name.contains('u')", True),
    ("'é' < 'z'", False),
    # lists and maps
    ("event.tags[1]", "sale"),
    ("event['total']", 120.5),
    ("event.nested.`a-b`.c", 1),
    ("'sale' in event.tags && !('x' in event.tags)", True),
    ("'total' in event", True),
    ("[1, 2] + [3]", [1, 2, 3]),
    ("{'a': 1, 'b': [2]}.b[0]", 2),
    ("[1, 2.5, 'a'] == [1.0, 2.5, 'a']", True),
    ("[dyn(1)] == [true]", False),
    ("size(event.tags) == 2 && event.tags.size() == 2", True),
    # presence
    ("has(event.total) && !has(event.totla)", True),
    ("event.none == null", True),
    ("has(event.none)", True),
    # logic over errors
    ("event.missing || true", True),
    ("true || event.missing", True),
    ("event.missing && false", False),
    ("event.count && false", False),
    ("event.vip ? 'a' : event.missing", "a"),
    # macros
    ("event.items.exists(item, item.price > 100)", True),
    ("event.items.all(item, has(item.sku))", True),
    ("event.items.exists_one(item, item.sku == 'a')", True),
    ("event.items.map(item, item.sku)", ["a", "b"]),
    ("event.items.filter(item, item.price < 100).map(item, item.price)", [10]),
    ("event.items.map(item, item.price > 100, item.sku)", ["b"]),
    ("[0, 1].exists(n, 10 / n == 10)", True),
    ("[1, 2].map(a, [3].map(b, a * b))", [[3], [6]]),
    ("{'x': 1}.exists(key, key == 'x')", True),
    ("[].all(n, n > 0)", True),
    # conversions
    ("int('12') + int(2.9)", 14),
    ("int(now)", 1_717_135_200),
    ("uint(3)", UInt(3)),
    ("double('1e3')", 1000.0),
    ("string(1234567.0)", "1.234567e+06"),
    ("string(120.5) + string(3) + string(true)", "120.53true"),
    ("bool('true')", True),
    # time
    ("now - duration('1h30m') < now", True),
    ("now - timestamp('2024-05-31T05:00:00Z')", Duration(3_600_123)),
    ("string(now)", "2024-05-31T06:00:00.123Z"),
    ("string(age)", "90s"),
    ("age.getMinutes()", 1),
    ("age > duration('1m')", True),
    ("now.getHours()", 6),
    ("now.getHours('Europe/Istanbul')", 9),
    ("now.getHours('-07:30')", 22),
    ("now.getDayOfWeek()", 5),
    ("now.getMonth()", 4),
    ("now.getDate() - now.getDayOfMonth()", 1),
    ("now.getDayOfYear()", 151),
    ("now.getMilliseconds()", 123),
    ("timestamp('2024-05-31T09:00:00+03:00') == timestamp('2024-05-31T06:00:00Z')", True),
    # grammar
    ("1 + 2 * 3 - 4", 3),
    ("10 - 2 - 5", 3),
    ("false ? 1 : true ? 2 : 3", 2),
    ("!!true && - -1 == 1", True),
    ("1 == 1 == true", True),
    ("event // the event\n .count", 3),
]

ERRORS = [
    ("event.missing", "event has no 'missing'"),
    ("event.name.first", "event.name is string and has no fields, so no 'first'"),
    ("has(event.missing.deeper)", "event has no 'missing'"),
    ("event.tags[5]", "the list has 2 items, so none at 5"),
    ("event.tags['a']", "event.tags is list and has no fields, so no 'a'"),
    ("event.tags[1.5 + event.count * 0.0]", "'*' does not work on int and double"),
    ("event.tags[event.total]", "a list is indexed with an int, not with double"),
    ("event.total * 2", "'*' does not work on double and int: convert one of them"),
    ("event.name > 1", "'>' does not work on string and int"),
    ("event.vip > 1", "'>' does not work on bool and int"),
    ("event.none > 1", "'>' does not work on null and int"),
    ("event.vip + event.vip", "'+' does not work on bool and bool"),
    ("9223372036854775807 + 1", "too large for an int"),
    ("-(-9223372036854775808)", "too large for an int"),
    ("-9223372036854775808 / -1", "too large for an int"),
    ("1u - 2u", "does not fit into a uint"),
    ("1 / 0", "division by zero"),
    ("int(1e19)", "too large for an int"),
    ("int('12a')", "'12a' is not a whole number"),
    ("bool('yes')", "'yes' is neither true nor false"),
    ("timestamp(event.name)", "'Kuş' is not a timestamp like 2024-05-31T09:00:00Z"),
    ("now.getHours(event.name)", "'Kuş' is not a time zone"),
    ("event.count || false", "'||' needs true or false, this is int"),
    ("event.missing || event.count > 5", "event has no 'missing'"),
    ("event.count ? 1 : 2", "'?' needs true or false, this is int"),
    ("event.items.exists_one(item, item.nothing)", "there is no 'nothing'"),
    ("event.count.map(n, n)", ".map() works on a list or a map, this is int"),
    ("event.tags.filter(tag, tag)", "'filter' needs true or false, this is string"),
    ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "outside the years 1 to 9999"),
]


@pytest.mark.parametrize(("source", "expected"), VALUES)
def test_value(source: str, expected: object) -> None:
    value = compile_value(source, DECLARATIONS).evaluate(CONTEXT)
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize(("source", "message"), ERRORS)
def test_error_at_run_time(source: str, message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        compile_value(source, DECLARATIONS).evaluate(CONTEXT)
    assert message in caught.value.message


def test_nan_is_unequal_to_itself_and_unordered() -> None:
    assert compile_value("0.0 / 0.0 == 0.0 / 0.0", {}).evaluate({}) is False
    assert compile_value("0.0 / 0.0 < 1.0", {}).evaluate({}) is False


def test_condition_that_turns_out_to_be_no_bool_is_an_error() -> None:
    condition = compile_condition("event.count", DECLARATIONS)
    with pytest.raises(EvaluationError, match="the condition gave int, not true or false"):
        condition.evaluate(CONTEXT)


def test_missing_variable_is_an_error() -> None:
    with pytest.raises(EvaluationError, match="no value was given for 'event'"):
        compile_condition("event.count > 1", DECLARATIONS).evaluate({})


def test_an_expression_can_be_evaluated_again_and_leaves_the_context_alone() -> None:
    expression = compile_value("event.items.map(item, item.price) + [1]", DECLARATIONS)
    before = repr(CONTEXT)
    assert expression.evaluate(CONTEXT) == expression.evaluate(CONTEXT) == [10, 250.0, 1]
    assert repr(CONTEXT) == before


@pytest.mark.parametrize(
    ("source", "references"),
    [
        ("event.properties.total >= 100 && cart.value > 0", {"event.properties.total", "cart.value"}),
        ("runs['cart-abandoned'].pending", {"runs.cart-abandoned.pending"}),
        ("has(event.a.b)", {"event.a.b"}),
        ("event.items.exists(e, e.price > cart.value)", {"event.items", "cart.value"}),
        ("event.items[cart.value].price", {"event.items", "cart.value"}),
        ("event['a.b'].c", {"event"}),
        ("'vip' in segments", {"segments"}),
        ("1 + 1 == 2", set()),
    ],
)
def test_references(source: str, references: set[str]) -> None:
    names = ("event", "cart", "runs", "segments")
    assert compile_value(source, dict.fromkeys(names, DYN)).references == references
