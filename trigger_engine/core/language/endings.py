"""`unless`, `exit` and `goal`: an event type, `{event, where}`, or a list of these."""

from collections.abc import Mapping
from typing import Any

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.problems import Check, Path


def endings(check: Check, path: Path, value: Any) -> list[dict[str, Any]]:
    """The list of clauses, none of them twice."""
    form = values.listed(check, path, value, lambda at, clause: _clause(check, at, clause))
    seen: list[dict[str, Any]] = []
    for position, each in enumerate(form):
        if each["event"] and each in seen:
            at = (*path, position) if isinstance(value, list) else path
            check.say(at, f"{each['event']!r} is named twice", "remove one of them")
        seen.append(each)
    return form


def _clause(check: Check, path: Path, clause: Any) -> dict[str, Any]:
    if not isinstance(clause, Mapping):
        return {"event": values.event_type(check, path, clause)}
    check.names(path, clause, ("event", "where"))
    form = {"event": ""}
    if "event" in clause:
        form["event"] = values.event_type(check, (*path, "event"), clause["event"])
    else:
        check.say(path, "the field 'event' is missing", "write {event: order_completed}")
    if "where" in clause:
        form["where"] = expressions.condition(check, (*path, "where"), clause["where"], expressions.EVENT)
    return form
