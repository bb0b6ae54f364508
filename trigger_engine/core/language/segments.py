"""A segment: a condition on the customer with a name."""

from collections.abc import Mapping
from typing import Any

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.problems import Check, Problem

FIELDS = ("id", "when", "description")
REQUIRED = {"id": "write id: vip", "when": "write when: orders.total >= 10000"}
DESCRIPTION_MAX = 500


def check_segment(data: object, *, written: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    """The normal form of a segment and all problems; the form is to be used only if there are none."""
    check = Check(written=written)
    if not isinstance(data, Mapping):
        check.say((), "a segment file holds fields (id, when), this one does not")
        return {}, check.problems
    if "steps" in data:
        check.say_key(
            ("steps",), "this is a trigger, and segments/ holds segments", "move the file out of it"
        )
        return {}, check.problems
    check.names((), data, FIELDS)
    for name, example in REQUIRED.items():
        if name not in data:
            check.say((), f"the field {name!r} is missing", example)
    form: dict[str, Any] = {}
    if "id" in data:
        form["id"] = values.identifier(check, ("id",), data["id"], "vip")
    if "when" in data:
        if isinstance(data["when"], Mapping):
            said = "the when of a segment is a condition, not a pattern"
            check.say(("when",), said, "write when: orders.total >= 10000")
        else:
            form["when"] = expressions.condition(check, ("when",), data["when"], expressions.SEGMENT)
    if "description" in data:
        form["description"] = values.text(
            check, ("description",), data["description"], DESCRIPTION_MAX, "description"
        )
    return form, check.problems
