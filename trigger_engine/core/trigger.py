"""One version of one trigger, compiled from its normal form."""

from collections.abc import Mapping
from typing import Any

from schemas.rule_set import Template
from trigger_engine.core.clauses import clauses_of
from trigger_engine.core.conditions import MAIL_DECLARATIONS, Value, Where
from trigger_engine.core.definition import trigger_version
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.experiments import compile_experiment
from trigger_engine.core.limits import EXPIRES_AFTER_MARKETING_MS, EXPIRES_AFTER_TRANSACTIONAL_MS
from trigger_engine.core.patterns import EventPattern, ThresholdPattern, compile_pattern
from trigger_engine.core.program import compile_program
from trigger_engine.core.template_names import data_read_by

PRIORITY_DEFAULT = 50


class Trigger:
    """`live`, `shadow` and `paused` say what the status is; drafts are none of these."""

    __slots__ = (
        "audience",
        "content",
        "cooldown_ms",
        "ending_types",
        "event_types",
        "exit",
        "experiment",
        "expires_after_ms",
        "id",
        "kind",
        "live",
        "marketing",
        "on_edit",
        "once_per",
        "pattern",
        "paused",
        "priority",
        "program",
        "reads_start",
        "shadow",
        "status",
        "supersedes",
        "template_data",
        "template_digests",
        "unless",
        "version",
        "waits",
    )

    def __init__(self, form: Mapping[str, Any], templates: Mapping[str, Template]) -> None:
        """Raises CelError or ValueError for what a checked definition does not hold, and LookupError if a
        template is missing."""
        self.id: str = form["id"]
        self.version = trigger_version(form)
        self.content = trigger_version({name: value for name, value in form.items() if name != "status"})
        """The version but for the status: pausing and resuming is no edit."""
        self.status: str = form["status"]
        self.live = self.status == "live"
        self.shadow = self.status == "shadow"
        self.paused = self.status == "paused"
        self.kind: str = form["kind"]
        self.marketing = self.kind == "marketing"
        self.priority: int = form.get("priority", PRIORITY_DEFAULT)
        self.pattern = compile_pattern(form["when"])
        self.event_types = self.pattern.types
        self.unless = clauses_of(form.get("unless", ()))
        self.exit = clauses_of(form.get("exit", ()))
        self.audience = Where(form["audience"], MAIL_DECLARATIONS) if "audience" in form else None
        self.once_per = Value(form["once_per"]) if "once_per" in form else None
        self.cooldown_ms = parse_duration(form["cooldown"]) if "cooldown" in form else 0
        self.expires_after_ms = _expires_after_ms(form)
        self.supersedes: tuple[str, ...] = tuple(form.get("supersedes", ()))
        self.waits = "wait" in form
        self.program = compile_program(form.get("wait"), form["steps"])
        named = {name: templates[name] for name in self.program.template_names()}
        self.template_digests = {name: template.digest for name, template in named.items()}
        self.template_data = {name: data_read_by(template) for name, template in named.items()}
        """By template, what of the data that not every mail has a mail with it is given."""
        self.experiment = compile_experiment(form["experiment"]) if "experiment" in form else None
        self.on_edit: str = form.get("on_edit", "pin")
        self.ending_types = frozenset(clause.event_type for clause in (*self.unless, *self.exit))
        self.reads_start = any(clause.needs_start for clause in (*self.unless, *self.exit))
        """Whether an ending compares with the starting event, whose properties then outlive the run."""

    @property
    def active(self) -> bool:
        """Whether it starts runs, really or as a shadow."""
        return self.status in ("live", "shadow")

    @property
    def starts_on_events(self) -> bool:
        """Whether events start it directly, which those of other patterns do by what follows from them."""
        return isinstance(self.pattern, EventPattern | ThresholdPattern)

    @property
    def types_of_interest(self) -> frozenset[str]:
        """The event types that can start, end or move its runs."""
        return self.ending_types | self.program.event_types | frozenset(self.event_types)


def _expires_after_ms(form: Mapping[str, Any]) -> int:
    if "expires_after" in form:
        return parse_duration(form["expires_after"])
    return EXPIRES_AFTER_MARKETING_MS if form["kind"] == "marketing" else EXPIRES_AFTER_TRANSACTIONAL_MS
