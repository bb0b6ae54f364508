"""Record by record: what a contender put out against what it should have, for each customer in order."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

SAMPLES_MAX = 5


@dataclass(slots=True)
class Difference:
    """Records by kind of fault. One that differs is one lost and one unexpected. `samples` show a few."""

    compared: int = 0
    lost: int = 0
    doubled: int = 0
    unexpected: int = 0
    reordered: int = 0
    samples: list[str] = field(default_factory=list)

    @property
    def found(self) -> bool:
        """Whether there is any."""
        return bool(self.lost or self.doubled or self.unexpected or self.reordered)

    def describe(self) -> str:
        """In one line."""
        counts = f"{self.lost} lost, {self.doubled} doubled, {self.unexpected} unexpected"
        shown = "; ".join(self.samples)
        return f"{counts}, {self.reordered} out of order, of {self.compared} expected. {shown}".rstrip(". ")


def compare(expected: Mapping[str, Sequence[T]], found: Mapping[str, Sequence[T]]) -> Difference:
    """Hold what was found against what was expected, customer by customer."""
    difference = Difference(compared=sum(map(len, expected.values())))
    for customer in sorted(expected.keys() | found.keys()):
        wanted, got = expected.get(customer, ()), found.get(customer, ())
        if list(wanted) != list(got):
            _differ(difference, customer, wanted, got)
    return difference


def _differ(difference: Difference, customer: str, wanted: Sequence[T], got: Sequence[T]) -> None:
    wanted_times, got_times = Counter(wanted), Counter(got)
    lost, more = wanted_times - got_times, got_times - wanted_times
    difference.lost += lost.total()
    for record, times in more.items():
        if record in wanted_times:
            difference.doubled += times
        else:
            difference.unexpected += times
    if not lost and not more:
        difference.reordered += sum(one != other for one, other in zip(wanted, got, strict=True))
    if len(difference.samples) < SAMPLES_MAX:
        said = [f"lost {record}" for record in list(lost)[:1]] + [
            f"got {record}" for record in list(more)[:1]
        ]
        difference.samples.append(f"{customer}: {', '.join(said) or 'another order'}")
