"""After a change of rules: which customers have to be brought in line, in the order of their keys.

Who has runs must be, since a change may end, freeze or move them; and everybody if the change brings
another segment, another trigger that watches (inactivity, dates, segments) or another zone for dates, since
membership and due times count from the marker on. All others follow when they are next touched.

The keys are looked at in slices; the last one is noted in the partition record, so that another owner goes
on from there.
"""

from collections.abc import Iterator, Mapping

from trigger_engine.core.customers import Customers
from trigger_engine.core.rules import Rules
from trigger_engine.core.state import CustomerState, StateError, head_of

LOOKED_AT_PER_TOUCHED = 50
"""Reading a head costs a fiftieth of bringing a customer in line."""


class Sweep:
    """One pass over these customers, in order; who comes after it has begun begins in line."""

    __slots__ = ("_changed", "_left", "_rules")

    def __init__(self, rules: Rules, keys: Iterator[str]) -> None:
        self._left = keys
        self._rules = rules
        self._changed: dict[str, bool] = {}

    def next_key(self) -> str | None:
        """The next key to look at, or None at the end."""
        return next(self._left, None)

    def concerns(self, key: str, live: Mapping[str, CustomerState], stored: Customers) -> bool:
        """Whether the customer has to be brought in line. Not who was forgotten meanwhile, nor one whose
        bytes are broken: she is reported when she is touched."""
        state = live.get(key)
        if state is not None:
            digest, has_runs = state.rules_digest, bool(state.runs)
        else:
            data = stored.get(key)
            if data is None:
                return False
            try:
                _, digest, has_runs = head_of(data)
            except StateError:
                return False
        return digest != self._rules.digest and (has_runs or self._everybody_since(digest))

    def _everybody_since(self, digest: str) -> bool:
        """Whether what concerns everybody has changed since the set of this digest."""
        if digest not in self._changed:
            self._changed[digest] = self._has_changed_since(digest)
        return self._changed[digest]

    def _has_changed_since(self, digest: str) -> bool:
        rules = self._rules
        present, before = rules.known(rules.digest), rules.known(digest)
        assert present is not None, "a set knows itself"
        if before is None:
            return bool(present.watching or present.segments)
        return (
            any(present.triggers[name] != before.triggers.get(name) for name in present.watching)
            or not before.watching <= present.watching  # what goes is new to everybody when it comes back
            or not before.segments.keys() <= present.segments.keys()
            or any(digest != before.segments.get(name) for name, digest in present.segments.items())
            or (bool(rules.dates) and present.time_zone != before.time_zone)
        )
