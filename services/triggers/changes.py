"""What changes between two rule sets: triggers, segments, policy, templates, field by field."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from schemas.rule_set import RuleSet
from trigger_engine.core.language import trigger_version

Kind = Literal["trigger", "segment", "policy", "template"]
What = Literal["added", "removed", "changed"]
MARKS: Mapping[What, str] = {"added": "+", "removed": "-", "changed": "~"}
VALUE_LENGTH_MAX = 100


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field that differs; None where it is absent."""

    field: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.field}: {self.after}"
        if self.after is None:
            return f"- {self.field}: {self.before}"
        return f"~ {self.field}: {self.before} -> {self.after}"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of a rule set that was added, removed or changed."""

    kind: Kind
    name: str
    what: What
    fields: tuple[FieldChange, ...] = ()

    @property
    def lines(self) -> list[str]:
        """For people: a line for the thing, an indented one for each of its fields."""
        name = self.kind if self.kind == "policy" else f"{self.kind} {self.name}"
        return [f"{MARKS[self.what]} {name}", *(f"    {field}" for field in self.fields)]


def changes_between(before: RuleSet | None, after: RuleSet) -> list[Change]:
    """All that differs, in the order triggers, segments, policy, templates, by name. Equal sets: nothing."""
    found = [
        *_named("trigger", _by_id(before.triggers if before else []), _by_id(after.triggers)),
        *_named("segment", _by_id(before.segments if before else []), _by_id(after.segments)),
    ]
    old_policy = before.policy if before else {}
    if old_policy != after.policy:
        found.append(Change("policy", "", "changed", tuple(_fields("", old_policy, after.policy))))
    return [*found, *_templates(before, after)]


def versions_of(rule_set: RuleSet) -> dict[str, str]:
    """Trigger id → version."""
    return {str(trigger["id"]): trigger_version(trigger) for trigger in rule_set.triggers}


def _by_id(forms: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {str(form["id"]): form for form in forms}


def _named(
    kind: Literal["trigger", "segment"], before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]
) -> Iterator[Change]:
    for name in sorted(before.keys() | after.keys()):
        if name not in before:
            yield Change(kind, name, "added")
        elif name not in after:
            yield Change(kind, name, "removed")
        elif before[name] != after[name]:
            yield Change(kind, name, "changed", tuple(_fields("", before[name], after[name])))


def _templates(before: RuleSet | None, after: RuleSet) -> Iterator[Change]:
    old = {template.name: template for template in before.templates} if before else {}
    new = {template.name: template for template in after.templates}
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Change("template", name, "added")
        elif name not in new:
            yield Change("template", name, "removed")
        elif old[name].digest != new[name].digest:
            texts = [
                {locale: text.model_dump() for locale, text in template.locales.items()}
                for template in (old[name], new[name])
            ]
            fields = tuple(_briefly(field) for field in _fields("", *texts))
            yield Change("template", name, "changed", fields)


def _briefly(change: FieldChange) -> FieldChange:
    """A page of HTML says nothing in a line: subjects are shown, of the rest only that it differs."""
    if change.field.endswith(".subject"):
        return change
    before, after = change.before, change.after
    return FieldChange(
        change.field, before and f"{len(before)} characters", after and f"{len(after)} characters"
    )


def _fields(path: str, before: Any, after: Any) -> Iterator[FieldChange]:
    """The smallest parts that differ."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            at = f"{path}.{name}" if path else str(name)
            if name not in after:
                yield FieldChange(at, _shown(before[name]), None)
            elif name not in before:
                yield FieldChange(at, None, _shown(after[name]))
            else:
                yield from _fields(at, before[name], after[name])
    elif isinstance(before, list) and isinstance(after, list):
        yield from _items(path, before, after)
    else:
        yield FieldChange(path, _shown(before), _shown(after))


def _items(path: str, before: list[Any], after: list[Any]) -> Iterator[FieldChange]:
    """Lists by what they hold: a step put in between does not make all later ones differ."""
    matcher = SequenceMatcher(None, [_key(item) for item in before], [_key(item) for item in after], False)
    for what, start, end, new_start, new_end in matcher.get_opcodes():
        if what == "equal":
            continue
        paired = min(end - start, new_end - new_start)
        for offset in range(paired):
            yield from _fields(f"{path}[{start + offset}]", before[start + offset], after[new_start + offset])
        for position in range(start + paired, end):
            yield FieldChange(f"{path}[{position}]", _shown(before[position]), None)
        for position in range(new_start + paired, new_end):
            yield FieldChange(f"{path}[{position}]", None, _shown(after[position]))


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"
