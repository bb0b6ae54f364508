"""Local time: zones from the pinned package, days on which clocks change, quiet hours."""

import zoneinfo
from datetime import date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from schemas.instants import HOUR_MS, MINUTE_MS, SECOND_MS, format_instant, parse_instant
from trigger_engine.core import local_time
from trigger_engine.core.local_time import (
    load_zone,
    local_date,
    local_instant,
    next_local,
    quiet_end,
    quiet_interval_after,
    utc_day,
    zone_for,
)


def zone(name: str) -> ZoneInfo:
    found = load_zone(name)
    assert found is not None
    return found


def instant(text: str) -> int:
    return parse_instant(f"{text}Z")


def shown(at: int) -> str:
    return format_instant(at).removesuffix(":00.000Z")


def minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def test_unknown_zone_is_the_countrys_else_the_policys() -> None:
    assert zone_for("Asia/Baku", "TR", "UTC").key == "Asia/Baku"
    assert zone_for("Mars/Olympus", "TR", "UTC").key == "Europe/Istanbul"
    assert zone_for(None, "az", "UTC").key == "Asia/Baku"
    assert zone_for(None, "ZZ", "Europe/Berlin").key == "Europe/Berlin"
    assert zone_for("", None, "Nowhere").key == "UTC"


@pytest.mark.parametrize(
    "name", ["../zones", "/etc/passwd", "Europe", "europe/berlin", "", "zone.tab", "Europe//Berlin"]
)
def test_only_names_of_zones_are_zones(name: str) -> None:
    assert load_zone(name) is None


def test_a_country_with_a_remote_first_zone_has_its_main_one() -> None:
    found = {country: zone_for(None, country, "UTC").key for country in ("AU", "BR", "CA", "RU", "UA", "US")}
    assert found == {
        "AU": "Australia/Sydney",
        "BR": "America/Sao_Paulo",
        "CA": "America/Toronto",
        "RU": "Europe/Moscow",
        "UA": "Europe/Kyiv",
        "US": "America/New_York",
    }


def test_every_country_and_every_name_of_the_package_has_a_zone() -> None:
    countries = local_time._zones_by_country()
    assert len(countries) > 240
    assert all(load_zone(name) is not None for name in countries.values())
    assert all(load_zone(name) is not None for name in local_time._zone_names())


def test_zones_never_come_from_the_system(tmp_path: Path) -> None:
    """A system's zones may be older or newer than the pinned ones, or wrong."""
    (tmp_path / "Europe").mkdir()
    utc = files("tzdata").joinpath("zoneinfo", "UTC").read_bytes()
    (tmp_path / "Europe" / "Berlin").write_bytes(utc)
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath([tmp_path])
    ZoneInfo.clear_cache()
    load_zone.cache_clear()
    try:
        at = local_instant(date(2026, 7, 1), minutes("12:00"), zone("Europe/Berlin"))
        assert datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")).utcoffset() == timedelta(0)
    finally:
        zoneinfo.reset_tzpath(before)
        ZoneInfo.clear_cache()
    assert shown(at) == "2026-07-01T10:00"


