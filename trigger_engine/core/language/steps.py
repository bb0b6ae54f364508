"""`steps`: what a run does, one after the other; and what no order of steps may be."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from trigger_engine.core.language import expressions, values
from trigger_engine.core.language.endings import endings
from trigger_engine.core.language.problems import Check, Path, nearest, out_of_place, shown
from trigger_engine.core.language.recommending import recommend
from trigger_engine.core.limits import STEPS_MAX

CHOOSE_DEPTH_MAX = 3
PREFERENCES_MAX = 50
VARIANTS_MAX = 10
PAUSES = ("until_resumed", "ended")

FIELDS: Mapping[str, tuple[str, ...]] = {
    "mail": ("mail", "id", "offer", "else", "recommend"),
    "wait": ("wait",),
    "wait_until": ("wait_until",),
    "choose": ("choose",),
    "set": ("set",),
    "skip_if": ("skip_if",),
    "goal": ("goal", "id"),
    "exit": ("exit",),
}
"""The fields of each step; the first one tells which it is."""
_EXAMPLE = "write - mail: cart-reminder or - wait: 24h"
_ALL = tuple(dict.fromkeys(name for names in FIELDS.values() for name in names))

_AMOUNT = re.compile(r"(?P<number>[+-]?\d{1,9}(?:[.,]\d{1,9})?) ?(?P<unit>%|[A-Za-z]{3})", re.ASCII)

Form = dict[str, Any]


def walk(steps: list[Form], path: Path = ("steps",)) -> Iterator[tuple[Path, Form]]:
    """Every step of a normal form with its path, those of branches right behind their choose."""
    for position, step in enumerate(steps):
        at = (*path, position)
        yield at, step
        for number, branch in enumerate(step.get("choose", ())):
            yield from walk(branch["then"], (*at, "choose", number, "then"))


def steps(check: Check, path: Path, value: Any, variants: frozenset[str]) -> list[Form]:
    """The normal form of a trigger's steps. `variants`: those that its experiment names."""
    if isinstance(value, list) and len(value) > STEPS_MAX:
        check.say(path, f"{len(value)} steps are too many; at most {STEPS_MAX}", "make it two triggers")
        return []
    reading = _Steps(check, variants)
    form = reading.list_of(path, value, depth=0)
    count = sum(1 for _ in walk(form, path))
    if count > STEPS_MAX:
        check.say(path, f"{count} steps are too many; at most {STEPS_MAX}", "make it two triggers")
    _ids_once(check, path, form)
    if form and not any("mail" in step or "set" in step for _, step in walk(form)) and reading.all_known:
        check.say(path, "a trigger needs at least one mail: or set: step", "write - mail: cart-reminder")
    _flow(check, path, form, last=True)
    return form


def _ids_once(check: Check, path: Path, form: list[Form]) -> None:
    seen: set[str] = set()
    for at, step in walk(form, path):
        name = step.get("id")
        if name and name in seen:
            said = f"two steps have the id {name!r}; ids are unique in a file"
            check.say(at, said, "add id: to one of them")
        seen.add(name or "")


def _flow(check: Check, path: Path, form: list[Form], *, last: bool) -> bool:
    """Whether a run can come to the end of these steps; `last`: nothing follows them."""
    for position, step in enumerate(form):
        at = (*path, position)
        final = last and position == len(form) - 1
        goes_on = "exit" not in step
        if "choose" in step:
            goes_on = _flow_of_branches(check, at, step["choose"], last=final)
        elif final:
            _nothing_behind(check, at, step)
        if position > 0 and "skip_if" in form[position - 1]:
            goes_on = True
        if not goes_on:
            if position < len(form) - 1:
                said = "no run ever comes here: every way before it ends with exit"
                check.say((*path, position + 1), said, "remove it, or the exit")
            return False
    return True


def _flow_of_branches(check: Check, path: Path, branches: list[Form], *, last: bool) -> bool:
    ways = [
        _flow(check, (*path, "choose", number, "then"), branch["then"], last=last)
        for number, branch in enumerate(branches)
    ]
    return any(ways) or not branches or "if" in branches[-1]


