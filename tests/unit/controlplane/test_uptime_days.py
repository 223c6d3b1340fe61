"""Days of a monitor against a computation second by second, in zones whose clocks change."""

import random
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.days import DayBar, day_bars, last_days
from schemas.uptime.measures import SECOND_US, Measured, Overlays
from schemas.uptime.stretches import Stretch, merged
from tests.unit.controlplane.uptime_seconds import (
    DAY_S,
    WINDOWS,
    count_seconds,
    flips_at,
    random_moments,
)

HOUR_US = 3600 * SECOND_US


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("number", range(3))
def test_each_day_is_what_counting_its_seconds_gives(zone: str, number: int) -> None:
    chance = random.Random(f"{zone}-{number}")
    now_s = int(datetime(2026, 4, 3, 17, 21, 9, tzinfo=UTC).timestamp())
    created_s = now_s - chance.randrange(20, 60) * DAY_S
    moments = random_moments(chance, created_s, now_s)
    chosen = chance.sample(WINDOWS, 2)
    paused = [
        Stretch(at_s * SECOND_US, (at_s + chance.randrange(1, 5 * DAY_S)) * SECOND_US)
        for at_s in (chance.randrange(created_s, now_s) for _ in range(2))
    ]
    days = last_days(zone, 30, now_s * SECOND_US)
    whole = Stretch(days[0].bounds.start_us, days[-1].bounds.end_us)
    overlays = Overlays(
        maintenance=tuple(
            merged(one for each in chosen for one in stretches_of_window(each, *whole))
        ),
        paused=tuple(merged(paused)),
    )

    bars = day_bars(days, created_s * SECOND_US, flips_at(moments), overlays)

    for day, bar in zip(days, bars, strict=True):
        from_s, to_s = (moment_us // SECOND_US for moment_us in day.bounds)
        counts = count_seconds(from_s, to_s, created_s, moments, chosen, paused)
        assert [length_us // SECOND_US for length_us in lengths(bar.measured)] == counts, day


def test_days_are_those_of_local_clocks_and_today_ends_now() -> None:
    now_us = int(datetime(2026, 3, 30, 10, tzinfo=UTC).timestamp()) * SECOND_US

    days = last_days("Europe/Berlin", 3, now_us)

    assert [day.day for day in days] == [date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)]
    # Clocks go forward on the 29th.
    assert [(end - start) // HOUR_US for _, (start, end) in days] == [24, 23, 12]
    assert days[-1].bounds.end_us == now_us
    midnight = datetime(2026, 3, 28, tzinfo=ZoneInfo("Europe/Berlin"))
    assert days[0].bounds.start_us == int(midnight.timestamp()) * SECOND_US
    assert len(last_days("Pacific/Apia", 366, now_us)) == 366


@pytest.mark.parametrize(
    ("held", "worst"),
    [
        ((9, 9, 1, 9, 9, 9, 9), "down"),
        ((9, 1, 0, 9, 9, 9, 9), "degraded"),
        ((1, 0, 0, 9, 9, 9, 9), "up"),
        ((0, 0, 0, 1, 9, 9, 9), "unknown"),
        ((0, 0, 0, 0, 1, 9, 9), "maintenance"),
        ((0, 0, 0, 0, 0, 1, 9), "paused"),
        ((0, 0, 0, 0, 0, 0, 9), "before"),
    ],
)
def test_a_day_is_named_by_its_worst_state(held: tuple[int, ...], worst: str) -> None:
    assert DayBar(date(2026, 1, 1), Measured(*held, outages=0)).worst == worst


def lengths(of: Measured) -> list[int]:
    return [
        *(of.up_us, of.degraded_us, of.down_us, of.unknown_us),
        *(of.maintenance_us, of.paused_us, of.before_us),
    ]
