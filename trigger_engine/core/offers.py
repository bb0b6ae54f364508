"""Offers: whether a mail may carry one, and what is remembered of those given.

None is given without consent to marketing, beyond the policy's limit, or to who has learnt to wait for
them: her last orders were all placed while an offer of ours was valid.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.ids import send_id
from schemas.instants import Instant, format_instant
from trigger_engine.core.effects import Effect, GivenCode, RequestMail
from trigger_engine.core.limits import OFFERS_MAX
from trigger_engine.core.program import Offer as OfferForm
from trigger_engine.core.question import Question
from trigger_engine.core.state import CustomerState, Offer


class Given(NamedTuple):
    """An offer for one mail, as its template shows it."""

    code: str
    value: str
    valid_until: Instant
    pool: str | None = None
    """The pool that the code is taken from."""

    def data(self) -> dict[str, str]:
        """For `EmailRequest.data`."""
        valid_until = format_instant(self.valid_until)
        return {"code": self.code, "value": self.value, "valid_until": valid_until}


def choose_offer(question: Question) -> Given | None:
    """The offer that the mail may carry, or None: then it goes with its other template.

    Why is noted in the facts. Nothing is taken yet.
    """
    form = question.step.offer
    if form is None:
        return None
    refusal = _refusal(question, form)
    question.facts["offer"] = "given" if refusal is None else refusal
    code = None if refusal is not None else _code(question, form)
    if code is None:
        return None
    return Given(code, form.value, question.run.due_at + form.valid_for_ms, form.pool)


def _refusal(question: Question, form: OfferForm) -> str | None:
    state, limit, due_at = question.state, question.policy.offers, question.run.due_at
    if not state.profile.marketing_email:
        return "no consent to marketing"
    if limit is not None:
        given = sum(1 for offer in state.offers if due_at - limit.within_ms < offer.at <= due_at)
        if given >= limit.at_most:
            return "the limit on offers is reached"
        if limit.trained_after is not None and state.orders_on_offer >= limit.trained_after:
            return "the last orders all came with an offer"
    if _code(question, form) is None:
        return f"no code is left in the pool {form.pool}"
    return None


def _code(question: Question, form: OfferForm) -> str | None:
    """The form's own code, or the next one of its pool that this step has not given already."""
    if form.pool is None:
        return form.code
    turn, run = question.turn, question.run
    given = sum(code.pool == form.pool for code in codes_given(turn.effects).values())
    identity = send_id(run.trigger_id, run.occasion, question.step.id, shadow=run.shadow)
    return turn.rules.code_of(form.pool, identity, given)


def codes_given(effects: Iterable[Effect]) -> dict[str, GivenCode]:
    """The codes that go with requests, by `send_id`."""
    requests = (effect for effect in effects if isinstance(effect, RequestMail))
    return {request.record.send_id: request.code for request in requests if request.code is not None}


def note_offer(state: CustomerState, given: Given, at: Instant, send_id: str) -> None:
    """An offer was given in a mail that was due at `at`."""
    state.offers.append(Offer(at, given.valid_until, send_id))
    if len(state.offers) > OFFERS_MAX:
        state.offers.remove(min(state.offers, key=lambda offer: offer.at))


def note_order(state: CustomerState, at: Instant) -> None:
    """Count the orders that came while an offer was valid, in a row and in all. One that arrives behind a
    later one changes nothing: offers given between them were not known to it."""
    if state.orders.last_at is not None and at < state.orders.last_at:
        return
    on_offer = any(offer.at <= at <= offer.valid_until for offer in state.offers)
    state.orders_on_offer = state.orders_on_offer + 1 if on_offer else 0
    state.orders.on_offer += on_offer


def return_offer(state: CustomerState, send_id: str) -> None:
    """The mail with the offer was not sent after all."""
    if any(offer.send_id == send_id for offer in state.offers):
        state.offers = [offer for offer in state.offers if offer.send_id != send_id]
