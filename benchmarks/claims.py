"""What is claimed, as ratios between contenders of one run, and what was aimed at."""

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.trial import Measured, best_of
from benchmarks.verdict import Rows


@dataclass(frozen=True, slots=True)
class Claim:
    """CPU per event of the first (row, contender) over that of the second. `at_least` or `at_most` is the
    goal; without either, it is only told."""

    what: str
    over: tuple[str, str]
    under: tuple[str, str]
    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, ratio: float) -> bool | None:
        """None where there is no goal."""
        if self.at_least is not None:
            return ratio >= self.at_least
        return None if self.at_most is None else ratio <= self.at_most


_THIN, _TEN = ("thin", "tetik-thin"), ("ten", "tetik-ten")
CLAIMS = (
    Claim("Faust as documented, thin, short log", ("short", "faust-thin"), ("short", "tetik-thin"), 10.0),
    Claim("Kafka Streams exactly_once_v2, thin", ("thin", "streams-thin-eos"), _THIN, 2.0),
    Claim("Kafka Streams exactly_once_v2, ten triggers", ("ten", "streams-ten-eos"), _TEN, 2.0),
    Claim("Kafka Streams exactly_once_v2, commit 1 s, thin", ("thin", "streams-thin-eos-1000"), _THIN, 2.0),
    Claim(
        "Kafka Streams exactly_once_v2, commit 1 s, ten triggers", ("ten", "streams-ten-eos-1000"), _TEN, 2.0
    ),
    Claim("Kafka Streams at least once, thin", ("thin", "streams-thin-alo"), _THIN, 1.5),
    Claim("Kafka Streams at least once, ten triggers", ("ten", "streams-ten-alo"), _TEN, 1.5),
    Claim("Quix Streams, thin", ("thin", "quix-thin"), _THIN, 1.0),
    Claim("Flink with RocksDB, thin", ("thin", "flink-thin-rocksdb"), _THIN, 1.0),
    Claim("Flink with RocksDB, ten triggers", ("ten", "flink-ten-rocksdb"), _TEN, 1.0),
    Claim("Flink on the heap, thin", ("thin", "flink-thin-heap"), _THIN),
    Claim("Flink on the heap, ten triggers", ("ten", "flink-ten-heap"), _TEN),
    Claim("C++ floor, thin", ("thin", "native-thin"), _THIN),
    Claim("Tetik, two workers, to one", ("ten", "tetik-ten-2"), _TEN, at_most=1.15),
    Claim("Tetik, ten times the rules, to ten", ("rules", "tetik-ten"), _TEN, at_most=1.2),
    Claim("Tetik, ten times the customers, to a tenth", _TEN, ("customers", "tetik-ten"), at_most=1.2),
)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A claim as measured: best round (`best_of`) against best round, and round by round."""

    claim: Claim
    of_best: float
    by_round: tuple[float, ...]


def ratios(rounds: Sequence[Rows]) -> list[Ratio]:
    """Of all claims whose contenders were measured in every round, and not from their start."""
    found = []
    for claim in CLAIMS:
        over, under = (_measured(rounds, place) for place in (claim.over, claim.under))
        if over and under:
            by_round = tuple(
                one.cpu_us_per_event / other.cpu_us_per_event for one, other in zip(over, under, strict=True)
            )
            of_best = best_of(over).cpu_us_per_event / best_of(under).cpu_us_per_event
            found.append(Ratio(claim, of_best, by_round))
    return found


def _measured(rounds: Sequence[Rows], place: tuple[str, str]) -> list[Measured]:
    row, name = place
    if not all(name in rows.get(row, {}) for rows in rounds):
        return []
    measured = [rows[row][name].measured for rows in rounds]
    return [] if any(one.from_start for one in measured) else measured
