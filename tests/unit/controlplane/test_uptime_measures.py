"""Uptime against a computation second by second, with windows in zones whose clocks change."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from controlplane.failures import BadRequest
from controlplane.uptime.windows import check_window, stretches_of_window
from schemas.uptime.maintenance import MaintenanceWindow
from schemas.uptime.measures import SECOND_US, Overlays, measure
from schemas.uptime.states import State
from schemas.uptime.stretches import Stretch
from tests.unit.controlplane.uptime_seconds import (
    DAY_S,
    WINDOWS,
    count_seconds,
    flips_at,
    random_moments,
)

SPRING = datetime(2026, 3, 29, 12, tzinfo=UTC)
"""On the day when clocks in Berlin go forward."""


def test_the_worked_example_of_a_day() -> None:
    # 600 s of maintenance while the target is down, 120 s of outage, 900 s without checks,
    # and a failed check that the next one did not confirm, which is no flip.
    moments: list[tuple[int, State]] = [
        (0, "up"), (10_000, "down"), (10_600, "up"), (20_000, "down"), (20_120, "up"),
        (30_000, "unknown"), (30_900, "up"),
    ]  # fmt: skip
    maintenance = (Stretch(10_000 * SECOND_US, 10_600 * SECOND_US),)

    day = measure(
        Stretch(0, DAY_S * SECOND_US), 0, flips_at(moments), Overlays(maintenance=maintenance)
    )

    assert day.down_us == 120 * SECOND_US
    assert day.up_us == 84_780 * SECOND_US
    assert day.uptime_pct == 99.858
    assert day.coverage_pct == 98.263
    assert (day.maintenance_us, day.unknown_us) == (600 * SECOND_US, 900 * SECOND_US)
    assert day.outages == 1


def test_a_voided_time_is_left_out_but_for_what_is_left_out_already() -> None:
    moments: list[tuple[int, State]] = [(0, "up"), (100, "down"), (400, "up")]
    overlays = Overlays(
        maintenance=(Stretch(50 * SECOND_US, 150 * SECOND_US),),
        excluded=(Stretch(100 * SECOND_US, 300 * SECOND_US),),
    )

    found = measure(Stretch(0, 1000 * SECOND_US), 0, flips_at(moments), overlays)

    assert (found.maintenance_us, found.excluded_us) == (100 * SECOND_US, 150 * SECOND_US)
    assert (found.down_us, found.up_us) == (100 * SECOND_US, 650 * SECOND_US)
    assert (found.uptime_pct, found.coverage_pct) == (86.666, 75.0)


def test_one_second_down_never_shows_as_all_up_and_nothing_known_as_nothing() -> None:
    quarter = Stretch(0, 90 * DAY_S * SECOND_US)
    moments: list[tuple[int, State]] = [(0, "up"), (5, "down"), (6, "up")]

    assert measure(quarter, 0, flips_at(moments), Overlays()).uptime_pct == 99.999
    assert measure(quarter, 0, [], Overlays()).uptime_pct is None
    assert measure(quarter, 0, flips_at([(0, "up")]), Overlays()).uptime_pct == 100.0


@pytest.mark.parametrize("days", [1, 7, 30, 90])
@pytest.mark.parametrize("number", range(6))
def test_uptime_is_what_counting_every_second_gives(days: int, number: int) -> None:
    chance = random.Random(f"{days}-{number}")
    end_s = int(SPRING.timestamp()) + chance.randrange(3 * DAY_S)
    start_s = end_s - days * DAY_S
    created_s = start_s + chance.choice([-DAY_S, days * DAY_S // 3])
    moments = random_moments(chance, created_s, end_s)
    chosen = chance.sample(WINDOWS, 2)
    paused = [
        Stretch(at * SECOND_US, (at + chance.randrange(1, 9 * DAY_S)) * SECOND_US)
        for at in (chance.randrange(start_s - DAY_S, end_s) for _ in range(2))
    ]
    bounds = Stretch(start_s * SECOND_US, end_s * SECOND_US)
    maintenance = tuple(one for each in chosen for one in stretches_of_window(each, *bounds))

    found = measure(
        bounds,
        created_s * SECOND_US,
        flips_at(moments),
        Overlays(maintenance=maintenance, paused=tuple(paused)),
    )

    counts = count_seconds(start_s, end_s, created_s, moments, chosen, paused)
    told = [found.up_us, found.degraded_us, found.down_us, found.unknown_us]
    told += [found.maintenance_us, found.paused_us, found.before_us]
    assert [one // SECOND_US for one in told] == counts
    up, degraded, down = counts[:3]
    if up + degraded + down:
        exact = 100 * (up + degraded) / (up + degraded + down)
        assert found.uptime_pct is not None
        assert 0 <= exact - found.uptime_pct < 0.001
    else:
        assert found.uptime_pct is None


@pytest.mark.parametrize(
    ("window", "days"),
    [
        # Berlin: 02:30 is skipped on 29 March; it is 03:30 of the new time.
        (WINDOWS[1], ["2026-03-22T01:30", "2026-03-29T01:30", "2026-04-05T00:30"]),
        # New York: 02:15 is skipped on 8 March, and is shown twice on no day of spring.
        (WINDOWS[2], None),
    ],
)
def test_a_window_begins_when_local_clocks_say_so(
    window: MaintenanceWindow, days: list[str] | None
) -> None:
    bounds = Stretch(us(datetime(2026, 3, 20, tzinfo=UTC)), us(datetime(2026, 4, 7, tzinfo=UTC)))

    found = stretches_of_window(window, *bounds)

    assert {one.end_us - one.start_us for one in found} == {
        (window.duration_seconds or 0) * SECOND_US
    }
    if days is not None:
        assert [moment(one.start_us).strftime("%Y-%m-%dT%H:%M") for one in found] == days


def test_of_a_time_that_clocks_show_twice_a_window_has_the_first() -> None:
    window = MaintenanceWindow(cron="30 2 * * *", duration_seconds=60, timezone="Europe/Berlin")
    day = datetime(2026, 10, 25, tzinfo=UTC)

    (one,) = stretches_of_window(window, us(day), us(day + timedelta(hours=12)))

    assert moment(one.start_us) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "window",
    [
        MaintenanceWindow(),
        MaintenanceWindow(starts_at="2026-01-01T00:00:00Z"),
        MaintenanceWindow(starts_at="2026-01-02T00:00:00Z", ends_at="2026-01-01T00:00:00Z"),
        MaintenanceWindow(starts_at="soon", ends_at="2026-01-01T00:00:00Z"),
        MaintenanceWindow(cron="0 3 * * *"),
        MaintenanceWindow(cron="* * * * *", duration_seconds=60),
        MaintenanceWindow(cron="99 3 * * *", duration_seconds=60),
        MaintenanceWindow(cron="0 3 31 2 *", duration_seconds=60),
        MaintenanceWindow(cron="0 3 * * *", duration_seconds=60, timezone="Mars/Olympus"),
        MaintenanceWindow(cron="0 3 * * *", rrule="FREQ=DAILY", duration_seconds=60),
        MaintenanceWindow(rrule="FREQ=DAILY", duration_seconds=60),
        MaintenanceWindow(starts_at="2026-01-01T00:00", rrule="FREQ=SECONDLY", duration_seconds=60),
        MaintenanceWindow(
            starts_at="2026-01-01T00:00",
            rrule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
            duration_seconds=60,
        ),
        MaintenanceWindow(
            starts_at="2026-01-01T00:00",
            rrule="FREQ=DAILY;BYMONTHDAY=1;BYDAY=5MO",
            duration_seconds=60,
        ),
        MaintenanceWindow(
            starts_at="2026-01-01T00:00", rrule="FREQ=DAILY;BYDAY=XX", duration_seconds=60
        ),
    ],
)
def test_a_window_that_cannot_be_is_rejected_at_once(window: MaintenanceWindow) -> None:
    with pytest.raises(BadRequest, match="maintenance_windows"):
        check_window(window)


@pytest.mark.parametrize("window", WINDOWS)
def test_windows_of_all_sorts_are_taken(window: MaintenanceWindow) -> None:
    check_window(window)


def us(at: datetime) -> int:
    return int(at.timestamp()) * SECOND_US


def moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us // SECOND_US, UTC)
