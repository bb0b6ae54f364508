"""A trigger's normal form in words that a marketer would use."""

from collections.abc import Iterable, Mapping
from typing import Any

from trigger_engine.core.language import walk

Form = Mapping[str, Any]
STEP_INDENT = "   "


def pattern_in_words(form: Form) -> str:
    """What makes it start, in one line."""
    return one_line(_pattern(form))


def one_line(text: str) -> str:
    """A text, as a condition, that a file holds over several lines."""
    return " ".join(text.split())


def _pattern(form: Form) -> str:
    when: Form = form["when"]
    where = f" where {when['where']}" if "where" in when else ""
    wait = f"{_by_variant(form['wait'])} after " if "wait" in form else ""
    if "event" in when:
        without = f" without {_endings(form['unless'])}" if "wait" in form and "unless" in form else ""
        return f"{wait}{_or(when['event'])}{where}{without}"
    if "count" in when or "sum" in when:
        return f"{wait}{_threshold(when)}{where}"
    if "inactive" in when:
        after = f" after {when['after']}" if "after" in when else ""
        return f"{wait}nothing done for {when['inactive']}{after}"
    if "date" in when:
        return _date(when)
    direction, segment = next((name, when[name]) for name in ("enters", "leaves") if name in when)
    existing = "; who is in already starts too" if when.get("start_with_existing") else ""
    spread = f", spread over {when['spread']}" if existing and "spread" in when else ""
    return f"{wait}she {direction} the segment {segment}{existing}{spread}"


def mail_steps(form: Form) -> list[str]:
    """The ids of its mail steps in the order of the file, those of branches too."""
    return [str(step["id"]) for _, step in walk(form["steps"]) if "mail" in step]


def trigger_in_words(form: Form, version: str) -> list[str]:
    """The whole trigger, line by line."""
    shadow = f" of {form['shadow_of']}" if "shadow_of" in form else ""
    lines = [
        f"{form['id']}  version {version}",
        f"  status     {form['status']}{shadow}, {form['kind']}, priority {form.get('priority', 50)}",
        f"  starts     {pattern_in_words(form)}",
    ]
    lines += [f"  {name:<10} {one_line(text)}" for name, text in _particulars(form)]
    lines.append("  then")
    if "wait" in form:
        lines.append(f"    wait {_by_variant(form['wait'])}")
    lines += [f"    {line}" for line in _steps(form["steps"])]
    return [*lines, "  each mail is checked for", f"    {', '.join(_checks(form))}"]


def conditions_of(form: Any, path: str = "") -> Iterable[tuple[str, str]]:
    """(field, source) of every expression of a trigger, in the order of the file."""
    if isinstance(form, Mapping):
        for name, value in form.items():
            at = f"{path}.{name}" if path else str(name)
            if name in ("where", "audience", "once_per", "if", "skip_if", "per", "sum", "time", "value"):
                if isinstance(value, str) and not (name == "value" and path.endswith("offer")):
                    yield at, value
            elif name == "date" and isinstance(value, str):
                yield at, value
            else:
                yield from conditions_of(value, at)
    elif isinstance(form, list):
        for position, value in enumerate(form):
            yield from conditions_of(value, f"{path}[{position}]")


def _particulars(form: Form) -> Iterable[tuple[str, str]]:
    if "unless" in form:
        yield "unless", f"{_endings(form['unless'])} (ends it while it waits for the first mail)"
    if "exit" in form:
        yield "ends at", _endings(form["exit"])
    if "audience" in form:
        yield "audience", form["audience"]
    if "once_per" in form:
        yield "once per", form["once_per"]
    if "cooldown" in form:
        yield "cooldown", f"{form['cooldown']} after its last mail"
    if "supersedes" in form:
        yield "supersedes", ", ".join(form["supersedes"])
    if "experiment" in form:
        yield "experiment", _experiment(form["experiment"])
    yield (
        "on edit",
        {
            "pin": "pin: runs keep the version they began with",
            "migrate": "migrate: runs go over to the new version behind their last mail",
            "drain": "drain: runs do their next mail and end",
        }[form.get("on_edit", "pin")],
    )


