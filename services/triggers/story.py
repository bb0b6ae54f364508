"""Stories: what happens to a customer, and what is expected of the triggers; every instant is known.

    - event: product_added        something happens
      properties: {product_id: p1, price: 20}
    - after: 45m                  time passes
    - expect: cart-reminder       a mail
    - expect_none: mail

`stories_of` takes the plain data of a story file and gives its stories and every problem found. It knows the
names of the rule set it is for, so that a misspelt one cannot make `expect_none` hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from schemas.instants import Instant
from schemas.rule_set import RuleSet
from trigger_engine.core.language import Path, walk
from trigger_engine.core.lint import event_types_of

CUSTOMER_DEFAULT = "shopper"
MailOutcome = Literal["sent", "cancelled", "expired", "suppressed", "failed", "bounced", "opened", "clicked"]


@dataclass(frozen=True, slots=True)
class Passes:
    """Nothing but time, until `at`."""

    path: Path
    at: Instant


@dataclass(frozen=True, slots=True)
class Happens:
    """An event, received at `at`."""

    path: Path
    at: Instant
    type: str
    properties: dict[str, Any]
    context: dict[str, Any]
    customer_id: str | None
    anonymous_id: str | None
    occurred_at: Instant
    event_id: str | None = None
    backfill: bool = False


@dataclass(frozen=True, slots=True)
class Becomes:
    """What became of the last request of a mail, by its step or template."""

    path: Path
    at: Instant
    mail: str
    outcome: MailOutcome
    properties: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A decision, as far as it is described; what is None may be anything."""

    path: Path
    mail: str | None = None
    """A mail that was requested, by its template or step."""
    trigger: str | None = None
    step: str | None = None
    outcome: str | None = None
    variant: str | None = None
    customer: str | None = None
    reason: str | None = None
    """Words of the reason."""
    at: Instant | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """Part of what the template is given."""


@dataclass(frozen=True, slots=True)
class Expects:
    """Each was decided since the last time something was expected, and no other mail was sent."""

    path: Path
    at: Instant
    wanted: tuple[Wanted, ...]


@dataclass(frozen=True, slots=True)
class ExpectsNone:
    """Nothing like it was decided since then; without `unwanted`, nothing at all."""

    path: Path
    at: Instant
    unwanted: Wanted | None
    mails_only: bool


Step: TypeAlias = Passes | Happens | Becomes | Expects | ExpectsNone


@dataclass(frozen=True, slots=True)
class Story:
    """One story. `triggers`: those that take part (none named: those of the folder as they are)."""

    path: Path
    title: str
    triggers: tuple[str, ...]
    start_at: Instant
    mails_held: bool
    """Nothing becomes of a mail until the story says so; else each is sent at once."""
    before: Happens | None
    """What is known of her when the story begins."""
    steps: tuple[Step, ...]
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the pools hold when the story begins."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a story may name."""

    triggers: frozenset[str]
    steps: frozenset[str]
    templates: frozenset[str]
    events: frozenset[str] = frozenset()
    """Event types that triggers name."""
    pools: frozenset[str] = frozenset()
    """Pools that their offers take codes from."""

    @classmethod
    def of(cls, rule_set: RuleSet) -> "Names":
        """The names of a rule set."""
        return cls(
            frozenset(str(trigger["id"]) for trigger in rule_set.triggers),
            frozenset(
                str(step["id"])
                for trigger in rule_set.triggers
                for _, step in walk(trigger["steps"])
                if "id" in step
            ),
            frozenset(template.name for template in rule_set.templates),
            frozenset(name for trigger in rule_set.triggers for _, name in event_types_of(trigger)),
            frozenset(
                str(step["offer"]["pool"])
                for trigger in rule_set.triggers
                for _, step in walk(trigger["steps"])
                if "pool" in step.get("offer", ())
            ),
        )
