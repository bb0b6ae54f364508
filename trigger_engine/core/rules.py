"""Rule sets ready to decide by: conditions compiled, durations in milliseconds, an index by event type.

An event meets only the triggers that can care (`Rules.concern`); most event types concern none. A run
keeps the version it began with (`on_edit: pin`), so the versions of earlier sets stay at hand; a run whose
trigger is no longer live in the present set ends at its next touch.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from schemas.ids import stable_hash
from schemas.rule_set import RuleSet
from trigger_engine.core.conditions import MAIL_DECLARATIONS, Value, Where
from trigger_engine.core.definition import check_definition, trigger_version
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.limits import (
    EXPIRES_AFTER_MARKETING_MS,
    EXPIRES_AFTER_TRANSACTIONAL_MS,
    LATENESS_DEFAULT_MS,
)
from trigger_engine.core.projection import DERIVED_TYPES

_POLICY_FIELDS = frozenset({"lateness"})


class RulesError(Exception):
    """A rule set cannot be used; the message says which trigger and why."""


class Ending:
    """One `unless` or `exit` clause. `key` names it across triggers and versions with the same clause."""

    __slots__ = ("event_type", "key", "where")

    def __init__(self, form: Mapping[str, str]) -> None:
        source = form.get("where")
        self.event_type = form["event"]
        self.where = None if source is None else Where(source)
        self.key = self.event_type if source is None else f"{self.event_type}?{stable_hash(source)[:12]}"

    @property
    def needs_start(self) -> bool:
        """Whether it can be judged only for a given run."""
        return self.where is not None and self.where.reads_start


class MailStep:
    """A mail, due `after_ms` after the due time of the one before (the first: after the start)."""

    __slots__ = ("after_ms", "id", "template", "template_digest")

    def __init__(self, id: str, template: str, template_digest: str, after_ms: int) -> None:
        self.id = id
        self.template = template
        self.template_digest = template_digest
        self.after_ms = after_ms


class Trigger:
    """One version of one trigger."""

    __slots__ = (
        "audience",
        "cooldown_ms",
        "ending_types",
        "event_types",
        "exit",
        "expires_after_ms",
        "id",
        "kind",
        "live",
        "mails",
        "once_per",
        "reads_start",
        "unless",
        "version",
        "waits",
        "where",
    )

    def __init__(self, form: Mapping[str, Any], template_digests: Mapping[str, str]) -> None:
        """From a definition's normal form. Raises RulesError if a template is missing."""
        self.id: str = form["id"]
        self.version = trigger_version(form)
        self.live = form["status"] == "live"
        self.kind: str = form["kind"]
        self.event_types = tuple(form["when"]["event"])
        self.where = Where(form["when"]["where"]) if "where" in form["when"] else None
        self.waits = "wait" in form
        self.unless = tuple(map(Ending, form.get("unless", ())))
        self.exit = tuple(map(Ending, form.get("exit", ())))
        self.reads_start = any(ending.needs_start for ending in (*self.unless, *self.exit))
        self.ending_types = frozenset(ending.event_type for ending in (*self.unless, *self.exit))
        self.audience = Where(form["audience"], MAIL_DECLARATIONS) if "audience" in form else None
        self.once_per = Value(form["once_per"]) if "once_per" in form else None
        self.cooldown_ms = parse_duration(form["cooldown"]) if "cooldown" in form else 0
        self.expires_after_ms = _expires_after_ms(form)
        self.mails = _mail_steps(form, template_digests)

    @property
    def marketing(self) -> bool:
        """Transactional mails skip cooldown and marketing consent."""
        return self.kind == "marketing"


class Concern:
    """The triggers that an event of certain types can start, and the clauses whose last time it sets."""

    __slots__ = ("endings", "ends", "starters", "types")

    def __init__(
        self, types: tuple[str, ...], starters: tuple[Trigger, ...], endings: tuple[Ending, ...], ends: bool
    ) -> None:
        self.types = types
        self.starters = starters
        self.endings = endings
        self.ends = ends
        """Whether some version, an earlier one perhaps, has an `unless` or `exit` of these types."""


