"""Who is in which segment: as the engine has it, and as a folder's files would have it.

What publishing does is repeated here: a segment whose condition stays keeps its members, a new or edited
one gets those for whom it holds now, and one that is gone loses all.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from schemas.instants import Instant
from schemas.keys import ANONYMOUS_PREFIX
from schemas.rule_set import RuleSet
from trigger_engine.core.policy import compile_policy
from trigger_engine.core.scene import Scene
from trigger_engine.core.segments import Segment, compile_segment
from trigger_engine.core.state import CustomerState

Fate = Literal["unchanged", "changed", "new", "gone"]


class Standing(NamedTuple):
    """Where a customer stands. `live` and `planned` have a bit for each segment of the census."""

    live: int
    planned: int
    reachable: bool
    visitor: bool
    behind: bool


@dataclass(slots=True)
class Members:
    """So many are in a segment, and so many of these can be mailed."""

    customers: int = 0
    reachable: int = 0

    def add(self, number: int, reachable: bool) -> None:
        self.customers += number
        self.reachable += number * reachable


@dataclass(slots=True)
class Row:
    """One segment. `fate` and what stands below it concern a folder, and are empty without one."""

    id: str
    live: Members = field(default_factory=Members)
    fate: Fate | None = None
    planned: Members = field(default_factory=Members)
    entering: int = 0
    leaving: int = 0


class Census:
    """Counts, customer by customer. `active` is the set in force; `folder` the one that might be."""

    def __init__(self, active: RuleSet | None, folder: RuleSet | None, now: Instant) -> None:
        self._digest = "" if active is None else active.digest
        self._now = now
        live = _forms(active)
        planned = live if folder is None else _forms(folder)
        self.rows = [Row(name, fate=None if folder is None else "gone") for name in sorted({*live, *planned})]
        self._asked: dict[str, Segment] = {}
        """The segments of the folder that publishing would ask about."""
        for row in self.rows:
            if folder is None or row.id not in planned:
                continue
            segment = compile_segment(planned[row.id])
            before = live.get(row.id)
            row.fate = "new" if before is None else "changed"
            if before is not None and compile_segment(before).digest == segment.digest:
                row.fate = "unchanged"
            else:
                self._asked[row.id] = segment
        self._half_life = None if folder is None else compile_policy(folder.policy).engagement.half_life_days
        self._known: dict[Standing, Standing] = {}
        self.customers = Members()
        self.visitors = 0
        self.behind = 0

    def standing(self, state: CustomerState) -> Standing:
        """Hers; equal ones are one object, so that a million of them take little room."""
        live = self._mask(name for name in state.segments)
        found = Standing(
            live=live,
            planned=self._planned(state),
            reachable=reachable(state, self._now),
            visitor=state.customer_key.startswith(ANONYMOUS_PREFIX),
            behind=state.rules_digest != self._digest,
        )
        return self._known.setdefault(found, found)

    def fold(self, standings: Iterable[Standing]) -> None:
        """Count these customers."""
        for standing, number in Counter(standings).items():
            self.customers.add(number, standing.reachable)
            self.visitors += number * standing.visitor
            self.behind += number * standing.behind
            for position, row in enumerate(self.rows):
                was, will = standing.live >> position & 1, standing.planned >> position & 1
                row.live.add(number * was, standing.reachable)
                row.planned.add(number * will, standing.reachable)
                row.entering += number * (will and not was)
                row.leaving += number * (was and not will)

    def _mask(self, names: Iterable[str]) -> int:
        inside = set(names)
        return sum(1 << position for position, row in enumerate(self.rows) if row.id in inside)

    def _planned(self, state: CustomerState) -> int:
        if self._half_life is None:
            return self._mask(state.segments)
        state.engagement.half_life = self._half_life
        scene = Scene(state, None, None, self._now)
        return self._mask(
            row.id
            for row in self.rows
            if (row.fate == "unchanged" and row.id in state.segments)
            or (row.id in self._asked and self._asked[row.id].holds(scene))
        )


def _forms(rule_set: RuleSet | None) -> dict[str, Mapping[str, Any]]:
    return {} if rule_set is None else {str(form["id"]): form for form in rule_set.segments}


def reachable(state: CustomerState, now: Instant) -> bool:
    """Whether a marketing mail would pass the checks of address, suppression and consent now."""
    profile = state.profile
    if profile.email is None or profile.email in (profile.undeliverable_address, profile.unwanted_address):
        return False
    if profile.unsubscribed_at is not None or not profile.marketing_email:
        return False
    return profile.paused_until is None or profile.paused_until <= now
