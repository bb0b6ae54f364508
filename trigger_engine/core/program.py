"""The steps of a trigger, compiled to a flat list of instructions with forward jumps.

A run stands before one of them (`Run.position`). Jumps lead forward only, so every run comes to an end. The
trigger's own `wait` is the first instruction. What a run does at each is in `steps.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from trigger_engine.core.clauses import Clause, clauses_of
from trigger_engine.core.conditions import MAIL_DECLARATIONS, Value, Where
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.limits import RECOMMENDED_DEFAULT
from trigger_engine.core.patterns import minutes_of

ByVariant: TypeAlias = Mapping[str, str] | str
"""One name for all, or one for each variant."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a mail may offer: one code for all, or one of a pool of single ones."""

    code: str | None
    pool: str | None
    value: str
    valid_for_ms: int


@dataclass(frozen=True, slots=True)
class Recommend:
    """Where the products that a mail recommends are from, in order."""

    sources: tuple[str, ...] = ("bought_together", "similar", "viewed", "best_sellers")
    at_most: int = RECOMMENDED_DEFAULT
    category: Value | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """`otherwise` is the template without an offer, where `offer` cannot be given."""

    id: str
    template: ByVariant
    offer: Offer | None
    otherwise: str | None
    recommend: Recommend = Recommend()


@dataclass(frozen=True, slots=True)
class Wait:
    """So many milliseconds, perhaps by variant."""

    length_ms: Mapping[str, int] | int


@dataclass(frozen=True, slots=True)
class WaitForClock:
    """Until it is so many minutes past local midnight."""

    at_minutes: int


@dataclass(frozen=True, slots=True)
class WaitForTime:
    """Until the timestamp that an expression gives."""

    time: Value


@dataclass(frozen=True, slots=True)
class WaitForEvent:
    """Until an event that one of the clauses describes, at most `for_ms`."""

    clauses: tuple[Clause, ...]
    for_ms: int


@dataclass(frozen=True, slots=True)
class Unless:
    """On if the condition holds, else to `target` (a branch of `choose` that is not taken)."""

    condition: Where
    target: int


@dataclass(frozen=True, slots=True)
class SkipIf:
    """To `target` if the condition holds, else on."""

    condition: Where
    target: int


@dataclass(frozen=True, slots=True)
class Jump:
    """To `target` (behind the other branches)."""

    target: int


@dataclass(frozen=True, slots=True)
class SetProfile:
    """What to write into the profile. `pause` is a length in ms, "until_resumed", "ended" or None."""

    preferences: Mapping[str, object]
    pause: int | str | None
    withdraws: bool


@dataclass(frozen=True, slots=True)
class Goal:
    """Where the events of the clauses take a run that has not come so far."""

    id: str
    clauses: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Exit:
    """The run ends."""


Instruction: TypeAlias = (
    Mail
    | Wait
    | WaitForClock
    | WaitForTime
    | WaitForEvent
    | Unless
    | SkipIf
    | Jump
    | SetProfile
    | Goal
    | Exit
)


@dataclass(slots=True)
class Program:
    """The instructions, and where mails and goals stand among them."""

    instructions: tuple[Instruction, ...]
    mails: Mapping[str, int] = field(init=False)
    goals: tuple[tuple[int, Goal], ...] = field(init=False)
    event_types: frozenset[str] = field(init=False)
    """What goals and waits for events ask about."""

    def __post_init__(self) -> None:
        numbered = tuple(enumerate(self.instructions))
        self.mails = {one.id: position for position, one in numbered if isinstance(one, Mail)}
        self.goals = tuple((position, one) for position, one in numbered if isinstance(one, Goal))
        asked = [
            clause for _, one in numbered if isinstance(one, Goal | WaitForEvent) for clause in one.clauses
        ]
        self.event_types = frozenset(clause.event_type for clause in asked)

    def next_mail(self, position: int) -> str | None:
        """The id of the first mail at or behind `position`, in the order of the file."""
        for one in self.instructions[position:]:
            if isinstance(one, Mail):
                return one.id
        return None

    def template_names(self) -> set[str]:
        """Every template that a mail may use."""
        names: set[str] = set()
        for one in self.instructions:
            if isinstance(one, Mail):
                names.update((one.template,) if isinstance(one.template, str) else one.template.values())
                names.update(() if one.otherwise is None else (one.otherwise,))
        return names


