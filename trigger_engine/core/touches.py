"""What an event type can change: which segments and watches have to be looked at after an event of it.

Most events change a little, most conditions read a little, and evaluating all of them at each event would
cost more than everything else. A property test holds the answers equal to evaluating always.
"""

from collections.abc import Iterable, Mapping

from trigger_engine.core.activity import NOT_HERS
from trigger_engine.core.patterns import DatePattern, InactivityPattern
from trigger_engine.core.segments import Segment
from trigger_engine.core.trigger import Trigger

_TRAITS = frozenset({"profile_updated", "signed_up", "subscribed"})
_CART = frozenset(
    {"product_added", "product_removed", "cart_updated", "cart_viewed", "cart_emptied"}
    | {"checkout_started", "order_completed"}
)
_MAILED = frozenset({"email_sent", "campaign_mailed"})
_HERS = None
"""Whatever she does herself, of any type."""

_CHANGED_BY: Mapping[str, frozenset[str] | None] = {
    "profile": _TRAITS | {"checkout_started", "order_completed"},
    "consent": _TRAITS | {"unsubscribed"},
    "cart": _CART,
    "orders": frozenset({"order_completed"}),
    "views": frozenset({"product_viewed"}),
    "session": _HERS,
    "activity": _HERS,
    "now": frozenset(),
}
"""By variable. What `set` steps write is not changed by an event: they have everything evaluated anew."""

_UNITES = frozenset({"handover_state"})
"""Changes anything."""


class Touched:
    """What has to be looked at after an event of one type."""

    __slots__ = ("dates", "inactivity", "segments")

    def __init__(
        self, segments: tuple[Segment, ...], inactivity: tuple[Trigger, ...], dates: tuple[Trigger, ...]
    ) -> None:
        self.segments = segments
        self.inactivity = inactivity
        self.dates = dates


class Touches:
    """The index of one rule set."""

    __slots__ = ("_by_type", "_of_hers", "all", "anything", "by_time", "timed")

    def __init__(
        self,
        segments: Iterable[Segment],
        inactivity: Iterable[Trigger],
        dates: Iterable[Trigger],
        scored: Iterable[str],
    ) -> None:
        """`scored`: the event types with points for engagement."""
        self.all = Touched(tuple(segments), tuple(inactivity), tuple(dates))
        self.anything = bool(self.all.segments or self.all.inactivity or self.all.dates)
        """Whether the rules have any segment or watch."""
        self.timed = tuple(segment for segment in self.all.segments if segment.timed)
        self.by_time = bool(self.timed or self.all.dates)
        """Whether anything depends on the instant that it is looked at."""
        self._by_type: dict[str, Touched | None] = {}
        points = frozenset(scored)
        named = {
            *NOT_HERS,
            *points,
            *(name for names in _CHANGED_BY.values() if names is not None for name in names),
            *(after for trigger in self.all.inactivity if (after := _after(trigger)) is not None),
            *("email_clicked", "product_viewed"),
        }
        for event_type in named:
            self._by_type[event_type] = self._touched(event_type, points)
        self._of_hers = self._touched("", points)

    def of(self, event_type: str) -> Touched | None:
        """What an event of this type touches, or None."""
        return self._by_type.get(event_type, self._of_hers)

    def _touched(self, event_type: str, points: frozenset[str]) -> Touched | None:
        segments = tuple(
            segment
            for segment in self.all.segments
            if any(_changes(event_type, path, points) for path in segment.references)
        )
        inactivity = tuple(
            trigger for trigger in self.all.inactivity if _moves_anchor(event_type, trigger.pattern)
        )
        dates = tuple(
            trigger for trigger in self.all.dates if _moves_date(event_type, trigger.pattern, points)
        )
        return Touched(segments, inactivity, dates) if segments or inactivity or dates else None


def _after(trigger: Trigger) -> str | None:
    return trigger.pattern.after if isinstance(trigger.pattern, InactivityPattern) else None


def _changes(event_type: str, path: str, points: frozenset[str]) -> bool:
    """Whether an event of the type can change what stands at the path."""
    if event_type in _UNITES:
        return True
    root, _, rest = path.partition(".")
    if root == "engagement":
        return _changes_engagement(event_type, rest, points)
    types = _CHANGED_BY.get(root, frozenset())
    return event_type not in NOT_HERS if types is _HERS else event_type in types


def _changes_engagement(event_type: str, field: str, points: frozenset[str]) -> bool:
    changed_by: Mapping[str, frozenset[str]] = {
        "score": points,
        "mails": _MAILED,
        "mails_since_click": _MAILED | {"email_clicked"},
        "last_open_at": frozenset({"email_opened"}),
        "last_click_at": frozenset({"email_clicked"}),
    }
    if field:
        return event_type in changed_by[field]
    return any(event_type in types for types in changed_by.values())


def _moves_anchor(event_type: str, pattern: object) -> bool:
    assert isinstance(pattern, InactivityPattern), "rules sort triggers by pattern"
    return event_type not in NOT_HERS or event_type == pattern.after or event_type in _UNITES


def _moves_date(event_type: str, pattern: object, points: frozenset[str]) -> bool:
    """The zone she lives in is part of every date; segments, runs and `now` may change with any event."""
    assert isinstance(pattern, DatePattern), "rules sort triggers by pattern"
    if event_type in _TRAITS or event_type in _UNITES:
        return True
    paths = frozenset() if pattern.value is None else pattern.value.references
    always = any(path.partition(".")[0] in ("segments", "runs", "now") for path in paths)
    return always or any(_changes(event_type, path, points) for path in paths)
