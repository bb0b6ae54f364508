"""Plays small histories through the model, for its own tests. Times are durations after T0."""

from collections.abc import Sequence
from typing import Any

from schemas.instants import format_instant, parse_instant
from schemas.records import EventRecord
from schemas.rule_set import RuleSet, Template, TemplateText
from tests.model.model import Model
from tests.model.reading import duration_ms
from tests.model.turn import Expected

T0 = parse_instant("2026-03-02T09:00:00.000Z")
CONSENT: dict[str, Any] = {"email": "a@example.com", "consent": {"marketing_email": True}}


def rule_set(
    *triggers: dict[str, Any],
    segments: Sequence[dict[str, Any]] = (),
    policy: dict[str, Any] | None = None,
) -> RuleSet:
    """Normal forms with a template for every mail."""
    text = TemplateText(subject="s", html="h", text="t")
    templates = [Template.of(name, {"en": text}) for name in sorted(_templates(list(triggers)))]
    return RuleSet.of(list(triggers), segments=list(segments), policy=policy or {}, templates=templates)


def _templates(value: Any) -> set[str]:
    """Every name that stands behind `mail` or `else`."""
    if isinstance(value, list):
        return {name for part in value for name in _templates(part)}
    if not isinstance(value, dict):
        return set()
    found = {name for part in value.values() for name in _templates(part)}
    for field in ("mail", "else"):
        named = value.get(field)
        found |= (
            {named} if isinstance(named, str) else set(named.values()) if isinstance(named, dict) else set()
        )
    return found


def trigger(id: str, when: dict[str, Any], steps: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    """A live marketing trigger with one mail, `hello`, unless told otherwise."""
    usual: dict[str, Any] = {"id": id, "status": "live", "kind": "marketing", "when": when}
    return usual | {"steps": steps if steps is not None else [mail("hello")]} | more


def mail(template: str, **more: Any) -> dict[str, Any]:
    """A mail step named like its template."""
    return {"mail": template, "id": template} | more


def at(offset: str) -> int:
    """`-1h`, `0s`, `2d` after T0."""
    return T0 - duration_ms(offset[1:]) if offset.startswith("-") else T0 + duration_ms(offset)


class Play:
    """One partition under given rules; customer `c1` has agreed and has an address, unless not `known`."""

    def __init__(self, *rules: RuleSet, known: bool = True) -> None:
        self.model = Model({one.digest: one for one in rules})
        self.offset = 0
        if rules:
            self.activate(rules[0], "-2h")
        if known:
            self.event("profile_updated", "-1h", **CONSENT)

    def activate(self, rules: RuleSet, when: str) -> list[str]:
        """The marker of a rule set."""
        return self.event("rules_activated", when, customer=None, digest=rules.digest)

    def event(
        self,
        type: str,
        when: str,
        *,
        id: str | None = None,
        customer: str | None = "c1",
        device: str | None = None,
        received: str | None = None,
        backfill: bool = False,
        now: str | None = None,
        **properties: Any,
    ) -> list[str]:
        """One event, and before it what the log's clock has passed; returns the new decisions as lines."""
        received_at = at(received or when)
        record = EventRecord(
            event_id=id or f"e{self.offset}",
            type=type,
            occurred_at=format_instant(at(when)),
            received_at=format_instant(received_at),
            source="test",
            customer_id=customer,
            anonymous_id=device,
            properties=properties,
            backfill=backfill,
        )
        return self.record(record, received_at if now is None else at(now))

    def record(self, record: EventRecord, now: int) -> list[str]:
        """A record as it stands."""
        before = len(self.model.decisions)
        self.model.event(0, self.offset, record, now)
        self.offset += 1
        return self.lines(before)

    def until(self, when: str, now: str | None = None) -> list[str]:
        """What falls due until then, each thing at its own time, or everything at `now`."""
        before = len(self.model.decisions)
        while now is None and (due := self.model.next_due(0)) is not None and due <= at(when):
            self.model.time(0, due, due)
        if now is not None:
            self.model.time(0, at(when), at(now))
        return self.lines(before)

    def deliver_hand_overs(self, now: str) -> list[str]:
        """Hand the model what it wanted written, as the engine's writer does."""
        before = len(self.model.decisions)
        while self.model.hand_overs:
            self.record(self.model.hand_overs.pop(0).record, at(now))
        return self.lines(before)

    def sent(self, step: str, when: str, type: str = "email_sent") -> list[str]:
        """The sender says what became of a step's mail."""
        fired = next(d for d in reversed(self.model.decisions) if d.step == step and d.outcome == "fired")
        return self.event(type, when, send_id=fired.send_id)

    def lines(self, since: int = 0) -> list[str]:
        """Decisions in a few words."""
        return [line(decision) for decision in self.model.decisions[since:]]


def line(decision: Expected) -> str:
    """`fired cart/reminder`, `started cart`."""
    step = f"/{decision.step}" if decision.step else ""
    return f"{decision.outcome} {decision.trigger_id}{step}"
