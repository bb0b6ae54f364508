"""Makes a failing history small: drops whatever it can do without, and keeps failing."""

from collections.abc import Callable
from dataclasses import replace

from tests.simulation.history import History, Item

Fails = Callable[[History], bool]
"""Whether a history fails in the same way."""

_SIMPLER: tuple[Callable[[History], History], ...] = (
    lambda history: replace(history, noise=0.0),
    lambda history: replace(history, workers=1),
    lambda history: replace(history, partitions=1),
    lambda history: replace(history, senders=1),
    lambda history: replace(history, retry_unanswered=False),
)


def shrink(history: History, fails: Fails, *, tries: int = 400) -> History:
    """The smallest history found in so many tries. The first chunks are large, the last single items."""
    budget = _Budget(fails, tries)
    for simplify in _SIMPLER:
        simpler = simplify(history)
        if simpler != history and budget.fails(simpler):
            history = simpler
    size = max(1, len(history.items) // 2)
    while budget.left:
        smaller = _without_chunks(history, size, budget)
        if size == 1 and len(smaller.items) == len(history.items):
            return smaller
        history, size = smaller, max(1, size // 2)
    return history


class _Budget:
    """Counts the tries."""

    def __init__(self, fails: Fails, tries: int) -> None:
        self._fails = fails
        self.left = tries

    def fails(self, history: History) -> bool:
        if not self.left:
            return False
        self.left -= 1
        return self._fails(history)


def _without_chunks(history: History, size: int, budget: _Budget) -> History:
    """Leave out each chunk of so many items that is not needed."""
    start = 0
    while start < len(history.items):
        kept: tuple[Item, ...] = history.items[:start] + history.items[start + size :]
        shorter = replace(history, items=kept)
        if kept and budget.fails(shorter):
            history = shorter
        else:
            start += size
    return history
