"""When what she bought runs out, going by her own orders (semantics, section 4).

A consumable is a product of which some kept line says how many days it lasts. It is due one interval after
her last order of it: the median of the gaps between her orders of it, or what the shop says as long as there
are none. Gaps of less than a day are corrections of an order, not its repetition.
"""

from itertools import pairwise
from typing import NamedTuple

from schemas.instants import DAY_MS, Instant
from trigger_engine.core.purchases import Purchase, Purchases

PAST_AFTER_MS = DAY_MS
"""How long a due time is still the next one: a mail at nine is about what ran out that morning."""


class Due(NamedTuple):
    """A consumable runs out; `line` is the last one of it."""

    at: Instant
    product_id: str
    line: Purchase


def dues(purchases: Purchases) -> list[Due]:
    """Of each consumable when it runs out, earliest first; ties by product."""
    lines: dict[str, list[Purchase]] = {}
    for line in purchases.kept():
        if line.product_id is not None:
            lines.setdefault(line.product_id, []).append(line)
    found = []
    for product_id, own in lines.items():
        interval_ms = _interval_ms(own)
        if interval_ms is not None:
            found.append(Due(own[-1].at + interval_ms, product_id, own[-1]))
    return sorted(found, key=lambda due: (due.at, due.product_id))


def next_due(purchases: Purchases, now: Instant) -> Due | None:
    """The first of those that are not past as of `now`."""
    return next((due for due in dues(purchases) if due.at > now - PAST_AFTER_MS), None)


def next_change_at(purchases: Purchases, now: Instant) -> Instant | None:
    """When time alone makes another one the next: it is past then, as of this instant."""
    due = next_due(purchases, now)
    return None if due is None else due.at + PAST_AFTER_MS


def _interval_ms(lines: list[Purchase]) -> int | None:
    """How long the product lasts her; None if no line says that it is one to run out. Oldest first."""
    days = [line.consumable_days for line in lines if line.consumable_days is not None]
    if not days:
        return None
    gaps = [later.at - earlier.at for earlier, later in pairwise(lines) if later.at - earlier.at >= DAY_MS]
    return _median(gaps) if gaps else days[-1] * DAY_MS


def _median(gaps: list[int]) -> int:
    """Of an even number, the mean of the two in the middle, in whole milliseconds."""
    gaps.sort()
    middle = len(gaps) // 2
    return gaps[middle] if len(gaps) % 2 else (gaps[middle - 1] + gaps[middle]) // 2
