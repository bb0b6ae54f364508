"""How far a command has come, on a terminal's stderr; nothing where nobody looks on."""

from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Bar:
    """One line that shows the present step. `unit` stands before the numbers."""

    def __init__(self, unit: str = "") -> None:
        self._unit = unit
        console = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[counts]}", markup=False),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task("", total=1, counts="")

    def __enter__(self) -> "Bar":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, what: str, done: float, of: int, counts: str | None = None) -> None:
        """So much of a step is done; `counts` says it in other words than the numbers."""
        of = max(of, 1)
        counts = f"{self._unit}{done:,.0f} of {of:,.0f}" if counts is None else counts
        self._bar.update(self._task, description=what, completed=done, total=of, counts=counts)

    def at(self, what: str) -> Callable[[int, int], None]:
        """Shows how far one step is."""
        return lambda done, of: self.show(what, done, of)
