"""Segments: conditions with a name, compiled; and which of them an event can concern at all.

Whether a customer is in one is kept in her state (`membership`). A condition whose value time alone can
change says when it may, so that nothing has to be asked in between.
"""

import re
from collections.abc import Mapping
from typing import Any

from schemas.instants import DAY_MS, Instant
from schemas.rule_set import content_digest
from trigger_engine.core.cel import WITH_NOW, EvaluationError, Moving, compile_condition
from trigger_engine.core.conditions import Scene
from trigger_engine.core.replenishment import next_change_at
from trigger_engine.core.variables import SEGMENT_DECLARATIONS, access_to, reads_replenishment, score_at

MOVING: Moving = {"now": WITH_NOW, "cart.age": WITH_NOW}
"""What runs with the clock. Score, pause and what runs out next change at known instants; `Segment` looks at
them itself."""

_ONE_AGE = re.compile(
    r"""
    (?: ^ | [(!,?:] | && | \|\| ) \s*
    now \s* - \s*
    (?: activity\.last_seen_at | views\.last_at | orders\.last_at | engagement\.last_(?:open|click)_at ) \s*
    (?: <= | >= | < | > ) \s*
    duration \( \s* (?: '[^'"\\]*' | "[^'"\\]*" ) \s* \) \s*
    (?: $ | [),?:] | && | \|\| )
    """,
    re.VERBOSE,
)
"""A comparison of the time since something that only ever moves on with a fixed span. Where it is the only
place at which a condition reads the clock, an event moves the flip to later, if at all."""

_NOW = re.compile(r"\bnow\b")
_OTHER_CLOCKS = frozenset({"cart", "cart.age", "profile", "profile.paused", "engagement", "engagement.score"})

LOOK_AHEAD_DAYS = 30
"""How far a falling score is followed at once, when no event asks for speed."""


class Segment:
    """`digest` tells one version of its condition from another."""

    __slots__ = (
        "_holds",
        "_next_flip",
        "_reads_clock",
        "_reads_pause",
        "_reads_replenishment",
        "_reads_score",
        "digest",
        "id",
        "puts_off",
        "references",
        "timed",
    )

    def __init__(self, form: Mapping[str, Any]) -> None:
        """From the normal form. Raises CelError."""
        condition = compile_condition(
            form["when"], SEGMENT_DECLARATIONS, access_to(SEGMENT_DECLARATIONS), MOVING
        )
        self.id: str = form["id"]
        self.digest = content_digest({"when": form["when"]})[:12]
        self.references = condition.references
        self._holds = condition.evaluate
        self._next_flip = condition.next_flip
        self._reads_pause = not self.references.isdisjoint({"profile", "profile.paused"})
        self._reads_score = not self.references.isdisjoint({"engagement", "engagement.score"})
        self._reads_clock = not self.references.isdisjoint({"now", "cart", "cart.age"})
        self._reads_replenishment = reads_replenishment(self.references)
        self.timed = self._reads_pause or self._reads_score or self._reads_clock or self._reads_replenishment
        """Whether time alone can change it."""
        self.puts_off = (
            self.references.isdisjoint(_OTHER_CLOCKS)
            and not self._reads_replenishment
            and len(_NOW.findall(form["when"])) == 1
            and _ONE_AGE.search(form["when"]) is not None
        )
        """Whether an event that leaves her in, or out, can only put the next flip off."""

    def holds(self, scene: Scene) -> bool:
        """Whether the customer is in it; an error counts as no."""
        try:
            return self._holds(scene)
        except EvaluationError:
            return False

    def next_flip(self, scene: Scene, look_ahead: bool) -> Instant | None:
        """The earliest instant after the scene's `now` at which time alone may change it, or None.

        It may be asked too early, never too late. `look_ahead` follows a falling score day by day, so that
        who stays away is not asked every midnight.
        """
        flip = self._plain_flip(scene)
        if not self._reads_score or not score_at(scene):
            return flip
        midnight = (scene.now // DAY_MS + 1) * DAY_MS
        if not look_ahead:
            return midnight if flip is None else min(flip, midnight)
        inside = self.holds(scene)
        for day in range(LOOK_AHEAD_DAYS):
            if flip is not None and flip <= midnight:
                return flip
            then = Scene(scene.state, None, None, midnight)
            if self.holds(then) != inside or day == LOOK_AHEAD_DAYS - 1:
                break
            flip = self._plain_flip(then)
            if not score_at(then):
                return flip
            midnight += DAY_MS
        return midnight

    def _plain_flip(self, scene: Scene) -> Instant | None:
        flip = self._next_flip(scene, scene.now) if self._reads_clock else None
        if self._reads_pause:
            until = scene.state.profile.paused_until
            if until is not None and until > scene.now and (flip is None or until < flip):
                flip = until
        if self._reads_replenishment:
            change_at = next_change_at(scene.state.orders.purchases, scene.now)
            if change_at is not None and (flip is None or change_at < flip):
                flip = change_at
        return flip


def compile_segment(form: Mapping[str, Any]) -> Segment:
    """From the normal form of a segment file. Raises CelError, also for a condition on time that names no
    instant at which to ask again."""
    return Segment(form)
