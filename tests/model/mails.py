"""Sections 6 and 7: a mail's checks, its request, and what became of it."""

from dataclasses import dataclass, replace
from typing import Any

from schemas import ids
from tests.model import steps
from tests.model.customer import EXPERIMENTS_MAX, Customer, Happening, Mail, Run
from tests.model.local_time import quiet_end, zone_of
from tests.model.reading import Step, Trigger, duration_ms
from tests.model.turn import Request, Turn

NOT_SENT = ("email_cancelled", "email_expired", "email_suppressed", "email_failed")
HOLDOUT = "holdout"


@dataclass(frozen=True)
class Verdict:
    """What a check that does not pass says: the outcome, and for `rescheduled` the new due time."""

    outcome: str
    due: int | None = None
    for_device: bool = False


def check(turn: Turn, run: Run, step: Step) -> bool:
    """One run through the list. True if the run goes on behind the mail."""
    name = step["id"]
    attempt = run.attempts[name] = run.attempts.get(name, 0) + 1
    run.held = False  # its turn has come
    verdict = _or_wait_for_device(turn, _first_failure(turn, run))
    if verdict is not None and verdict.outcome == "rescheduled":
        assert verdict.due is not None
        turn.decide(run, "rescheduled", run.due, verdict.due, step=name, attempt=attempt)
        run.due = verdict.due
        run.awaits_device = verdict.for_device
        return False
    if verdict is not None:
        turn.decide(run, verdict.outcome, run.due, run.due, step=name, attempt=attempt)
        run.alive = run.held = False
        return False
    _pass(turn, run, step, attempt)
    run.left = run.left[1:]
    run.was_held = run.held = run.awaits_device = False
    if run.draining:
        steps.end(turn, run, "exited", run.due)  # at the check, also of a mail that was put off
        return False
    run.due = run.planned
    return True


def _or_wait_for_device(turn: Turn, verdict: Verdict | None) -> Verdict | None:
    """While a device that was asked may still answer, a mail is not given up for what it may know."""
    asked_at = turn.customer.asked_at
    if verdict is None or verdict.outcome not in ("audience", "no_address", "no_consent"):
        return verdict
    if asked_at is None or turn.now >= asked_at + 30_000:
        return verdict
    return Verdict("rescheduled", asked_at + 30_000, for_device=True)


def _first_failure(turn: Turn, run: Run) -> Verdict | None:
    """The table of section 7, down to arbitration."""
    customer, trigger = turn.customer, run.trigger
    email = customer.profile.get("email")
    if turn.now > run.planned + trigger.expires_after_ms:
        return Verdict("expired")
    if not turn.step_holds(trigger.audience, run):
        return Verdict("audience")
    if email is None:
        return Verdict("no_address")
    if customer.bounced == email:
        return Verdict("suppressed")
    if not trigger.marketing:
        return None
    if customer.unsubscribed or customer.refused == email:
        return Verdict("suppressed")
    paused = customer.paused_until is not None and turn.now < customer.paused_until
    if customer.consent is not True or paused:
        return Verdict("no_consent")
    if _cooling(customer, run):
        return Verdict("cooldown")
    if _capped(turn, run):
        return Verdict("capped")
    return _calendar(turn) or _quiet(turn) or _arbitrate(turn, run)


def _cooling(customer: Customer, run: Run) -> bool:
    """due < last mail of the trigger's earlier runs + cooldown."""
    cooldown = run.trigger.cooldown_ms
    if cooldown is None or run.mails:
        return False
    earlier = [
        mail.due
        for mail in customer.mails
        if mail.trigger_id == run.trigger.id and mail.run is not run and not mail.returned
    ]
    return any(run.due < due + cooldown for due in earlier)


def _capped(turn: Turn, run: Run) -> bool:
    policy = turn.rules.policy
    slots = [mail.due for mail in turn.customer.mails if _takes_slot(mail, run)]
    if not run.shadow:
        slots += turn.customer.campaigns
    on_sale_day = any(start <= turn.now < end for start, end in policy.sale_days)
    for cap in policy.caps:
        taken = [slot for slot in slots if slot > run.due - cap.within_ms]
        planned = [at for at in policy.campaigns if run.due < at < run.due + cap.within_ms]
        at_most = cap.on_sale_days if on_sale_day and cap.on_sale_days is not None else cap.at_most
        if len(taken) + len(planned) >= at_most:
            return True
    return False


