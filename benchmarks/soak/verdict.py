"""Is it flat? What the samples of a soak say, and what else must hold.

The population is fixed, but its states still grow with every order and mail that is remembered, and those
of who was lately at work are held twice, as bytes and decoded. So what is judged is what the process holds
beyond a new one that has taken the same states over and done the same work for a while: flat means, at
most a twentieth more. Beside it stands how RSS, and RSS less the states' bytes, rose: straight lines through
the second half of the samples.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import linear_regression
from typing import Any

BEYOND_NEW_MAX = 0.05
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
    """How much RSS and RSS beside the states rose over the second half, in MiB an hour; what a new process
    holds, and which share of that the old one held beyond it at its end."""

    rss_mib_per_h: float
    beside_states_mib_per_h: float
    new_mib: float
    beyond_new: float
    flat: bool


def flatness(samples: Sequence[Sample], new_mib: float) -> Flatness:
    """Judge the end by a new process, and tell of the second half. Needs four samples."""
    half = samples[len(samples) // 2 :]
    hours = [sample.at_s / 3600 for sample in half]
    rss = linear_regression(hours, [sample.rss_mib for sample in half]).slope
    beside = linear_regression(hours, [sample.rss_mib - sample.states_mib for sample in half]).slope
    beyond = samples[-1].rss_mib / new_mib - 1
    return Flatness(
        round(rss, 1), round(beside, 1), round(new_mib, 1), round(beyond, 4), beyond <= BEYOND_NEW_MAX
    )


def problems(
    samples: Sequence[Sample],
    *,
    flat: Flatness,
    doubled: list[dict[str, Any]],
    rebalances: int,
    broken: int,
    dead: int,
    per_s: float,
) -> list[str]:
    """What went wrong, in words."""
    found = []
    if not flat.flat:
        found.append(f"the memory is not flat: {flat}")
    if doubled:
        found.append(f"{len(doubled)} decisions were written more than once: {doubled[:SHOWN_MAX]}")
    if rebalances:
        found.append(f"the group met {rebalances} times")
    if broken != dead:
        found.append(f"{broken} records were broken, and {dead} became dead letters")
    if samples[-1].lag > LAG_MAX_S * per_s:
        found.append(f"the engine was {samples[-1].lag} events behind at the end")
    return found
