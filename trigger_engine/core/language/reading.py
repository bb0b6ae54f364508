"""What the expressions of a normal form read: runs and segments by name, `answer`; and which are constant."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from trigger_engine.core.cel import EvaluationError, compile_condition, nodes
from trigger_engine.core.cel.errors import CelError
from trigger_engine.core.cel.parser import parse
from trigger_engine.core.language.problems import Path
from trigger_engine.core.language.steps import walk

Form = Mapping[str, Any]

_CALENDAR: Mapping[str, tuple[int, int, str]] = {
    "getMonth": (0, 11, "; 0 is January"),
    "getDate": (1, 31, ""),
    "getDayOfMonth": (0, 30, "; getDate() counts from 1"),
    "getDayOfYear": (0, 365, "; 0 is the first of January"),
    "getDayOfWeek": (0, 6, "; 0 is Sunday"),
}
"""Least and most of each; those of a duration, as getHours(), know no bounds."""


def expressions_of(form: Form) -> Iterator[tuple[Path, str]]:
    """Every expression of a trigger with its path."""
    when = form["when"]
    for name in ("where", "sum", "per", "date"):
        if isinstance(when.get(name), str):
            yield ("when", name), when[name]
    for name in ("audience", "once_per"):
        if name in form:
            yield (name,), form[name]
    for name in ("unless", "exit"):
        yield from _of_clauses((name,), form.get(name, ()))
    for path, step in walk(form["steps"]):
        yield from _of_step(path, step)


def _of_clauses(path: Path, clauses: Any) -> Iterator[tuple[Path, str]]:
    for position, clause in enumerate(clauses):
        if "where" in clause:
            yield (*path, position, "where"), clause["where"]


def _of_step(path: Path, step: Form) -> Iterator[tuple[Path, str]]:
    if "skip_if" in step:
        yield (*path, "skip_if"), step["skip_if"]
    if "category" in step.get("recommend", ()):
        yield (*path, "recommend", "category"), step["recommend"]["category"]
    for name in ("where", "time"):
        if name in step.get("wait_until", ()):
            yield (*path, "wait_until", name), step["wait_until"][name]
    for name, value in step.get("set", {}).get("preferences", {}).items():
        if isinstance(value, Mapping):
            yield (*path, "set", "preferences", name, "value"), value["value"]
    yield from _of_clauses((*path, "goal"), step.get("goal", ()))
    for number, branch in enumerate(step.get("choose", ())):
        if "if" in branch:
            yield (*path, "choose", number, "if"), branch["if"]


@lru_cache(maxsize=256)
def _tree(source: str) -> tuple[nodes.Node, ...]:
    """All nodes, kept for the next question about the same text: lint asks several."""
    found: list[nodes.Node] = []
    pending: list[nodes.Node] = [parse(source)]
    while pending:
        node = pending.pop()
        found.append(node)
        pending.extend(node.children())
    return tuple(found)


def run_ids(source: str) -> set[str]:
    """The triggers that `runs['id']` names."""
    paths = (
        nodes.static_path(node) for node in _tree(source) if isinstance(node, nodes.Index | nodes.Select)
    )
    return {path[1] for path in paths if path is not None and path[0] == "runs" and len(path) > 1}


def segment_ids(source: str) -> set[str]:
    """The segments that `'id' in segments` names."""
    found = set()
    for node in _tree(source):
        match node:
            case nodes.Binary(
                operator="in",
                left=nodes.Literal(value=str() as name),
                right=nodes.Identifier(name="segments"),
            ):
                found.add(name)
    return found


def beyond_the_calendar(source: str) -> Iterator[tuple[str, str]]:
    """(what is wrong, what to do) of each comparison of a reading of the calendar with what it never is."""
    for node in _tree(source):
        if not isinstance(node, nodes.Binary) or node.operator not in ("==", "!=", "<", "<=", ">", ">="):
            continue
        for call, other in ((node.left, node.right), (node.right, node.left)):
            if not isinstance(call, nodes.Call) or call.function not in _CALENDAR:
                continue
            lowest, highest, meaning = _CALENDAR[call.function]
            value = other.value if isinstance(other, nodes.Literal) else None
            if isinstance(value, int) and not isinstance(value, bool) and not lowest <= value <= highest:
                said = f"{call.function}() is never {value}"
                yield said, f"it gives {lowest} to {highest}{meaning}"


def reads(source: str, variable: str) -> bool:
    """Whether it reads a variable."""
    return any(isinstance(node, nodes.Identifier) and node.name == variable for node in _tree(source))


def constant(source: str) -> bool | None:
    """The value of a condition that reads nothing; None if it reads something."""
    try:
        return compile_condition(source, {}).evaluate({})
    except (CelError, EvaluationError):
        return None
