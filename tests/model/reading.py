"""Section 1: a rule set's normal forms with the page's defaults filled in."""

import re
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, parse_instant
from schemas.rule_set import RuleSet, content_digest

_UNIT_MS = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS, "s": SECOND_MS, "ms": 1}
_PART = re.compile(r"(\d+)(ms|[dhms])")

VERSION_DIGITS = 12
"""A trigger's version is the beginning of its content's digest."""

Step = dict[str, Any]
"""One step in its normal form."""


def duration_ms(text: str) -> int:
    """`1d12h` in milliseconds."""
    assert _PART.sub("", text) == "", f"{text!r} is no duration"
    return sum(int(number) * _UNIT_MS[unit] for number, unit in _PART.findall(text))


def clock_minutes(text: str) -> int:
    """`09:30` as minutes since midnight."""
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


@dataclass(frozen=True)
class Ending:
    """One entry of `unless`, `exit` or a goal: an event type and perhaps a condition."""

    type: str
    where: str | None


@dataclass(frozen=True)
class Cap:
    """At most so many marketing mails within a sliding window; more on sale days."""

    at_most: int
    within_ms: int
    on_sale_days: int | None


@dataclass(frozen=True)
class Policy:
    """The policy with its defaults."""

    time_zone: str = "UTC"
    lateness_ms: int = DAY_MS
    occasion_memory_ms: int = 400 * DAY_MS
    date_grace_ms: int = 6 * HOUR_MS
    arbitration_hold_ms: int | None = None
    holdout: int = 0
    caps: tuple[Cap, ...] = ()
    offers: dict[str, Any] = field(default_factory=dict)
    quiet_hours: tuple[int, int] | None = None
    blackouts: tuple[tuple[int, int], ...] = ()
    sale_days: tuple[tuple[int, int], ...] = ()
    campaigns: tuple[int, ...] = ()
    half_life_days: int = 30
    points: dict[str, float] = field(
        default_factory=lambda: {
            "product_viewed": 1,
            "product_added": 3,
            "order_completed": 10,
            "email_opened": 1,
            "email_clicked": 5,
        }
    )


@dataclass(frozen=True)
class Trigger:
    """A trigger with its defaults. `steps` begins with the trigger's own `wait`, if it has one."""

    id: str
    version: str
    content: str
    """The version but for the status: pausing and resuming is no edit."""
    status: str
    shadow_of: str | None
    kind: str
    priority: int
    when: dict[str, Any]
    wait: Any
    unless: tuple[Ending, ...]
    exit: tuple[Ending, ...]
    audience: str | None
    once_per: str | None
    cooldown_ms: int | None
    expires_after_ms: int
    supersedes: tuple[str, ...]
    steps: tuple[Step, ...]
    holdout: int
    variants: dict[str, int]
    has_experiment: bool
    on_edit: str

    @property
    def marketing(self) -> bool:
        """Marketing mails need consent; transactional ones do not."""
        return self.kind == "marketing"

    @property
    def running(self) -> bool:
        """Whether it starts anything."""
        return self.status in ("live", "shadow")

    @property
    def all_steps(self) -> list[Step]:
        """Section 6: the trigger's wait is its first step."""
        return ([] if self.wait is None else [{"wait": self.wait}]) + list(self.steps)


@dataclass(frozen=True)
class Rules:
    """A rule set, read."""

    digest: str
    triggers: dict[str, Trigger]
    segments: dict[str, str]
    policy: Policy
    template_digests: dict[str, str]


def read_rules(rule_set: RuleSet) -> Rules:
    """The set as the model works with it; triggers and segments in the order of their ids."""
    triggers = {form["id"]: read_trigger(form) for form in sorted(rule_set.triggers, key=lambda t: t["id"])}
    segments = {form["id"]: form["when"] for form in sorted(rule_set.segments, key=lambda s: s["id"])}
    templates = {template.name: template.digest for template in rule_set.templates}
    return Rules(rule_set.digest, triggers, segments, read_policy(rule_set.policy), templates)


NO_RULES = Rules("", {}, {}, Policy(), {})
"""Before a partition's first marker."""


def read_trigger(form: dict[str, Any]) -> Trigger:
    """One trigger."""
    experiment = form.get("experiment", {})
    usual_expiry = "12h" if form["kind"] == "marketing" else "3d"
    return Trigger(
        id=form["id"],
        version=content_digest(form)[:VERSION_DIGITS],
        content=content_digest({name: value for name, value in form.items() if name != "status"}),
        status=form["status"],
        shadow_of=form.get("shadow_of"),
        kind=form["kind"],
        priority=form.get("priority", 50),
        when=form["when"],
        wait=form.get("wait"),
        unless=_endings(form.get("unless", [])),
        exit=_endings(form.get("exit", [])),
        audience=form.get("audience"),
        once_per=form.get("once_per"),
        cooldown_ms=duration_ms(form["cooldown"]) if "cooldown" in form else None,
        expires_after_ms=duration_ms(form.get("expires_after", usual_expiry)),
        supersedes=tuple(form.get("supersedes", [])),
        steps=tuple(form["steps"]),
        holdout=experiment.get("holdout", 0),
        variants=experiment.get("variants", {}),
        has_experiment="experiment" in form,
        on_edit=form.get("on_edit", "pin"),
    )


def _endings(forms: list[dict[str, Any]]) -> tuple[Ending, ...]:
    return tuple(Ending(form["event"], form.get("where")) for form in forms)


def goal_endings(step: Step) -> tuple[Ending, ...]:
    """The events that reach a goal step."""
    return _endings(step["goal"])


def read_policy(form: dict[str, Any]) -> Policy:
    """The policy."""
    given: dict[str, Any] = {}
    for name in ("lateness", "occasion_memory", "date_grace", "arbitration_hold"):
        if name in form:
            given[f"{name}_ms"] = duration_ms(form[name])
    for name in ("time_zone", "holdout", "offers"):
        if name in form:
            given[name] = form[name]
    if "caps" in form:
        given["caps"] = tuple(
            Cap(cap["at_most"], duration_ms(cap["within"]), cap.get("on_sale_days")) for cap in form["caps"]
        )
    if "quiet_hours" in form:
        hours = form["quiet_hours"]
        given["quiet_hours"] = (clock_minutes(hours["from"]), clock_minutes(hours["to"]))
    calendar = form.get("calendar", {})
    given["blackouts"] = _spans(calendar.get("blackouts", []))
    given["sale_days"] = _spans(calendar.get("sale_days", []))
    given["campaigns"] = tuple(_instant(campaign["at"]) for campaign in calendar.get("campaigns", []))
    engagement = form.get("engagement", {})
    if "half_life" in engagement:
        given["half_life_days"] = duration_ms(engagement["half_life"]) // DAY_MS
    if "points" in engagement:
        given["points"] = engagement["points"]
    return Policy(**given)


def _spans(forms: list[dict[str, Any]]) -> tuple[tuple[int, int], ...]:
    return tuple((_instant(form["from"]), _instant(form["to"])) for form in forms)


def _instant(value: Any) -> int:
    return value if isinstance(value, int) else parse_instant(value)


def behind_mail(steps: list[Step], mail_id: str) -> list[Step] | None:
    """What is left to do right behind a mail step, wherever it stands; None if there is no such step."""
    for index, step in enumerate(steps):
        rest = steps[index + 1 :]
        if step.get("id") == mail_id and "mail" in step:
            return rest
        for branch in step.get("choose", []):
            inside = behind_mail(branch["then"], mail_id)
            if inside is not None:
                return inside + rest
    return None
