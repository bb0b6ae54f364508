"""What an author is told: where it is wrong, what is wrong, and what to write instead."""

import pytest

from trigger_engine.core.cel import (
    BOOL,
    DOUBLE,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    CelError,
    compile_condition,
    compile_value,
    list_of,
    nullable,
    record,
)

DECLARATIONS = {
    "event": record({"type": STRING, "properties": DYN}),
    "cart": record({"value": DOUBLE, "items": INT, "id": nullable(STRING), "age": DYN}),
    "segments": list_of(STRING),
    "consent": record({"marketing_email": BOOL}),
    "now": TIMESTAMP,
}

CASES: list[tuple[str, int, str, str | None]] = [
    ("(now == now ? [1] : ['a']) == []", 13, "of one type, not list(int) and list(string)", None),
    (
        "(now == now ? cart.id : 'x') == null && cart.items == null",
        52,
        "'==' does not work on int and null",
        "it is never null; has(...) tells whether it is there",
    ),
    (
        "event.properties.items.map(e) == 1",
        24,
        "unknown function .map()",
        "write it like event.properties.items.map(item, item.price > 100)",
    ),
    (
        "exists(event, 1, 2) == 1",
        1,
        "unknown function exists()",
        "write it like event.properties.items.exists(item, item.price > 100)",
    ),
    # source, column, message, suggestion
    ("crt.value > 0", 1, "unknown name 'crt'", "did you mean 'cart'?"),
    ("cart.vlaue > 0", 6, "cart has no field 'vlaue'", "did you mean 'value'?"),
    ("cart['vlaue'] > 0", 6, "cart has no field 'vlaue'", "did you mean 'value'?"),
    ("consent.sms", 9, "consent has no field 'sms'", "it has marketing_email"),
    ("cart.value = 1", 12, "unexpected '='", "write == to compare"),
    ("cart.value > 0 and true", 16, "unexpected 'and'", "write && for 'and'"),
    ("not consent.marketing_email", 5, "unexpected 'consent'", "write ! for 'not'"),
    ("cart.id == True", 12, "unknown name 'True'", "write true"),
    ("cart.id == \u2018a\u2019", 12, "unexpected '\u2018'", "use straight quotes: '"),
    ("cart.id == 'a", 12, 'unexpected "\'"', "close the quotation mark"),
    ("1 == true", 3, "'==' does not work on int and bool", None),
    ("cart.items == 'a'", 12, "'==' does not work on int and string", None),
    ("cart.items == null", 12, "'==' does not work on int and null", "it is never null; has(...)"),
    ("0 < cart.items < 5", 16, "'<' does not work on bool and int", "join comparisons with &&"),
    ("cart.value * 2 > 1.0", 12, "'*' does not work on double and int", "convert one of them"),
    ("cart.value && true", 6, "'&&' needs true or false, this is double", None),
    ("cart.value", 1, "a condition must be true or false, this is double", "compare it"),
    ("len(segments) > 1", 1, "unknown function len()", "use size(x)"),
    ("segments.sise() > 1", 10, "unknown function .sise()", "did you mean 'size'?"),
    ("contains(event.type, 'a')", 1, "contains() does not take string, string", "write x.contains(...)"),
    ("event.type.contains(1)", 12, ".contains() does not take string, int", None),
    ("event.type.matches('a+')", 12, "matches() is not supported", "use contains, startsWith or endsWith"),
    ("b'a' == b'a'", 1, "byte strings are not supported", "leave out the b prefix"),
    ("Cart{value: 1}", 5, "message types are not supported", "write a map"),
    ("now > timestamp('2024-13-01T00:00:00Z')", 17, "'2024-13-01T00:00:00Z' is not a date", None),
    ("now - now > duration('7d')", 22, "'7d' is not a duration", "end at hours: write duration('168h')"),
    ("now - now > duration('2w')", 22, "'2w' is not a duration", "write duration('336h')"),
    ("now > timestamp('2024-05-31')", 17, "is not a timestamp", "timestamp('2024-05-31T00:00:00Z')"),
    ("now > '2024-05-31'", 5, "does not work on timestamp and string", "write timestamp("),
    ("now - now > '1h'", 11, "does not work on duration and string", "write duration("),
    ("now - now > 3600", 11, "does not work on duration and int", "is written duration("),
    ("now.getHours('Mars/Base') > 1", 14, "'Mars/Base' is not a time zone", None),
    ("has(cart)", 1, "has() takes a field", "has(event.properties.total)"),
    ("has()", 1, "has() takes a field", "has(event.properties.total)"),
    ("has(cart.value, 1)", 1, "has() takes a field", "has(event.properties.total)"),
    ("segments.exists(1, true)", 17, "the first argument of exists() must be a simple name", None),
    ("segments.exists(s, s > 1)", 22, "'>' does not work on string and int", None),
    ("event.type.exists(c, true)", 12, ".exists() works on a list or a map, this is string", None),
    ("while == 1", 1, "'while' is a reserved word", None),
    ("9223372036854775808 > 1", 1, "is larger than the largest int", "write it with .0"),
    (r"event.type == 'a\q'", 17, "is not an escape sequence", None),
    ("", 1, "a value is missing before the end", None),
    ("(cart.value > 0", 16, "')' is missing before the end", None),
    ("cart.value >", 13, "a value is missing before the end", None),
    ("cart. > 1", 7, "a field name is missing before '>'", None),
    ("{1.5: true}[1.5]", 2, "the key of a map must be a string or an int", None),
    ("true ? 1 : 'a'", 6, "both answers of '? :' must be of one type", None),
    ("!cart.items", 7, "'!' needs true or false, this is int", None),
]


