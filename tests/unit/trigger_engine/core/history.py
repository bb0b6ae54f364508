"""Plays a customer's history through `step` as the shell does, and shows the effects as short lines.

    history = History(CART)
    history.event("product_added", "0s", product_id="p1", price=10)  # ["started cart"]
    history.until("45m")  # ["fired cart/reminder", "send reminder"]

Times are durations after `T0`. Before each event, wake-ups due strictly before the latest `received_at`
are handed in, as the log's own clock demands.
"""

from typing import Any

from schemas.instants import parse_instant
from schemas.records import CauseRecord, DecisionRecord, EmailRequestRecord, EventRecord, InterestRecord
from schemas.rule_set import RuleSet, Template, TemplateText
from trigger_engine.core.durations import parse_duration
from trigger_engine.core.effects import CancelMail, Decide, Effect, KeepBasket, RequestMail
from trigger_engine.core.inputs import EventInput, Input, RulesChange, WakeUp
from trigger_engine.core.language import walk
from trigger_engine.core.rules import Rules, load_rules
from trigger_engine.core.state import CustomerState, decode_state, encode_state, new_state
from trigger_engine.core.step import step
from trigger_engine.core.trigger_file import parse_trigger

T0 = parse_instant("2026-03-02T09:00:00.000Z")
CUSTOMER = "c1"

KNOWN = {"email": "ada@customers.example", "consent": {"marketing_email": True}}
"""Traits of somebody who may be mailed."""
CART = """
id: cart
status: live
kind: marketing
when: {event: [product_added, cart_updated, checkout_started], where: cart.value > 0}
wait: 45m
unless: [order_completed, cart_emptied]
once_per: cart.id
steps:
  - mail: reminder
  - wait: 24h
  - mail: last-call
exit: [order_completed, cart_emptied]
"""
SERIES = """
id: series
status: live
kind: marketing
when: {event: signed_up}
steps: [{mail: hello}, {wait: 2d}, {mail: tips}]
exit: unsubscribed
"""
ORDER = """
id: order
status: live
kind: transactional
when: {event: order_completed}
once_per: event.properties.order_id
steps: [{mail: confirmation}]
"""


def rules_of(
    *texts: str,
    policy: dict[str, Any] | None = None,
    segments: dict[str, str] | None = None,
    earlier: tuple[Rules, ...] = (),
    shows: str = "t",
) -> Rules:
    """Rules from the texts of trigger files and segments' conditions by id; every mail gets a template, whose
    text part `shows` is."""
    forms = [parse_trigger(text, "test.yaml") for text in texts]
    names = {name for form in forms for _, step in walk(form["steps"]) for name in _templates(step)}
    message = {"en": TemplateText(subject="s", html="h", text=shows)}
    templates = [Template.of(name, message) for name in sorted(names)]
    parts = [{"id": name, "when": when} for name, when in (segments or {}).items()]
    return load_rules(RuleSet.of(forms, segments=parts, policy=policy, templates=templates), earlier)


def _templates(step: dict[str, Any]) -> list[str]:
    """The templates that a step may use."""
    mail = step.get("mail", [])
    mails = [mail] if isinstance(mail, str) else list(dict(mail).values())
    return [*mails, *([step["else"]] if "else" in step else [])]


def at(offset: str) -> int:
    """`-1h`, `0s`, `2d` after T0."""
    if offset.startswith("-"):
        return T0 - parse_duration(offset[1:])
    return T0 + parse_duration(offset)


def line(effect: Effect) -> str:
    """An effect in a few words."""
    if isinstance(effect, KeepBasket):
        return f"keep {' '.join(effect.basket.products)}"
    record = effect.record
    if isinstance(record, EventRecord):
        return f"{record.type} for {record.customer_id or record.anonymous_id}"
    if isinstance(record, EmailRequestRecord):
        return f"{record.action} {record.step}"
    if isinstance(record, InterestRecord):
        return f"{record.action} {record.product_id} for {record.customer_id}"
    step_name = f"/{record.step}" if record.step else ""
    return f"{record.outcome} {record.trigger_id}{step_name}"


