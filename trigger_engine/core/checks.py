"""The checks a mail has to pass, in the order of semantics section 7, each with its reason and its facts.

expired, audience, address, suppressed, consent, cooldown, caps, calendar, quiet hours, arbitration,
hold-out, shadow. (`exit` and goals are judged when their event arrives, so no run that reaches these checks
has met its exit.) Transactional mails skip what is about marketing: consent, cooldown, caps, calendar, quiet
hours, arbitration and hold-outs; and they are held back by an address that bounced but not by a recipient
who only refuses marketing.

The first check that fails decides. A mail that is put off meets the whole list again; any other failure
ends the run: a series is not taken up in its middle. While a device has been asked what it knows of her, want
of an address, of consent or of a place in the audience puts a mail off.
"""

from collections.abc import Callable

from schemas.instants import format_instant
from trigger_engine.core.arbitration import arbitrate
from trigger_engine.core.calendar import check_calendar, check_quiet_hours
from trigger_engine.core.caps import check_caps, check_cooldown
from trigger_engine.core.cel import EvaluationError
from trigger_engine.core.durations import format_duration
from trigger_engine.core.limits import DEVICE_ANSWERS_MS
from trigger_engine.core.question import Question, Verdict, scene_of
from trigger_engine.core.state import FOREVER


def check(question: Question) -> Verdict | None:
    """The verdict of the first check that fails, or None if the mail may go out."""
    for one in _MARKETING if question.trigger.marketing else _TRANSACTIONAL:
        verdict = one(question)
        if verdict is not None:
            return _or_wait_for_device(question, verdict)
    return None


def _or_wait_for_device(question: Question, verdict: Verdict) -> Verdict:
    """A customer who has just been recognized may be known well on her device."""
    asked_at = question.state.asked_at
    if asked_at is None or verdict.outcome not in _DEVICE_MAY_KNOW:
        return verdict
    until = asked_at + DEVICE_ANSWERS_MS
    if question.now >= until:
        return verdict
    reason = f"{verdict.reason}, but what her device knows of her may still come"
    return Verdict("rescheduled", reason, until, for_device=True)


def _expired(question: Question) -> Verdict | None:
    planned_at = question.run.planned_at
    expires_at = planned_at + question.trigger.expires_after_ms
    question.facts["expires_at"] = format_instant(expires_at)
    if question.now <= expires_at:
        return None
    late = format_duration(question.trigger.expires_after_ms)
    return Verdict("expired", f"it was due at {format_instant(planned_at)}, more than {late} ago")


def _audience(question: Question) -> Verdict | None:
    audience = question.trigger.audience
    if audience is None:
        return None
    scene = scene_of(question.turn, question.run)
    question.facts.update(audience.facts(scene))
    try:
        if audience.holds(scene):
            return None
    except EvaluationError as error:
        reason = f"its audience could not be judged, which counts as false: {error.message}"
        return Verdict("audience", reason)
    return Verdict("audience", f"the customer is not in its audience ({audience.source})")


def _address(question: Question) -> Verdict | None:
    known = question.state.profile.email is not None
    question.facts["address_known"] = known
    return None if known else Verdict("no_address", "no e-mail address of the customer is known")


def _undeliverable(question: Question) -> Verdict | None:
    profile = question.state.profile
    if profile.undeliverable_address != profile.email:
        return None
    question.facts["suppressed"] = "undeliverable"
    return Verdict("suppressed", "mail to this address bounced or was suppressed")


def _unwanted(question: Question) -> Verdict | None:
    profile = question.state.profile
    if profile.unsubscribed_at is not None:
        said_at = format_instant(profile.unsubscribed_at)
        question.facts["unsubscribed_at"] = said_at
        return Verdict("suppressed", f"the customer unsubscribed at {said_at}")
    if profile.unwanted_address == profile.email:
        question.facts["suppressed"] = "marketing"
        return Verdict("suppressed", "the sender has marketing to this address suppressed")
    return None


def _consent(question: Question) -> Verdict | None:
    profile = question.state.profile
    question.facts["consent.marketing_email"] = profile.marketing_email
    if not profile.marketing_email:
        said = "never gave" if profile.marketing_email is None else "refused or withdrew"
        return Verdict("no_consent", f"the customer {said} consent to marketing e-mail")
    if profile.paused_until is None or profile.paused_until <= question.now:
        return None
    if profile.paused_until >= FOREVER:
        question.facts["paused"] = True
        return Verdict("no_consent", "the customer paused marketing e-mail until further notice")
    until = format_instant(profile.paused_until)
    question.facts["paused_until"] = until
    return Verdict("no_consent", f"the customer paused marketing e-mail until {until}")


def _held_out(question: Question) -> Verdict | None:
    if not question.run.held_out:
        return None
    return Verdict("held_out", "the customer is in a hold-out, who gets none for comparison", goes_on=True)


def _shadow(question: Question) -> Verdict | None:
    if not question.run.shadow:
        return None
    return Verdict("shadow", "the trigger was a shadow when the run started", goes_on=True)


_DEVICE_MAY_KNOW = frozenset({"audience", "no_address", "no_consent"})

_MARKETING: tuple[Callable[[Question], Verdict | None], ...] = (
    _expired,
    _audience,
    _address,
    _undeliverable,
    _unwanted,
    _consent,
    check_cooldown,
    check_caps,
    check_calendar,
    check_quiet_hours,
    arbitrate,
    _held_out,
    _shadow,
)
_TRANSACTIONAL: tuple[Callable[[Question], Verdict | None], ...] = (
    _expired,
    _audience,
    _address,
    _undeliverable,
    _shadow,
)
