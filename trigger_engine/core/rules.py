"""Rule sets ready to decide by: conditions compiled, durations in milliseconds, an index by event type.

An event meets only the triggers that can care (`Rules.concern`); most event types concern none. Runs may
go on in the version they began with, so the versions of earlier sets stay at hand; and what earlier sets
held is known, so that a change of rules can be told from no change (`Rules.known`).
"""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, NamedTuple

from schemas.event import PRODUCT_NOTICE
from schemas.instants import Instant
from schemas.records import CauseRecord
from schemas.rule_set import RuleSet
from trigger_engine.core.cel import CelError
from trigger_engine.core.clauses import Clause
from trigger_engine.core.language import Problem, check_policy, check_segment, check_trigger
from trigger_engine.core.patterns import DatePattern, InactivityPattern, SegmentPattern
from trigger_engine.core.policy import Policy, compile_policy
from trigger_engine.core.pools import CodeOf, no_codes
from trigger_engine.core.projection import DERIVED_TYPES
from trigger_engine.core.segments import Segment, compile_segment
from trigger_engine.core.snapshot import Snapshot
from trigger_engine.core.state import Run
from trigger_engine.core.touches import Touches
from trigger_engine.core.trigger import PRIORITY_DEFAULT, Trigger

__all__ = ["NO_RULES", "Concern", "Held", "Rules", "RulesError", "Trigger", "compile_rules", "load_rules"]


class RulesError(Exception):
    """A rule set cannot be used; the message says which trigger and why."""


class Concern:
    """The triggers that an event of certain types can start, and the endings whose last time it sets."""

    __slots__ = ("endings", "ends", "starters", "types")

    def __init__(
        self, types: tuple[str, ...], starters: tuple[Trigger, ...], endings: tuple[Clause, ...], ends: bool
    ) -> None:
        self.types = types
        self.starters = starters
        self.endings = endings
        self.ends = ends
        """Whether some version, an earlier one perhaps, has an ending, a goal or a wait for these types."""


class Held(NamedTuple):
    """What a rule set held: trigger id → (version, status), segment id → digest, the policy's time zone, and
    the live or shadow triggers that wait for inactivity, a date or a segment."""

    triggers: Mapping[str, tuple[str, str]]
    segments: Mapping[str, str]
    time_zone: str
    watching: frozenset[str] = frozenset()


class Rules:
    """What a partition decides by. Never changes once made; `activated` and the like make copies."""

    __slots__ = (
        "_concerns",
        "_derived",
        "_known",
        "_set",
        "_versions",
        "activated_at",
        "activation",
        "code_of",
        "dates",
        "digest",
        "inactivity",
        "live_ids",
        "notes_interests",
        "paused_ids",
        "policy",
        "segment_starts",
        "segments",
        "snapshot",
        "touches",
        "triggers",
    )

    def __init__(
        self,
        digest: str,
        triggers: Iterable[Trigger],
        policy: Policy,
        earlier: Iterable["Rules"] = (),
        segments: Iterable[Segment] = (),
    ) -> None:
        """`earlier` sets come oldest first: of a version that two sets hold, the later one's is taken."""
        self.digest = digest
        self.policy = policy
        self.activated_at: Instant = 0
        self.activation: CauseRecord | None = None
        """The marker; None if the partition does not know it."""
        self.code_of: CodeOf = no_codes
        """The next codes of the partition's pools."""
        self.snapshot: Snapshot | None = None
        """What products are recommended by."""
        self._set = {trigger.id: trigger for trigger in sorted(triggers, key=lambda trigger: trigger.id)}
        self.triggers = tuple(trigger for trigger in self._set.values() if trigger.active)
        """Live ones and shadows, by id."""
        self.live_ids = frozenset(trigger.id for trigger in self.triggers if trigger.live)
        self.paused_ids = frozenset(trigger.id for trigger in self._set.values() if trigger.paused)
        self.notes_interests = any(
            PRODUCT_NOTICE in trigger.event_types and (trigger.active or trigger.paused)
            for trigger in self._set.values()
        )
        """Whether a trigger, paused or not, starts when a product is back in stock or cheaper."""
        self.inactivity = self._with(InactivityPattern)
        self.dates = self._with(DatePattern)
        self.segment_starts = self._with(SegmentPattern)
        self.segments = tuple(sorted(segments, key=lambda segment: segment.id))
        self.touches = Touches(self.segments, self.inactivity, self.dates, policy.engagement.points)
        """What has to be looked at after an event of a type."""
        self._known: dict[str, Held] = {}
        self._versions: dict[tuple[str, str], Trigger] = {}
        for rules in earlier:
            self._known.update(rules._known)
            self._versions.update(rules._versions)
        self._known[digest] = Held(
            {trigger.id: (trigger.version, trigger.status) for trigger in self._set.values()},
            {segment.id: segment.digest for segment in self.segments},
            self.policy.time_zone,
            frozenset(one.id for one in (*self.inactivity, *self.dates, *self.segment_starts)),
        )
        self._versions.update({(trigger.id, trigger.version): trigger for trigger in self._set.values()})
        self._index()

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

    def priority_of(self, run: Run) -> int:
        """The priority of the version that a run has."""
        trigger = self.trigger_of(run.trigger_id, run.trigger_version)
        return PRIORITY_DEFAULT if trigger is None else trigger.priority

    def stands_still(self, run: Run) -> bool:
        """Whether a run is not due, whatever its time: its trigger is paused, or it came over from a
        partition that is ahead and waits for the rules it knows."""
        return run.trigger_id in self.paused_ids or run.not_before_rules > self.activated_at

    def present(self, trigger_id: str) -> Trigger | None:
        """The trigger as this set holds it, whatever its status."""
        return self._set.get(trigger_id)

    def at_work(self, trigger_id: str) -> Trigger | None:
        """The trigger as this set holds it, paused or not; None if it has none, or as a draft only."""
        trigger = self._set.get(trigger_id)
        return trigger if trigger is not None and (trigger.active or trigger.paused) else None

    def known(self, digest: str) -> Held | None:
        """What the set of this digest held; None if it is not at hand."""
        return self._known.get(digest)

    def activated(self, at: Instant, cause: CauseRecord | None) -> "Rules":
        """The same rules as activated by a marker at `at`."""
        copied = copy(self)
        copied.activated_at = at
        copied.activation = cause
        return copied

    def with_codes(self, code_of: CodeOf) -> "Rules":
        """The same rules with these codes to give."""
        copied = copy(self)
        copied.code_of = code_of
        return copied

    def with_snapshot(self, snapshot: Snapshot | None) -> "Rules":
        """The same rules, recommending by this snapshot."""
        copied = copy(self)
        copied.snapshot = snapshot
        return copied

    def _with(self, pattern: type) -> tuple[Trigger, ...]:
        return tuple(trigger for trigger in self.triggers if isinstance(trigger.pattern, pattern))

    def _index(self) -> None:
        types = {name for trigger in self._versions.values() for name in trigger.types_of_interest}
        self._concerns = {name: self._concern_of((name,)) for name in sorted(types)}
        self._derived = {
            pair: self._concern_of(pair) for pair in DERIVED_TYPES if pair[0] in types or pair[1] in types
        }

    def _concern_of(self, types: tuple[str, ...]) -> Concern:
        wanted = frozenset(types)
        starters = tuple(trigger for trigger in self.triggers if wanted.intersection(trigger.event_types))
        endings = {
            ending.key: ending
            for trigger in self._set.values()
            if trigger.active or trigger.paused
            for ending in (*trigger.unless, *trigger.exit)
            if ending.event_type in wanted
        }
        ends = any(
            wanted.intersection(trigger.ending_types | trigger.program.event_types)
            for trigger in self._versions.values()
        )
        return Concern(types, starters, tuple(endings.values()), ends)


