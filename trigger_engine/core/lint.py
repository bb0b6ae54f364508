"""What is wrong across the files of a rule set, where each of them alone is fine.

    findings = lint(triggers, segments, policy, template_names)

An error would make the set do something nobody meant, or nothing at all, so it is not published. A warning
is probably a slip; who means it publishes it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from schemas.instants import DAY_MS, MINUTE_MS
from trigger_engine.core.durations import format_duration, parse_duration
from trigger_engine.core.language import reading
from trigger_engine.core.language.idle import idle_parts
from trigger_engine.core.language.problems import Path, nearest
from trigger_engine.core.language.steps import walk
from trigger_engine.core.limits import EXPIRES_AFTER_MARKETING_MS, OCCASION_MEMORY_MS
from trigger_engine.core.trigger_file import RuleFile

Level = Literal["error", "warning"]

NEVER_SENT = frozenset(
    {"inactive", "date", "segment_entered", "segment_left", "rules_activated", "handover_asked"}
    | {"handover_state"}
)
"""What the engine says to itself: no trigger ever meets an event of these types."""

KNOWN_TYPES = (
    *("product_viewed", "product_added", "product_removed", "product_list_viewed", "products_searched"),
    *("cart_viewed", "cart_updated", "cart_emptied", "checkout_started", "checkout_step_viewed"),
    *("checkout_step_completed", "payment_info_entered", "coupon_applied", "order_completed"),
    *("order_updated", "order_cancelled", "order_refunded", "order_shipped", "order_delivered", "signed_up"),
    *("signed_in", "subscribed", "unsubscribed", "profile_updated", "page_viewed", "survey_answered"),
    *("content_downloaded", "campaign_mailed", "product_notice", "email_sent", "email_opened"),
    *("email_clicked", "email_bounced", "email_complained", "customer_erased"),
)
"""What shops and the platform usually send; any other name is fine unless it looks like a slip of one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or odd in a file. `line` and `column` count from 1; `suggestion` is a clause such as
    "did you mean 'vip'?"."""

    level: Level
    file: str
    line: int
    field: str
    message: str
    suggestion: str | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = f"{self.line}" if self.column is None else f"{self.line}:{self.column}"
        text = f"{self.file}:{place}: {self.level}: {self.field}: {self.message}"
        return f"{text}; {self.suggestion}" if self.suggestion else text


def lint(
    triggers: Sequence[RuleFile],
    segments: Sequence[RuleFile] = (),
    policy: RuleFile | None = None,
    template_names: Collection[str] | None = None,
    recommending: Collection[str] | None = None,
) -> list[Finding]:
    """All findings, by file and line. `template_names` None: templates are not looked at; `recommending`:
    those that show recommended products, if that is known."""
    rules = _Rules(triggers, segments, policy, template_names)
    rules.recommending = recommending
    findings = [*_same_ids(triggers, "trigger"), *_same_ids(segments, "segment")]
    for file in triggers:
        for check in _CHECKS:
            findings.extend(check(rules, file))
    findings.extend(_rivals(rules))
    findings.extend(_circles(rules))
    findings.extend(_fixed_segments(segments))
    return sorted(findings, key=lambda finding: (finding.file, finding.line, finding.field))


class _Rules:
    """The set, by id."""

    def __init__(
        self,
        triggers: Sequence[RuleFile],
        segments: Sequence[RuleFile],
        policy: RuleFile | None,
        template_names: Collection[str] | None,
    ) -> None:
        self.triggers = {file.form["id"]: file for file in triggers}
        self.segments = {file.form["id"]: file for file in segments}
        self.policy: Mapping[str, Any] = {} if policy is None else policy.form
        self.template_names = template_names
        self.recommending: Collection[str] | None = None


def _at(file: RuleFile, path: Path, level: Level, message: str, suggestion: str | None = None) -> Finding:
    return Finding(level, file.name, file.line_of(path), file.source.field(path), message, suggestion)


def _known(name: str, known: Iterable[str], kind: str) -> str:
    near = nearest(name, known)
    names = sorted(known)
    return near or (f"there are: {', '.join(names[:12])}" if names else f"there is no {kind} at all")


def _same_ids(files: Sequence[RuleFile], kind: str) -> Iterator[Finding]:
    owners: dict[str, str] = {}
    for file in files:
        name = file.form["id"]
        if name in owners:
            said = f"{name!r} is the id of {owners[name]} already"
            yield _at(file, ("id",), "error", said, f"give each {kind} its own")
        owners.setdefault(name, file.name)


def _fixed_segments(files: Sequence[RuleFile]) -> Iterator[Finding]:
    for file in files:
        value = reading.constant(file.form["when"])
        if value is not None:
            said = f"{'everybody' if value else 'nobody'} is in it, as the condition reads nothing"
            yield _at(file, ("when",), "warning", said, "write a condition, as orders.count > 5")
        for said, suggestion in reading.beyond_the_calendar(file.form["when"]):
            yield _at(file, ("when",), "warning", said, suggestion)


def _templates(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    known = rules.template_names
    if known is None:
        return
    for path, step in walk(file.form["steps"]):
        mail = step.get("mail", {})
        named: dict[Path, str] = {("mail",): mail} if isinstance(mail, str) else {}
        if isinstance(mail, Mapping):
            named |= {("mail", variant): name for variant, name in mail.items()}
        if "else" in step:
            named |= {("else",): step["else"]}
        for part, name in named.items():
            if name not in known:
                said = f"there is no template {name!r}"
                yield _at(file, (*path, *part), "error", said, _known(name, known, "template"))


def _recommends(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    """A step says what to recommend, and none of its mails shows it."""
    for path, step in walk(file.form["steps"]):
        if rules.recommending is not None and "recommend" in step:
            mail = step["mail"]
            names = [*(mail.values() if isinstance(mail, Mapping) else [mail]), step.get("else")]
            if not any(name in rules.recommending for name in names):
                said = f"the template {names[0]!r} shows no recommended products"
                yield _at(file, (*path, "recommend"), "warning", said, "remove it, or choose another mail")


def _named_triggers(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    form, ids = file.form, rules.triggers
    named: list[tuple[Path, str]] = [
        (("supersedes", position), name) for position, name in enumerate(form.get("supersedes", ()))
    ]
    if "shadow_of" in form:
        named.append((("shadow_of",), form["shadow_of"]))
    for path, source in reading.expressions_of(form):
        named.extend((path, name) for name in sorted(reading.run_ids(source)))
    for path, name in named:
        if name not in ids:
            said = f"there is no trigger {name!r}"
            yield _at(file, path, "error", said, _known(name, ids, "other trigger"))
        elif ids[name].form["status"] == "draft" and form["status"] != "draft":
            said = f"the trigger {name!r} is a draft, so it has no runs"
            yield _at(file, path, "warning", said, "set it live, or remove the name")
    if form.get("shadow_of") in ids and "shadow_of" in ids[form["shadow_of"]].form:
        said = f"{form['shadow_of']!r} is a shadow itself"
        yield _at(file, ("shadow_of",), "warning", said, "name the trigger that mails")


def _named_segments(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    form = file.form
    named: list[tuple[Path, str]] = [
        (("when", name), form["when"][name]) for name in ("enters", "leaves") if name in form["when"]
    ]
    for path, source in reading.expressions_of(form):
        named.extend((path, name) for name in sorted(reading.segment_ids(source)))
    for path, name in named:
        if name not in rules.segments:
            said = f"there is no segment {name!r}"
            yield _at(file, path, "error", said, _known(name, rules.segments, "segment"))


def event_types_of(form: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every event type that a trigger's normal form names, with its place."""
    when = form["when"]
    for field in ("event", "count", "of"):
        for position, name in enumerate(when.get(field, ())):
            yield ("when", field, position), name
    if "after" in when:
        yield ("when", "after"), when["after"]
    for field in ("unless", "exit"):
        for position, clause in enumerate(form.get(field, ())):
            yield (field, position), clause["event"]
    for path, step in walk(form["steps"]):
        for position, name in enumerate(step.get("wait_until", {}).get("event", ())):
            yield (*path, "wait_until", "event", position), name
        for position, clause in enumerate(step.get("goal", ())):
            yield (*path, "goal", position), clause["event"]


