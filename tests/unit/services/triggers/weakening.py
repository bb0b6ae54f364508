"""Rules with one condition less: every one that a trigger or a policy has, found by walking its normal form.

So no condition of a shipped trigger can be forgotten: a story must fail without it. Of `a && b` each part is
dropped alone, and of `a || b` each alternative; inside parentheses too. A guard such as `has(x)` is none of
them: without it the condition has no answer where it was false, and that counts as false.
"""

import re
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

_GUARD = re.compile(r"has\([^()]*\)|[\w.]+ != null")
_OPTIONAL = ("audience", "cooldown", "once_per")
_OTHER_VALUES = {"wait": "1s", "within": "1s", "inactive": "1s", "at_least": 100}
"""For what must be there: a wait that is none, a threshold that nobody reaches."""
_DROPPED = ("skip_if", "wait", "wait_until", "set", "goal", "exit", "mail")
"""Steps that are left out as a whole."""

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Weakened:
    """A normal form with something gone; `what` names it, as `steps[2].choose[0].if: true`."""

    what: str
    form: dict[str, Any]


def weakened_trigger(form: dict[str, Any]) -> Iterator[Weakened]:
    """Each condition and step of a trigger gone in turn."""
    other = "transactional" if form["kind"] == "marketing" else "marketing"
    yield Weakened(f"kind: {other}", {**_without(form, "cooldown", "experiment"), "kind": other})
    for name in _OPTIONAL:
        if name in form:
            yield _removed(form, (name,))
    if "audience" in form:
        yield from _parts_of(form, ("audience",))
    yield from _conditioned(form, ("when",))
    for place in (("wait",), *(("when", name) for name in form["when"])):
        if place[-1] in _OTHER_VALUES and place[-1] in _at(form, place[:-1]):
            value = _OTHER_VALUES[place[-1]]
            yield Weakened(f"{_name(place)}: {value}", _replaced(form, place, value))
    if "after" in form["when"]:
        yield _removed(form, ("when", "after"))
    for name in ("unless", "exit"):
        for number in range(len(form.get(name, ()))):
            yield _removed(form, (name, number))
            yield from _conditioned(form, (name, number))
    for number in range(len(form.get("supersedes", ()))):
        yield _removed(form, ("supersedes", number))
    yield from _weakened_steps(form, ("steps",))


def weakened_policy(form: dict[str, Any]) -> Iterator[Weakened]:
    """Each rule of a policy gone in turn."""
    for name, value in form.items():
        if isinstance(value, list):
            yield from (_removed(form, (name, number)) for number in range(len(value)))
        else:
            yield _removed(form, (name,))
    if "trained_after" in form.get("offers", ()):
        yield _removed(form, ("offers", "trained_after"))


def _weakened_steps(form: dict[str, Any], place: Place) -> Iterator[Weakened]:
    steps = _at(form, place)
    for number, step in enumerate(steps):
        at = (*place, number)
        if len(steps) > 1 and any(name in step for name in _DROPPED):
            yield _removed(form, at)
        if "offer" in step:
            yield Weakened(f"{_name(at)}.offer", _replaced(form, at, _without(step, "offer", "else")))
        if "event" in step.get("wait_until", ()):
            yield from _conditioned(form, (*at, "wait_until"))
        for branch, choice in enumerate(step.get("choose", ())):
            inside = (*at, "choose", branch)
            if "if" in choice:
                for constant in ("true", "false"):
                    what = f"{_name((*inside, 'if'))}: {constant}"
                    yield Weakened(what, _replaced(form, (*inside, "if"), constant))
                yield from _parts_of(form, (*inside, "if"))
            yield from _weakened_steps(form, (*inside, "then"))


def _conditioned(form: dict[str, Any], place: Place) -> Iterator[Weakened]:
    """The `where` of what stands at a place, gone in whole and in part."""
    if "where" in _at(form, place):
        yield _removed(form, (*place, "where"))
        yield from _parts_of(form, (*place, "where"))


def _parts_of(form: dict[str, Any], place: Place) -> Iterator[Weakened]:
    for part, rest in less(_at(form, place)):
        yield Weakened(f"{_name(place)} without {part}", _replaced(form, place, rest))


def less(source: str) -> Iterator[tuple[str, str]]:
    """Each part of a condition, and the condition without it."""
    source = " ".join(source.split())
    for operator in (" || ", " && "):
        parts = _split(source, operator)
        if len(parts) == 1:
            continue
        for number, part in enumerate(parts):
            others = [*parts[:number], *parts[number + 1 :]]
            if not (operator == " && " and _GUARD.fullmatch(part)):
                yield part, operator.join(others)
            for inner, rest in less(part[1:-1]) if _bracketed(part) else ():
                yield inner, operator.join([*parts[:number], f"({rest})", *parts[number + 1 :]])
        return


def _split(source: str, operator: str) -> list[str]:
    """At the operator, but not within brackets or quotes."""
    parts, depth, quote, begin = [], 0, "", 0
    for position, char in enumerate(source):
        if quote or char in "'\"":
            quote = "" if char == quote else quote or char
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif depth == 0 and source.startswith(operator, position):
            parts.append(source[begin:position])
            begin = position + len(operator)
    return [*parts, source[begin:]]


def _bracketed(part: str) -> bool:
    """Whether the whole part stands in one pair of parentheses."""
    if not (part.startswith("(") and part.endswith(")")):
        return False
    depth = 0
    for position, char in enumerate(part):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return position == len(part) - 1
    return False


def _at(form: Any, place: Place) -> Any:
    for key in place:
        form = form[key]
    return form


def _removed(form: dict[str, Any], place: Place) -> Weakened:
    changed = deepcopy(form)
    of = _at(changed, place[:-1])
    if isinstance(of, list) and len(of) == 1:  # an empty list is no list of conditions
        del _at(changed, place[:-2])[place[-2]]
    else:
        del of[place[-1]]
    return Weakened(f"{_name(place)}{_shown(_at(form, place))}", changed)


def _replaced(form: dict[str, Any], place: Place, value: Any) -> dict[str, Any]:
    changed = deepcopy(form)
    _at(changed, place[:-1])[place[-1]] = value
    return changed


def _without(form: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in form.items() if name not in names}


def _name(place: Sequence[str | int]) -> str:
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in place).removeprefix(".")


def _shown(value: Any) -> str:
    """What was there, where the place alone would not tell."""
    return f" {value['event']}" if isinstance(value, dict) and isinstance(value.get("event"), str) else ""
