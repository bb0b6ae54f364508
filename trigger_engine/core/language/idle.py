"""What a trigger says that has no effect, or never comes about, though each field is fine alone.

Each finding is (path, message, suggestion). Whoever means it may still publish it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trigger_engine.core.language import reading
from trigger_engine.core.language.problems import Path
from trigger_engine.core.language.steps import walk

Form = Mapping[str, Any]
Idle = tuple[Path, str, str]


def idle_parts(form: Form) -> Iterator[Idle]:
    """All of it, of one trigger's normal form."""
    yield from _same_variants(form)
    yield from _first_goal(form)
    yield from _self_ending(form)
    yield from _moving_date(form)
    yield from _dead_clauses(form)
    for path, source in reading.expressions_of(form):
        for said, suggestion in reading.beyond_the_calendar(source):
            yield path, said, suggestion


def _same_variants(form: Form) -> Iterator[Idle]:
    variants = form.get("experiment", {}).get("variants")
    if variants is None or isinstance(form.get("wait"), Mapping):
        return
    if any(
        isinstance(step.get(name), Mapping) for _, step in walk(form["steps"]) for name in ("mail", "wait")
    ):
        return
    first = ", ".join(f"{name}: …" for name in variants)
    said = f"the variants {', '.join(variants)} differ in nothing"
    yield ("experiment", "variants"), said, f"write wait: or mail: by variant, as mail: {{{first}}}"


def _first_goal(form: Form) -> Iterator[Idle]:
    steps = form["steps"]
    if steps and "goal" in steps[0] and "wait" not in form:
        said = "nothing stands before the goal, so nobody is brought to it"
        yield ("steps", 0), said, "move it behind the steps that may be left out"


def _self_ending(form: Form) -> Iterator[Idle]:
    when = form["when"]
    threshold = "count" in when or "sum" in when
    starts = {*when.get("event", ()), *when.get("count", ()), *when.get("of", ())}
    for field in ("unless", "exit") if threshold else ("unless",):
        for position, clause in enumerate(form.get(field, ())):
            if clause["event"] not in starts or "where" in clause or "where" in when:
                continue
            name = clause["event"]
            said = f"{name!r} starts the run, and ends it too"
            if threshold:
                said = f"{name!r} is what is counted, and each one lets the count begin anew"
            yield (field, position), said, "name another event, or add where:"


def _moving_date(form: Form) -> Iterator[Idle]:
    date = form["when"].get("date")
    if isinstance(date, str) and reading.reads(date, "now"):
        yield ("when", "date"), "now moves on with time, so it is no date", "name a date of the customer's"


def _dead_clauses(form: Form) -> Iterator[Idle]:
    """Conditions that nobody and no event can meet."""
    found: list[tuple[Path, str | None, str]] = [
        (("when", "where"), form["when"].get("where"), "no event ever starts it"),
        (("audience",), form.get("audience"), "nobody is ever mailed"),
    ]
    for field in ("unless", "exit"):
        for position, clause in enumerate(form.get(field, ())):
            found.append(((field, position, "where"), clause.get("where"), "it never ends a run"))
    for path, step in walk(form["steps"]):
        for position, clause in enumerate(step.get("goal", ())):
            found.append(((*path, "goal", position, "where"), clause.get("where"), "nobody reaches it"))
        if "event" in step.get("wait_until", ()):
            source = step["wait_until"].get("where")
            found.append(((*path, "wait_until", "where"), source, "no answer ever comes"))
    for path, source, what in found:
        if source is not None and reading.constant(source) is False:
            yield path, f"it is never true, so {what}", "correct it, or remove it"
