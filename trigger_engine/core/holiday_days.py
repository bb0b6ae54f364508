"""Movable and fixed feasts, from the pinned `holidays` package: what day one falls on in a year."""

from datetime import date
from functools import lru_cache

import holidays

from trigger_engine.core.patterns import Holiday

_ESTIMATED = " (estimated)"
"""What the package adds to feasts that go by the moon, as long as they are not announced."""


def day_of(holiday: Holiday, year: int) -> date | None:
    """The (first) day of a feast in a year; None if the country does not keep it that year."""
    return _days(holiday.country, year).get(holiday.name)


@lru_cache(maxsize=512)
def _days(country: str, year: int) -> dict[str, date]:
    """By English name. A day off that replaces a feast is not the feast."""
    known = holidays.country_holidays(country, years=year, language="en_US", observed=False)
    days: dict[str, date] = {}
    for day in sorted(known):
        if day.year == year:
            for name in known[day].split("; "):
                days.setdefault(name.removesuffix(_ESTIMATED), day)
    return days
