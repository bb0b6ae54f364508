"""A trigger's fields, and which of them make sense only with, or without, one another."""

from collections.abc import Callable, Mapping
from typing import Any

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.endings import endings
from trigger_engine.core.language.patterns import pattern, pattern_of
from trigger_engine.core.language.problems import Check, Path, Problem
from trigger_engine.core.language.steps import VARIANTS_MAX, steps

FIELDS = (
    *("id", "status", "shadow_of", "kind", "priority", "when", "wait", "unless", "audience", "once_per"),
    *("cooldown", "expires_after", "supersedes", "steps", "exit", "experiment", "on_edit"),
)
REQUIRED: Mapping[str, str] = {
    "id": "write id: cart-abandoned",
    "status": "write status: draft, and live when it is ready",
    "kind": "write kind: marketing or kind: transactional",
    "when": "write when: {event: order_completed}",
    "steps": "write steps: and below it - mail: cart-reminder",
}
"""The fields that every trigger has, and how to write them."""
STATUSES = ("draft", "shadow", "live", "paused")
KINDS = ("marketing", "transactional")
ON_EDIT = ("pin", "migrate", "drain")

_WAITING = frozenset({"event", "count", "sum", "inactive", "enters", "leaves"})
"""The patterns that `wait` goes with."""
_UNLESS = frozenset({"event", "count", "sum"})

Form = dict[str, Any]


def check_trigger(data: object, *, written: bool = False) -> tuple[Form, list[Problem]]:
    """The normal form of a trigger and all problems; the form is to be used only if there are none.

    `written`: the data comes from a file, see `Check`.
    """
    reading = _Trigger(Check(written=written))
    return reading.read(data), reading.check.problems


