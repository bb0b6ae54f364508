"""Is it flat? What the samples of a soak say, and what else must hold.

The population is fixed, but its states still grow while everybody gets her first views, carts and mails. So
what is judged is the memory beside the states: RSS less the states' bytes. A straight line is laid through
the second half of the samples; flat means that it rises by less than a fiftieth of the RSS.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression
from typing import Any

RISE_MAX = 0.02
SHOWN_MAX = 3
LAG_MAX_S = 5.0
"""How far the engine may be behind at the end."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look, `at_s` after the beginning. `lateness_p99_ms` is of the wake-ups since the look before."""

    at_s: float
    rss_mib: float
    states_mib: float
    customers: int
    lag: int
    fired: int
    lateness_p50_ms: int
    lateness_p99_ms: int
    collections: list[int]
    """Of Python's garbage collector since the start, by generation."""
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Flatness:
    """How much RSS and RSS beside the states rose over the second half, in MiB an hour, and as a share."""

    rss_mib_per_h: float
    beside_states_mib_per_h: float
    rise: float
    flat: bool


def flatness(samples: Sequence[Sample]) -> Flatness:
    """Judge the second half. Needs four samples."""
    half = samples[len(samples) // 2 :]
    hours = [sample.at_s / 3600 for sample in half]
    rss = linear_regression(hours, [sample.rss_mib for sample in half]).slope
    beside = linear_regression(hours, [sample.rss_mib - sample.states_mib for sample in half]).slope
    rise = beside * (hours[-1] - hours[0]) / half[0].rss_mib
    return Flatness(round(rss, 1), round(beside, 1), round(rise, 4), rise < RISE_MAX)


def problems(
    samples: Sequence[Sample],
    *,
    doubled: list[dict[str, Any]],
    rebalances: int,
    broken: int,
    dead: int,
    per_s: float,
) -> list[str]:
    """What went wrong, in words."""
    found = []
    if not flatness(samples).flat:
        found.append(f"the memory is not flat: {flatness(samples)}")
    if doubled:
        found.append(f"{len(doubled)} decisions were written more than once: {doubled[:SHOWN_MAX]}")
    if rebalances:
        found.append(f"the group met {rebalances} times")
    if broken != dead:
        found.append(f"{broken} records were broken, and {dead} became dead letters")
    if samples[-1].lag > LAG_MAX_S * per_s:
        found.append(f"the engine was {samples[-1].lag} events behind at the end")
    return found