NO_RULES = Rules("", (), Policy())
"""Before the first activation: events update state and start nothing."""


def load_rules(rule_set: RuleSet, earlier: Iterable[Rules] = ()) -> Rules:
    """Compile a published set. `earlier` sets (oldest first) let their runs go on.

    Raises RulesError for anything this version does not understand: better no change than half of one.
    """
    name = f"rule set {rule_set.digest}"
    normal = rule_set.model_copy(
        update={
            "triggers": [
                _checked(f"{name}: trigger {data.get('id')}", check_trigger(data))
                for data in rule_set.triggers
            ],
            "segments": [
                _checked(f"{name}: segment {data.get('id')}", check_segment(data))
                for data in rule_set.segments
            ],
            "policy": _checked(f"{name}: policy", check_policy(rule_set.policy)),
        }
    )
    return compile_rules(normal, earlier)


def _checked(about: str, found: tuple[dict[str, Any], list[Problem]]) -> dict[str, Any]:
    form, problems = found
    if problems:
        said = "; ".join(f"{problem.field}: {problem.message}" for problem in problems)
        raise RulesError(f"{about}: {said}")
    return form


def compile_rules(rule_set: RuleSet, earlier: Iterable[Rules] = ()) -> Rules:
    """Compile a set that holds normal forms, as checked ones are. Raises RulesError."""
    name = f"rule set {rule_set.digest}"
    templates = {template.name: template for template in rule_set.templates}
    triggers: dict[str, Trigger] = {}
    for form in rule_set.triggers:
        if form["id"] in triggers:
            raise RulesError(f"{name}: two triggers have the id {form['id']}")
        try:
            triggers[form["id"]] = Trigger(form, templates)
        except LookupError as error:
            raise RulesError(
                f"{name}: trigger {form['id']}: no template named {error} in the rule set"
            ) from error
        except (CelError, ValueError) as error:
            raise RulesError(f"{name}: trigger {form['id']}: {error}") from error
    try:
        policy = compile_policy(rule_set.policy)
    except (ValueError, TypeError) as error:
        raise RulesError(f"{name}: policy: {error}") from error
    segments: dict[str, Segment] = {}
    for form in rule_set.segments:
        if form["id"] in segments:
            raise RulesError(f"{name}: two segments have the id {form['id']}")
        try:
            segments[form["id"]] = compile_segment(form)
        except (CelError, ValueError) as error:
            raise RulesError(f"{name}: segment {form['id']}: {error}") from error
    return Rules(rule_set.digest, triggers.values(), policy, earlier, segments.values())