class _Trigger:
    """Reads one trigger."""

    def __init__(self, check: Check) -> None:
        self.check = check

    def read(self, data: object) -> Form:
        check = self.check
        if not isinstance(data, Mapping):
            check.say((), f"a trigger file holds fields ({', '.join(REQUIRED)}), this one does not")
            return {}
        elsewhere = _of_another_kind(data) if check.written else None
        if elsewhere is not None:
            check.say((), *elsewhere)
            return {}
        check.names((), data, FIELDS)
        for name, example in REQUIRED.items():
            if name not in data:
                check.say((), f"the field {name!r} is missing", example)
        variants = _variants(data)
        readers: dict[str, Callable[[Path, Any], Any]] = {
            "id": lambda path, value: values.identifier(check, path, value),
            "status": lambda path, value: values.choice(check, path, value, STATUSES),
            "shadow_of": lambda path, value: values.identifier(check, path, value),
            "kind": lambda path, value: values.choice(check, path, value, KINDS),
            "priority": lambda path, value: values.integer(check, path, value, 0, 100),
            "when": lambda path, value: pattern(check, path, value),
            "wait": lambda path, value: values.by_variant(check, path, value, variants, values.duration),
            "unless": lambda path, value: endings(check, path, value),
            "audience": lambda path, value: expressions.condition(check, path, value, expressions.RUN),
            "once_per": lambda path, value: expressions.expression(
                check, path, value, expressions.EVENT, "once_per"
            ),
            "cooldown": lambda path, value: values.duration(check, path, value),
            "expires_after": lambda path, value: values.duration(check, path, value),
            "supersedes": self._supersedes,
            "steps": lambda path, value: steps(check, path, value, variants),
            "exit": lambda path, value: endings(check, path, value),
            "experiment": self._experiment,
            "on_edit": lambda path, value: values.choice(check, path, value, ON_EDIT),
        }
        form = {name: readers[name]((name,), data[name]) for name in FIELDS if name in data}
        self._with_pattern(data, form)
        self._with_kind(form)
        self._with_status(form)
        return form

    def _supersedes(self, path: Path, value: Any) -> list[str]:
        check = self.check
        ids = values.listed(
            check, path, value, lambda at, item: values.identifier(check, at, item, "browse-abandoned")
        )
        values.once(check, path, ids, value)
        return ids

    def _experiment(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "experiment: {holdout: 10%, variants: {a: 50%, b: 50%}}"
        given = check.fields(path, value, ("holdout", "variants"), (), example)
        if given is None:
            return {}
        if not given:
            check.say(path, "the experiment holds nothing", f"write {example}")
        form: Form = {}
        if "holdout" in given:
            form["holdout"] = holdout(check, (*path, "holdout"), given["holdout"])
        if "variants" in given:
            form["variants"] = self._shares((*path, "variants"), given["variants"])
        return form

    def _shares(self, path: Path, value: Any) -> dict[str, int]:
        check = self.check
        if not isinstance(value, Mapping) or len(value) < 2:
            check.say(path, "variants are two or more names with their shares", "write {a: 50%, b: 50%}")
            return {}
        if len(value) > VARIANTS_MAX:
            check.say(path, f"{len(value)} variants are too many; at most {VARIANTS_MAX}")
        before = len(check.problems)
        shares = {}
        for name, share in value.items():
            at = (*path, str(name))
            values.identifier(check, at, name, "a")
            shares[str(name)] = values.percentage(check, at, share)
        total = sum(shares.values())
        if total != values.WHOLE and len(check.problems) == before:
            check.say(path, f"the shares add up to {total / 100:g}%, not to 100%", "change one of them")
        return shares

    def _with_pattern(self, data: Mapping[str, Any], form: Form) -> None:
        kind = pattern_of(data.get("when"))
        if kind is None:
            return
        if "wait" in form and kind not in _WAITING:
            self.check.say_key(("wait",), "a date does not wait", "use offset: in when:, as offset: -7d")
        if "unless" in form and kind not in _UNLESS:
            said = f"unless does not go with {kind}:, which no event starts"
            self.check.say_key(("unless",), said, "use exit:")
        elif "unless" in form and "wait" not in form and kind == "event" and _mails_at_once(form):
            said = "unless acts while the trigger waits, and this one mails at once"
            self.check.say_key(("unless",), said, "add wait:, or use exit:")

    def _with_kind(self, form: Form) -> None:
        if form.get("kind") != "transactional":
            return
        for name, why in (
            ("cooldown", "transactional mails are never held by a cooldown"),
            ("experiment", "transactional mails go to everybody: there is no experiment with them"),
        ):
            if name in form:
                self.check.say_key((name,), why, "remove it")

    def _with_status(self, form: Form) -> None:
        check, own = self.check, form.get("id")
        if "shadow_of" in form:
            if form.get("status") not in ("shadow", "draft"):
                said = f"shadow_of goes with status: shadow (or draft), not {form.get('status')}"
                check.say_key(("shadow_of",), said, "change the status, or remove it")
            if form["shadow_of"] and form["shadow_of"] == own:
                check.say(("shadow_of",), "a trigger is no shadow of itself", "give this file its own id")
        for position, name in enumerate(form.get("supersedes", ())):
            if name and name == own:
                check.say(("supersedes", position), "a trigger does not supersede itself", "remove it")


def holdout(check: Check, path: Path, value: Any) -> int:
    """A share of customers who get nothing, less than all."""
    points = values.percentage(check, path, value)
    if points == values.WHOLE:
        check.say(path, "everybody would be held out", "use status: draft, or less than 100%")
    return points


def _of_another_kind(data: Mapping[Any, Any]) -> tuple[str, str] | None:
    """A segment or a policy that lies where triggers do: what it is, and where it belongs."""
    if {"status", "kind", "steps"} & set(data):
        return None
    if isinstance(data.get("when"), str):
        return "this is a segment, and triggers lie here", "move the file to segments/"
    if {"time_zone", "caps", "quiet_hours", "calendar", "engagement"} & set(data):
        return "this is a policy, and triggers lie here", "name the file policy.yaml"
    return None


def _variants(data: Mapping[str, Any]) -> frozenset[str]:
    experiment = data.get("experiment")
    variants = experiment.get("variants") if isinstance(experiment, Mapping) else None
    return frozenset(map(str, variants)) if isinstance(variants, Mapping) else frozenset()


def _mails_at_once(form: Form) -> bool:
    steps: list[Form] = form.get("steps", [])
    return bool(steps) and "mail" in steps[0]
