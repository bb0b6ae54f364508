"""Durations as people write them in trigger files: `45m`, `24h`, `7d`, `2d12h`.

Absolute lengths of time: a day is 24 hours whatever clocks do; months and years are not durations.
"""

import re

from schemas.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

_PATTERN = re.compile(r"(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_UNITS = (("d", DAY_MS), ("h", HOUR_MS), ("m", MINUTE_MS), ("s", SECOND_MS))


def parse_duration(text: str) -> int:
    """Milliseconds of `2d12h`. Raises ValueError with a sentence that says how to write it."""
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        raise ValueError(
            f"{text!r} is no duration; write days, hours, minutes, seconds as 45m, 24h, 7d or 2d12h"
        )
    return sum(int(count) * ms for count, (_, ms) in zip(match.groups(), _UNITS, strict=True) if count)


def format_duration(ms: int) -> str:
    """The shortest spelling in whole units: 90 minutes are `1h30m`; less than a second is `0s`."""
    parts = []
    for unit, length in _UNITS:
        count, ms = divmod(ms, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
