"""Run-time values that Python lacks, and equality as CEL has it.

JSON values are used as they are (str, bool, int, float, None, list, dict). Rules: a bool is not a number;
int, uint and double compare by value, and a double beside an integer makes both doubles, as the official
engine does; any other two types are unequal, never an error. Times are whole milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.limits import STEPS_MAX, VALUE_NESTING_MAX

INT_MIN = -(2**63)
INT_MAX = 2**63 - 1
UINT_MAX = 2**64 - 1
TIMESTAMP_MS_MIN = -62_135_596_800_000
"""0001-01-01T00:00:00Z."""
TIMESTAMP_MS_MAX = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""
DURATION_MS_MAX = INT_MAX // 1_000_000
"""About 292 years: CEL's durations are int64 nanoseconds in arithmetic."""

Meter = list[int]
"""What one evaluation changes: its one item counts the steps left."""


class UInt(int):
    """An unsigned 64-bit integer, the value of `1u` and `uint(x)`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, order=True)
class Timestamp:
    """An instant; `ms` since 1970-01-01T00:00:00Z."""

    ms: int

    def __add__(self, other: "Duration") -> "Timestamp":
        if type(other) is not Duration:
            return NotImplemented
        return timestamp_of(self.ms + other.ms)

    def __sub__(self, other: "Timestamp | Duration") -> "Timestamp | Duration":
        if type(other) is Timestamp:
            return duration_of(self.ms - other.ms)
        if type(other) is Duration:
            return timestamp_of(self.ms - other.ms)
        return NotImplemented


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in `ms`, negative if it points back."""

    ms: int

    def __add__(self, other: "Timestamp | Duration") -> "Timestamp | Duration":
        if type(other) is Duration:
            return duration_of(self.ms + other.ms)
        if type(other) is Timestamp:
            return timestamp_of(self.ms + other.ms)
        return NotImplemented

    def __sub__(self, other: "Duration") -> "Duration":
        if type(other) is not Duration:
            return NotImplemented
        return duration_of(self.ms - other.ms)


def timestamp_of(ms: int) -> Timestamp:
    """Raises EvaluationError outside the years 1 to 9999."""
    if TIMESTAMP_MS_MIN <= ms <= TIMESTAMP_MS_MAX:
        return Timestamp(ms)
    raise EvaluationError("a timestamp lies outside the years 1 to 9999")


def duration_of(ms: int) -> Duration:
    """Raises EvaluationError beyond 292 years."""
    if -DURATION_MS_MAX <= ms <= DURATION_MS_MAX:
        return Duration(ms)
    raise EvaluationError("a duration is longer than 292 years")


_NAMES: dict[type, str] = {
    str: "string",
    bool: "bool",
    int: "int",
    float: "double",
    UInt: "uint",
    type(None): "null",
    Timestamp: "timestamp",
    Duration: "duration",
    list: "list",
    tuple: "list",
}


def type_name(value: object) -> str:
    """The CEL name of a value's type, for messages."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    return "map" if isinstance(value, Mapping) else type(value).__name__


def spend(meter: Meter, steps: int) -> None:
    """Takes steps from the evaluation's bound. Raises EvaluationError when none are left."""
    meter[0] -= steps
    if meter[0] < 0:
        raise EvaluationError(f"the condition needs more than {STEPS_MAX} steps")


NUMBERS = frozenset({int, float, UInt})
_PLAIN = frozenset({str, bool, int, float, UInt, type(None), Timestamp, Duration})
_LISTS = (list, tuple)


def as_double(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def equal(left: object, right: object, meter: Meter, depth: int = 0) -> bool:
    """CEL's `==`. Raises EvaluationError past a limit."""
    left_type, right_type = type(left), type(right)
    if left_type is right_type and left_type in _PLAIN:
        return left == right
    if left_type in NUMBERS and right_type in NUMBERS:
        if left_type is float or right_type is float:
            return as_double(left) == as_double(right)  # type: ignore[arg-type]  # both are numbers
        return left == right
    if left_type in _PLAIN or right_type in _PLAIN:
        return False
    if depth >= VALUE_NESTING_MAX:
        raise EvaluationError(f"a compared value is nested deeper than {VALUE_NESTING_MAX} levels")
    if isinstance(left, _LISTS) and isinstance(right, _LISTS):
        if len(left) != len(right):
            return False
        spend(meter, len(left))
        return all(equal(one, other, meter, depth + 1) for one, other in zip(left, right, strict=True))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        if len(left) != len(right):
            return False
        spend(meter, len(left))
        return all(key in right and equal(value, right[key], meter, depth + 1) for key, value in left.items())
    return False