def _checks(form: Form) -> list[str]:
    """The checks that this trigger's mails go through, in order."""
    transactional = ["expiry", *(["audience"] if "audience" in form else []), "address", "suppression"]
    if form["kind"] == "transactional":
        return transactional
    cooldown = ["cooldown"] if "cooldown" in form else []
    return [
        *transactional,
        "consent",
        *cooldown,
        "caps",
        "calendar",
        "quiet hours",
        "arbitration",
        "hold-out",
    ]


def _steps(steps: Iterable[Form]) -> Iterable[str]:
    for number, step in enumerate(steps, 1):
        if "choose" not in step:
            yield f"{number}. {one_line(_step(step))}"
            continue
        yield f"{number}. choose"
        for branch in step["choose"]:
            yield f"{STEP_INDENT}if {one_line(branch['if'])}" if "if" in branch else f"{STEP_INDENT}else"
            yield from (f"{STEP_INDENT * 2}{line}" for line in _steps(branch["then"]))


def _step(step: Form) -> str:
    if "mail" in step:
        named = "" if step["id"] == step["mail"] else f" (step {step['id']})"
        offer = f" with an offer of {step['offer']['value']}, else {step['else']}" if "offer" in step else ""
        return f"mail {_by_variant(step['mail'])}{named}{offer}"
    if "wait" in step:
        return f"wait {_by_variant(step['wait'])}"
    if "wait_until" in step:
        return f"wait until {_until(step['wait_until'])}"
    if "goal" in step:
        return f"goal {step['id']}: {_endings(step['goal'])} brings the run here"
    if "skip_if" in step:
        return f"skip the next step if {step['skip_if']}"
    if "set" in step:
        return f"set {_plain(step['set'])}"
    return "exit"


def _until(until: Form) -> str:
    if "event" in until:
        where = f" where {until['where']}" if "where" in until else ""
        return f"{_or(until['event'])}{where}, at most {until['for']}"
    return f"{until['at']} her time" if "at" in until else f"the time {until['time']}"


def _threshold(when: Form) -> str:
    per = f" for each {when['per']}" if "per" in when else ""
    within = f"within {when['within']}{per}"
    if "count" in when:
        return f"{when['at_least']} times {_or(when['count'])} {within}"
    return f"{when['sum']} of {_or(when['of'])} adds up to {when['at_least']:g} {within}"


def _date(when: Form) -> str:
    given = when["date"]
    of_holiday = isinstance(given, Mapping)
    date = _holiday(given) if of_holiday else given
    offset = when.get("offset", 0)
    days = "1 day" if abs(offset) == 1 else f"{abs(offset)} days"
    distance = f"{days} {'before' if offset < 0 else 'after'}" if offset else "on"
    yearly = when.get("repeat", "yearly" if of_holiday else "once") == "yearly"
    return f"{distance} {date}, {'every year' if yearly else 'once'}, at {when.get('at', '09:00')} her time"


def _holiday(given: Form) -> str:
    if isinstance(given["holiday"], Mapping):
        return " or ".join(f"{name} ({country})" for country, name in given["holiday"].items())
    return f"{given['holiday']} ({given['country']})"


def _experiment(experiment: Form) -> str:
    shares = [f"{name} {share / 100:g}%" for name, share in experiment.get("variants", {}).items()]
    holdout = [f"hold-out {experiment['holdout'] / 100:g}%"] if "holdout" in experiment else []
    return ", ".join([*holdout, *shares])


def _endings(endings: Iterable[Form]) -> str:
    return _or(
        [f"{end['event']} where {end['where']}" if "where" in end else str(end["event"]) for end in endings]
    )


def _by_variant(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    return str(value)


def _plain(fields: Form) -> str:
    parts = []
    for name, value in fields.items():
        text = f"{{{_plain(value)}}}" if isinstance(value, Mapping) else str(value)
        parts.append(f"{name}: {text.lower() if isinstance(value, bool) else text}")
    return ", ".join(parts)


def _or(names: Iterable[str]) -> str:
    names = list(names)
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
