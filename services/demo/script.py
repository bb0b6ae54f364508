"""The script of the week: what is sent, by whom, and when, in one list ordered by time.

All instants are whole minutes, so that the clock makes few steps. `position` is the place in the list: the
log keeps it for each customer, because the driver sends in this order.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

from schemas.instants import DAY_MS, MINUTE_MS, Instant, instant_of
from schemas.keys import customer_key

MONDAY: Instant = instant_of(datetime(2011, 3, 14, tzinfo=UTC))
"""The stated week: Monday 14 to Sunday 20 March 2011. The shop's clock is Greenwich's then, which is UTC."""

Path = Literal["native", "sdk"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedEvent:
    """One event to send. `path`: the shop's backend (`POST /v1/events`) or a shopper's SDK."""

    at: Instant
    path: Path
    event_id: str
    type: str
    customer_id: str | None = None
    anonymous_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The customer key."""
        key = customer_key(self.customer_id, self.anonymous_id)
        assert key is not None, "every scripted event names somebody"
        return key


@dataclass(frozen=True, slots=True)
class Moment:
    """The events of one instant, in their order."""

    at: Instant
    events: tuple[ScriptedEvent, ...]


def span(days: int) -> tuple[Instant, Instant]:
    """(start, end) of the demo's time; the end is not part of it."""
    return MONDAY, MONDAY + days * DAY_MS


def merge(*sources: Iterable[ScriptedEvent], until: Instant) -> list[ScriptedEvent]:
    """All events before `until` in the order of time; those of one instant stay in the order given.

    Raises ValueError if an event is not on a whole minute or two share an id.
    """
    events = sorted((event for source in sources for event in source), key=lambda event: event.at)
    ids: set[str] = set()
    for event in events:
        if event.at % MINUTE_MS:
            raise ValueError(f"{event.event_id} is not on a whole minute")
        if event.event_id in ids:
            raise ValueError(f"two events have the id {event.event_id}")
        ids.add(event.event_id)
    return [event for event in events if event.at < until]


def moments(events: Iterable[ScriptedEvent]) -> list[Moment]:
    """The script by instant."""
    return [Moment(at, tuple(group)) for at, group in groupby(events, key=lambda event: event.at)]


def by_person(events: Iterable[ScriptedEvent]) -> list[list[ScriptedEvent]]:
    """The script of each person, by herself and her devices: who is named together is one person."""
    script = list(events)
    known_as: dict[str, str] = {}

    def first_of(key: str) -> str:
        while known_as.setdefault(key, key) != key:
            key = known_as[key]
        return key

    for event in script:
        if event.anonymous_id is not None:
            device = customer_key(None, event.anonymous_id)
            assert device is not None, "it has an id"
            known_as[first_of(device)] = first_of(event.key)
    people: defaultdict[str, list[ScriptedEvent]] = defaultdict(list)
    for event in script:
        people[first_of(event.key)].append(event)
    return list(people.values())