CLOCKS = [
    # place, day, clock there, instant in UTC
    ("Europe/Berlin", "2026-03-29", "02:30", "2026-03-29T01:00"),  # does not exist: 03:00 is the first after
    ("Europe/Berlin", "2026-03-29", "02:00", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-03-29", "03:00", "2026-03-29T01:00"),
    ("Europe/Berlin", "2026-03-29", "01:59", "2026-03-29T00:59"),
    ("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30"),  # twice: the first
    ("Europe/Berlin", "2026-10-25", "03:00", "2026-10-25T02:00"),
    ("America/New_York", "2026-03-08", "02:30", "2026-03-08T07:00"),
    ("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30"),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-10-03T15:30"),  # half an hour is skipped
    ("Australia/Lord_Howe", "2026-10-04", "02:30", "2026-10-03T15:30"),
    ("Australia/Lord_Howe", "2026-04-05", "01:45", "2026-04-04T14:45"),  # and comes twice
    ("Pacific/Apia", "2011-12-30", "09:00", "2011-12-30T10:00"),  # the day was skipped
    ("Pacific/Apia", "2011-12-29", "09:00", "2011-12-29T19:00"),
    ("Pacific/Apia", "2011-12-31", "09:00", "2011-12-30T19:00"),
    ("Asia/Baku", "2026-03-29", "04:30", "2026-03-29T00:30"),  # no summer time since 2016
    ("Asia/Baku", "2015-03-29", "04:30", "2015-03-29T00:00"),
    ("Europe/Istanbul", "2026-03-29", "03:30", "2026-03-29T00:30"),
    ("Europe/Istanbul", "2026-12-01", "09:00", "2026-12-01T06:00"),
    ("Europe/Istanbul", "2015-12-01", "09:00", "2015-12-01T07:00"),
    ("America/Sao_Paulo", "2018-11-04", "00:00", "2018-11-04T03:00"),  # midnight did not exist
    ("Asia/Kathmandu", "2026-01-01", "00:00", "2025-12-31T18:15"),
]


@pytest.mark.parametrize(("place", "day", "clock", "expected"), CLOCKS)
def test_nonexistent_local_time_is_the_first_valid_instant_after_and_ambiguous_the_first(
    place: str, day: str, clock: str, expected: str
) -> None:
    assert shown(local_instant(date.fromisoformat(day), minutes(clock), zone(place))) == expected


@pytest.mark.parametrize("place", ["Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Baku"])
@pytest.mark.parametrize("around", ["2026-03-29", "2026-10-25", "2026-10-04", "2026-04-05", "2011-12-30"])
def test_the_next_local_time_is_the_first_of_them_at_or_after(place: str, around: str) -> None:
    here = zone(place)
    begin = instant(f"{around}T00:00:00") - 14 * HOUR_MS
    wanted = minutes("02:15")
    days = [date.fromisoformat(around) + timedelta(days=shift) for shift in range(-4, 5)]
    times = [local_instant(day, wanted, here) for day in days]
    for begun in range(begin, begin + 40 * HOUR_MS, 47 * MINUTE_MS):
        assert next_local(wanted, here, begun) == min(at for at in times if at >= begun)


def test_next_local_time_now_is_now() -> None:
    here = zone("Europe/Istanbul")
    at = instant("2026-12-01T06:00:00")
    assert next_local(minutes("09:00"), here, at) == at
    assert shown(next_local(minutes("09:00"), here, at + 1)) == "2026-12-02T06:00"


def test_the_second_of_two_ambiguous_times_is_past() -> None:
    here = zone("Europe/Berlin")
    assert shown(next_local(minutes("02:30"), here, instant("2026-10-25T01:10:00"))) == "2026-10-26T01:30"


def test_a_day_is_the_one_there() -> None:
    at = instant("2026-12-31T21:30:00")
    assert local_date(at, zone("Europe/Istanbul")) == date(2027, 1, 1)
    assert local_date(at, zone("America/New_York")) == date(2026, 12, 31)
    assert utc_day(at) == (date(2026, 12, 31) - date(1970, 1, 1)).days


NIGHT = (minutes("22:00"), minutes("08:00"))


def test_quiet_hours_go_over_midnight() -> None:
    here = zone("Europe/Istanbul")
    assert quiet_end(NIGHT, here, instant("2026-05-01T18:59:59")) is None
    assert quiet_end(NIGHT, here, instant("2026-05-01T19:00:00")) == instant("2026-05-02T05:00:00")
    assert quiet_end(NIGHT, here, instant("2026-05-02T04:59:59")) == instant("2026-05-02T05:00:00")
    assert quiet_end(NIGHT, here, instant("2026-05-02T05:00:00")) is None


def test_quiet_hours_within_a_day() -> None:
    here = zone("Asia/Baku")
    siesta = (minutes("13:00"), minutes("15:00"))
    assert quiet_end(siesta, here, instant("2026-05-01T09:30:00")) == instant("2026-05-01T11:00:00")
    assert quiet_end(siesta, here, instant("2026-05-01T11:30:00")) is None


def test_no_quiet_hours_are_none() -> None:
    here = zone("Asia/Baku")
    assert quiet_end(None, here, 0) is None
    assert quiet_end((60, 60), here, 0) is None
    assert quiet_interval_after(None, here, 0) is None


def test_the_next_quiet_hours_are_the_present_or_the_coming_ones() -> None:
    here = zone("Europe/Berlin")
    day = instant("2026-03-28T12:00:00")
    coming = (instant("2026-03-28T21:00:00"), instant("2026-03-29T06:00:00"))
    assert quiet_interval_after(NIGHT, here, day) == coming, "that night has an hour less"
    assert quiet_interval_after(NIGHT, here, coming[0] + SECOND_MS) == coming
    following = quiet_interval_after(NIGHT, here, coming[1])
    assert following is not None
    assert following[0] == instant("2026-03-29T20:00:00")


def test_the_end_of_quiet_hours_that_does_not_exist_is_the_first_instant_after() -> None:
    hours = (minutes("01:00"), minutes("02:30"))
    here = zone("Europe/Berlin")
    assert quiet_end(hours, here, instant("2026-03-29T00:30:00")) == instant("2026-03-29T01:00:00")
    assert quiet_end((minutes("02:10"), minutes("02:50")), here, instant("2026-03-29T01:00:00")) is None
