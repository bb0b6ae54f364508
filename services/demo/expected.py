"""What the shipped triggers must decide on a script: slow, obvious, and owing nothing to the engine.

Written from the trigger files' meaning alone: whole histories in plain lists, no state, no engine code. For
each customer her events are gone through once for each trigger.

The rule for ties: the clock comes to T, what is due at T is done, and only then the events of T are sent. So
a mail due at T knows only events before T, and an ending at T comes too late for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, Instant
from services.demo.script import ScriptedEvent

CART, WELCOME, CONFIRMATION = "cart-abandoned", "welcome-series", "order-confirmation"
CART_WAIT_MS = 45 * MINUTE_MS
CART_COOLDOWN_MS = 7 * DAY_MS
CART_MAILS = (("cart-reminder", 0), ("cart-questions", 24 * HOUR_MS), ("cart-last-call", 48 * HOUR_MS))
"""Steps, each with its wait after the one before."""
WELCOME_MAILS = (("welcome", 0), ("welcome-discover", 2 * DAY_MS), ("welcome-favourites", 3 * DAY_MS))
CONFIRMATION_MAIL = "order-confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedDecision:
    """`step` is None for a decision on the whole run; `due_at` of the mail it is about; `to` where a mail
    goes out."""

    trigger_id: str
    customer_key: str
    occasion: str
    step: str | None
    outcome: str
    due_at: Instant
    decided_at: Instant
    to: str | None = None


@dataclass(frozen=True, slots=True)
class CartChange:
    """What one event did to a cart: `filled` it (or left something in it), or ended it."""

    at: Instant
    cart_id: str
    filled: bool


def expected_decisions(script: Sequence[ScriptedEvent], until: Instant) -> list[ExpectedDecision]:
    """Every decision that falls before `until`, ordered by time within each customer and trigger."""
    by_customer = sorted(script, key=lambda event: event.key)
    decisions: list[ExpectedDecision] = []
    for key, group in groupby(by_customer, key=lambda event: event.key):
        history = list(group)
        decisions += _confirmations(key, history)
        decisions += _welcome(key, history)
        decisions += _carts(key, history)
    return [decision for decision in decisions if decision.decided_at < until]


def _confirmations(key: str, history: list[ScriptedEvent]) -> Iterable[ExpectedDecision]:
    """One for each order, at once; without an address none."""
    confirmed: list[str] = []
    for position, event in enumerate(history):
        if event.type != "order_completed" or event.properties["order_id"] in confirmed:
            continue
        order_id = event.properties["order_id"]
        confirmed.append(order_id)
        to = _address(history[: position + 1])
        run = (CONFIRMATION, key, f"{key}/{order_id}")
        yield _decision(run, None, "started", event.at, event.at)
        yield _decision(
            run, CONFIRMATION_MAIL, "no_address" if to is None else "fired", event.at, event.at, to
        )


def _welcome(key: str, history: list[ScriptedEvent]) -> Iterable[ExpectedDecision]:
    """Once a customer, from a sign-up with consent; unsubscribing ends it."""
    starts = [
        position
        for position, event in enumerate(history)
        if event.type == "signed_up" and _consents(history[: position + 1])
    ]
    if not starts:
        return
    start = history[starts[0]]
    known_at_start = history[: starts[0] + 1]
    left = [event.at for event in history[starts[0] + 1 :] if event.type == "unsubscribed"]
    run = (WELCOME, key, f"{key}/welcome")
    yield _decision(run, None, "started", start.at, start.at)
    due_at = start.at
    for number, (step, wait_ms) in enumerate(WELCOME_MAILS):
        due_at += wait_ms
        if left and left[0] < due_at:
            yield _decision(run, None, "exited", due_at, left[0])
            return
        known = known_at_start if number == 0 else _before(history, due_at)
        outcome, to = _may_mail(known)
        yield _decision(run, step, outcome, due_at, due_at, to)
        if outcome != "fired":
            return


def _carts(key: str, history: list[ScriptedEvent]) -> Iterable[ExpectedDecision]:
    """Each cart once; earlier first mails first, because they hold back the later ones by the cooldown."""
    changes = _cart_changes(history)
    first_fills = [
        position
        for position, change in enumerate(changes)
        if change.filled
        and change.cart_id not in [each.cart_id for each in changes[:position] if each.filled]
    ]
    runs = sorted((_first_due_at(changes, position), position) for position in first_fills)
    mailed_at: list[Instant] = []
    for first_due_at, position in runs:
        yield from _cart_run(key, history, changes[position:], first_due_at, mailed_at)


def _cart_run(
    key: str,
    history: list[ScriptedEvent],
    changes: list[CartChange],
    first_due_at: Instant,
    mailed_at: list[Instant],
) -> Iterable[ExpectedDecision]:
    start = changes[0]
    run = (CART, key, f"{key}/{start.cart_id}")
    yield _decision(run, None, "started", start.at + CART_WAIT_MS, start.at)
    ended = [change.at for change in changes if not change.filled]
    due_at = first_due_at
    for number, (step, wait_ms) in enumerate(CART_MAILS):
        due_at += wait_ms
        if ended and ended[0] < due_at:
            yield _decision(run, None, "exited" if number else "cancelled", due_at, ended[0])
            return
        outcome, to = _may_mail(_before(history, due_at))
        cooling = [at for at in mailed_at if at <= due_at < at + CART_COOLDOWN_MS]
        if number == 0 and outcome == "fired" and cooling:
            outcome, to = "cooldown", None
        yield _decision(run, step, outcome, due_at, due_at, to)
        if outcome != "fired":
            return
        mailed_at.append(due_at)


def _first_due_at(changes: list[CartChange], position: int) -> Instant:
    """45 minutes after the last change of the cart before those 45 minutes were over."""
    cart_id, last_at = changes[position].cart_id, changes[position].at
    for change in changes[position + 1 :]:
        if not change.filled or change.at >= last_at + CART_WAIT_MS:
            break
        if change.cart_id == cart_id:
            last_at = change.at
    return last_at + CART_WAIT_MS


def _cart_changes(history: list[ScriptedEvent]) -> list[CartChange]:
    """The life of a customer's carts; she has one at a time, and an order or emptying ends it."""
    changes: list[CartChange] = []
    cart_id, contents = "", list[str]()
    for event in history:
        product = str(event.properties.get("product_id"))
        if event.type == "product_added":
            if event.properties["cart_id"] != cart_id:
                cart_id, contents = event.properties["cart_id"], []
            contents = [*contents, product] if product not in contents else contents
            changes.append(CartChange(event.at, cart_id, True))
        elif event.type == "product_removed" and product in contents:
            contents = [each for each in contents if each != product]
            changes.append(CartChange(event.at, cart_id, bool(contents)))
        elif event.type == "checkout_started" and contents:
            changes.append(CartChange(event.at, cart_id, True))
        elif event.type == "order_completed":
            contents = []
            changes.append(CartChange(event.at, cart_id, False))
    return changes


