"""Which events of the log touched whom they are of: a wake-up names the last one that did.

A repetition changes nothing, and neither does what happened before an erasure and arrives behind it. Nothing
of the engine is asked: what is erased and what an alias is follows from the events (semantics, 3, 9, 10).
Who was erased begins anew, and so may her occasions, with the same ids as in her life before.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.event import CUSTOMER_ERASED
from schemas.instants import Instant, parse_instant
from schemas.keys import customer_key
from schemas.records import DecisionRecord, EventRecord
from tests.simulation.memory_log import MemoryRecord

HANDOVER_ASKED = "handover_asked"
HANDOVER_STATE = "handover_state"
"""The one kind of event that is heard from before an erasure: what it brings is ended."""


@dataclass(slots=True)
class _Known:
    """Of one key."""

    ids: set[str] = field(default_factory=set)
    erased_at: Instant | None = None
    alias_of: str | None = None
    erasures: list[int] = field(default_factory=list)


class Touched:
    """Asked for each event in the order of its partition."""

    def __init__(self) -> None:
        self._known: dict[str | None, _Known] = defaultdict(_Known)

    def by(self, key: str | None, event: EventRecord, offset: int = 0) -> bool:
        """Whether the event, which is at this offset, touches who has this key."""
        known = self._known[key]
        if event.event_id in known.ids:
            return False
        at = min(parse_instant(event.occurred_at), parse_instant(event.received_at))
        if known.erased_at is not None and at <= known.erased_at:
            return False
        known.ids.add(event.event_id)
        other = event.properties.get("customer_id")
        if event.type == HANDOVER_ASKED:
            if other != known.alias_of:
                known.alias_of, known.erased_at = other, None
        elif event.type == CUSTOMER_ERASED and known.alias_of in (None, other):
            known.alias_of, known.erased_at = None, at
            known.erasures.append(offset)
        return True

    def erasures(self) -> dict[str, list[int]]:
        """The offsets at which somebody was erased, by key."""
        return {key: known.erasures for key, known in self._known.items() if key and known.erasures}


class Lives:
    """How often who a decision is about had been erased before it."""

    def __init__(self, partitions: Iterable[Iterable[tuple[MemoryRecord, EventRecord]]]) -> None:
        self._erasures: dict[str, list[int]] = {}
        for events in partitions:
            touched = Touched()
            for record, event in events:
                touched.by(customer_key(event.customer_id, event.anonymous_id), event, record.offset)
            self._erasures |= touched.erasures()

    @property
    def erased(self) -> dict[str, list[int]]:
        """By key, where."""
        return self._erasures

    def of(self, decision: DecisionRecord) -> int:
        """0 before the first erasure. What is decided at one belongs to the life that it ends."""
        find = bisect_left if decision.cause.kind == "event" else bisect_right
        return find(self._erasures.get(decision.customer_key, []), decision.cause.offset)
