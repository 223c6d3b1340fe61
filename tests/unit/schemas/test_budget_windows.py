"""Windows of budgets: days, weeks and months of a zone, where clocks change and months end."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.llm.budget_windows import WindowKind, window_at
from schemas.times import EPOCH, MICROSECOND
from schemas.zones import HOUR_US

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"),
    *("Asia/Beirut", "America/Havana", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"),
)


def us(text: str) -> int:
    return (datetime.fromisoformat(text) - EPOCH) // MICROSECOND


def shown(kind: WindowKind, zone: str, now: str) -> tuple[str, str]:
    found = window_at(kind, 0, zone, us(now))
    assert found.end_us is not None
    moments = (EPOCH + timedelta(microseconds=one) for one in (found.start_us, found.end_us))
    start, end = (f"{one:%Y-%m-%dT%H:%M}" for one in moments)
    return start, end


@pytest.mark.parametrize(
    ("kind", "zone", "now", "expected"),
    [
        # The clocks of Berlin go on at 01:00 UTC on 2026-03-29, and back on 2026-10-25.
        ("day", "Europe/Berlin", "2026-03-29T12:00Z", ("2026-03-28T23:00", "2026-03-29T22:00")),
        ("day", "Europe/Berlin", "2026-10-25T12:00Z", ("2026-10-24T22:00", "2026-10-25T23:00")),
        ("week", "Europe/Berlin", "2026-03-29T21:59Z", ("2026-03-22T23:00", "2026-03-29T22:00")),
        ("month", "Europe/Berlin", "2026-03-15T00:00Z", ("2026-02-28T23:00", "2026-03-31T22:00")),
        # Midnight of Beirut does not exist on 2026-03-29: the day begins at 01:00, +03.
        ("day", "Asia/Beirut", "2026-03-29T09:00Z", ("2026-03-28T22:00", "2026-03-29T21:00")),
        # Its clocks go from 00:00 back to 23:00: that hour still belongs to the day before.
        ("day", "Asia/Beirut", "2026-10-24T21:30Z", ("2026-10-23T21:00", "2026-10-24T22:00")),
        # Samoa had no 2011-12-30.
        ("day", "Pacific/Apia", "2011-12-30T11:00Z", ("2011-12-30T10:00", "2011-12-31T10:00")),
        ("month", "UTC", "2028-02-29T23:59Z", ("2028-02-01T00:00", "2028-03-01T00:00")),
        ("month", "UTC", "2026-12-31T23:59Z", ("2026-12-01T00:00", "2027-01-01T00:00")),
        ("month", "Asia/Kolkata", "2026-01-31T18:30Z", ("2026-01-31T18:30", "2026-02-28T18:30")),
        ("week", "UTC", "2026-11-30T00:00Z", ("2026-11-30T00:00", "2026-12-07T00:00")),
        ("week", "UTC", "2026-11-29T23:59Z", ("2026-11-23T00:00", "2026-11-30T00:00")),
    ],
)
def test_a_window_begins_and_ends_as_the_clock_of_its_zone_does(
    kind: WindowKind, zone: str, now: str, expected: tuple[str, str]
) -> None:
    assert shown(kind, zone, now) == expected


def test_a_rolling_window_is_of_the_last_hours_and_never_reset() -> None:
    now_us = us("2026-03-29T12:00Z")

    window = window_at("rolling", 24, "Europe/Berlin", now_us)

    assert (window.start_us, window.end_us) == (now_us - 24 * HOUR_US + 1, None)
    assert window.last_us(now_us) == now_us


@given(
    now_us=st.integers(us("1995-01-01T00:00Z"), us("2035-01-01T00:00Z")),
    kind=st.sampled_from(["day", "week", "month"]),
    zone=st.sampled_from(ZONES),
)
def test_windows_follow_each_other_without_a_gap_and_hold_their_moment(
    now_us: int, kind: WindowKind, zone: str
) -> None:
    window = window_at(kind, 0, zone, now_us)
    assert window.end_us is not None

    assert window.start_us <= now_us < window.end_us
    assert window_at(kind, 0, zone, window.start_us) == window
    assert window_at(kind, 0, zone, window.end_us - 1) == window
    assert window_at(kind, 0, zone, window.end_us).start_us == window.end_us


@pytest.mark.parametrize("zone", ZONES)
def test_each_day_of_a_year_is_a_day_of_the_zone(zone: str) -> None:
    starts = [us("2026-01-15T12:00Z")]
    while starts[-1] < us("2027-01-15T12:00Z"):
        window = window_at("day", 0, zone, starts[-1])
        assert window.end_us is not None
        starts.append(window.end_us)

    days = [
        (EPOCH + timedelta(microseconds=one)).astimezone(ZoneInfo(zone)).date() for one in starts
    ]

    assert all(after - before == timedelta(days=1) for before, after in pairwise(days))