class Rules:
    """What a partition decides by. Never changes once made."""

    __slots__ = ("_concerns", "_derived", "_versions", "digest", "lateness_ms", "live_ids")

    def __init__(
        self, digest: str, triggers: list[Trigger], earlier: list[Trigger], lateness_ms: int
    ) -> None:
        self.digest = digest
        self.lateness_ms = lateness_ms
        live = sorted((trigger for trigger in triggers if trigger.live), key=lambda trigger: trigger.id)
        self.live_ids = frozenset(trigger.id for trigger in live)
        self._versions = {(trigger.id, trigger.version): trigger for trigger in (*earlier, *triggers)}
        self._concerns: dict[str, Concern] = {}
        for event_type in sorted(self._types_of_interest()):
            self._concerns[event_type] = self._concern_of((event_type,), live)
        self._derived = {
            pair: self._concern_of(pair, live)
            for pair in DERIVED_TYPES
            if pair[0] in self._concerns or pair[1] in self._concerns
        }

    def concern(self, event_type: str, derived: tuple[str, str] | None) -> Concern | None:
        """What an event of `event_type` means to the rules; `derived` as `project` returned it."""
        if derived is None:
            return self._concerns.get(event_type)
        return self._derived.get(derived)

    def trigger_of(self, trigger_id: str, version: str) -> Trigger | None:
        """The version that a run began with, or None if no known set holds it."""
        return self._versions.get((trigger_id, version))

    @property
    def versions(self) -> Iterable[Trigger]:
        """All versions at hand, earlier ones too."""
        return self._versions.values()

    def _types_of_interest(self) -> set[str]:
        types: set[str] = set()
        for trigger in self._versions.values():
            types.update(trigger.event_types)
            types.update(ending.event_type for ending in (*trigger.unless, *trigger.exit))
        return types

    def _concern_of(self, types: tuple[str, ...], live: list[Trigger]) -> Concern:
        starters = tuple(trigger for trigger in live if not set(types).isdisjoint(trigger.event_types))
        endings = {
            ending.key: ending
            for trigger in live
            for ending in (*trigger.unless, *trigger.exit)
            if ending.event_type in types
        }
        ends = any(
            ending.event_type in types
            for trigger in self._versions.values()
            for ending in (*trigger.unless, *trigger.exit)
        )
        return Concern(types, starters, tuple(endings.values()), ends)


NO_RULES = Rules("", [], [], LATENESS_DEFAULT_MS)
"""Before the first activation: events update state and start nothing."""


def load_rules(rule_set: RuleSet, earlier: Iterable[Rules] = ()) -> Rules:
    """Compile a published set. `earlier` sets (oldest first) let their runs go on.

    Raises RulesError for anything this version does not understand: better no change than half of one.
    """
    if rule_set.segments:
        raise RulesError(f"rule set {rule_set.digest}: segments are not supported yet by this version")
    digests = {template.name: template.digest for template in rule_set.templates}
    triggers = []
    seen: set[str] = set()
    for data in rule_set.triggers:
        form, problems = check_definition(data)
        name = str(data.get("id"))
        if problems:
            said = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
            raise RulesError(f"rule set {rule_set.digest}: trigger {name}: {said}")
        if name in seen:
            raise RulesError(f"rule set {rule_set.digest}: two triggers have the id {name}")
        seen.add(name)
        triggers.append(Trigger(form, digests))
    past = [trigger for rules in earlier for trigger in rules.versions]
    return Rules(rule_set.digest, triggers, past, _lateness_ms(rule_set))


def _lateness_ms(rule_set: RuleSet) -> int:
    unknown = sorted(set(rule_set.policy) - _POLICY_FIELDS)
    if unknown:
        raise RulesError(
            f"rule set {rule_set.digest}: policy: {unknown[0]!r} is not supported yet by this version"
        )
    lateness = rule_set.policy.get("lateness")
    if lateness is None:
        return LATENESS_DEFAULT_MS
    try:
        return parse_duration(lateness if isinstance(lateness, str) else str(lateness))
    except ValueError as error:
        raise RulesError(f"rule set {rule_set.digest}: policy: lateness: {error}") from error


def _expires_after_ms(form: Mapping[str, Any]) -> int:
    if "expires_after" in form:
        return parse_duration(form["expires_after"])
    return EXPIRES_AFTER_MARKETING_MS if form["kind"] == "marketing" else EXPIRES_AFTER_TRANSACTIONAL_MS


def _mail_steps(form: Mapping[str, Any], template_digests: Mapping[str, str]) -> tuple[MailStep, ...]:
    steps = []
    after_ms = parse_duration(form["wait"]) if "wait" in form else 0
    for step in form["steps"]:
        if "wait" in step:
            after_ms += parse_duration(step["wait"])
            continue
        digest = template_digests.get(step["mail"])
        if digest is None:
            raise RulesError(f"trigger {form['id']}: no template named {step['mail']!r} in the rule set")
        steps.append(MailStep(step["id"], step["mail"], digest, after_ms))
        after_ms = 0
    return tuple(steps)
