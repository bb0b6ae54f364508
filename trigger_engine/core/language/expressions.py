"""Conditions and expressions: what each may read, and what kind of value it must give.

EVENT    asked when an event comes: `where`, `once_per`, `sum`, `per`
RUN      asked when a step is due: `audience`, `if`, `skip_if`, values of `set`, `wait_until: {time}`
DATE     asked when a date is planned: there is neither event nor run
SEGMENT  asked of the customer alone
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from trigger_engine.core.cel import CelError, CelType, compile_condition, compile_value
from trigger_engine.core.language.problems import Check, Path, Problem, cut, shown
from trigger_engine.core.segments import MOVING
from trigger_engine.core.variables import (
    DATE_DECLARATIONS,
    DECLARATIONS,
    MAIL_DECLARATIONS,
    SEGMENT_DECLARATIONS,
    access_to,
)

Scope = Mapping[str, CelType]

EVENT: Scope = DECLARATIONS
RUN: Scope = MAIL_DECLARATIONS
DATE: Scope = DATE_DECLARATIONS
SEGMENT: Scope = SEGMENT_DECLARATIONS

_DASHED_RUN = re.compile(r"\bruns\.([a-z][a-z0-9]{0,63}(?:-[a-z0-9]{1,64}){1,32})", re.ASCII)
"""`runs.cart-abandoned`, which is a subtraction."""
_TEXTS = frozenset({"string", "int", "uint", "double", "bool", "timestamp", "duration", "dyn"})
_WANTED: Mapping[str, tuple[frozenset[str], str]] = {
    "once_per": (_TEXTS, "name one thing, as cart.id"),
    "per": (_TEXTS, "name one thing, as event.properties.category"),
    "sum": (frozenset({"int", "uint", "double", "dyn"}), "name a number, as event.properties.total"),
    "date": (
        frozenset({"timestamp", "string", "dyn"}),
        "name a timestamp or a text that begins with YYYY-MM-DD, as profile.traits.birthday",
    ),
    "category": (frozenset({"string", "dyn"}), "name a category, as start.properties.category"),
    "time": (frozenset({"timestamp", "dyn"}), "name a timestamp, as timestamp(start.properties.starts_at)"),
    "value": (_TEXTS | {"list"}, "name a text, a number, true or false"),
}
_IN_WORDS: Mapping[str, str] = {
    "int": "a number",
    "uint": "a number",
    "double": "a number",
    "string": "a text",
    "bool": "true or false",
    "duration": "a length of time",
    "timestamp": "a point in time",
    "null": "nothing",
    "list": "a list",
    "map": "a group of fields",
    "record": "a group of fields",
}


def condition(check: Check, path: Path, value: Any, scope: Scope) -> str:
    """An expression that is true or false."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    compile = _segment if scope is SEGMENT else compile_condition
    return _checked(check, path, value, "condition, as cart.value > 0", scope, compile)


def _segment(source: str, scope: Scope) -> object:
    """Of a segment it must be known when time alone can change it."""
    return compile_condition(source, scope, access_to(scope), MOVING)


def expression(check: Check, path: Path, value: Any, scope: Scope, purpose: str) -> str:
    """An expression with a value fit for its purpose: a key of `_WANTED`."""
    kinds, example = _WANTED[purpose]

    def compile(source: str, scope: Scope) -> None:
        kind = compile_value(source, scope).type.kind
        if kind not in kinds:
            raise CelError(f"{purpose} cannot be {_IN_WORDS.get(kind, kind)}", suggestion=example)

    return _checked(check, path, value, f"expression; {example}", scope, compile)


def _checked(
    check: Check, path: Path, value: Any, what: str, scope: Scope, compile: Callable[[str, Scope], object]
) -> str:
    if not isinstance(value, str) or not value.strip():
        check.say(path, f"{shown(value)} is no {what}")
        return ""
    source = value.strip()
    try:
        compile(source, scope)
    except CelError as error:
        check.problems.append(_problem(path, source, error, scope))
    return source


def _problem(path: Path, source: str, error: CelError, scope: Scope) -> Problem:
    lines = source.splitlines() or [source]
    line = lines[error.line - 1] if error.line <= len(lines) else lines[-1]
    offset = sum(len(each) + 1 for each in source.split("\n")[: error.line - 1]) + error.column - 1
    dashed = _DASHED_RUN.search(source)
    suggestion = _missing_here(error.message, scope) or error.suggestion
    if dashed is not None and error.message.startswith("unknown name"):
        suggestion = f"write runs['{dashed[1]}']"
    return Problem(path, f"{error.message} (in {cut(line.strip())!r})", suggestion, offset=offset)


def _missing_here(message: str, scope: Scope) -> str | None:
    """What to do about a variable that exists, but not here."""
    for name in ("event", "start", "answer", "segments", "runs"):
        if message != f"unknown name {name!r}" or name in scope:
            continue
        if scope is RUN:
            return "when a step is due there is no event any more; use start"
        if scope is EVENT:
            return "steps have an answer; this is asked of an event: use event or start"
        if name in ("event", "start", "answer"):
            return "there is no event here, only the customer: profile, orders, cart …"
        return "a segment is a condition on the customer alone"
    return None
