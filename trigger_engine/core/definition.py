"""The trigger language: which fields a trigger has, what each may hold, and its normal form.

`check_definition` takes a trigger as plain data (from YAML or from a published rule set) and gives its
normal form and every problem found, not just the first. A field that this version does not act upon is
refused: a rule must never look as if it did something it does not.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from schemas.rule_set import content_digest
from trigger_engine.core.cel import CelError, CelType
from trigger_engine.core.conditions import DECLARATIONS, MAIL_DECLARATIONS, Value, Where
from trigger_engine.core.durations import format_duration, parse_duration
from trigger_engine.core.limits import DURATION_MAX_MS, STEPS_MAX

Path = tuple[str | int, ...]
"""Where in the definition: keys and list positions."""

FIELDS = (
    "id",
    "status",
    "kind",
    "when",
    "wait",
    "unless",
    "audience",
    "once_per",
    "cooldown",
    "expires_after",
    "steps",
    "exit",
    "on_edit",
)
REQUIRED = ("id", "status", "kind", "when", "steps")
LATER_FIELDS = frozenset({"priority", "supersedes", "shadow_of", "experiment", "goal"})
LATER_STATUSES = frozenset({"shadow", "paused"})
LATER_WHEN = frozenset(
    {"count", "sum", "of", "per", "within", "at_least", "inactive", "after", "date", "offset", "at"}
    | {"enters", "leaves"}
)
LATER_STEPS = frozenset({"choose", "wait_until", "set", "skip_if", "goal", "exit"})
LATER_ON_EDIT = frozenset({"migrate", "drain"})
LATER_VARIABLES = ("answer", "views", "session", "engagement", "segments", "runs")

_TRIGGER_ID = re.compile(r"[a-z][a-z0-9-]{0,63}", re.ASCII)
_EVENT_TYPE = re.compile(r"[a-z][a-z0-9_]{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition. `line_offset` counts lines within a condition's text."""

    path: Path
    message: str
    suggestion: str | None = None
    line_offset: int = 0
    about_key: bool = False
    """The problem is the name itself, not what it holds."""

    @property
    def field(self) -> str:
        """The path as people write it: `steps[0].mail`."""
        text = ""
        for part in self.path:
            text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
        return text or "trigger"


def trigger_version(definition: Mapping[str, Any]) -> str:
    """The first 12 hex digits of the content's digest: the same content is the same version."""
    return content_digest(definition)[:12]


def check_definition(data: object) -> tuple[dict[str, Any], list[Problem]]:
    """The normal form of a trigger and all problems; the form is to be used only if there are none."""
    check = _Check()
    return check.definition(data), check.problems