REFUSED: list[tuple[str, int, str, str | None]] = [
    # what CEL or its extensions have and we leave out, by the name that the author wrote
    ("bytes('a') == bytes('b')", 1, "byte strings are not supported", "compare the string itself"),
    ("type(1) == int", 1, "type() is not supported", "int(x)"),
    ("int == int", 1, "types as values, such as int, are not supported", "int(x)"),
    ("matches(event.type, 'a')", 1, "matches() is not supported", "use contains"),
    ("google.protobuf.Duration{seconds: 1}", 25, "message types are not supported", "write a map"),
    ("google.type == 1", 1, "CEL's google extension is not supported", "duration('1h')"),
    ("event.?type == 'a'", 7, "optional values (?) are not supported", "use has(x.y)"),
    ("event[?'type'] == 'a'", 7, "optional values (?) are not supported", "use has(x.y)"),
    ("[?event.type] == []", 2, "optional values (?) are not supported", "use has(x.y)"),
    ("event.type.orValue('a') == 'a'", 12, "orValue() is of CEL's optional values", "use has(x.y)"),
    ("optional.of(1) == 1", 10, "optional.of() is of an extension of CEL", "use has(x.y)"),
    ("segments.all(i, v, i > 0)", 10, "all() with two variables is not supported", "all(item, item.price"),
    ("segments.transformList(i, v, v) == []", 10, "macros with two variables", "use filter, map"),
    ("math.greatest(1, 2) == 2", 6, "math.greatest() is of an extension of CEL", "use + - * / %"),
    ("strings.quote('a') == 'a'", 9, "strings.quote() is of an extension of CEL", "use contains"),
    ("event.type.split(',') == []", 12, "split() is of CEL's string extension", "use contains"),
    ("event.type.lowerAscii() == 'a'", 12, "lowerAscii() is not supported", "with both spellings"),
    ("segments.distinct() == []", 10, "distinct() is of CEL's list extension", "use filter, map"),
    ("sets.contains(segments, segments)", 1, "CEL's sets extension is not supported", "x.all(item"),
    ("cel.bind(x, 1, x > 0)", 5, "cel.bind() is of an extension of CEL", "write the expression out"),
    ("ip('127.0.0.1') == 1", 1, "ip() is of CEL's network extension", "use contains"),
    # what people write by habit
    ("event.type is null", 12, "unexpected 'is'", "write == for 'is'"),
    ("event.type like 'a%'", 12, "unexpected 'like'", "use contains"),
    ("event.type <> 'a'", 13, "a value is missing before '>'", "write != for 'is not'"),
    ("segments.any(s, s == 'a')", 10, "unknown function .any()", "use exists(item, ...)"),
    ("segments.count() > 1", 10, "unknown function .count()", "use size()"),
    ("cart.value > $5", 14, "unexpected '$'", "write the number alone"),
    ("true # a comment", 6, "unexpected '#'", "a comment begins with //"),
]


@pytest.mark.parametrize(("source", "column", "message", "suggestion"), [*CASES, *REFUSED])
def test_error(source: str, column: int, message: str, suggestion: str | None) -> None:
    with pytest.raises(CelError) as caught:
        compile_condition(source, DECLARATIONS)
    error = caught.value
    assert message in error.message
    assert (error.line, error.column) == (1, column)
    if suggestion is not None:
        assert suggestion in (error.suggestion or "")