class History:
    """One customer under given rules: from texts, or compiled. `known`: she has an address and has agreed to
    marketing."""

    def __init__(
        self,
        *texts: str,
        known: bool = True,
        policy: dict[str, Any] | None = None,
        segments: dict[str, str] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.rules = rules or rules_of(*texts, policy=policy, segments=segments)
        self.state: CustomerState = new_state(CUSTOMER)
        self.effects: list[Effect] = []
        self.offset = 0
        self.received_max = 0
        if known:
            self.event("profile_updated", "-1h", email="a@example.com", consent={"marketing_email": True})

    def event(
        self,
        type: str,
        when: str,
        *,
        id: str | None = None,
        received: str | None = None,
        backfill: bool = False,
        now: str | None = None,
        **properties: Any,
    ) -> list[str]:
        """One event, and before it the wake-ups that the log's clock has passed."""
        self.offset += 1
        received_at = at(received or when)
        self.received_max = max(self.received_max, received_at)
        lines = self.until_instant(self.received_max - 1)
        given = EventInput(
            event_id=id or f"e{self.offset}",
            type=type,
            customer_key=CUSTOMER,
            customer_id=CUSTOMER,
            anonymous_id=None,
            occurred_at=at(when),
            received_at=received_at,
            source="test",
            properties=properties,
            context={},
            backfill=backfill,
            cause=CauseRecord("event", "tetik.events", 0, self.offset, id or f"e{self.offset}"),
        )
        return lines + self._apply(given, at(now) if now else self.received_max)

    def change(
        self,
        *texts: str,
        when: str,
        policy: dict[str, Any] | None = None,
        segments: dict[str, str] | None = None,
    ) -> list[str]:
        """Other rules count from `when` on, and she is brought in line with them at once."""
        lines = self.until_instant(at(when) - 1)
        self.offset += 1
        self.received_max = max(self.received_max, at(when))
        marker = CauseRecord("rules", "tetik.events", 0, self.offset, f"marker{self.offset}")
        rules = rules_of(*texts, policy=policy, segments=segments, earlier=(self.rules,))
        self.rules = rules.activated(at(when), marker)
        return lines + self._apply(RulesChange(at(when), marker), at(when))

    def until(self, when: str, now: str | None = None) -> list[str]:
        """Hand in what is due up to and at this time; each at its own due time, or all at `now`."""
        return self.until_instant(at(when), at(now) if now else None)

    def until_instant(self, instant: int, now: int | None = None) -> list[str]:
        lines: list[str] = []
        while self.state.next_wake_up_at is not None and self.state.next_wake_up_at <= instant:
            due_at = self.state.next_wake_up_at
            cause = CauseRecord("wake_up", *self.state.last_applied(), None)
            lines += self._apply(WakeUp(due_at, cause), due_at if now is None else now)
            assert self.state.next_wake_up_at != due_at, "a wake-up has to move on"
        return lines

    def sent(self, step_name: str, when: str, type: str = "email_sent") -> list[str]:
        """The sender says what became of the last request for this step."""
        request = next(record for record in reversed(self.requests) if record.step == step_name)
        return self.event(
            type,
            when,
            send_id=request.send_id,
            trigger_id=request.trigger_id,
            step=step_name,
            status=type[6:],
        )

    def forget_nothing(self) -> None:
        """Store and read the state, as a restart does."""
        self.state = decode_state(encode_state(self.state))

    @property
    def decisions(self) -> list[DecisionRecord]:
        return [effect.record for effect in self.effects if isinstance(effect, Decide)]

    @property
    def requests(self) -> list[EmailRequestRecord]:
        return [effect.record for effect in self.effects if isinstance(effect, RequestMail | CancelMail)]

    def last(self, outcome: str) -> DecisionRecord:
        """The last decision with this outcome."""
        return [decision for decision in self.decisions if decision.outcome == outcome][-1]

    def _apply(self, given: Input, now: int) -> list[str]:
        self.state, effects = step(self.rules, self.state, given, now)
        self.effects += effects
        return [line(effect) for effect in effects]


def product(id: str = "p1", price: float = 10.0, quantity: int = 1, **more: Any) -> dict[str, Any]:
    """Properties of a product event."""
    return {"product_id": id, "name": id.upper(), "price": price, "quantity": quantity, **more}
