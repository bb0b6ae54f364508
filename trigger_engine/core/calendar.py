"""When not to mail: blackouts of the calendar, and the recipient's quiet hours. Both put a mail off."""

from zoneinfo import ZoneInfo

from schemas.instants import Instant, format_instant
from trigger_engine.core.local_time import quiet_end, quiet_interval_after, zone_for
from trigger_engine.core.policy import Policy
from trigger_engine.core.question import Question, Verdict
from trigger_engine.core.state import CustomerState


def zone_of(state: CustomerState, policy: Policy) -> ZoneInfo:
    """The customer's own zone, or her country's, or the policy's."""
    return zone_for(state.profile.time_zone, state.profile.country, policy.time_zone)


def check_calendar(question: Question) -> Verdict | None:
    """Put off to the end of a blackout."""
    ends = [to for begins, to in question.policy.calendar.blackouts if begins <= question.now < to]
    if not ends:
        return None
    until = max(ends)
    question.facts["blackout_until"] = format_instant(until)
    return Verdict(
        "rescheduled", f"no marketing goes out in the blackout until {format_instant(until)}", until
    )


def check_quiet_hours(question: Question) -> Verdict | None:
    """Put off to the end of the night, as the recipient's clocks show it."""
    hours = question.policy.quiet_hours
    if hours is None:
        return None
    zone = zone_of(question.state, question.policy)
    question.facts["time_zone"] = zone.key
    until = quiet_end(hours, zone, question.now)
    if until is None:
        return None
    return Verdict("rescheduled", f"quiet hours in {zone.key} last until {format_instant(until)}", until)


def not_between(state: CustomerState, policy: Policy, now: Instant) -> list[tuple[str, str]]:
    """The next quiet hours as a request to the sender states them."""
    if policy.quiet_hours is None:
        return []
    interval = quiet_interval_after(policy.quiet_hours, zone_of(state, policy), now)
    return [] if interval is None else [(format_instant(interval[0]), format_instant(interval[1]))]
