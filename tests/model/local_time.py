"""Local time: the recipient's zone, clock times on her calendar, quiet hours.

DESIGN section 4: a local time that does not exist is the first valid instant after it, one that comes twice
the first; an unknown zone is the country's, else the policy's.
"""

import importlib.resources
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from schemas.instants import datetime_of, instant_of


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


@cache
def zones_of_country(country: str) -> tuple[str, ...]:
    """The zones of an ISO 3166 country, in the order of the tz database's `zone.tab`."""
    table = importlib.resources.files("tzdata").joinpath("zoneinfo/zone.tab").read_text("utf-8")
    rows = [line.split("\t") for line in table.splitlines() if not line.startswith("#")]
    return tuple(row[2].strip() for row in rows if row[0] == country)


def zone_of(profile: dict[str, Any], policy_zone: str) -> ZoneInfo:
    """Her zone, else her country's, else the policy's."""
    named = profile.get("time_zone")
    if isinstance(named, str) and named in _known_zones():
        return ZoneInfo(named)
    country = profile.get("country")
    if isinstance(country, str):
        zones = zones_of_country(country.upper())
        if zones:
            return ZoneInfo(zones[0])
    return ZoneInfo(policy_zone)


def local(instant: int, zone: ZoneInfo) -> datetime:
    """The local date and time of an instant, as a clock on the wall shows it."""
    return datetime_of(instant).astimezone(zone).replace(tzinfo=None)


def instant_at(day: date, minutes: int, zone: ZoneInfo) -> int:
    """The first instant at which the wall clock shows that time of that day, or a later one."""
    wanted = datetime.combine(day, time(0)) + timedelta(minutes=minutes)
    guess = instant_of(wanted.replace(tzinfo=zone, fold=0).astimezone(UTC))
    if local(guess, zone) == wanted:
        return guess
    moment = guess - 25 * 3_600_000
    while local(moment, zone) < wanted:
        moment += 60_000
    return moment


def next_at(instant: int, minutes: int, zone: ZoneInfo) -> int:
    """The first such clock time at or after an instant."""
    day = local(instant, zone).date() - timedelta(days=1)
    while instant_at(day, minutes, zone) < instant:
        day += timedelta(days=1)
    return instant_at(day, minutes, zone)


def quiet_end(now: int, hours: tuple[int, int], zone: ZoneInfo) -> int | None:
    """When the quiet hours that cover `now` end; None if none do."""
    clock = local(now, zone)
    minute = clock.hour * 60 + clock.minute
    start, end = hours
    inside = start <= minute < end if start < end else (minute >= start or minute < end)
    return next_at(now, end, zone) if inside and start != end else None
