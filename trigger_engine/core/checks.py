"""The checks a mail has to pass, in the order of DESIGN section 4, each with its reason and its facts.

expired, audience, address, suppressed, consent, cooldown. (`exit` is judged when its event arrives and ends
the run there and then, so no run that reaches these checks has met its exit.) Transactional mails skip
consent and cooldown, and are held back by an address that bounced but not by a recipient who only refuses
marketing. The first check that fails ends the run: a series is not taken up in its middle.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.instants import Instant, format_instant
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.conditions import Scene
from trigger_engine.core.durations import format_duration
from trigger_engine.core.rules import Trigger
from trigger_engine.core.state import CustomerState, Run


class Question(NamedTuple):
    """May this run's next mail go out at `now`? `facts` collects what the checks read."""

    state: CustomerState
    trigger: Trigger
    run: Run
    now: Instant
    facts: dict[str, Any]


class Refused(NamedTuple):
    """The outcome of the check that failed, and why, as a clause."""

    outcome: str
    reason: str


def check(question: Question) -> Refused | None:
    """The first check that fails, or None if the mail may go out."""
    for one in _CHECKS:
        refused = one(question)
        if refused is not None:
            return refused
    return None


def _expired(question: Question) -> Refused | None:
    expires_at = question.run.due_at + question.trigger.expires_after_ms
    question.facts["expires_at"] = format_instant(expires_at)
    if question.now <= expires_at:
        return None
    late = format_duration(question.trigger.expires_after_ms)
    return Refused("expired", f"it was due at {format_instant(question.run.due_at)}, more than {late} ago")


def _audience(question: Question) -> Refused | None:
    audience = question.trigger.audience
    if audience is None:
        return None
    scene = Scene(question.state, None, question.run.start, question.now)
    question.facts.update(audience.facts(scene))
    try:
        if audience.holds(scene):
            return None
    except EvaluationError as error:
        return Refused(
            "audience", f"its audience could not be judged, which counts as false: {error.message}"
        )
    return Refused("audience", f"the customer is not in its audience ({audience.source})")


def _address(question: Question) -> Refused | None:
    known = question.state.profile.email is not None
    question.facts["address_known"] = known
    return None if known else Refused("no_address", "no e-mail address of the customer is known")


def _suppressed(question: Question) -> Refused | None:
    profile = question.state.profile
    if profile.undeliverable_address == profile.email:
        question.facts["suppressed"] = "undeliverable"
        return Refused("suppressed", "mail to this address bounced or was suppressed")
    if not question.trigger.marketing:
        return None
    if profile.unsubscribed_at is not None:
        question.facts["unsubscribed_at"] = format_instant(profile.unsubscribed_at)
        return Refused(
            "suppressed", f"the customer unsubscribed at {format_instant(profile.unsubscribed_at)}"
        )
    if profile.unwanted_address == profile.email:
        question.facts["suppressed"] = "marketing"
        return Refused("suppressed", "the sender has marketing to this address suppressed")
    return None


def _consent(question: Question) -> Refused | None:
    if not question.trigger.marketing:
        return None
    consent = question.state.profile.marketing_email
    question.facts["consent.marketing_email"] = consent
    if consent:
        return None
    said = "never gave" if consent is None else "refused or withdrew"
    return Refused("no_consent", f"the customer {said} consent to marketing e-mail")


def _cooldown(question: Question) -> Refused | None:
    """Only a run's first mail, counted in event time from the last mail of the trigger's earlier runs."""
    trigger, run = question.trigger, question.run
    if not trigger.marketing or not trigger.cooldown_ms or run.mail_index:
        return None
    last_at = question.state.memories[trigger.id].last_mailed_at
    question.facts["last_mailed_at"] = None if last_at is None else format_instant(last_at)
    if last_at is None or run.due_at >= last_at + trigger.cooldown_ms:
        return None
    length = format_duration(trigger.cooldown_ms)
    return Refused(
        "cooldown", f"its last mail was due at {format_instant(last_at)}, less than {length} before"
    )


_CHECKS: tuple[Callable[[Question], Refused | None], ...] = (
    _expired,
    _audience,
    _address,
    _suppressed,
    _consent,
    _cooldown,
)