def _nothing_behind(check: Check, at: Path, step: Form) -> None:
    if "wait" in step or "wait_until" in step:
        name = "wait" if "wait" in step else "wait_until"
        check.say(at, f"a {name} at the end leads nowhere", "remove it, or add a mail: or a goal: behind it")
    if "skip_if" in step:
        check.say(at, "skip_if skips the step after it, and there is none", "remove it, or add a step")


class _Steps:
    """Reads steps, branches included."""

    def __init__(self, check: Check, variants: frozenset[str]) -> None:
        self.check = check
        self.variants = variants
        self.all_known = True
        """No step was unreadable: only then can a missing one be complained about."""
        self._readers: Mapping[str, Callable[[Path, Mapping[str, Any], int], Form]] = {
            "mail": self._mail,
            "wait": lambda path, step, depth: {
                "wait": values.by_variant(
                    self.check, (*path, "wait"), step["wait"], self.variants, values.duration
                )
            },
            "wait_until": lambda path, step, depth: {
                "wait_until": self._wait_until((*path, "wait_until"), step["wait_until"])
            },
            "choose": lambda path, step, depth: {
                "choose": self._choose((*path, "choose"), step["choose"], depth + 1)
            },
            "set": lambda path, step, depth: {"set": self._set((*path, "set"), step["set"])},
            "skip_if": lambda path, step, depth: {
                "skip_if": expressions.condition(
                    self.check, (*path, "skip_if"), step["skip_if"], expressions.RUN
                )
            },
            "goal": self._goal,
            "exit": self._exit,
        }

    def list_of(self, path: Path, value: Any, depth: int) -> list[Form]:
        if not isinstance(value, list):
            value = [value]
            if not isinstance(value[0], Mapping):
                self.check.say(path, "steps is a list of mail:, wait: and other steps", _EXAMPLE)
                self.all_known = False
                return []
            return [self._step(path, value[0], depth)]
        if not value and depth == 0:
            self.check.say(path, "steps is a list of mail:, wait: and other steps", _EXAMPLE)
        return [self._step((*path, position), step, depth) for position, step in enumerate(value)]

    def _step(self, path: Path, step: Any, depth: int, *, known: tuple[str, ...] = ()) -> Form:
        if step == "exit":
            return {"exit": True}
        if not isinstance(step, Mapping):
            near = nearest(step, ["exit"]) if isinstance(step, str) else None
            unseen = out_of_place(step) if isinstance(step, str) else None
            self.check.say(path, f"{shown(step)} is no step", near or unseen or _EXAMPLE)
            self.all_known = False
            return {}
        found = [name for name in FIELDS if name in step]
        if not found:
            before = len(self.check.problems)
            self.check.names(path, step, (*_ALL, *known))
            if not any(problem.is_slip for problem in self.check.problems[before:]):
                said = f"a step is one of {', '.join(FIELDS)}"
                self.check.say(path, said, _EXAMPLE)
            self.all_known = False
            return {}
        kind = found[0]
        for other in found[1:]:
            said = f"{kind}: and {other}: are two steps"
            self.check.say_key((*path, other), said, f"begin a new line with - {other}:")
        for name in step:
            if name in _ALL and name not in found and name not in FIELDS[kind]:
                self.check.say_key((*path, name), f"{name!r} does not go with {kind}:", "remove it")
        self.check.names(path, {name: None for name in step if name not in _ALL}, FIELDS[kind])
        return self._readers[kind](path, step, depth)

    def _mail(self, path: Path, step: Mapping[str, Any], depth: int) -> Form:
        check = self.check
        mail = values.by_variant(check, (*path, "mail"), step["mail"], self.variants, values.template)
        form: Form = {"mail": mail, "id": mail}
        if "id" in step:
            form["id"] = values.identifier(check, (*path, "id"), step["id"], "first-reminder")
        elif not isinstance(mail, str):
            check.say(path, "mails by variant need an id", "add id: first-reminder")
            form["id"] = ""
        if "offer" in step:
            form["offer"] = self._offer((*path, "offer"), step["offer"])
            if "else" not in step:
                said = "an offer needs else: the mail that goes when no offer may be given"
                check.say(path, said, "add else: cart-social-proof")
        if "else" in step:
            form["else"] = values.template(check, (*path, "else"), step["else"])
            if "offer" not in step:
                check.say_key((*path, "else"), "else goes with offer:", "remove it, or add offer:")
        if "recommend" in step:
            form["recommend"] = recommend(check, (*path, "recommend"), step["recommend"])
        return form

    def _offer(self, path: Path, value: Any) -> Form:
        example = "offer: {pool: cart-10, value: 10%, valid_for: 3d}"
        check = self.check
        known = ("pool", "code", "value", "valid_for")
        given = check.fields(path, value, known, ("value", "valid_for"), example)
        if given is None:
            return {}
        if ("pool" in given) == ("code" in given):
            check.say(path, "an offer has either a pool: of codes or one code:", f"write {example}")
        form: Form = {}
        if "pool" in given:
            form["pool"] = values.identifier(check, (*path, "pool"), given["pool"], "cart-10")
        if "code" in given:
            form["code"] = values.code(check, (*path, "code"), given["code"])
        if "value" in given:
            form["value"] = _offer_value(check, (*path, "value"), given["value"])
        if "valid_for" in given:
            form["valid_for"] = values.duration(check, (*path, "valid_for"), given["valid_for"])
        return form

    def _wait_until(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "wait_until: {event: survey_answered, for: 3d}"
        given = check.fields(path, value, ("event", "where", "for", "at", "time"), (), example)
        if given is None:
            return {}
        kinds = [name for name in ("event", "at", "time") if name in given]
        if len(kinds) != 1:
            check.say(path, "wait_until holds one of event:, at: and time:", f"write {example}")
            return {}
        kind = kinds[0]
        if kind == "at":
            self._alone(path, given, kind)
            return {"at": values.clock(check, (*path, "at"), given["at"])}
        if kind == "time":
            self._alone(path, given, kind)
            at = (*path, "time")
            return {"time": expressions.expression(check, at, given["time"], expressions.RUN, "time")}
        form: Form = {"event": values.event_types(check, (*path, "event"), given["event"])}
        if "where" in given:
            form["where"] = expressions.condition(check, (*path, "where"), given["where"], expressions.EVENT)
        if "for" in given:
            form["for"] = values.duration(check, (*path, "for"), given["for"])
        else:
            check.say(path, "the field 'for' is missing: how long to wait at most", f"write {example}")
        return form

    def _alone(self, path: Path, given: Mapping[str, Any], kind: str) -> None:
        for name in ("where", "for"):
            if name in given:
                self.check.say_key((*path, name), f"{name!r} does not go with {kind}:", "remove it")

    def _choose(self, path: Path, value: Any, depth: int) -> list[Form]:
        check = self.check
        if depth > CHOOSE_DEPTH_MAX:
            said = f"choose stands more than {CHOOSE_DEPTH_MAX} deep"
            check.say(path, said, "join the conditions with && or make it two triggers")
            self.all_known = False
            return []
        if not isinstance(value, list) or not value:
            said = "choose is a list of branches"
            check.say(path, said, "write - if: cart.value >= 1000 and below it mail: cart-discount")
            self.all_known = False
            return []
        if len(value) > STEPS_MAX:
            check.say(path, f"{len(value)} branches are too many; at most {STEPS_MAX}")
            self.all_known = False
            return []
        form = [self._branch((*path, number), branch, depth) for number, branch in enumerate(value)]
        for number, branch in enumerate(form[:-1]):
            if "if" not in branch and (value[number] == "exit" or isinstance(value[number], Mapping)):
                said = "only the last branch may lack if:, since every run that comes to it takes it"
                check.say((*path, number), said, "add if:, or move it to the end")
        return form

    def _branch(self, path: Path, branch: Any, depth: int) -> Form:
        check = self.check
        if branch == "exit":
            return {"then": [{"exit": True}]}
        if not isinstance(branch, Mapping):
            check.say(path, f"{shown(branch)} is no branch", "write - if: and then:, or a step")
            self.all_known = False
            return {"then": []}
        form: Form = {}
        if "if" in branch:
            form["if"] = expressions.condition(check, (*path, "if"), branch["if"], expressions.RUN)
        rest = {name: value for name, value in branch.items() if name != "if"}
        if "then" in branch:
            check.names(path, branch, ("if", "then"))
            form["then"] = self.list_of((*path, "then"), branch["then"], depth)
        elif rest:
            form["then"] = [self._step(path, rest, depth, known=("if", "then"))]
        else:
            check.say(path, "the branch does nothing", "add then: with steps, or mail:")
            form["then"] = []
        return form

    def _set(self, path: Path, value: Any) -> Form:
        check = self.check
        example = "set: {preferences: {topic: shoes}}"
        given = check.fields(path, value, ("preferences", "pause", "marketing_email"), (), example)
        if given is None:
            return {}
        if not given:
            check.say(path, "set holds nothing", f"write {example}")
        form: Form = {}
        if "preferences" in given:
            form["preferences"] = self._preferences((*path, "preferences"), given["preferences"])
        if "pause" in given:
            form["pause"] = self._pause((*path, "pause"), given["pause"])
        if "marketing_email" in given:
            if given["marketing_email"] is not False:
                said = "set never grants consent: only false is possible, which stops marketing"
                check.say((*path, "marketing_email"), said, "ask her to subscribe; her answer is an event")
            form["marketing_email"] = False
        return form

    def _preferences(self, path: Path, value: Any) -> Form:
        check = self.check
        if not isinstance(value, Mapping) or not value:
            check.say(path, f"{shown(value)} is no group of preferences", "write {topic: shoes}")
            return {}
        if len(value) > PREFERENCES_MAX:
            check.say(path, f"{len(value)} preferences are too many; at most {PREFERENCES_MAX}")
        form: Form = {}
        for name, each in value.items():
            at = (*path, str(name))
            values.name(check, at, name, "name of a preference, as favourite_category")
            form[str(name)] = self._preference(at, each)
        return form

    def _preference(self, path: Path, value: Any) -> Any:
        check = self.check
        if isinstance(value, Mapping):
            given = check.fields(path, value, ("value",), ("value",), "{value: start.properties.topic}")
            if given is None or "value" not in given:
                return {}
            at = (*path, "value")
            return {"value": expressions.expression(check, at, given["value"], expressions.RUN, "value")}
        if isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return values.number(check, path, value)
        if isinstance(value, str):
            return values.text(check, path, value, 256, "value")
        check.say(path, f"{shown(value)} is no value", "write a text, a number, true, false or {value: …}")
        return ""

    def _pause(self, path: Path, value: Any) -> str:
        if isinstance(value, str) and value in PAUSES:
            return value
        if isinstance(value, str) and value[:1].isdigit():
            return values.duration(self.check, path, value)
        said = f"{shown(value)} is no pause; use a duration as 30d, until_resumed or ended"
        self.check.say(path, said, nearest(str(value), PAUSES))
        return ""

    def _goal(self, path: Path, step: Mapping[str, Any], depth: int) -> Form:
        check = self.check
        if depth:
            said = "goal steps stand at the top level only, not in a branch"
            check.say(path, said, "move it behind the choose")
        form: Form = {"goal": endings(check, (*path, "goal"), step["goal"]), "id": "goal"}
        if "id" in step:
            form["id"] = values.identifier(check, (*path, "id"), step["id"], "ordered")
        return form

    def _exit(self, path: Path, step: Mapping[str, Any], depth: int) -> Form:
        if step["exit"] is not True:
            said = f"{shown(step['exit'])} is not allowed here; a step that ends the run is - exit"
            self.check.say((*path, "exit"), said, "exit: with event types stands at the top of the file")
        return {"exit": True}


def _offer_value(check: Check, path: Path, value: Any) -> str:
    """Text, as the mail shows it."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        said = f"{value} of what?"
        check.say(path, said, f"write {value}% or '{value} TRY'")
        return ""
    form = values.text(check, path, value, 64, "value of an offer, as 10% or 50 TRY")
    amount = _AMOUNT.fullmatch(form)
    if amount is not None and check.written:
        number = float(amount["number"].replace(",", "."))
        if number <= 0:
            check.say(path, f"{shown(value)} is nothing to give", "write more than 0, as 10% or 50 TRY")
        elif amount["unit"] == "%" and number > 100:
            check.say(path, f"{shown(value)} is more than all of it", "write at most 100%")
    return form
