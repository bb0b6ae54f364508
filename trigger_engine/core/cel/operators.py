"""Run-time arithmetic and order, for values of any type.

Each operator takes (left, right), or (left, right, meter) if its work depends on the size of the values, and
raises EvaluationError where CEL has an error: int64 and uint64 overflow, division by zero, and pairs of types
that have no such operator. Numbers of different types do not
add (`1 + 1.0`), but they compare.
"""

import math
import operator
from collections.abc import Callable, Mapping
from typing import Final

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.limits import CHARS_PER_STEP, LIST_ITEMS_MAX, STRING_CHARS_MAX
from trigger_engine.core.cel.values import (
    INT_MAX,
    INT_MIN,
    NUMBERS,
    UINT_MAX,
    Duration,
    Meter,
    Timestamp,
    UInt,
    as_double,
    equal,
    spend,
    type_name,
)

Operator = Callable[[object, object], object]
MeteredOperator = Callable[[object, object, Meter], object]


def no_overload(symbol: str, left: object, right: object) -> EvaluationError:
    message = f"{symbol!r} does not work on {type_name(left)} and {type_name(right)}"
    if type(left) in NUMBERS and type(right) in NUMBERS:
        message += ": convert one of them, as in double(x)"
    return EvaluationError(message)


def checked_int(value: int) -> int:
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("a number is too large for an int")


def checked_uint(value: int) -> UInt:
    if 0 <= value <= UINT_MAX:
        return UInt(value)
    raise EvaluationError("a number does not fit into a uint")


def add(left: object, right: object, meter: Meter) -> object:
    match left, right:
        case (str(), str()):
            if len(left) + len(right) > STRING_CHARS_MAX:
                raise EvaluationError(f"a text grows beyond {STRING_CHARS_MAX} characters")
            spend(meter, (len(left) + len(right)) // CHARS_PER_STEP)
            return left + right
        case (list() | tuple(), list() | tuple()):
            if len(left) + len(right) > LIST_ITEMS_MAX:
                raise EvaluationError(f"a list grows beyond {LIST_ITEMS_MAX} items")
            spend(meter, len(left) + len(right))
            return [*left, *right]
        case (Duration(), Duration() | Timestamp()):
            return left + right
        case (Timestamp(), Duration()):
            return left + right
    return _arithmetic("+", operator.add, left, right)


def subtract(left: object, right: object) -> object:
    match left, right:
        case (Duration(), Duration()):
            return left - right
        case (Timestamp(), Duration() | Timestamp()):
            return left - right
    return _arithmetic("-", operator.sub, left, right)


def multiply(left: object, right: object) -> object:
    return _arithmetic("*", operator.mul, left, right)


def _arithmetic(symbol: str, apply: Callable[..., int], left: object, right: object) -> object:
    kind = type(left)
    if kind is type(right):
        if kind is int:
            return checked_int(apply(left, right))
        if kind is float:
            return apply(left, right)
        if kind is UInt:
            return checked_uint(int(apply(left, right)))
    raise no_overload(symbol, left, right)


def divide(left: object, right: object) -> object:
    if type(left) is float and type(right) is float:
        return _divide_double(left, right)
    quotient, _ = _divided("/", left, right)
    return checked_uint(quotient) if type(left) is UInt else checked_int(quotient)


def modulo(left: object, right: object) -> object:
    quotient, remainder = _divided("%", left, right)
    if type(left) is UInt:
        return UInt(remainder)
    checked_int(quotient)
    return remainder


def _divided(symbol: str, left: object, right: object) -> tuple[int, int]:
    """Quotient towards zero, as in C and Go, and the remainder that belongs to it."""
    if type(left) is not type(right) or not isinstance(left, int) or not isinstance(right, int):
        raise no_overload(symbol, left, right)
    if isinstance(left, bool):
        raise no_overload(symbol, left, right)
    if right == 0:
        raise EvaluationError("division by zero")
    quotient = abs(left) // abs(right)
    if (left < 0) != (right < 0):
        quotient = -quotient
    return quotient, left - right * quotient


def _divide_double(left: float, right: float) -> float:
    if right:
        return left / right
    if left == 0.0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1.0, right)


def negate(value: object) -> object:
    if type(value) is int:
        return checked_int(-value)
    if type(value) is float:
        return -value
    raise EvaluationError(f"'-' does not work on {type_name(value)}")


def _ordering(symbol: str, compare: Callable[..., bool]) -> Operator:
    same_type = frozenset({int, float, str, bool, UInt, Timestamp, Duration})

    def ordered(left: object, right: object) -> bool:
        left_type, right_type = type(left), type(right)
        if left_type is right_type and left_type in same_type:
            return compare(left, right)
        if left_type in NUMBERS and right_type in NUMBERS:
            if left_type is float or right_type is float:
                return compare(as_double(left), as_double(right))  # type: ignore[arg-type]  # both are numbers
            return compare(left, right)
        raise no_overload(symbol, left, right)

    return ordered


def contained(left: object, right: object, meter: Meter) -> bool:
    """`left in right`: an element of a list, a key of a map."""
    if isinstance(right, list | tuple):
        spend(meter, len(right))
        # Python's own `in` is much faster and agrees with CEL for text.
        if type(left) is str:
            return left in right
        return any(equal(left, item, meter) for item in right)
    if isinstance(right, Mapping):
        key = map_key(left)
        if key is None:
            raise no_overload("in", left, right)
        return key in right
    raise no_overload("in", left, right)


_NO_SUCH_KEY: Final = object()
"""A key that no map of ours holds: keys are strings and integers."""


def map_key(value: object) -> object:
    """What to look up for a CEL key: a whole double finds its int, a bool finds nothing. None: not a key."""
    kind = type(value)
    if kind is str or kind is int or kind is UInt:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else _NO_SUCH_KEY
    return _NO_SUCH_KEY if kind is bool else None


def not_equal(left: object, right: object, meter: Meter) -> bool:
    return not equal(left, right, meter)


OPERATORS: Final[Mapping[str, Operator]] = {
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": modulo,
    "<": _ordering("<", operator.lt),
    "<=": _ordering("<=", operator.le),
    ">": _ordering(">", operator.gt),
    ">=": _ordering(">=", operator.ge),
}

METERED_OPERATORS: Final[Mapping[str, MeteredOperator]] = {
    "+": add,
    "==": equal,
    "!=": not_equal,
    "in": contained,
}
