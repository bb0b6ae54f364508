"""Mails from request to outcome: asking for one, taking one back, and hearing what became of it.

A requested mail stays pending until the sender's event says that it was sent, cancelled, expired,
suppressed or failed. Only a pending one can be taken back; then its step is `cancelling` until the
sender's answer makes it `cancelled` or, if it had gone out already, `regret`.
"""

from typing import Any

from schemas.ids import send_id
from schemas.instants import format_instant
from schemas.records import EmailRequestRecord
from trigger_engine.core.carts import cart_value
from trigger_engine.core.conditions import cart_item
from trigger_engine.core.effects import CancelMail, RequestMail
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import MAILS_PENDING_MAX
from trigger_engine.core.rules import MailStep, Trigger
from trigger_engine.core.state import CustomerState, Happening, PendingMail, Run
from trigger_engine.core.turn import Turn

_NOT_SENT = frozenset({"email_cancelled", "email_expired", "email_suppressed", "email_failed"})


def request_mail(turn: Turn, trigger: Trigger, run: Run, step: MailStep, facts: dict[str, Any]) -> None:
    """The run's present mail may go: decide `fired`, ask the sender, remember the mail as pending."""
    state = turn.state
    address = state.profile.email
    assert address is not None, "the address was checked"
    identity = send_id(trigger.id, run.occasion, step.id)
    turn.decide(
        (trigger.id, trigger.version),
        run.occasion,
        "fired",
        f"{step.id} was due at {format_instant(run.due_at)} and passed every check.",
        facts=facts,
        step=step.id,
        send_id=identity,
        due_at=run.due_at,
    )
    request = EmailRequestRecord(
        send_id=identity,
        action="send",
        trigger_id=trigger.id,
        trigger_version=trigger.version,
        step=step.id,
        customer_key=state.customer_key,
        kind=trigger.kind,
        decided_at=format_instant(turn.now),
        to=address,
        locale=state.profile.locale,
        template=step.template,
        template_digest=step.template_digest,
        data=_template_data(state, run),
        expires_at=format_instant(run.due_at + trigger.expires_after_ms),
    )
    turn.effects.append(RequestMail(request))
    memory = state.memories[trigger.id]
    if len(state.mails) >= MAILS_PENDING_MAX:
        del state.mails[0]
    state.mails.append(
        PendingMail(
            send_id=identity,
            trigger_id=trigger.id,
            trigger_version=trigger.version,
            occasion=run.occasion,
            step=step.id,
            kind=trigger.kind,
            to=address,
            due_at=run.due_at,
            start=run.start if trigger.reads_start else _bare(run.start),
            first=run.mail_index == 0,
            mailed_before_at=memory.last_mailed_at,
        )
    )
    memory.last_mailed_at = max(run.due_at, memory.last_mailed_at or run.due_at)


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
    if mail is None:
        return
    state.mails.remove(mail)
    if event.type in _NOT_SENT:
        _return_cooldown(state, mail)
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


def _return_cooldown(state: CustomerState, mail: PendingMail) -> None:
    """A mail that never went out starts no cooldown."""
    memory = state.memories.get(mail.trigger_id)
    if memory is not None and memory.last_mailed_at == mail.due_at:
        memory.last_mailed_at = mail.mailed_before_at


def _decide(turn: Turn, mail: PendingMail, outcome: str, reason: str) -> None:
    turn.decide(
        (mail.trigger_id, mail.trigger_version),
        mail.occasion,
        outcome,
        reason,
        step=mail.step,
        send_id=mail.send_id,
        due_at=mail.due_at,
    )


def _bare(start: Happening) -> Happening:
    return Happening(start.event_id, start.type, start.occurred_at)


def _template_data(state: CustomerState, run: Run) -> dict[str, Any]:
    """What a template may show: the profile's names, the cart if there is one, the starting event."""
    cart = state.cart
    shown = None
    if cart.items:
        items = [cart_item(item) for item in cart.items]
        shown = {"id": cart.id, "items": items, "value": cart_value(cart), "currency": cart.currency}
    return {
        "profile": {"first_name": state.profile.first_name, "last_name": state.profile.last_name},
        "cart": shown,
        "event": run.start.properties,
    }