def _may_mail(known: list[ScriptedEvent]) -> tuple[str, str | None]:
    """(outcome, address) of a marketing mail, given what is known."""
    to = _address(known)
    if to is None:
        return "no_address", None
    if [event for event in known if event.type == "unsubscribed"]:
        return "suppressed", None
    if not _consents(known):
        return "no_consent", None
    return "fired", to


def _address(known: list[ScriptedEvent]) -> str | None:
    """The last address that was told."""
    told = [event.properties["email"] for event in known if "email" in event.properties]
    return told[-1] if told else None


def _consents(known: list[ScriptedEvent]) -> bool:
    """The last word on marketing mails."""
    said = [
        event.type != "unsubscribed" and event.properties["consent"]["marketing_email"]
        for event in known
        if event.type == "unsubscribed" or "consent" in event.properties
    ]
    return bool(said) and said[-1]


def _before(history: list[ScriptedEvent], at: Instant) -> list[ScriptedEvent]:
    return [event for event in history if event.at < at]


def _decision(
    run: tuple[str, str, str],
    step: str | None,
    outcome: str,
    due_at: Instant,
    decided_at: Instant,
    to: str | None = None,
) -> ExpectedDecision:
    trigger_id, customer_key, occasion = run
    return ExpectedDecision(
        trigger_id=trigger_id, customer_key=customer_key, occasion=occasion, step=step, outcome=outcome,
        due_at=due_at, decided_at=decided_at, to=to,
    )  # fmt: skip
