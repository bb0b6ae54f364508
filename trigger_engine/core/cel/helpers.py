"""What generated code calls when its inline guards do not fit: every rule of CEL that depends on a value.

All raise EvaluationError and nothing else. `HELPERS` names the whole world of a generated function.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from trigger_engine.core.cel.errors import EvaluationError
from trigger_engine.core.cel.limits import LIST_ITEMS_MAX, STEPS_MAX
from trigger_engine.core.cel.operators import METERED_OPERATORS, OPERATORS, checked_int, map_key, negate
from trigger_engine.core.cel.values import (
    NUMBERS,
    Duration,
    Timestamp,
    UInt,
    as_double,
    duration_of,
    timestamp_of,
    type_name,
)

LOOKUP: Final = (KeyError, TypeError)
"""What Python raises when a key is not in a dict, or the value is no dict."""

UNREAD: Final = object()
"""A path that has not been read yet."""


def walk(value: object, keys: Sequence[str], owner: str) -> object:
    """Reads keys one inside the other, `owner` being the path of `value`; says which step fails."""
    for key in keys:
        if not isinstance(value, Mapping):
            raise EvaluationError(f"{owner} is {type_name(value)} and has no fields, so no {key!r}")
        if key not in value:
            raise EvaluationError(f"{owner} has no {key!r}" if owner else f"no value was given for {key!r}")
        value = value[key]
        owner = f"{owner}.{key}" if owner else key
    return value


def select(value: object, name: str) -> object:
    """A field of a value that stands at no fixed path."""
    if name in _mapping(value, name):
        return value[name]  # type: ignore[index]  # a mapping, as just tested
    raise EvaluationError(f"there is no {name!r}")


def has(value: object, name: str) -> bool:
    return name in _mapping(value, name)


def _mapping(value: object, name: str) -> Mapping[object, object]:
    if isinstance(value, Mapping):
        return value
    raise EvaluationError(f"a {type_name(value)} has no fields, so no {name!r}")


def item(value: object, key: object) -> object:
    """`value[key]` of a list or a map."""
    if isinstance(value, list | tuple):
        if type(key) not in NUMBERS or map_key(key) != key:
            raise EvaluationError(f"a list is indexed with an int, not with {type_name(key)}")
        position = int(key)  # type: ignore[call-overload]  # a number, as just tested
        if 0 <= position < len(value):
            return value[position]
        raise EvaluationError(f"the list has {len(value)} items, so none at {position}")
    if isinstance(value, Mapping):
        looked_up = map_key(key)
        if looked_up is None:
            raise EvaluationError(f"the key of a map cannot be {type_name(key)}")
        if looked_up in value:
            return value[looked_up]
        raise EvaluationError(f"there is no {str(key)[:100]!r}")
    raise EvaluationError(f"a {type_name(value)} cannot be indexed")


def declared(value: object, kind: str, path: str) -> object:
    """A value as the declared type of its path: JSON has one kind of number, states keep times as ints."""
    if type(value) is int:
        convert = _CONVERSIONS.get(kind)
        if convert is not None:
            return convert(value)
    elif type(value) is float and kind == "int" and value.is_integer():
        return checked_int(int(value))
    raise EvaluationError(f"{path} should be {kind}, it is {type_name(value)}")


def _uint(value: int) -> UInt:
    if value >= 0:
        return UInt(value)
    raise EvaluationError("a number does not fit into a uint")


_CONVERSIONS: Final[Mapping[str, Callable[[int], object]]] = {
    "double": as_double,
    "uint": _uint,
    "timestamp": timestamp_of,
    "duration": duration_of,
}


def invert(value: object) -> bool:
    if value is True:
        return False
    if value is False:
        return True
    raise EvaluationError(f"'!' does not work on {type_name(value)}")


def not_bool(wanted_by: str, value: object) -> EvaluationError:
    """What stands for a term that is no bool: its own error, or a new one."""
    if type(value) is EvaluationError:
        return value
    return EvaluationError(f"{wanted_by!r} needs true or false, this is {type_name(value)}")


def as_bool(value: object, wanted_by: str) -> bool:
    if value is True or value is False:
        return value
    raise not_bool(wanted_by, value)


def answered(value: object) -> bool:
    """The value of a whole condition."""
    if value is True or value is False:
        return value
    raise EvaluationError(f"the condition gave {type_name(value)}, not true or false")


def bounded(value: object) -> object:
    """The value of a whole expression: lists that hold one list many times are larger than they look."""
    left = LIST_ITEMS_MAX
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list | tuple | Mapping):
            left -= len(one)
            if left < 0:
                raise EvaluationError(f"the value holds more than {LIST_ITEMS_MAX} items")
            waiting.extend(one.values() if isinstance(one, Mapping) else one)
    return value


def elements(value: object, macro: str) -> object:
    """What a macro loops over: a list's items, a map's keys."""
    if isinstance(value, list | tuple | Mapping):
        return value
    raise EvaluationError(f".{macro}() works on a list or a map, this is {type_name(value)}")


def map_of_entries(entries: Sequence[tuple[object, object]]) -> dict[object, object]:
    """A map literal: keys are strings or integers, and none stands twice."""
    built: dict[object, object] = {}
    for key, value in entries:
        if type(key) not in (str, int, UInt):
            raise EvaluationError(f"the key of a map must be a string or an int, this is {type_name(key)}")
        if key in built:
            raise EvaluationError(f"the key {str(key)[:100]!r} stands twice in a map")
        built[key] = value
    return built


def exhausted() -> EvaluationError:
    return EvaluationError(f"the condition needs more than {STEPS_MAX} steps")


def kept(error: EvaluationError) -> EvaluationError:
    """An error without the frames it came through: kept in one of them, it would make a cycle."""
    error.__traceback__ = None
    error.__context__ = None
    return error


def again(error: EvaluationError) -> EvaluationError:
    """A copy of a kept error, to be raised."""
    return EvaluationError(error.message)


OPERATOR_HELPERS: Final[Mapping[str, str]] = {
    "+": "add",
    "-": "subtract",
    "*": "multiply",
    "/": "divide",
    "%": "modulo",
    "==": "equal",
    "!=": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
    "in": "contained",
}

HELPERS: Final[Mapping[str, object]] = {
    **{OPERATOR_HELPERS[symbol]: run for symbol, run in {**OPERATORS, **METERED_OPERATORS}.items()},
    **{kind.__name__: kind for kind in (Timestamp, Duration, UInt, EvaluationError)},
    **{kind.__name__: kind for kind in (str, bool, int, float, list, dict, type, len)},
    **{
        helper.__name__: helper
        for helper in (
            *(walk, select, has, item, declared, invert, not_bool, as_bool, answered, bounded, elements),
            *(map_of_entries, exhausted, kept, again, negate, checked_int, timestamp_of, duration_of),
        )
    },
    "LOOKUP": LOOKUP,
    "UNREAD": UNREAD,
    "STEPS_MAX": STEPS_MAX,
}
