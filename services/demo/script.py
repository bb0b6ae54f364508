"""The script: what is sent, by whom, and when, in one list ordered by time.

The week is sent as it happens. History (`backfill`) happened before it and is sent at its first instant, as a
shop loads it on the day that it begins. All instants at which anything is sent are whole minutes, so that the
clock makes few steps.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Literal

from schemas.instants import DAY_MS, MINUTE_MS, Instant, instant_of
from schemas.keys import customer_key, record_key

MONDAY: Instant = instant_of(datetime(2011, 3, 14, tzinfo=UTC))
"""The stated week: Monday 14 to Sunday 20 March 2011. The shop's clock is Greenwich's then, which is UTC."""

Path = Literal["native", "sdk", "catalogue", "codes"]
"""The shop's backend (`POST /v1/events`, `/v1/products`, `/v1/offer-codes`), or a shopper's SDK."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedEvent:
    """One event to send at `at`; `happened_at`, if that was earlier.

    What goes to the catalogue or brings codes is the event that ingest writes of it, but for its id.
    """

    at: Instant
    path: Path
    event_id: str
    type: str
    customer_id: str | None = None
    anonymous_id: str | None = None
    product_id: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    happened_at: Instant | None = None
    backfill: bool = False

    @property
    def occurred_at(self) -> Instant:
        """When it happened."""
        return self.at if self.happened_at is None else self.happened_at

    @property
    def key(self) -> str:
        """The customer's key, or the product's."""
        key = record_key(self.customer_id, self.anonymous_id, self.product_id)
        assert key is not None, "codes alone name nobody"
        return key

    @property
    def is_supply(self) -> bool:
        """Whether it tells of the shop's goods, not of somebody."""
        return self.customer_id is None and self.anonymous_id is None


@dataclass(frozen=True, slots=True)
class Moment:
    """The events of one instant, in their order."""

    at: Instant
    events: tuple[ScriptedEvent, ...]


def span(days: int) -> tuple[Instant, Instant]:
    """(start, end) of the demo's time; the end is not part of it."""
    return MONDAY, MONDAY + days * DAY_MS


def since_start(event: ScriptedEvent) -> ScriptedEvent:
    """What happened before the week is history: sent at the first instant, with `backfill`."""
    if event.at >= MONDAY:
        return event
    return replace(event, at=MONDAY, happened_at=event.at, backfill=True)


def merge(*sources: Iterable[ScriptedEvent], until: Instant) -> list[ScriptedEvent]:
    """All events before `until` in the order of time; those of one instant in the order in which they
    happened, and else in the order given.

    Raises ValueError if an event is not on a whole minute or two share an id.
    """
    everything = (event for source in sources for event in source)
    events = sorted(everything, key=lambda event: (event.at, event.occurred_at))
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
    script = [event for event in events if not event.is_supply]
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
