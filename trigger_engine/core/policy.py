"""What stands above single triggers, compiled from the policy's normal form (semantics, section 1).

Durations are milliseconds, instants epoch milliseconds, clock times minutes since midnight, shares
fractions of one. What a policy leaves out has the default stated there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.instants import DAY_MS, HOUR_MS, Instant, parse_instant
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.limits import LATENESS_DEFAULT_MS, OCCASION_MEMORY_MS
from trigger_engine.core.patterns import minutes_of

BASIS_POINTS = 10_000
DATE_GRACE_DEFAULT_MS = 6 * HOUR_MS
"""A birthday greeting at three in the afternoon instead of nine is late; one the next day is wrong."""

POINTS_DEFAULT = {
    "product_viewed": 1.0,
    "product_added": 3.0,
    "order_completed": 10.0,
    "email_opened": 1.0,
    "email_clicked": 5.0,
}

Span = tuple[Instant, Instant]
"""From an instant up to, and without, another."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many marketing mails within a rolling window; another number on sale days, if given."""

    at_most: int
    within_ms: int
    on_sale_days: int | None


@dataclass(frozen=True, slots=True)
class OfferRule:
    """At most so many offers within a rolling window, and none to who has been `trained_after` that many
    orders in a row that were placed while an offer of ours was valid."""

    at_most: int
    within_ms: int
    trained_after: int | None


@dataclass(frozen=True, slots=True)
class Campaign:
    """A planned mailing of another tool; it reserves a slot under the caps."""

    id: str
    at: Instant


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days that count for everybody."""

    blackouts: tuple[Span, ...] = ()
    sale_days: tuple[Span, ...] = ()
    campaigns: tuple[Campaign, ...] = ()


@dataclass(frozen=True, slots=True)
class EngagementRule:
    """Points by event type, halved every so many days."""

    half_life_days: int = 30
    points: Mapping[str, float] = field(default_factory=lambda: POINTS_DEFAULT)


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of a rule set."""

    time_zone: str = "UTC"
    lateness_ms: int = LATENESS_DEFAULT_MS
    occasion_memory_ms: int = OCCASION_MEMORY_MS
    date_grace_ms: int = DATE_GRACE_DEFAULT_MS
    arbitration_hold_ms: int = 0
    holdout: float = 0.0
    caps: tuple[Cap, ...] = ()
    offers: OfferRule | None = None
    quiet_hours: tuple[int, int] | None = None
    calendar: Calendar = Calendar()
    engagement: EngagementRule = EngagementRule()


def compile_policy(form: Mapping[str, Any]) -> Policy:
    """From the normal form. Raises ValueError for a duration or an instant that cannot be read."""
    given: dict[str, Any] = {}
    for name in ("lateness", "occasion_memory", "date_grace", "arbitration_hold"):
        if name in form:
            given[f"{name}_ms"] = parse_duration(form[name])
    if "time_zone" in form:
        given["time_zone"] = form["time_zone"]
    if "holdout" in form:
        given["holdout"] = form["holdout"] / BASIS_POINTS
    if "caps" in form:
        given["caps"] = tuple(map(_cap, form["caps"]))
    if "offers" in form:
        offers = form["offers"]
        within_ms = parse_duration(offers["within"])
        given["offers"] = OfferRule(offers["at_most"], within_ms, offers.get("trained_after"))
    if "quiet_hours" in form:
        hours = form["quiet_hours"]
        given["quiet_hours"] = (minutes_of(hours["from"]), minutes_of(hours["to"]))
    if "calendar" in form:
        given["calendar"] = _calendar(form["calendar"])
    if "engagement" in form:
        given["engagement"] = _engagement(form["engagement"])
    return Policy(**given)


def _cap(form: Mapping[str, Any]) -> Cap:
    return Cap(form["at_most"], parse_duration(form["within"]), form.get("on_sale_days"))


def _calendar(form: Mapping[str, Any]) -> Calendar:
    return Calendar(
        blackouts=tuple(map(_span, form.get("blackouts", ()))),
        sale_days=tuple(map(_span, form.get("sale_days", ()))),
        campaigns=tuple(
            Campaign(campaign["id"], parse_instant(campaign["at"])) for campaign in form.get("campaigns", ())
        ),
    )


def _span(form: Mapping[str, Any]) -> Span:
    return parse_instant(form["from"]), parse_instant(form["to"])


def _engagement(form: Mapping[str, Any]) -> EngagementRule:
    default = EngagementRule()
    half_life = form.get("half_life", default.half_life_days)
    days = parse_duration(half_life) // DAY_MS if isinstance(half_life, str) else half_life
    points = {name: float(number) for name, number in form.get("points", default.points).items()}
    return EngagementRule(days, points)
