"""Conditions and expressions, evaluated by cel-expr-python.

That engine takes no timestamp inside a value of unknown type. So every name that a condition reads is bound
by a macro to a map made of its parts, where instants and durations are variables of their own types:
`[dyn({'updated_at': dyn(t0), ...})].map(cart, <the condition>)[0]`.
"""

import re
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any

from cel_expr_python import cel

from schemas.instants import format_instant, instant_of

ROOTS = (
    "event",
    "start",
    "answer",
    "profile",
    "cart",
    "orders",
    "views",
    "session",
    "activity",
    "engagement",
    "segments",
    "consent",
    "runs",
    "now",
)
"""Everything that a condition may read (DESIGN section 3)."""


class ConditionError(Exception):
    """The expression has no value for what is known."""


def evaluate(source: str, known: dict[str, Any]) -> Any:
    """The value of an expression. What is known under a name may be a function that gives it: most read few.

    Raises ConditionError.
    """
    variables: dict[str, Any] = {}
    kinds: dict[str, Any] = {}

    def variable(value: Any) -> str:
        name = f"v{len(variables)}"
        kinds[name] = _kind_of(value)
        variables[name] = value
        return f"dyn({name})"

    wrapped = f"dyn({source}\n)"
    for root in _named_in(source):
        if root in known:
            value = _value_of(root, source, value_of(known[root]))
            wrapped = f"[{_literal(value, variable)}].map({root}, {wrapped})[0]"
    try:
        value = _compiled(wrapped, tuple(kinds.items())).eval(data=variables)
    except RuntimeError as error:
        raise ConditionError(str(error)) from error
    if value.type().name() == "ERROR":
        raise ConditionError(value.plain_value())
    return value.plain_value()


def value_of(known: Any) -> Any:
    """What is known, asked for where it is a function."""
    return known() if callable(known) else known


@cache
def _named_in(source: str) -> list[str]:
    return [root for root in ROOTS if re.search(rf"\b{root}\b", source)]


def holds(source: str | None, known: dict[str, Any]) -> bool:
    """Whether a condition is true; an error counts as false, no condition as true."""
    if source is None:
        return True
    try:
        return evaluate(source, known) is True
    except ConditionError:
        return False


def text_of(value: Any) -> str:
    """A value as text, as decisions show it: instants by their milliseconds, doubles with their point."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return format_instant(instant_of(value))
    return str(value)


@lru_cache(maxsize=2048)
def _compiled(source: str, kinds: tuple[tuple[str, str], ...]) -> Any:
    types = {"time": cel.Type.TIMESTAMP, "span": cel.Type.DURATION, "any": cel.Type.DYN}
    return cel.NewEnv(variables={name: types[kind] for name, kind in kinds}).compile(source)


def _kind_of(value: Any) -> str:
    if isinstance(value, datetime):
        return "time"
    return "span" if isinstance(value, timedelta) else "any"


def _literal(value: Any, variable: Any) -> str:
    """What holds a time is taken apart down to it; everything else is one variable."""
    if isinstance(value, list) and _holds_time(value):
        return f"dyn([{', '.join(_literal(part, variable) for part in value)}])"
    if isinstance(value, dict) and _holds_time(value):
        fields = ", ".join(f"{_quoted(key)}: {_literal(part, variable)}" for key, part in value.items())
        return f"dyn({{{fields}}})"
    return str(variable(value))


def _holds_time(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_holds_time, value.values() if isinstance(value, dict) else value))
    return isinstance(value, datetime | timedelta)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _value_of(root: str, source: str, value: Any) -> Any:
    """What is bound for a root. `runs` answers for every id (section 4): those named are filled in."""
    if root in ("views", "orders"):  # the last ones are many; what is not asked for is left out
        if "items" not in source:
            return value | {"items": []}
        left_out = {"at"} if re.search(r"\bat\b", source) is None else set()
        return value | {
            "items": [{name: item[name] for name in item.keys() - left_out} for item in value["items"]]
        }
    if root != "runs":
        return value
    named = [text for pair in re.findall(r"'([^']*)'|\"([^\"]*)\"", source) for text in pair if text]
    named += re.findall(r"\bruns\.([A-Za-z_]\w*)", source)
    return {name: {"pending": False} for name in named} | value
