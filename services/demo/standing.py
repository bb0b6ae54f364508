"""What the services have reported, and what that leaves unfinished. Pure; `timekeeper` feeds it."""

from collections.abc import Mapping

from schemas.clock import ClockReport
from schemas.instants import Instant, instant_of
from schemas.topics import EVENTS, INTERESTS, OUTBOUND

READS: Mapping[str, tuple[str, ...]] = {"ingest": (), "engine": (EVENTS, INTERESTS), "sender": (OUTBOUND,)}
"""Which topics each service must have finished."""


class Standing:
    """The last report of each service."""

    def __init__(self) -> None:
        self._reports: dict[str, ClockReport] = {}

    def hear(self, report: ClockReport) -> None:
        """A later report replaces the one before."""
        self._reports[report.service] = report

    @property
    def next_due_at(self) -> Instant | None:
        """The next instant at which a service will act by itself."""
        dues = [report.next_due_at for report in self._reports.values() if report.next_due_at is not None]
        return min((instant_of(due) for due in dues), default=None)

    def unfinished(self, sequence: int, ends: Mapping[str, int]) -> dict[str, str]:
        """What keeps the tick `sequence` from being done, by service; `ends` are end offsets by
        `topic/partition`."""
        missing = {}
        for service, topics in READS.items():
            report = self._reports.get(service)
            if report is None or report.sequence != sequence:
                missing[service] = "has not reported this step"
                continue
            behind = [
                f"{name} up to {report.positions.get(name, 0)} of {end}"
                for name, end in ends.items()
                if name.partition("/")[0] in topics and report.positions.get(name, 0) < end
            ]
            if behind:
                missing[service] = f"has read {', '.join(behind)}"
        return missing
