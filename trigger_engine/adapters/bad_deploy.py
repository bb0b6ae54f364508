"""Stops a bad deploy instead of letting it empty the topic into the dead letters."""

from collections import Counter

from trigger_engine.core.effects import Decide
from trigger_engine.core.partition import Flush, Partition

REJECTED_WINDOW = 1_000
REASON_SHOWN = 200


class TooManyRejected(RuntimeError):
    """So many inputs fail that the fault is ours (a bad deploy), not the records'."""


class BadDeployGuard:
    """Counts what fails in one partition; at most `rejected_max` of 1,000 inputs may."""

    def __init__(self, rejected_max: int) -> None:
        self._rejected_max = rejected_max
        self._window_start = (0, 0)

    def look(self, partition: Partition, flush: Flush) -> None:
        """Raises TooManyRejected, before the flush is durable.

        A supervisor may start us again and again, and each time another few thousand would go. A flush holds
        that many while catching up, so the share counts, not the number.
        """
        seen_before, rejected_before = self._window_start
        seen, rejected = partition.inputs_seen - seen_before, partition.inputs_rejected - rejected_before
        if rejected * REJECTED_WINDOW > self._rejected_max * max(seen, REJECTED_WINDOW):
            raise TooManyRejected(
                f"partition {partition.number}: {rejected} of {seen} inputs failed, more than "
                f"{self._rejected_max} in {REJECTED_WINDOW}. Most often: {most_often(flush)}. The last of "
                "them were not put aside: they come again at the next start. Mend the cause (often a bad "
                "deploy), or raise TETIK_REJECTED_MAX to make dead letters of them, and start again."
            )
        if seen >= REJECTED_WINDOW:
            self._window_start = (partition.inputs_seen, partition.inputs_rejected)


def most_often(flush: Flush) -> str:
    """Why inputs of a flush failed, the most frequent reasons first, each with where it was met last."""
    places = {rejected.reason: f"{rejected.topic} at {rejected.offset}" for rejected in flush.rejected}
    told = Counter(rejected.reason for rejected in flush.rejected)
    for effect in flush.effects:
        if isinstance(effect, Decide) and effect.record.outcome == "error":
            told[effect.record.reason] += 1
            places[effect.record.reason] = f"trigger {effect.record.trigger_id}"
    return "; ".join(
        f"{count} x {reason[:REASON_SHOWN]} ({places[reason]})" for reason, count in told.most_common(3)
    )