def _takes_slot(mail: Mail, run: Run) -> bool:
    """A shadow counts and takes slots of its own only."""
    if mail.returned or not mail.marketing or mail.shadow != run.shadow:
        return False
    return not run.shadow or mail.trigger_id == run.trigger.id


def _calendar(turn: Turn) -> Verdict | None:
    for start, end in turn.rules.policy.blackouts:
        if start <= turn.now < end:
            return Verdict("rescheduled", end)
    return None


def _quiet(turn: Turn) -> Verdict | None:
    policy = turn.rules.policy
    if policy.quiet_hours is None:
        return None
    end = quiet_end(turn.now, policy.quiet_hours, zone_of(turn.customer.profile, policy.time_zone))
    return None if end is None else Verdict("rescheduled", end)


def _rank(run: Run) -> tuple[int, str, str]:
    """The lowest wins: highest priority, ties by lower trigger id, then lower occasion."""
    return (-run.trigger.priority, run.trigger.id, run.occasion)


def _arbitrate(turn: Turn, run: Run) -> Verdict | None:
    hold = turn.rules.policy.arbitration_hold_ms
    if hold is None or run.shadow:
        return None
    if not run.was_held:
        run.was_held = run.held = True
        return Verdict("rescheduled", run.due + hold)
    others = [other for other in turn.customer.live_runs() if other.held and other is not run]
    if any(_rank(other) < _rank(run) for other in others):
        return Verdict("outranked")
    for other in others:
        name = other.left[0]["id"]
        attempt = other.attempts[name] = other.attempts[name] + 1
        turn.decide(other, "outranked", run.due, other.due, step=name, attempt=attempt)
        other.alive = other.held = False
    return None


def _pass(turn: Turn, run: Run, step: Step, attempt: int) -> None:
    """Every check up to arbitration passed: held out, a shadow, or mailed."""
    name = step["id"]
    send_id = ids.send_id(run.trigger.id, run.occasion, name, shadow=run.shadow)
    code = _offer_code(turn, run, step, send_id) if "offer" in step else None
    held_out = run.held_out and run.trigger.marketing
    requested = not held_out and not run.shadow
    outcome = "fired" if requested else "held_out" if held_out else "shadow"
    mail = Mail(
        send_id=send_id,
        trigger_id=run.trigger.id,
        trigger=run.trigger,
        run=run,
        step=name,
        attempt=attempt,
        due=run.due,
        planned=run.planned,
        to=turn.customer.profile["email"],
        marketing=run.trigger.marketing,
        requested=requested,
        shadow=run.shadow,
        first=not run.mails,
        known=not requested,
    )
    offer = None
    if code is not None and requested:
        mail.offer_until = run.due + duration_ms(step["offer"]["valid_for"])
        if "pool" in step["offer"]:
            turn.pools.give(step["offer"]["pool"])
        offer = (code, step["offer"]["value"], mail.offer_until)
    run.mails.append(mail)
    turn.customer.mails.append(mail)
    turn.decide(
        run, outcome, run.due, run.due, step=name, attempt=attempt, mail=send_id if requested else None
    )
    if requested:
        without = "offer" in step and offer is None
        template = step["else"] if without else steps.of_variant(run, step["mail"])
        expires_at = run.planned + run.trigger.expires_after_ms
        to = turn.customer.profile["email"]
        turn.results.requests.append(Request(send_id, "send", template, run.variant, expires_at, to, offer))


