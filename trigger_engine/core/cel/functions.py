"""The functions of the language: for the checker their signatures, at run time their work.

A call is checked against the signatures when the file is loaded; the implementation dispatches again on the
values, since a `dyn` argument is known only then. There is no `matches`: Python's regular expressions can
take exponential time, and a shop's own events would choose the text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from trigger_engine.core.cel import temporal
from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.limits import CHARS_PER_STEP, CONVERTED_CHARS_MAX
from trigger_engine.core.cel.operators import checked_int, checked_uint
from trigger_engine.core.cel.types import (
    BOOL,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    UINT,
    CelType,
    list_of,
    map_of,
)
from trigger_engine.core.cel.values import (
    Duration,
    Meter,
    Timestamp,
    UInt,
    as_double,
    spend,
    timestamp_of,
    type_name,
)

Arguments = Sequence[object]


@dataclass(frozen=True, slots=True)
class Signature:
    """`member`: called as `first.name(others)`, the receiver being the first parameter."""

    parameters: tuple[CelType, ...]
    result: CelType
    member: bool = False


@dataclass(frozen=True, slots=True)
class Function:
    signatures: tuple[Signature, ...]
    run: Callable[[Arguments, Meter], object]


def _no_overload(name: str, arguments: Arguments) -> EvaluationError:
    types = ", ".join(map(type_name, arguments))
    return EvaluationError(f"{name}() does not take {types}")


def _size(arguments: Arguments, meter: Meter) -> int:
    value = arguments[0]
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise _no_overload("size", arguments)


def _text_test(name: str, test: Callable[[str, str], bool]) -> Function:
    def run(arguments: Arguments, meter: Meter) -> bool:
        text, part = arguments
        if isinstance(text, str) and isinstance(part, str):
            spend(meter, len(text) // CHARS_PER_STEP)
            return test(text, part)
        raise _no_overload(name, arguments)

    return Function((Signature((STRING, STRING), BOOL, member=True),), run)


_INTEGER: Final = re.compile(r"\s*([+-]?\d+)\s*", re.ASCII)
_UNSIGNED: Final = re.compile(r"\s*\+?(\d+)\s*", re.ASCII)
_DECIMAL: Final = re.compile(
    r"\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf|infinity|nan)\s*", re.ASCII | re.IGNORECASE
)
_TRUE: Final = frozenset({"1", "t", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "false", "FALSE", "False"})


def _to_int(arguments: Arguments, meter: Meter) -> int:
    match arguments[0]:
        case float() as number:
            # The bounds themselves are no doubles that convert, as in the official engine.
            if -(2.0**63) < number < 2.0**63:
                return int(number)
            raise EvaluationError("a number is too large for an int")
        case int() as number:
            return checked_int(int(number))
        case Timestamp(ms=ms):
            return ms // 1000
        case str() as text:
            return checked_int(int(_converted(_INTEGER, text, "a whole number")[1]))
    raise _no_overload("int", arguments)


def _to_uint(arguments: Arguments, meter: Meter) -> UInt:
    match arguments[0]:
        case bool():
            raise _no_overload("uint", arguments)
        case float() as number:
            if 0.0 <= number < 2.0**64:
                return UInt(number)
            raise EvaluationError("a number does not fit into a uint")
        case int() as number:
            return checked_uint(int(number))
        case str() as text:
            return checked_uint(int(_converted(_UNSIGNED, text, "a whole number")[1]))
    raise _no_overload("uint", arguments)


def _to_double(arguments: Arguments, meter: Meter) -> float:
    match arguments[0]:
        case bool():
            raise _no_overload("double", arguments)
        case float() | int() as number:
            return as_double(number)
        case str() as text:
            return float(_converted(_DECIMAL, text, "a number")[0])
    raise _no_overload("double", arguments)


def _converted(pattern: re.Pattern[str], text: str, what: str) -> re.Match[str]:
    match = pattern.fullmatch(text) if len(text) <= CONVERTED_CHARS_MAX else None
    if match is None:
        raise EvaluationError(f"{text[:CONVERTED_CHARS_MAX]!r} is not {what}")
    return match


def _to_bool(arguments: Arguments, meter: Meter) -> bool:
    match arguments[0]:
        case bool() as value:
            return value
        case str() as text:
            if text in _TRUE:
                return True
            if text in _FALSE:
                return False
            raise EvaluationError(f"{text[:CONVERTED_CHARS_MAX]!r} is neither true nor false")
    raise _no_overload("bool", arguments)


def _to_string(arguments: Arguments, meter: Meter) -> str:
    match arguments[0]:
        case str() as text:
            return text
        case bool() as value:
            return "true" if value else "false"
        case int() as number:
            return str(int(checked_int(number) if type(number) is int else number))
        case float() as number:
            return format_double(number)
        case Timestamp() as timestamp:
            return temporal.format_timestamp(timestamp)
        case Duration() as duration:
            return temporal.format_duration(duration)
    raise _no_overload("string", arguments)


def format_double(number: float) -> str:
    """The shortest text that reads back the same; with an exponent below 0.0001 and from 1,000,000 on."""
    text = repr(number)
    if text in ("inf", "-inf", "nan"):
        return text
    sign, digits, exponent = Decimal(text).normalize().as_tuple()
    assert isinstance(exponent, int)
    magnitude = len(digits) + exponent - 1
    prefix = "-" if sign else ""
    if not any(digits):
        return prefix + "0"
    if -4 <= magnitude < 6:
        return prefix + format(Decimal((0, digits, exponent)), "f")
    figures = "".join(map(str, digits))
    point = "." if len(figures) > 1 else ""
    return f"{prefix}{figures[0]}{point}{figures[1:]}e{'-' if magnitude < 0 else '+'}{abs(magnitude):02d}"


def _to_timestamp(arguments: Arguments, meter: Meter) -> Timestamp:
    match arguments[0]:
        case Timestamp() as value:
            return value
        case str() as text:
            return temporal.parse_timestamp(text)
        case int() as seconds if type(seconds) is int:
            return timestamp_of(seconds * 1000)
    raise _no_overload("timestamp", arguments)


def _to_duration(arguments: Arguments, meter: Meter) -> Duration:
    match arguments[0]:
        case Duration() as value:
            return value
        case str() as text:
            return temporal.parse_duration(text)
    raise _no_overload("duration", arguments)


def _accessor(name: str) -> Function:
    of_timestamp = temporal.TIMESTAMP_ACCESSORS[name]
    of_duration = temporal.DURATION_ACCESSORS.get(name)

    def run(arguments: Arguments, meter: Meter) -> int:
        match arguments:
            case [Timestamp() as moment]:
                return of_timestamp(moment.ms)
            case [Timestamp() as moment, str() as zone]:
                return of_timestamp(temporal.local_ms(moment, zone))
            case [Duration() as span] if of_duration is not None:
                return of_duration(span.ms)
        raise _no_overload(name, arguments)

    signatures = [Signature((TIMESTAMP,), INT, member=True), Signature((TIMESTAMP, STRING), INT, member=True)]
    if of_duration is not None:
        signatures.append(Signature((DURATION,), INT, member=True))
    return Function(tuple(signatures), run)


def _conversion(run: Callable[[Arguments, Meter], object], result: CelType, *sources: CelType) -> Function:
    return Function(tuple(Signature((source,), result) for source in sources), run)


_SIZED: Final = (STRING, list_of(DYN), map_of(DYN, key=DYN))

FUNCTIONS: Final[Mapping[str, Function]] = {
    "size": Function(
        tuple(Signature((kind,), INT, member) for kind in _SIZED for member in (False, True)),
        _size,
    ),
    "contains": _text_test("contains", lambda text, part: part in text),
    "startsWith": _text_test("startsWith", str.startswith),
    "endsWith": _text_test("endsWith", str.endswith),
    "int": _conversion(_to_int, INT, INT, UINT, DOUBLE, STRING, TIMESTAMP),
    "uint": _conversion(_to_uint, UINT, INT, UINT, DOUBLE, STRING),
    "double": _conversion(_to_double, DOUBLE, INT, UINT, DOUBLE, STRING),
    "bool": _conversion(_to_bool, BOOL, BOOL, STRING),
    "string": _conversion(_to_string, STRING, INT, UINT, DOUBLE, STRING, BOOL, TIMESTAMP, DURATION),
    "timestamp": _conversion(_to_timestamp, TIMESTAMP, TIMESTAMP, STRING, INT),
    "duration": _conversion(_to_duration, DURATION, DURATION, STRING),
    "dyn": Function((Signature((DYN,), DYN),), lambda arguments, meter: arguments[0]),
    **{name: _accessor(name) for name in temporal.TIMESTAMP_ACCESSORS},
}
