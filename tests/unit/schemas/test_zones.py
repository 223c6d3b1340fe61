"""Clocks of zones against the standard library's own `zoneinfo`."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.times import EPOCH, MICROSECOND
from schemas.zones import DAY_US, HOUR_US, UnknownZone, check_zone, clock_of

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Africa/Casablanca",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Pacific/Apia",
)


def us(text: str) -> int:
    return (datetime.fromisoformat(text).replace(tzinfo=UTC) - EPOCH) // MICROSECOND


@pytest.mark.parametrize("zone", ZONES)
def test_a_clock_shows_at_every_hour_what_the_standard_library_says(zone: str) -> None:
    first, last = us("2009-01-01"), us("2013-01-01")
    clock = clock_of(zone, first, last)

    for moment_us in range(first, last, 5 * HOUR_US):
        moment = (EPOCH + timedelta(microseconds=moment_us)).astimezone(ZoneInfo(zone))
        assert clock.offset_at(moment_us) * MICROSECOND == moment.utcoffset()


@pytest.mark.parametrize(
    ("zone", "days", "hours"),
    [
        ("America/Los_Angeles", "2026-03-08", [23]),
        ("America/Los_Angeles", "2026-11-01", [25]),
        ("Australia/Lord_Howe", "2026-04-05", [24.5]),
        ("Australia/Lord_Howe", "2026-10-04", [23.5]),
        ("America/Sao_Paulo", "2018-11-04", [23]),
        ("Asia/Kathmandu", "2026-11-01", [24]),
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone: str, days: str, hours: list[float]) -> None:
    start = us(days)
    clock = clock_of(zone, start, start)

    assert [(clock.first_of(start + DAY_US) - clock.first_of(start)) / HOUR_US] == hours


def test_a_day_that_a_zone_skips_is_none() -> None:
    first, last = us("2011-12-29T12:00"), us("2012-01-01T00:00")
    days = clock_of("Pacific/Apia", first, last).days(first, last)

    assert [f"{EPOCH + timedelta(microseconds=day):%m-%d}" for day in days] == [
        "12-29",
        "12-31",
        "01-01",
    ]


def test_a_time_that_a_clock_shows_twice_has_a_first_and_a_last_moment() -> None:
    local = us("2026-11-01T01:30")
    clock = clock_of("America/Los_Angeles", local, local)

    assert (clock.first_of(local), clock.last_of(local)) == (
        us("2026-11-01T08:30"),
        us("2026-11-01T09:30"),
    )


def test_a_time_that_a_clock_skips_lies_between_the_moments_around_it() -> None:
    local = us("2026-03-08T02:30")
    clock = clock_of("America/Los_Angeles", local, local)

    assert clock.first_of(local) == us("2026-03-08T10:00")
    assert clock.last_of(local) == clock.first_of(local) - 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "UTC", "Asia/Calcutta", "Etc/GMT+5"])
def test_a_known_zone_is_itself(zone: str) -> None:
    assert check_zone(zone) == zone


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("europe/berlin", "'Europe/Berlin'"),
        ("Los Angeles", "'America/Los_Angeles'"),
        ("Kolkata", "'Asia/Kolkata'"),
        ("Europe/Berln", "'Europe/Berlin'"),
        ("", "such as"),
        ("../../etc/passwd", "such as"),
        ("posix/Europe/Berlin", "'Europe/Berlin'"),
        ("z" * 5000, "such as"),
    ],
)
def test_an_unknown_zone_is_an_error_that_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UnknownZone, match="Unknown time zone") as raised:
        check_zone(name)

    assert said in str(raised.value)
    assert len(str(raised.value)) < 200
