"""Mails from request to outcome: asking for one, taking one back, and hearing what became of it.

A requested mail stays pending until the sender's event says that it was sent, cancelled, expired,
suppressed or failed. Only a pending one can be taken back; then its step is `cancelling` until the
sender's answer makes it `cancelled` or, if it had gone out already, `regret`. What was not sent gives back
its cooldown, its place under the caps and its offer.
"""

from schemas.ids import send_id
from schemas.instants import format_instant
from schemas.records import EmailRequestRecord
from trigger_engine.core.calendar import not_between
from trigger_engine.core.caps import owner_of, return_slot
from trigger_engine.core.cooldowns import last_before, note_mail, return_mail
from trigger_engine.core.effects import CancelMail, GivenCode, RequestMail
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import MAILS_PENDING_MAX
from trigger_engine.core.occasions import note_mailed
from trigger_engine.core.offers import choose_offer, note_offer, return_offer
from trigger_engine.core.program import of_variant
from trigger_engine.core.question import Question, Verdict
from trigger_engine.core.recommended import recommended_in
from trigger_engine.core.slots import take_slot
from trigger_engine.core.state import CustomerState, Happening, PendingMail, Slot
from trigger_engine.core.template_data import template_data
from trigger_engine.core.template_names import RECOMMENDED
from trigger_engine.core.turn import Turn

_NOT_SENT = frozenset({"email_cancelled", "email_expired", "email_suppressed", "email_failed"})


def request_mail(question: Question) -> None:
    """The mail may go: decide `fired`, ask the sender, remember the mail as pending."""
    turn, run, step, trigger = question.turn, question.run, question.step, question.trigger
    state = turn.state
    address = state.profile.email
    assert address is not None, "the address was checked"
    identity = send_id(trigger.id, run.occasion, step.id)
    offer = choose_offer(question)
    template = of_variant(step.template, run.variant)
    if step.offer is not None and offer is None and step.otherwise is not None:
        template = step.otherwise
    reads = trigger.template_data[template]
    data = template_data(state, run, offer, turn.now, reads, turn.rules.snapshot)
    if RECOMMENDED in reads:
        data |= recommended_in(question)
    turn.decide(
        run,
        "fired",
        f"{step.id} was due at {format_instant(run.due_at)} and passed every check.",
        facts=question.facts,
        step=step.id,
        attempt=question.attempt,
        send_id=identity,
    )
    request = EmailRequestRecord(
        send_id=identity,
        action="send",
        trigger_id=trigger.id,
        trigger_version=trigger.version,
        step=step.id,
        variant=run.variant,
        customer_key=state.customer_key,
        kind=trigger.kind,
        decided_at=format_instant(turn.now),
        to=address,
        locale=state.profile.locale,
        template=template,
        template_digest=trigger.template_digests[template],
        data=data,
        expires_at=format_instant(run.planned_at + trigger.expires_after_ms),
        not_between=not_between(state, question.policy, turn.now) if trigger.marketing else [],
    )
    code = None if offer is None or offer.pool is None else GivenCode(offer.pool, offer.code)
    turn.effects.append(RequestMail(request, code))
    _remember(question, identity, address)
    if offer is not None:
        note_offer(state, offer, run.due_at, identity)
    _take_places(question, identity)


def withhold_mail(question: Question, verdict: Verdict) -> None:
    """Held out, or a shadow: no mail, but everything else as if there had been one."""
    step, run = question.step, question.run
    choose_offer(question)
    question.turn.decide(
        run,
        verdict.outcome,
        f"{step.id} passed every check and was not sent: {verdict.reason}.",
        facts=question.facts,
        step=step.id,
        attempt=question.attempt,
    )
    _take_places(question, send_id(run.trigger_id, run.occasion, step.id, shadow=run.shadow))


def _remember(question: Question, identity: str, address: str) -> None:
    state, run, trigger = question.state, question.run, question.trigger
    if len(state.mails) >= MAILS_PENDING_MAX:
        del state.mails[0]
    state.mails.append(
        PendingMail(
            send_id=identity,
            trigger_id=trigger.id,
            trigger_version=trigger.version,
            occasion=run.occasion,
            step=question.step.id,
            kind=trigger.kind,
            to=address,
            due_at=run.due_at,
            start=run.start if trigger.reads_start else _bare(run.start),
            first=not run.last_mail,
            mailed_before_at=last_before(state, trigger.id, run.due_at),
            attempt=question.attempt,
            variant=run.variant,
        )
    )


def _take_places(question: Question, identity: str) -> None:
    """What a mail leaves behind: cooldown, a place under the caps, and that the run has mailed."""
    state, run = question.state, question.run
    note_mail(state, run.trigger_id, run.due_at)
    if question.trigger.marketing:
        take_slot(state.slots, Slot(run.due_at, identity, owner_of(run)))
    note_mailed(state, run)
    if not run.last_mail:
        run.waited_until = run.due_at
    run.last_mail = question.step.id
    run.last_planned_at = run.planned_at
    run.attempts.pop(question.step.id, None)
    run.held = run.was_held = False


def take_back(turn: Turn, mail: PendingMail, why: str) -> None:
    """Ask the sender to cancel a pending mail; `why` is a sentence."""
    mail.cancelling = True
    _decide(turn, mail, "cancelling", f"{why} The sender is asked to cancel {mail.step}.")
    turn.effects.append(
        CancelMail(
            EmailRequestRecord(
                send_id=mail.send_id,
                action="cancel",
                trigger_id=mail.trigger_id,
                trigger_version=mail.trigger_version,
                step=mail.step,
                variant=mail.variant,
                customer_key=turn.state.customer_key,
                kind=mail.kind,
                decided_at=format_instant(turn.now),
            )
        )
    )


def hear_outcome(turn: Turn, event: EventInput) -> None:
    """Take in what the sender says became of a mail."""
    state = turn.state
    identity = event.properties.get("send_id")
    mail = next((pending for pending in state.mails if pending.send_id == identity), None)
    _note_suppression(state, event.type, mail)
    if event.type in _NOT_SENT and isinstance(identity, str):
        return_slot(state, identity)
        return_offer(state, identity)
    if mail is None:
        return
    state.mails.remove(mail)
    if event.type in _NOT_SENT:
        return_mail(state, mail)
        if mail.cancelling or event.type == "email_cancelled":
            became = event.type.removeprefix("email_")
            _decide(turn, mail, "cancelled", f"{mail.step} was not sent: the sender reports it as {became}.")
    elif mail.cancelling:
        _decide(turn, mail, "regret", f"{mail.step} had gone out before it could be cancelled.")


def _note_suppression(state: CustomerState, event_type: str, mail: PendingMail | None) -> None:
    """Suppression belongs to the address that was mailed. What the sender refused as marketing may be a
    matter of consent, so it must not hold back an order confirmation; a bounce holds back everything."""
    if event_type not in ("email_bounced", "email_suppressed"):
        return
    profile = state.profile
    address = profile.email if mail is None else mail.to
    if event_type == "email_suppressed" and (mail is None or mail.kind == "marketing"):
        profile.unwanted_address = address
    else:
        profile.undeliverable_address = address


def _decide(turn: Turn, mail: PendingMail, outcome: str, reason: str) -> None:
    turn.decide(mail, outcome, reason, step=mail.step, attempt=mail.attempt, send_id=mail.send_id)


def _bare(start: Happening) -> Happening:
    return Happening(start.event_id, start.type, start.occurred_at)