def test_what_an_author_declares_is_no_extension() -> None:
    assert compile_condition("math.greatest > 1", {"math": record({"greatest": INT})}).references


@pytest.mark.parametrize(
    "source", ["NAME", "cart.NAME", "NAME()", "cart.NAME()", "1 NAME", "event.type.NAME"]
)
def test_long_names_are_cut_in_messages(source: str) -> None:
    with pytest.raises(CelError) as caught:
        compile_condition(source.replace("NAME", "n" * 4_000), DECLARATIONS)
    assert len(str(caught.value)) < 300


def test_line_and_column_of_a_later_line() -> None:
    with pytest.raises(CelError) as caught:
        compile_condition("cart.value > 0 &&\n  cart.itms > 0", DECLARATIONS)
    assert (caught.value.line, caught.value.column) == (2, 8)
    assert str(caught.value) == "line 2, column 8: cart has no field 'itms'; did you mean 'items'?"


ACCEPTED = [
    "cart.value > 0 && cart.items >= 1.5",
    "cart.value in [10, 20.5]",
    "cart.id == null || cart.id == 'a'",
    "event.properties.anything.goes > 1",
    "'vip' in segments && segments[0] == 'a'",
    "event.properties",
    "has(cart.age)",
]


@pytest.mark.parametrize("source", ACCEPTED)
def test_accepted(source: str) -> None:
    assert compile_condition(source, DECLARATIONS).source == source


def test_declared_types_shape_json_values() -> None:
    value = compile_value("cart.value * 1.5", DECLARATIONS)
    assert value.type == DOUBLE
    assert value.evaluate({"cart": {"value": 100}}) == 150.0
    assert compile_value("now + duration('1s')", DECLARATIONS).evaluate({"now": 1_000}).ms == 2_000  # type: ignore[attr-defined]  # a Timestamp


@pytest.mark.parametrize(
    ("source", "suggestion"),
    [
        ("cart.id == TR", "known here: cart, consent, event, now, segments; a text stands in quotes: 'TR'"),
        ("basket.value > 0", "use cart"),
        ("event.total > 5", "what the shop sends is in event.properties: event.properties.total"),
        ("segments.vip", "use exists(item, ...) to look into it, or 'text' in x"),
        ("segments.size > 1", "use size(x)"),
        ("'a'.length > 1", "use size(x)"),
        ("cart.value.x > 1", None),
        ("now.hour > 9", "use getHours(), getDayOfWeek() and the like, as in now.getHours()"),
        ("now - now > 90d", "a span of time is written duration('2160h')"),
        ("now - now > 2w", "a span of time is written duration('336h')"),
        ("now - now > 1000000d", "write the number alone"),
        ("now - now > 45m", "a span of time is written duration('45m')"),
        ("cart.value > 1,000", "write a number without commas between its digits, as 1000 or 10.5"),
        ("cart.value > 100 TRY", "write the number alone"),
        ("cart.value > 100 or true", "write || for 'or'"),
        ("cart.value > 100 OR true", "write || for 'or'"),
        ("cart.value > 10%", "% gives the rest of a division; write the number alone"),
        ("cart.id in ('a', 'b')", "a list stands in square brackets: ['TR', 'DE']"),
        ("size(('a', 'b')) > 1", None),
        ("cart.value => 1", "write >= for 'at least'"),
        ("cart.value =< 1", "write <= for 'at most'"),
        ("cart.value \u2265 1", "write >="),
        ("cart.value > \u22121", "write a hyphen: -"),
        ("cart.value\u00a0> 1", "it cannot be seen; type the space there anew"),
        ("cart.value >\u200b 1", "it cannot be seen; type the space there anew"),
        ("cart.value > 1 @", None),
    ],
)
def test_what_people_write_by_habit_is_answered_with_what_to_write(
    source: str, suggestion: str | None
) -> None:
    with pytest.raises(CelError) as caught:
        compile_condition(source, DECLARATIONS)
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize("digits", ["9" * 3000, "9" * 3000 + "u"])
def test_a_number_of_thousands_of_digits_is_named_in_short(digits: str) -> None:
    with pytest.raises(CelError) as caught:
        compile_condition(f"cart.value > {digits}", DECLARATIONS)
    assert "is larger than the largest" in caught.value.message
    assert len(caught.value.message) < 120
