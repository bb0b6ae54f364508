"""Clauses that describe an event by type and perhaps a condition: `unless`, `exit`, goals, `wait_until`."""

from collections.abc import Iterable, Mapping

from schemas.ids import stable_hash
from trigger_engine.core.conditions import Where


class Clause:
    """An event type with or without `where`. `key` names it across triggers and versions that hold it."""

    __slots__ = ("event_type", "key", "needs_start", "where")

    def __init__(self, form: Mapping[str, str]) -> None:
        """Raises CelError."""
        source = form.get("where")
        self.event_type = form["event"]
        self.where = None if source is None else Where(source)
        self.key = self.event_type if source is None else f"{self.event_type}?{stable_hash(source)[:12]}"
        self.needs_start = self.where is not None and self.where.reads_start
        """Whether it can be judged only for a given run."""


def clauses_of(forms: Iterable[Mapping[str, str]]) -> tuple[Clause, ...]:
    """The clauses of a list in normal form. Raises CelError."""
    return tuple(map(Clause, forms))
