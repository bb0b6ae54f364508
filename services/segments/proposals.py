"""From the figures of a shop's customers to the numbers of its segments, by quantiles.

RFM goes by fifths, as is usual: `vip` is the upper two fifths by recency and the top fifth by number and by
total of orders; `rfm-loyal` the upper three and two fifths. Where there are too few to tell, the shipped
numbers are left as they are, and it is said so: a fifth of a handful is chance.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from schemas.instants import DAY_MS
from services.segments.quantiles import Weighed as Value
from services.segments.quantiles import at_least, at_most, readable, weight_of
from services.segments.sample import Figures, Weighed
from services.segments.shapes import ACTIVE, CART, ENGAGED, LAPSING, LOST, LOYAL, SHAPES, VIP, Limits, Shape

BASIS_MIN = 100
"""From so many on, a share of a fifth is right to within four hundredths, in two samples of three."""
TOP = 0.2
"""The top fifth."""
SEEN_MS = 90 * DAY_MS
REPEATED_MIN = 2
"""Orders that make somebody loyal, or more: the first says nothing."""
DAYS_MAX = 400
LOST_AFTER = 3
"""Times the days of `lapsing`."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Numbers for a segment. `basis` says what they come from, or why the shipped ones stay."""

    shape: Shape
    limits: Limits
    basis: str
    from_data: bool
    holding: int
    """Customers whom the segment would hold with these numbers, and with the shipped ones."""
    holding_shipped: int


@dataclass(frozen=True, slots=True)
class _Found:
    limits: dict[str, float] | None
    """None: the shipped ones stay."""
    basis: str


def propose(people: Sequence[Weighed]) -> list[Proposal]:
    """A proposal for each shape, in their order."""
    best = _rfm(people)
    life = _stages(people)
    found = {
        VIP.id: best[0],
        LOYAL.id: best[1],
        ENGAGED.id: _engaged(people),
        CART.id: _cart(people),
        ACTIVE.id: _only(life, "days"),
        LAPSING.id: life,
        LOST.id: _only(life, "lost_days"),
    }
    return [_proposal(shape, found[shape.id], people) for shape in SHAPES]


def _proposal(shape: Shape, found: _Found, people: Sequence[Weighed]) -> Proposal:
    limits = dict(shape.shipped) if found.limits is None else found.limits
    return Proposal(
        shape,
        limits,
        found.basis,
        found.limits is not None,
        _held(shape, limits, people),
        _held(shape, shape.shipped, people),
    )


def _held(shape: Shape, limits: Limits, people: Sequence[Weighed]) -> int:
    return round(sum(weight for figures, weight in people if shape.holds(figures, limits)))


def _values(people: Sequence[Weighed], of: Callable[[Figures], float | None]) -> list[Value]:
    given = ((of(figures), weight) for figures, weight in people)
    return [(value, weight) for value, weight in given if value is not None]


def _too_few(values: Sequence[Value], who: str) -> _Found | None:
    number = round(weight_of(values))
    if number >= BASIS_MIN:
        return None
    said = f"1 {who.replace('customers', 'customer', 1)} is" if number == 1 else f"{number:,} {who} are"
    return _Found(None, f"{said} too few to tell ({BASIS_MIN} are needed)")


def _rfm(people: Sequence[Weighed]) -> tuple[_Found, _Found]:
    recency = _values(people, lambda one: one.since_order_ms)
    orders = _values(people, lambda one: one.orders or None)
    totals = _values(people, lambda one: one.total if one.orders else None)
    few = _too_few(recency, "customers with orders")
    if few is not None:
        return few, few
    if not any(total > 0 for total, _ in totals):
        none = _Found(None, "the orders carry no total")
        return none, none
    who = f"{round(weight_of(recency)):,} customers with orders"

    def limits(recent: float, top: float) -> dict[str, float]:
        return {
            "days": _days(at_most(recency, recent)),
            "orders": max(REPEATED_MIN, at_least(orders, top)),
            "total": readable(at_least(totals, top)),
        }

    return (
        _Found(
            limits(2 * TOP, TOP), f"of {who}: the latest two fifths, the top fifth by orders and by total"
        ),
        _Found(
            limits(3 * TOP, 2 * TOP),
            f"of {who}: the latest three fifths, the top two fifths by orders and by total",
        ),
    )


def _engaged(people: Sequence[Weighed]) -> _Found:
    def score(one: Figures) -> float | None:
        seen = one.since_seen_ms is not None and one.since_seen_ms < SEEN_MS
        return one.score if seen and one.score > 0 else None

    scores = _values(people, score)
    few = _too_few(scores, "customers seen within 90 days")
    if few is not None:
        return few
    who = f"{round(weight_of(scores)):,} customers seen within 90 days"
    return _Found({"score": max(0.1, readable(at_least(scores, TOP)))}, f"of {who}: the top fifth")


def _cart(people: Sequence[Weighed]) -> _Found:
    carts = _values(people, lambda one: one.cart if one.cart else None)
    who = f"{round(weight_of(carts)):,} carts that wait"
    if _too_few(carts, "") is not None:
        few_carts = who
        carts = _values(people, lambda one: one.total / one.orders if one.orders and one.total > 0 else None)
        few = _too_few(carts, "customers with orders")
        if few is not None:
            return _Found(None, f"{few_carts} and {few.basis}")
        who = f"the average orders of {round(weight_of(carts)):,} customers ({few_carts} are too few)"
        return _Found({"value": readable(at_least(carts, TOP))}, f"of {who}: the top fifth")
    return _Found({"value": readable(at_least(carts, TOP))}, f"of {who}: the top fifth")


def _stages(people: Sequence[Weighed]) -> _Found:
    gaps = _values(people, lambda one: one.gap_ms or None)
    few = _too_few(gaps, "customers with several orders")
    if few is not None:
        return few
    days = min(DAYS_MAX / LOST_AFTER // 1, _days(at_most(gaps, 1 - TOP)))
    basis = (
        f"of {round(weight_of(gaps)):,} customers with several orders: four fifths order again within "
        f"{days:.0f} days on average; lost after {LOST_AFTER} times that"
    )
    return _Found({"days": days, "lost_days": LOST_AFTER * days}, basis)


def _only(found: _Found, name: str) -> _Found:
    return found if found.limits is None else _Found({name: found.limits[name]}, found.basis)


def _days(milliseconds: float) -> float:
    """Whole days, at least one: whoever is at the limit is within."""
    return float(max(1, ceil((milliseconds + 1) / DAY_MS)))
