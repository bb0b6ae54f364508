"""Local time: which zone a customer lives in, and which instant a clock time there is.

Zones come from the pinned `tzdata` package alone, never from the system, so that every machine and every
replay knows the same rules. A clock time that does not exist on a day (clocks go forward) is the first valid
instant after it; one that comes twice (clocks go back) is the first of the two.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from schemas.instants import DAY_MS, SECOND_MS, Instant, instant_of

_MAIN_ZONES = {
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
}
"""`zone.tab` names a country's zones in geographical order; these begin with a remote one."""


def zone_for(time_zone: str | None, country: str | None, default: str) -> ZoneInfo:
    """The customer's zone if there is such a one, else the main one of her country, else the default.

    `country` is ISO 3166 in two letters, of any case. An unknown `default` is UTC.
    """
    zone = None if time_zone is None else load_zone(time_zone)
    if zone is None and country is not None:
        of_country = _zones_by_country().get(country.strip().upper())
        zone = None if of_country is None else load_zone(of_country)
    return zone or load_zone(default) or load_utc()


@lru_cache(maxsize=1024)
def load_zone(name: str) -> ZoneInfo | None:
    """A zone by its IANA name, or None if there is none of that name."""
    if name not in _zone_names():
        return None
    resource = files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with resource.open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def load_utc() -> ZoneInfo:
    zone = load_zone("UTC")
    assert zone is not None, "tzdata has UTC"
    return zone


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


@lru_cache(maxsize=1)
def _zones_by_country() -> Mapping[str, str]:
    zones: dict[str, str] = {}
    for line in files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _, zone = line.split("\t")[:3]
            zones.setdefault(country, zone)
    return {**zones, **_MAIN_ZONES}


def local_date(at: Instant, zone: ZoneInfo) -> date:
    """The day it is there. Raises OverflowError outside the years 1 to 9999."""
    return _local(at, zone).date()


def utc_day(at: Instant) -> int:
    """Days since 1970 in UTC."""
    return at // DAY_MS


@lru_cache(maxsize=16_384)
def local_instant(day: date, minutes: int, zone: ZoneInfo) -> Instant:
    """When it is that many minutes past midnight by the clocks there.

    Raises OverflowError at the ends of the calendar.
    """
    wall = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60)  # noqa: DTZ001  # gets its zone below
    first = instant_of(wall.replace(tzinfo=zone))
    if _local(first, zone) == wall:
        return first
    return _end_of_gap(instant_of(wall.replace(tzinfo=zone, fold=1)), first, zone)


def next_local(minutes: int, zone: ZoneInfo, at: Instant) -> Instant:
    """The first time at or after `at` that it is that many minutes past midnight there."""
    # the day before too: where a day was skipped, its clock times come on the next
    day = local_date(at, zone) - timedelta(days=1)
    while True:
        found = local_instant(day, minutes, zone)
        if found >= at:
            return found
        day += timedelta(days=1)


def quiet_end(hours: tuple[int, int] | None, zone: ZoneInfo, now: Instant) -> Instant | None:
    """When the quiet hours end that `now` lies in; None if it lies in none.

    `hours` are minutes past midnight, from and to; they may go over midnight. The end lies outside.
    """
    interval = quiet_interval_after(hours, zone, now)
    return interval[1] if interval is not None and interval[0] <= now else None


def quiet_interval_after(
    hours: tuple[int, int] | None, zone: ZoneInfo, now: Instant
) -> tuple[Instant, Instant] | None:
    """The quiet hours that `now` lies in, or else the next ones, as instants; None if there are none."""
    if hours is None or hours[0] == hours[1]:
        return None
    begin, end = hours
    day = local_date(now, zone) - timedelta(days=2)
    while True:
        last_day = day if begin < end else day + timedelta(days=1)
        interval = local_instant(day, begin, zone), local_instant(last_day, end, zone)
        if interval[1] > now and interval[0] < interval[1]:
            return interval
        day += timedelta(days=1)


def _moment(at: Instant, zone: ZoneInfo) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(zone)


def _local(at: Instant, zone: ZoneInfo) -> datetime:
    """What the calendar and clocks there show."""
    return _moment(at, zone).replace(tzinfo=None, fold=0)


def _end_of_gap(before: Instant, after: Instant, zone: ZoneInfo) -> Instant:
    """The instant at which clocks go forward, between one before it and one after it."""
    offset = _moment(before, zone).utcoffset()
    low, high = before // SECOND_MS, after // SECOND_MS
    while high - low > 1:
        middle = (low + high) // 2
        if _moment(middle * SECOND_MS, zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return high * SECOND_MS