class _Check:
    """Walks one definition and collects what is wrong."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def say(self, path: Path, message: str, suggestion: str | None = None) -> None:
        self.problems.append(Problem(path, message, suggestion))

    def definition(self, data: object) -> dict[str, Any]:
        if not isinstance(data, Mapping):
            self.say((), "a trigger file holds fields (id, status, kind, when, steps), this one does not")
            return {}
        self._names((), data, FIELDS, LATER_FIELDS)
        for name in REQUIRED:
            if name not in data:
                self.say((), f"the field {name!r} is missing")
        form: dict[str, Any] = {}
        readers: dict[str, Callable[[Path, Any], Any]] = {
            "id": self._id,
            "status": lambda path, value: self._choice(path, value, ("draft", "live"), LATER_STATUSES),
            "kind": lambda path, value: self._choice(path, value, ("marketing", "transactional")),
            "when": self._when,
            "wait": self._duration,
            "unless": self._endings,
            "audience": self._audience,
            "once_per": self._once_per,
            "cooldown": self._duration,
            "expires_after": self._duration,
            "steps": self._steps,
            "exit": self._endings,
            "on_edit": lambda path, value: self._choice(path, value, ("pin",), LATER_ON_EDIT),
        }
        for name in FIELDS:
            if name in data:
                form[name] = readers[name]((name,), data[name])
        self._together(data)
        return form

    def _together(self, data: Mapping[str, Any]) -> None:
        """Fields that make sense only with, or without, one another."""
        if "unless" in data and "wait" not in data:
            self.say(("unless",), "unless acts while the trigger waits", "add wait:, or use exit:")
        if "cooldown" in data and data.get("kind") == "transactional":
            self.say(("cooldown",), "transactional mails are never held by a cooldown", "remove it")

    def _names(
        self, path: Path, data: Mapping[Any, Any], known: tuple[str, ...], later: frozenset[str]
    ) -> None:
        for name in data:
            if name in known:
                continue
            at = (*path, str(name))
            if name in later:
                self.problems.append(Problem(at, _not_yet(str(name)), about_key=True))
                continue
            near = get_close_matches(str(name), [*known, *later], n=1)
            suggestion = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            self.problems.append(Problem(at, f"unknown field {str(name)!r}", suggestion, about_key=True))

    def _id(self, path: Path, value: Any) -> str:
        if isinstance(value, str) and _TRIGGER_ID.fullmatch(value):
            return value
        self.say(path, f"{_shown(value)} is no id; use small letters, digits and hyphens, as cart-abandoned")
        return ""

    def _choice(
        self, path: Path, value: Any, known: tuple[str, ...], later: frozenset[str] = frozenset()
    ) -> str:
        if isinstance(value, str) and value in known:
            return value
        allowed = " or ".join(known)
        if isinstance(value, str) and value in later:
            self.say(path, _not_yet(value), f"use {allowed}")
            return ""
        near = get_close_matches(str(value), known, n=1)
        suggestion = f"did you mean {near[0]!r}?" if near else None
        self.say(path, f"{_shown(value)} is not allowed here; use {allowed}", suggestion)
        return ""

    def _duration(self, path: Path, value: Any) -> str:
        if not isinstance(value, str):
            example = f"{value}m" if isinstance(value, int) and not isinstance(value, bool) else "45m"
            self.say(path, f"{_shown(value)} is no duration: the unit is missing", f"write {example} or 24h")
            return ""
        try:
            ms = parse_duration(value)
        except ValueError as error:
            self.say(path, str(error))
            return ""
        if not 0 < ms <= DURATION_MAX_MS:
            longest = format_duration(DURATION_MAX_MS)
            self.say(path, f"{value!r} must be longer than nothing and at most {longest}")
        return format_duration(ms)

    def _when(self, path: Path, value: Any) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            self.say(
                path, "when holds event: and, if need be, where:", "write when: {event: order_completed}"
            )
            return {}
        self._names(path, value, ("event", "where"), LATER_WHEN)
        form: dict[str, Any] = {"event": []}
        if "event" in value:
            form["event"] = self._event_types((*path, "event"), value["event"])
        elif not LATER_WHEN & set(value):
            self.say(path, "the field 'event' is missing")
        if "where" in value:
            form["where"] = self._condition((*path, "where"), value["where"], DECLARATIONS)
        return form

    def _event_types(self, path: Path, value: Any) -> list[str]:
        types = value if isinstance(value, list) else [value]
        if not types:
            self.say(path, "the list is empty; name at least one event type")
        for position, name in enumerate(types):
            at = (*path, position) if isinstance(value, list) else path
            self._event_type(at, name)
            if name in types[:position]:
                self.say(at, f"{_shown(name)} is named twice")
        return [str(name) for name in types]

    def _event_type(self, path: Path, name: Any) -> str:
        if isinstance(name, str) and _EVENT_TYPE.fullmatch(name):
            return name
        suggestion = None
        if isinstance(name, str):
            snake = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
            suggestion = f"did you mean {snake!r}?" if _EVENT_TYPE.fullmatch(snake) else None
        self.say(path, f"{_shown(name)} is no event type, as order_completed", suggestion)
        return ""

    def _endings(self, path: Path, value: Any) -> list[dict[str, Any]]:
        """`unless` and `exit`: an event type, {event, where}, or a list of these."""
        endings = value if isinstance(value, list) else [value]
        if not endings:
            self.say(path, "the list is empty; name at least one event type")
        form = []
        for position, ending in enumerate(endings):
            at = (*path, position) if isinstance(value, list) else path
            form.append(self._ending(at, ending))
        return form

    def _ending(self, path: Path, ending: Any) -> dict[str, Any]:
        if not isinstance(ending, Mapping):
            return {"event": self._event_type(path, ending)}
        self._names(path, ending, ("event", "where"), frozenset())
        form = {"event": ""}
        if "event" in ending:
            form["event"] = self._event_type((*path, "event"), ending["event"])
        else:
            self.say(path, "the field 'event' is missing")
        if "where" in ending:
            form["where"] = self._condition((*path, "where"), ending["where"], DECLARATIONS)
        return form

    def _audience(self, path: Path, value: Any) -> str:
        return self._condition(path, value, MAIL_DECLARATIONS)

    def _condition(self, path: Path, value: Any, declarations: Mapping[str, CelType]) -> str:
        return self._cel(path, value, lambda source: Where(source, declarations))

    def _once_per(self, path: Path, value: Any) -> str:
        return self._cel(path, value, Value)

    def _cel(self, path: Path, value: Any, compile: Callable[[str], object]) -> str:
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str) or not value.strip():
            self.say(path, f"{_shown(value)} is no condition, as cart.value > 0")
            return ""
        source = value.strip()
        try:
            compile(source)
        except CelError as error:
            self.problems.append(_cel_problem(path, source, error))
        return source

    def _steps(self, path: Path, value: Any) -> list[dict[str, str]]:
        if not isinstance(value, list) or not value:
            self.say(path, "steps is a list of mail: and wait:", "write - mail: cart-reminder")
            return []
        if len(value) > STEPS_MAX:
            self.say(path, f"{len(value)} steps are too many; at most {STEPS_MAX}")
        form = [self._step((*path, position), step) for position, step in enumerate(value)]
        mails = [step for step in form if "mail" in step]
        if not mails and all(isinstance(step, Mapping) for step in value) and not self._has_later(value):
            self.say(path, "a trigger needs at least one mail: step")
        if "wait" in form[-1]:
            self.say((*path, len(form) - 1), "a wait at the end leads nowhere", "remove it, or add a mail:")
        seen: set[str] = set()
        for position, step in enumerate(form):
            name = step.get("id")
            if name and name in seen:
                message = f"two steps have the id {name!r}; ids are unique in a file"
                self.say((*path, position), message, "add id: to one of them")
            seen.add(name or "")
        return form

    @staticmethod
    def _has_later(steps: list[Any]) -> bool:
        return any(isinstance(step, Mapping) and LATER_STEPS & set(step) for step in steps)

    def _step(self, path: Path, step: Any) -> dict[str, str]:
        if not isinstance(step, Mapping):
            self.say(path, f"{_shown(step)} is no step", "write - mail: cart-reminder or - wait: 24h")
            return {}
        if "wait" in step and "mail" not in step:
            self._names(path, step, ("wait",), LATER_STEPS)
            return {"wait": self._duration((*path, "wait"), step["wait"])}
        self._names(path, step, ("mail", "id"), LATER_STEPS | {"offer"})
        if "mail" not in step:
            if not self._has_later([step]):
                self.say(path, "a step is a mail: or a wait:")
            return {}
        mail = self._name((*path, "mail"), step["mail"])
        return {"mail": mail, "id": self._name((*path, "id"), step["id"]) if "id" in step else mail}

    def _name(self, path: Path, value: Any) -> str:
        if isinstance(value, Mapping):
            self.say(path, "mails by variant are not supported yet by this version")
            return ""
        if isinstance(value, str) and _TRIGGER_ID.fullmatch(value):
            return value
        self.say(path, f"{_shown(value)} is no name; use small letters, digits and hyphens")
        return ""


def _cel_problem(path: Path, source: str, error: CelError) -> Problem:
    first_line = source.splitlines()[0]
    where = f"column {error.column}" if len(source.splitlines()) == 1 else str(error).partition(":")[0]
    suggestion = error.suggestion
    if path == ("audience",) and error.message == "unknown name 'event'":
        suggestion = "when the mail is due there is no event any more; use start"
    for name in LATER_VARIABLES:
        if repr(name) in error.message or name == error.message.rpartition(" ")[2]:
            suggestion = f"{name} is not supported yet by this version"
    message = f"{error.message} ({where} of {first_line[:60]!r})"
    return Problem(path, message, suggestion, line_offset=error.line - 1)


def _not_yet(name: str) -> str:
    return f"{name!r} is not supported yet by this version"


def _shown(value: object) -> str:
    """A value in a message: short, in quotes if it is text."""
    if value is None:
        return "nothing"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