def _event_types(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    for path, name in event_types_of(file.form):
        if name in NEVER_SENT:
            said = f"no trigger ever meets an event {name!r}; the engine keeps it to itself"
            hint = "use when: {enters: …}, {inactive: …} or {date: …}" if path[0] == "when" else None
            yield _at(file, path, "error", said, hint)
        elif (known := usual_type(name)) is not None:
            said = f"the event type {name!r} is not a usual one"
            yield _at(file, path, "warning", said, f"did you mean {known!r}?")


def usual_type(name: str) -> str | None:
    """The usual type that this is a slip of: a letter or the ending off, as in order_complete."""
    if name in KNOWN_TYPES:
        return None
    for known in get_close_matches(name, KNOWN_TYPES, n=3, cutoff=0.8):
        if sorted(known) == sorted(name) or _one_off(name, known):
            return known
    return None


def _one_off(name: str, known: str) -> bool:
    longer, shorter = (name, known) if len(name) >= len(known) else (known, name)
    if len(longer) == len(shorter):
        return sum(a != b for a, b in zip(longer, shorter, strict=True)) == 1
    return any(longer[:cut] + longer[cut + 1 :] == shorter for cut in range(len(longer)))


def _constants(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    for path, step in walk(file.form["steps"]):
        if "skip_if" in step and (value := reading.constant(step["skip_if"])) is not None:
            said = f"the next step is {'always' if value else 'never'} skipped, as this reads nothing"
            yield _at(file, (*path, "skip_if"), "warning", said, "remove it")
        if "choose" in step:
            yield from _branches(file, path, step["choose"])


def _branches(file: RuleFile, path: Path, branches: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for number, branch in enumerate(branches):
        at = (*path, "choose", number)
        source = branch.get("if")
        if source is None:
            if len(branches) == 1:
                yield _at(file, at, "warning", "the only branch has no if:, so nothing is chosen", "add if:")
            continue
        if source in seen:
            said = f"branch {seen[source] + 1} has the same if:, so no run ever comes here"
            yield _at(file, (*at, "if"), "warning", said, "change one of them")
        seen.setdefault(source, number)
        value = reading.constant(source)
        if value is False:
            yield _at(file, (*at, "if"), "warning", "it is never true, so no run ever comes here")
        if value is True and number < len(branches) - 1:
            said = "it is always true, so no run ever comes to the branches below"
            yield _at(file, (*at, "if"), "warning", said, "move it to the end")


def _answers(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    """`answer` is read where no wait for an event can have come before."""
    waits = [path for path, step in walk(file.form["steps"]) if "event" in step.get("wait_until", ())]
    for path, source in reading.expressions_of(file.form):
        if not reading.reads(source, "answer"):
            continue
        if not waits or (path[0] == "steps" and all(_order(wait) >= _order(path) for wait in waits)):
            said = "answer is null here: no wait_until with event: comes before"
            yield _at(file, path, "warning", said, "add - wait_until: {event: survey_answered, for: 3d}")


def _order(path: Path) -> tuple[int, ...]:
    return tuple(part for part in path if isinstance(part, int))


def _times(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    form, policy = file.form, rules.policy
    memory_ms = (
        parse_duration(policy["occasion_memory"]) if "occasion_memory" in policy else OCCASION_MEMORY_MS
    )
    if "cooldown" in form and parse_duration(form["cooldown"]) > memory_ms:
        said = f"the cooldown is longer than the occasion_memory of the policy, {format_duration(memory_ms)}"
        yield _at(file, ("cooldown",), "warning", said, "shorten it, or let the policy remember longer")
    if form["kind"] == "marketing" and "quiet_hours" in policy:
        night_ms = _night_ms(policy["quiet_hours"])
        given = "expires_after" in form
        expires_ms = parse_duration(form["expires_after"]) if given else EXPIRES_AFTER_MARKETING_MS
        if expires_ms < night_ms:
            said = (
                f"a mail held back by the quiet hours ({format_duration(night_ms)}) may expire in them"
                f" (after {format_duration(expires_ms)})"
            )
            path: Path = ("expires_after",) if given else ("kind",)
            yield _at(
                file, path, "warning", said, f"write expires_after: {format_duration(night_ms)} or more"
            )


def _night_ms(hours: Mapping[str, str]) -> int:
    begin, end = (int(text[:2]) * 60 + int(text[3:]) for text in (hours["from"], hours["to"]))
    return (end - begin) * MINUTE_MS % DAY_MS


def _goals(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    """An event that ends the run cannot take it to its goal."""
    exits = {clause["event"] for clause in file.form.get("exit", ()) if "where" not in clause}
    for path, step in walk(file.form["steps"]):
        for position, clause in enumerate(step.get("goal", ())):
            if clause["event"] in exits:
                said = f"exit: ends the run at {clause['event']!r} already, so the goal is never reached"
                yield _at(
                    file, (*path, "goal", position), "warning", said, "remove it from exit: or from goal:"
                )


def _idle(rules: _Rules, file: RuleFile) -> Iterator[Finding]:
    for path, said, suggestion in idle_parts(file.form):
        yield _at(file, path, "warning", said, suggestion)


def _rivals(rules: _Rules) -> Iterator[Finding]:
    files = [rules.triggers[name] for name in sorted(rules.triggers)]
    for position, second in enumerate(files):
        rivals = []
        for first in files[:position]:
            names = first.form["id"], second.form["id"]
            over = names[1] in first.form.get("supersedes", ()), names[0] in second.form.get("supersedes", ())
            if all(over):
                said = f"{names[0]!r} and {names[1]!r} supersede each other, so neither would last"
                yield _at(second, ("supersedes",), "error", said, "remove one of the two")
            elif not any(over) and _rival(first.form, second.form):
                rivals.append(names[0])
        if rivals:
            yield _of_rivals(second, rivals)


def _circles(rules: _Rules) -> Iterator[Finding]:
    """More than two that supersede each other in a circle: which of them lasts is chance."""
    told: set[str] = set()
    for start in sorted(rules.triggers):
        way = [start]
        pending = [iter(rules.triggers[start].form.get("supersedes", ()))]
        seen = {start} | told
        while pending:
            name = next(pending[-1], None)
            if name is None:
                pending.pop()
                way.pop()
            elif name == start and len(way) > 2:
                said = f"{' supersedes '.join([*way, start])}: a circle, in which none would last"
                yield _at(rules.triggers[way[-1]], ("supersedes",), "error", said, "remove one of them")
                break
            elif name in rules.triggers and name not in seen:
                seen.add(name)
                way.append(name)
                pending.append(iter(rules.triggers[name].form.get("supersedes", ())))
        told.add(start)


def _of_rivals(file: RuleFile, rivals: Sequence[str]) -> Finding:
    who = repr(rivals[0]) if len(rivals) == 1 else f"{rivals[0]!r} and {len(rivals) - 1} more"
    starts = "starts" if len(rivals) == 1 else "start"
    priority = file.form.get("priority", 50)
    said = f"{who} {starts} on the same events with the same priority, {priority}"
    path: Path = ("priority",) if "priority" in file.form else ("when",)
    hint = "give them different priorities, or let one supersede the other"
    return _at(file, path, "warning", said, hint)


def _rival(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether one event can start both and nothing says which of them mails."""
    if any(form["kind"] != "marketing" or form["status"] != "live" for form in (first, second)):
        return False
    if first.get("priority", 50) != second.get("priority", 50):
        return False
    one, other = first["when"], second["when"]
    types = set(one.get("event", ())) & set(other.get("event", ()))
    return bool(types) and ("where" not in one or "where" not in other or one["where"] == other["where"])


_CHECKS = (
    _templates,
    _recommends,
    _named_triggers,
    _named_segments,
    _event_types,
    _constants,
    _answers,
    _times,
    _goals,
    _idle,
)
