"""What a run under chaos left behind, raw: every committed record, and what was acknowledged when.

Nothing of the engine is in here. Final states come in words that the model has too (`Seen`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from schemas.instants import Instant
from schemas.rule_set import RuleSet

Seen: TypeAlias = dict[str, Any]
"""A customer's last state, as far as the model knows it, by the names of `replay.seen_of`."""


class Raw(NamedTuple):
    """A record as a reader of committed records sees it; `written_at` is the broker's clock."""

    partition: int
    offset: int
    written_at: Instant
    key: bytes | None
    value: bytes | None


class Acknowledged(NamedTuple):
    """A record that the broker took, and when its producer knew. One that nobody can read has no event id."""

    event_id: str | None
    partition: int
    offset: int
    acknowledged_at: Instant


@dataclass
class Evidence:
    """Of one run. Everything due by `settled_at` had to be handed in when it was taken. `ahead_ms` and
    `behind_ms`: by how much the engines' clocks may have differed from the machine's."""

    partitions: int
    rule_sets: Sequence[RuleSet]
    settled_at: Instant
    events: list[Raw] = field(default_factory=list)
    decisions: list[Raw] = field(default_factory=list)
    requests: list[Raw] = field(default_factory=list)
    dead_letters: list[Raw] = field(default_factory=list)
    acknowledged: list[Acknowledged] = field(default_factory=list)
    states: dict[str, Seen] = field(default_factory=dict)
    next_offsets: dict[int, int] = field(default_factory=dict)
    ahead_ms: int = 0
    behind_ms: int = 0
