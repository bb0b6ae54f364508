"""The products a customer is interested in: what she viewed, put into a cart or wished for (semantics,
section 11).

Her state holds the list; what enters it or leaves it is told to the product's partition by an effect, so
that a change of the product finds her. A device keeps its list for itself and tells nobody: what it knows is
noted when it turns out to be somebody's (`unite`).

Interests begin when rules with a trigger on product notices are activated: before, nobody could be told.
What is in a list leaves it under any rules.
"""

from collections.abc import Iterable, Iterator

from schemas.ids import interest_id
from schemas.instants import Instant, format_instant
from schemas.keys import ANONYMOUS_PREFIX
from schemas.records import InterestRecord
from trigger_engine.core.effects import DropInterest, Effect, NoteInterest
from trigger_engine.core.inputs import EventInput
from trigger_engine.core.limits import INTERESTS_MAX
from trigger_engine.core.state import CustomerState
from trigger_engine.core.trim import id_or_none

ORDERED = "order_completed"
UNWISHED = "product_unwished"
NOTED_BY = frozenset({"product_viewed", "product_added", "product_wished"})
FOLLOWED = NOTED_BY | {UNWISHED, ORDERED}
"""The event types that change the list."""


def follow(state: CustomerState, event: EventInput, at: Instant, *, wanted: bool) -> Iterator[Effect]:
    """What an event of a type in `FOLLOWED` makes of her interests. `wanted`: the rules have a use for new
    ones."""
    if event.type == ORDERED:
        yield from _drop(state, set(_ordered(event)), event.event_id, at)
        return
    product_id = id_or_none(event.properties.get("product_id"))
    if product_id is None:
        return
    if event.type == UNWISHED:
        yield from _drop(state, {product_id}, event.event_id, at)
    elif product_id in state.interests:
        state.interests = [*(other for other in state.interests if other != product_id), product_id]
    elif wanted:
        yield from _add(state, (product_id,), event.event_id, at)


def unite(state: CustomerState, others: Iterable[str], event_id: str, at: Instant) -> Iterator[Effect]:
    """Take in what her device was interested in: hers since the hand-over."""
    new = [product_id for product_id in others if product_id not in state.interests]
    yield from _add(state, new, event_id, at)


def withdraw(state: CustomerState, event_id: str, at: Instant) -> Iterator[Effect]:
    """She is interested in nothing more."""
    yield from _drop(state, set(state.interests), event_id, at)


def _add(state: CustomerState, new: Iterable[str], event_id: str, at: Instant) -> Iterator[Effect]:
    """The latest last; over the bound the oldest go, and of those only what was told before is withdrawn."""
    added = list(dict.fromkeys(new))
    united = [*state.interests, *added]
    gone = united[:-INTERESTS_MAX]
    state.interests = united[-INTERESTS_MAX:]
    if _is_device(state):
        return
    for product_id in gone:
        if product_id not in added:
            yield DropInterest(_record(state, event_id, product_id, "drop", at))
    for product_id in added:
        if product_id not in gone:
            yield NoteInterest(_record(state, event_id, product_id, "note", at))


def _drop(state: CustomerState, products: set[str], event_id: str, at: Instant) -> Iterator[Effect]:
    gone = [product_id for product_id in state.interests if product_id in products]
    if not gone:
        return
    state.interests = [product_id for product_id in state.interests if product_id not in products]
    if not _is_device(state):
        for product_id in gone:
            yield DropInterest(_record(state, event_id, product_id, "drop", at))


def _ordered(event: EventInput) -> Iterator[str]:
    """The products of an order, as its lines or, where there are none, the event itself names them."""
    lines = event.properties.get("products")
    for line in lines if isinstance(lines, list) else [event.properties]:
        product_id = id_or_none(line.get("product_id")) if isinstance(line, dict) else None
        if product_id is not None:
            yield product_id


def _is_device(state: CustomerState) -> bool:
    return state.customer_key.startswith(ANONYMOUS_PREFIX)


def _record(state: CustomerState, event_id: str, product_id: str, action: str, at: Instant) -> InterestRecord:
    customer_id = state.customer_key
    return InterestRecord(
        interest_id=interest_id(event_id, customer_id, product_id, action),
        customer_id=customer_id,
        product_id=product_id,
        action=action,
        occurred_at=format_instant(at),
    )
