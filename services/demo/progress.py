"""The live line: demo time, events sent, decisions, mails, steps a second.

Without a terminal there is a line now and then instead.
"""

from collections.abc import Mapping, Sequence
from time import monotonic
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from schemas.instants import Instant, datetime_of
from schemas.topics import DELIVERIES, TRIGGERS
from services.demo.driver import Step
from services.demo.reading import Record

RATE_OVER_S = 3.0
LINE_EVERY_S = 15.0


class Display:
    """Use as a context manager; `note` is called after each step of the clock."""

    def __init__(
        self, console: Console, start: Instant, end: Instant, records: Mapping[str, Sequence[Record]]
    ) -> None:
        self._console = console
        self._start = start
        self._records = records
        self._bar = Progress(
            TextColumn("{task.fields[day]}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task("", total=end - start, day="", counts="")
        self._rate = 0.0
        self._measured = (monotonic(), 0)
        self._line_at = monotonic() + LINE_EVERY_S

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def note(self, step: Step) -> None:
        """Show where the demo is."""
        self._measure(step)
        at = datetime_of(step.at)
        counts = (
            f"{step.sent:,} events  {len(self._records[TRIGGERS]):,} decisions  "
            f"{len(self._records[DELIVERIES]):,} mails  {self._rate:.0f} steps/s"
        )
        self._bar.update(
            self._task, completed=step.at - self._start, day=f"{at:%a %d %b %Y %H:%M}", counts=counts
        )
        if not self._console.is_terminal and monotonic() >= self._line_at:
            self._line_at += LINE_EVERY_S
            self._console.print(f"  {at:%a %d %b %Y %H:%M}  {counts}")

    def _measure(self, step: Step) -> None:
        then, number = self._measured
        passed_s = monotonic() - then
        if passed_s >= RATE_OVER_S:
            self._rate = (step.number - number) / passed_s
            self._measured = (monotonic(), step.number)
