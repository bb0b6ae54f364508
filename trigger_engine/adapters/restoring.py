"""How far the take-overs under way are: a bar in the log every few seconds, and metrics.

What is left is reckoned in offsets, of which transactions take some too: it comes to nothing at the end, but
is a little more than the records that are read.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from trigger_engine.adapters.metrics import EngineMetrics

logger = logging.getLogger(__name__)

LINE_EVERY_S = 3.0
BAR_WIDTH = 24

Source = Literal["changelog", "copy"]
"""Where a partition's state came from: the changelog as a whole, or a copy and the changelog's tail."""


@dataclass(slots=True)
class _Span:
    """Of one partition: read from, read to, to be read to."""

    start: int
    at: int
    end: int
    over: bool = False


class Restoring:
    """The take-overs of one worker. `elapsed` counts seconds, from whenever."""

    def __init__(self, metrics: EngineMetrics, elapsed: Callable[[], float]) -> None:
        self._metrics = metrics
        self._elapsed = elapsed
        self._spans: dict[int, _Span] = {}
        self._begun_at = self._said_at = 0.0

    def begins(self, partition: int, start: int, end: int) -> None:
        """A partition's changelog is read from `start` to `end`."""
        if not self._spans:
            self._begun_at = self._said_at = self._elapsed()
        self._spans[partition] = _Span(start, start, end)
        self._show()

    def reads(self, partition: int, records: int, at: int) -> None:
        """So many records more, and it stands at `at`."""
        self._metrics.state.changelog_read.labels("take-over").inc(records)
        self._spans[partition].at = at
        self._show()
        if self._elapsed() - self._said_at >= LINE_EVERY_S:
            self._said_at = self._elapsed()
            logger.info("%s", self.line())

    def ends(self, partition: int) -> None:
        """It is read, or given up. When none is left, the next one begins a new count."""
        self._spans[partition].over = True
        if all(span.over for span in self._spans.values()):
            self._spans.clear()
        self._show()

    def line(self) -> str:
        """The bar, with rate and time left."""
        done = sum(span.at - span.start for span in self._spans.values())
        whole = max(1, sum(span.end - span.start for span in self._spans.values()))
        share = min(1.0, done / whole)
        rate = done / max(self._elapsed() - self._begun_at, 0.001)
        left = f"{(whole - done) / rate:.0f} s left" if rate else "just begun"
        filled = round(share * BAR_WIDTH)
        bar = "#" * filled + "." * (BAR_WIDTH - filled)
        return (
            f"restoring {len(self._spans)} partitions [{bar}] {share:.0%}, "
            f"{done:,} of {whole:,} offsets, {rate:,.0f}/s, {left}"
        )

    def _show(self) -> None:
        spans = self._spans.values()
        self._metrics.state.partitions_restoring.set(sum(not span.over for span in spans))
        left = sum(max(0, span.end - span.at) for span in spans if not span.over)
        self._metrics.state.restore_left.set(left)
