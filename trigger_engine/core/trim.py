"""Cuts values from outside to what may be kept: in the state, or in a decision's facts."""

import math
import re
from collections.abc import Iterable
from typing import Any

import msgspec

from trigger_engine.core.limits import (
    EVENT_DEPTH_MAX,
    FACT_ITEMS_MAX,
    FACT_TEXT_MAX,
    FACTS_BYTES_MAX,
    ID_LENGTH_MAX,
    KEPT_DEPTH_MAX,
    KEPT_NODES_MAX,
    KEPT_TEXT_MAX,
    TEXT_LENGTH_MAX,
)

_INT64_MAX = 2**63 - 1
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_MARK_BYTES = 39
"""Braces, and the mark that something was dropped."""
_SHORT = min(2 * KEPT_NODES_MAX, KEPT_TEXT_MAX) - 2
"""JSON of no more bytes is within the bounds of text and nodes: each node takes two bytes at least."""
_encode = msgspec.json.Encoder().encode


def nests_too_deeply(record: bytes) -> bool:
    """Whether a JSON record nests deeper than we could write it again. Its length settles it for most
    records, the number of brackets for nearly all."""
    if len(record) <= 2 * EVENT_DEPTH_MAX or record.count(b"{") + record.count(b"[") <= EVENT_DEPTH_MAX:
        return False
    deepest = depth = 0
    for bracket in _STRING.sub(b"", record):
        if bracket in b"{[":
            depth += 1
            deepest = max(deepest, depth)
        elif bracket in b"}]":
            depth -= 1
    return deepest > EVENT_DEPTH_MAX


def text_or_none(value: object, length_max: int = TEXT_LENGTH_MAX) -> str | None:
    """A non-empty text cut to length, or None for anything else."""
    return value[:length_max] if isinstance(value, str) and value else None


def id_or_none(value: object) -> str | None:
    """An id as text (shops send numbers too), or None, also if too long: a cut id is another's."""
    if type(value) is int:
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= ID_LENGTH_MAX else None


def scalar(value: object) -> Any:
    """A JSON scalar that msgpack can hold; other numbers become doubles, lists and maps None."""
    if isinstance(value, str):
        return value[:TEXT_LENGTH_MAX]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -_INT64_MAX <= value <= _INT64_MAX else None
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, bool) else None


class _Budget:
    """What is left to keep of one event."""

    __slots__ = ("nodes", "text")

    def __init__(self) -> None:
        self.nodes = KEPT_NODES_MAX
        self.text = KEPT_TEXT_MAX


def keep(properties: dict[str, Any]) -> dict[str, Any]:
    """An event's properties within the bounds of the state: as they are, or a copy from which later values
    are dropped first."""
    if _fits(properties.values(), KEPT_DEPTH_MAX - 1) and len(_encode(properties)) <= _SHORT:
        return properties
    kept = _keep(properties, _Budget(), 0)
    assert isinstance(kept, dict), "a map stays a map"
    return kept


def _fits(values: Iterable[Any], depth: int) -> bool:
    """Whether these values, if they are not too many, nest no deeper and are all such that may be kept."""
    for value in values:
        kind = type(value)
        if kind is str or kind is bool or value is None:
            continue
        if kind is int:
            if not -_INT64_MAX <= value <= _INT64_MAX:
                return False
        elif kind is float:
            if not math.isfinite(value):
                return False
        elif depth == 0 or not _fits(_inside(value), depth - 1):
            return False
    return True


def _inside(value: object) -> Iterable[Any]:
    """The values in a map or a list; of anything else itself, which then nests without end."""
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else (value,)


def _keep(value: Any, budget: _Budget, depth: int) -> Any:
    budget.nodes -= 1
    if isinstance(value, str):
        cut = value[: max(budget.text, 0)]
        budget.text -= len(cut)
        return cut
    if isinstance(value, dict):
        copy = {}
        for name, item in value.items():
            if budget.nodes <= 0 or budget.text < len(name) or depth >= KEPT_DEPTH_MAX:
                break
            budget.text -= len(name)
            copy[name] = _keep(item, budget, depth + 1)
        return copy
    if isinstance(value, list):
        items = []
        for item in value:
            if budget.nodes <= 0 or depth >= KEPT_DEPTH_MAX:
                break
            items.append(_keep(item, budget, depth + 1))
        return items
    return scalar(value)


def fit_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Facts within 4 kB of JSON; when some had to go, `truncated` says so."""
    fitted = {name: _shorten(value, 0) for name, value in facts.items()}
    if len(_encode(fitted)) < FACTS_BYTES_MAX - _MARK_BYTES:
        return fitted
    kept: dict[str, Any] = {}
    size = _MARK_BYTES + 1
    for name, short in fitted.items():
        size += len(_encode(name)) + len(_encode(short)) + 2
        if size > FACTS_BYTES_MAX:
            kept["truncated"] = True
            break
        kept[name] = short
    return kept


def _shorten(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= FACT_TEXT_MAX else value[: FACT_TEXT_MAX - 1] + "…"
    if isinstance(value, dict):
        if depth >= 2:
            return "…"
        return {name[:64]: _shorten(item, depth + 1) for name, item in list(value.items())[:FACT_ITEMS_MAX]}
    if isinstance(value, list):
        return "…" if depth >= 2 else [_shorten(item, depth + 1) for item in value[:FACT_ITEMS_MAX]]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int)) else str(value)[:FACT_TEXT_MAX]
