"""What a shop sends in a bad hour: its events, and among them repeated, late and broken ones.

The rules are the small shop's with waits of seconds, so that wake-ups fall due all the time, and another
version of them to change to and fro.
"""

from collections import deque
from random import Random

from benchmarks.live.traffic import Shop
from schemas.instants import DAY_MS, Instant
from schemas.rule_set import RuleSet
from services.publish import TEMPLATES, read_rule_set
from tests.fixtures.shop import SHOP
from trigger_engine.core.trigger_file import parse_trigger

REPEATED, LATE, BROKEN = 0.02, 0.01, 0.001
LATE_MS = 3 * DAY_MS
REMEMBERED = 1_000
"""A repetition is one of so many events before."""
SHORT = {"45m": "30s", "24h": "45s", "48h": "60s", "cooldown: 7d": "cooldown: 2m", "2d": "40s", "3d": "60s"}


class BadHour:
    """A source of events; `broken` counts what cannot be read."""

    def __init__(self, shop: Shop, seed: int) -> None:
        self._shop = shop
        self._random = Random(seed)
        self._last: deque[tuple[bytes, bytes]] = deque(maxlen=REMEMBERED)
        self.broken = 0

    def next_event(self, now: Instant) -> tuple[bytes, bytes]:
        """(key, value) of one more record."""
        drawn = self._random.random()
        if drawn < BROKEN:
            self.broken += 1
            key, value = self._shop.next_event(now)
            return key, value[: len(value) // 2]
        if drawn < BROKEN + REPEATED and self._last:
            return self._random.choice(self._last)
        late = drawn < BROKEN + REPEATED + LATE
        event = self._shop.next_event(now, now - LATE_MS if late else None)
        self._last.append(event)
        return event


def rule_sets() -> list[RuleSet]:
    """The shop's rules in a hurry, and the same with another wait before the first reminder."""
    return [_hurried({}), _hurried({"wait: 30s": "wait: 20s"})]


def _hurried(also: dict[str, str]) -> RuleSet:
    forms = []
    for file in sorted(SHOP.glob("*.yaml")):
        text = file.read_text()
        for long, short in {**SHORT, **also}.items():
            text = text.replace(long, short)
        forms.append(parse_trigger(text, file.name))
    return RuleSet.of(forms, templates=read_rule_set(SHOP, TEMPLATES).templates)