def compile_program(wait: Any, steps: Sequence[Mapping[str, Any]]) -> Program:
    """From the normal forms of `wait` (or None) and `steps`. Raises CelError."""
    compiling = _Compiling()
    if wait is not None:
        compiling.out.append(_wait(wait))
    compiling.steps(steps)
    return Program(tuple(compiling.out))


def of_variant(value: Any, variant: str | None) -> Any:
    """The value for a variant; a run without one (held out, or older than the experiment) takes the first."""
    if not isinstance(value, Mapping):
        return value
    return value[variant] if variant in value else value[min(value)]


class _Compiling:
    """Appends the instructions of steps; a jump's place is filled in when its target is known."""

    def __init__(self) -> None:
        self.out: list[Instruction] = []

    def steps(self, steps: Sequence[Mapping[str, Any]]) -> None:
        skip: tuple[int, Where] | None = None
        for step in steps:
            earlier, skip = skip, None
            if "skip_if" in step:
                skip = (self._reserve(), Where(step["skip_if"], MAIL_DECLARATIONS))
            elif "choose" in step:
                self._choose(step["choose"])
            else:
                self.out.append(_instruction(step))
            if earlier is not None:
                self.out[earlier[0]] = SkipIf(earlier[1], len(self.out))
        if skip is not None:
            self.out[skip[0]] = SkipIf(skip[1], len(self.out))

    def _choose(self, branches: Sequence[Mapping[str, Any]]) -> None:
        leaves: list[int] = []
        for branch in branches:
            condition = Where(branch["if"], MAIL_DECLARATIONS) if "if" in branch else None
            entry = None if condition is None else self._reserve()
            self.steps(branch["then"])
            leaves.append(self._reserve())
            if condition is not None and entry is not None:
                self.out[entry] = Unless(condition, len(self.out))
        for leave in leaves:
            self.out[leave] = Jump(len(self.out))

    def _reserve(self) -> int:
        self.out.append(Exit())
        return len(self.out) - 1


def _instruction(step: Mapping[str, Any]) -> Instruction:
    if "mail" in step:
        offer = _offer(step["offer"]) if "offer" in step else None
        recommend = _recommend(step["recommend"]) if "recommend" in step else Recommend()
        return Mail(step["id"], step["mail"], offer, step.get("else"), recommend)
    if "wait" in step:
        return _wait(step["wait"])
    if "wait_until" in step:
        return _wait_until(step["wait_until"])
    if "set" in step:
        return _set(step["set"])
    if "goal" in step:
        return Goal(step.get("id", "goal"), clauses_of(step["goal"]))
    return Exit()


def _wait(given: Any) -> Wait:
    if isinstance(given, Mapping):
        return Wait({variant: parse_duration(length) for variant, length in given.items()})
    return Wait(parse_duration(given))


def _wait_until(form: Mapping[str, Any]) -> Instruction:
    if "at" in form:
        return WaitForClock(minutes_of(form["at"]))
    if "time" in form:
        return WaitForTime(Value(form["time"], MAIL_DECLARATIONS))
    types = form["event"]
    where = {"where": form["where"]} if "where" in form else {}
    return WaitForEvent(clauses_of([{"event": name, **where} for name in types]), parse_duration(form["for"]))


def _offer(form: Mapping[str, Any]) -> Offer:
    return Offer(form.get("code"), form.get("pool"), str(form["value"]), parse_duration(form["valid_for"]))


def _recommend(form: Mapping[str, Any]) -> Recommend:
    category = Value(form["category"], MAIL_DECLARATIONS) if "category" in form else None
    return Recommend(tuple(form["from"]), form.get("at_most", RECOMMENDED_DEFAULT), category)


def _set(form: Mapping[str, Any]) -> SetProfile:
    preferences = {
        name: Value(value["value"], MAIL_DECLARATIONS) if isinstance(value, Mapping) else value
        for name, value in form.get("preferences", {}).items()
    }
    pause = form.get("pause")
    if pause not in (None, "until_resumed", "ended"):
        pause = parse_duration(pause)
    return SetProfile(preferences, pause, form.get("marketing_email") is False)
