"""Thresholds out of a distribution: `ceiling` and `floor` of weighed values, and numbers people can read."""

from collections.abc import Iterable, Sequence
from math import floor as whole_below
from math import log10

Weighed = tuple[float, float]
"""A value, and how many have it."""


def at_most(values: Iterable[Weighed], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed. There must be values."""
    ordered = sorted(values)
    wanted = share * sum(weight for _, weight in ordered)
    below = 0.0
    for value, weight in ordered:
        below += weight
        if below >= wanted - 1e-9:
            return value
    return ordered[-1][0]


def at_least(values: Iterable[Weighed], share: float) -> float:
    """The smallest value that no more than `share` of all reach; the largest, if more reach even that."""
    ordered = sorted(values, reverse=True)
    allowed = share * sum(weight for _, weight in ordered)
    found = ordered[0][0]
    above, position = 0.0, 0
    while position < len(ordered):
        value = ordered[position][0]
        while position < len(ordered) and ordered[position][0] == value:
            above += ordered[position][1]
            position += 1
        if above > allowed + 1e-9:
            return found
        found = value
    return found


def weight_of(values: Sequence[Weighed]) -> float:
    """How many there are."""
    return sum(weight for _, weight in values)


def readable(value: float) -> float:
    """Two digits that count: 4,837.2 becomes 4,800. Below ten, tenths."""
    if value < 10:
        return round(value, 1)
    step = 10 ** (whole_below(log10(value)) - 1)
    return float(round(value / step) * step)
