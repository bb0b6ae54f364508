"""One customer's log through the reference model: her events in their order, her wake-ups where they were
recorded, and by itself what had to be handed in and was recorded nowhere.

Customers of this load never meet, so that each has a model of her own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.instants import Instant, parse_instant
from schemas.records import DecisionRecord, EventRecord
from tests.chaos.evidence import Seen
from tests.model.customer import RECENT_IDS, Customer
from tests.model.model import Model
from tests.model.turn import Expected, Request


class Placed(NamedTuple):
    """An event and where it stands."""

    offset: int
    event: EventRecord


class WakeUp(NamedTuple):
    """Handed in behind the event at `behind`, due at `due_at`, by a clock that said `now`."""

    behind: int
    now: Instant
    due_at: Instant


@dataclass
class Replayed:
    """What the model comes to. `demanded`: decisions that had to be made before the event at an offset."""

    decisions: list[Expected] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    demanded: dict[str, int] = field(default_factory=dict)
    last_offset: int = -1
    seen: Seen | None = None


def wake_ups_of(decisions: Iterable[DecisionRecord]) -> list[WakeUp]:
    """The wake-ups that left these decisions, in the order in which they came."""
    found = {
        WakeUp(one.cause.offset, parse_instant(one.decided_at), parse_instant(one.occurred_at)): None
        for one in decisions
        if one.cause.kind == "wake_up"
    }
    # In the order of the log, which is that of the decisions; the offset decides, and what is due first.
    return sorted(found, key=lambda one: one.behind)


def nows_of(decisions: Iterable[DecisionRecord]) -> dict[int, Instant]:
    """The time given with an event, by its offset, as far as something was decided at it."""
    return {one.cause.offset: parse_instant(one.decided_at) for one in decisions if one.cause.kind == "event"}


def replay(
    model: Model,
    key: str,
    inputs: Sequence[Placed],
    decisions: Sequence[DecisionRecord],
    *,
    settled_at: Instant,
    behind_ms: int = 0,
) -> Replayed:
    """`inputs` are her events and the markers of her partition, `decisions` hers; `model` has met nobody."""
    result = Replayed()
    pending = wake_ups_of(decisions)
    nows = nows_of(decisions)
    known: list[str] = []
    running = 0
    for offset, event in inputs:
        if event.event_id in known[-RECENT_IDS:]:
            continue
        while pending and pending[0].behind < offset:
            _wake(model, pending.pop(0))
        received_at = parse_instant(event.received_at)
        running = max(running, received_at)
        now = nows.get(offset, received_at - behind_ms)
        made = len(model.decisions)
        model.time(0, min(running - 1, now), now)
        result.demanded |= {one.decision_id: offset for one in model.decisions[made:]}
        model.event(0, offset, event, now)
        if event.customer_id == key:
            known.append(event.event_id)
            result.last_offset = offset
    for wake_up in pending:
        _wake(model, wake_up)
    made = len(model.decisions)
    model.time(0, settled_at, settled_at)
    result.demanded |= {one.decision_id: inputs[-1].offset + 1 for one in model.decisions[made:]}
    result.decisions, result.requests = model.decisions, model.requests
    customer = model.customer(key)
    result.seen = None if customer is None else seen_of(customer)
    return result


def _wake(model: Model, wake_up: WakeUp) -> None:
    model.time(0, wake_up.due_at, wake_up.now)


def seen_of(customer: Customer) -> Seen:
    """What the model remembers of a customer that a state tells as well."""
    last_of_type: dict[str, Instant] = {}
    for event in customer.events:  # without the types that a cart's change counts as beside its own
        last_of_type[event.type] = max(event.at, last_of_type.get(event.type, event.at))
    return {
        "last_seen_at": customer.last_seen_at,
        "email": customer.profile.get("email"),
        "first_name": customer.profile.get("first_name"),
        "consent": customer.consent,
        "orders": len(customer.orders),
        "spent": sum(total for _, total in customer.orders),
        "views": sum(event.type == "product_viewed" for event in customer.events),
        "cart": sorted((line["product_id"], line["quantity"]) for line in customer.cart.get("lines", ())),
        "last_of_type": last_of_type,
        "runs": sorted((run.trigger.id, run.occasion, run.due, run.planned) for run in customer.live_runs()),
        "open_mails": sorted(mail.send_id for mail in customer.mails if mail.requested and not mail.known),
    }


def differing(found: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """The names that differ, with both values."""
    return "; ".join(
        f"{name} is {found.get(name)!r}, by the model {value!r}"
        for name, value in wanted.items()
        if found.get(name) != value
    )