def _offer_code(turn: Turn, run: Run, step: Step, send_id: str) -> str | None:
    """The code of a step's offer, if it is given."""
    customer, offers = turn.customer, turn.rules.policy.offers
    given = [mail for mail in customer.mails if mail.offer_until is not None and not mail.returned]
    if customer.consent is not True:
        return None
    if "at_most" in offers:
        within = duration_ms(offers["within"])
        if len([mail for mail in given if run.due - within < mail.due <= run.due]) >= offers["at_most"]:
            return None
    if "trained_after" in offers and customer.orders_on_offer >= offers["trained_after"]:
        return None
    pool = step["offer"].get("pool")
    if pool is None:
        return str(step["offer"]["code"])
    return turn.pools.next_code(pool, send_id)


def is_open(mail: Mail) -> bool:
    """Whether it can still be taken back: requested, and what became of it is unknown."""
    return mail.requested and not mail.known and not mail.cancelling


def take_back(turn: Turn, mail: Mail, at: int) -> None:
    """The sender is asked not to send it."""
    mail.cancelling = True
    _decide(turn, mail, "cancelling", at)
    turn.results.requests.append(Request(mail.send_id, "cancel", None, mail.run.variant, None, None))


def meet_outcome(turn: Turn, event: Happening) -> None:
    """Section 3, step 5: what became of a mail."""
    customer = turn.customer
    send_id = event.properties.get("send_id")
    _suppress(customer, event, send_id)
    for mail in customer.mails:
        if mail.send_id != send_id or mail.known or not mail.requested:
            continue
        outcome = None
        if event.type in ("email_sent", "email_bounced"):
            mail.known = True  # it had left; nothing is given back
            outcome = "regret" if mail.cancelling else None
        elif event.type in NOT_SENT:
            mail.known = mail.returned = True
            outcome = "cancelled" if mail.cancelling or event.type == "email_cancelled" else None
        if outcome is not None:
            _decide(turn, mail, outcome, event.at)


def _decide(turn: Turn, mail: Mail, outcome: str, at: int) -> None:
    """On a mail, by the version that asked for it: its run may have migrated since."""
    run = replace(mail.run, trigger=mail.trigger)
    turn.decide(run, outcome, at, mail.due, step=mail.step, attempt=mail.attempt, mail=mail.send_id)


def _suppress(customer: Customer, event: Happening, send_id: Any) -> None:
    """It is about the address that was mailed, as far as the mail's outcome was unknown."""
    mail = next((one for one in customer.mails if one.send_id == send_id and not one.known), None)
    address = customer.profile.get("email") if mail is None else mail.to
    if event.type == "email_bounced" or (
        event.type == "email_suppressed" and mail is not None and not mail.marketing
    ):
        customer.bounced = address
    elif event.type == "email_suppressed":
        customer.refused = address


# --- hold-out and arms


def share_of(experiment: str, customer_key: str) -> float:
    """u: the first 8 hex digits of the hash, as a number between 0 and 1."""
    return int(ids.stable_hash(experiment, customer_key)[:8], 16) / 2**32


def draw(turn: Turn, trigger: Trigger) -> tuple[str | None, bool]:
    """(variant, held out) of a run that starts, remembered for her."""
    customer, policy = turn.customer, turn.rules.policy
    arm: str | None = None
    if trigger.has_experiment:
        if trigger.id not in customer.arms:
            _remember(customer, trigger.id, _arm(trigger, share_of(trigger.id, customer.key)))
        arm = customer.arms[trigger.id] or None
    held_out = arm == HOLDOUT
    if trigger.marketing and policy.holdout:
        if "policy" not in customer.arms:
            held = share_of("policy", customer.key) < policy.holdout / 10_000
            _remember(customer, "policy", HOLDOUT if held else "")
        held_out = held_out or customer.arms["policy"] == HOLDOUT
    return None if held_out else arm, held_out


def _arm(trigger: Trigger, u: float) -> str:
    holdout = trigger.holdout / 10_000
    if u < holdout:
        return HOLDOUT
    share, left = (u - holdout) / (1 - holdout), 0.0
    for name in sorted(trigger.variants):
        left += trigger.variants[name] / 10_000
        if share < left:
            return name
    return max(trigger.variants, default="")


def _remember(customer: Customer, experiment: str, arm: str) -> None:
    customer.arms[experiment] = arm
    while len(customer.arms) > EXPERIMENTS_MAX:
        del customer.arms[next(iter(customer.arms))]
