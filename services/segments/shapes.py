"""The shipped segments that hang on numbers: their files with the numbers left open.

A test holds them equal to the files in `trigger_engine/library/segments/` where the shipped numbers are
filled in, and `holds` equal to the condition.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from schemas.instants import DAY_MS
from services.segments.sample import Figures

Limits = Mapping[str, float]
"""The numbers by their name."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A segment with its numbers open. `labels` says what each of them is. Days are hours in `when`."""

    id: str
    shipped: Limits
    labels: Mapping[str, str]
    when: tuple[str, ...]
    """Lines."""
    description: str
    holds: Callable[[Figures, Limits], bool]

    def condition(self, limits: Limits) -> str:
        """As it stands in a file, on one line."""
        return " ".join(self._lines(limits))

    def file(self, limits: Limits) -> str:
        """The segment file."""
        lines = self._lines(limits)
        when = (
            f" {lines[0]}\n" if len(lines) == 1 else "".join(f"\n  {line}" for line in (">-", *lines)) + "\n"
        )
        when = when.replace("\n  >-", " >-", 1)
        described = self.description.format(**{name: number(value) for name, value in limits.items()})
        return f"id: {self.id}\ndescription: {described}\nwhen:{when}"

    def _lines(self, limits: Limits) -> list[str]:
        filled = {
            name: f"{value * 24:.0f}h" if name.endswith("days") else f"{value:.10g}"
            for name, value in limits.items()
        }
        return [line.format(**filled) for line in self.when]


def number(value: float) -> str:
    """As people write it: 5,000 or 2.5."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,g}"


def _within(since_ms: int | None, days: float) -> bool:
    return since_ms is not None and since_ms < days * DAY_MS


def _not_within(since_ms: int | None, days: float) -> bool:
    return since_ms is not None and since_ms >= days * DAY_MS


def _best(figures: Figures, limits: Limits) -> bool:
    return (
        _within(figures.since_order_ms, limits["days"])
        and figures.orders >= limits["orders"]
        and figures.total >= limits["total"]
    )


_RFM = {"days": "last order within, days", "orders": "orders, at least", "total": "total of orders, at least"}
_RFM_WHEN = (
    "orders.last_at != null && now - orders.last_at < duration('{days}')",
    "&& orders.count >= {orders} && orders.total >= {total}",
)
_RFM_SAID = "Ordered within {days} days, at least {orders} times in all, for {total} or more in total."

VIP = Shape("vip", {"days": 90, "orders": 5, "total": 5000}, _RFM, _RFM_WHEN, _RFM_SAID, _best)
LOYAL = Shape("rfm-loyal", {"days": 180, "orders": 3, "total": 1000}, _RFM, _RFM_WHEN, _RFM_SAID, _best)
ENGAGED = Shape(
    "engaged",
    {"score": 10},
    {"score": "score, at least"},
    ("engagement.score >= {score}",),
    "An engagement score of {score} or more. Who does nothing falls below it by time alone.",
    lambda figures, limits: figures.score >= limits["score"],
)
CART = Shape(
    "high-value-cart",
    {"value": 1000},
    {"value": "value of the cart, at least"},
    ("cart.value >= {value}",),
    "A cart of {value} or more is waiting.",
    lambda figures, limits: (figures.cart or 0.0) >= limits["value"],
)
ACTIVE = Shape(
    "active-customer",
    {"days": 60},
    {"days": "last order within, days"},
    ("orders.last_at != null && now - orders.last_at < duration('{days}')",),
    "Ordered within the last {days} days.",
    lambda figures, limits: _within(figures.since_order_ms, limits["days"]),
)
LAPSING = Shape(
    "lapsing",
    {"days": 60, "lost_days": 180},
    {"days": "last order, days ago, from", "lost_days": "to"},
    (
        "orders.last_at != null",
        "&& now - orders.last_at >= duration('{days}') && now - orders.last_at < duration('{lost_days}')",
    ),
    "Last ordered {days} to {lost_days} days ago. A customer who can still be won back.",
    lambda figures, limits: (
        _not_within(figures.since_order_ms, limits["days"])
        and _within(figures.since_order_ms, limits["lost_days"])
    ),
)
LOST = Shape(
    "lost",
    {"lost_days": 180},
    {"lost_days": "last order, days ago, from"},
    ("orders.last_at != null && now - orders.last_at >= duration('{lost_days}')",),
    "Last ordered {lost_days} days ago or longer.",
    lambda figures, limits: _not_within(figures.since_order_ms, limits["lost_days"]),
)
SHAPES = (VIP, LOYAL, ENGAGED, CART, ACTIVE, LAPSING, LOST)
