"""Reports on months against counting every second, and the worked example of the documentation."""

import random
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from controlplane.uptime.windows import stretches_of_window
from schemas.uptime.measures import SECOND_US, Overlays
from schemas.uptime.service_levels import (
    BURN_WINDOWS,
    Handled,
    MonthReport,
    Promised,
    burn_rates,
    month_of,
    months_until,
    report_months,
    total_of,
)
from schemas.uptime.states import State
from schemas.uptime.stretches import Stretch, merged
from tests.unit.controlplane.uptime_seconds import (
    DAY_S,
    WINDOWS,
    count_seconds,
    flips_at,
    random_moments,
)

HOUR_S = 3600
BERLIN = ZoneInfo("Europe/Berlin")


def seconds(*at: int, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime(*at, tzinfo=zone).timestamp())  # type: ignore[arg-type]


def october(moments: list[tuple[int, State]], **more: object) -> Promised:
    values = {"overlays": Overlays(), "incidents": (), "target_ppm": 999_000} | more
    return Promised(created_us=0, flips=flips_at(moments), **values)  # type: ignore[arg-type]


def report_on(name: str, of: Promised, now_s: int) -> MonthReport:
    year, number = map(int, name.split("-"))
    months = months_until("Europe/Berlin", date(year, number, 1), 1)
    (report,) = report_months(months, of, now_s * SECOND_US)
    return report


def test_the_worked_example_of_the_documentation() -> None:
    begin = seconds(2026, 10, 1)
    moments: list[tuple[int, State]] = [
        (begin - DAY_S, "up"), (begin + DAY_S, "down"), (begin + DAY_S + 600, "up"),
        (begin + 5 * DAY_S, "down"), (begin + 5 * DAY_S + 1200, "up"),
    ]  # fmt: skip
    maintained = Stretch((begin + 9 * DAY_S) * SECOND_US, (begin + 9 * DAY_S + 7200) * SECOND_US)
    first_us = (begin + DAY_S) * SECOND_US
    incidents = (
        Handled("inc_1", first_us, first_us + 60 * SECOND_US, first_us + 600 * SECOND_US, False),
        Handled("inc_2", first_us + 9, None, first_us + 10, True),
        Handled("inc_3", 5 * DAY_S * SECOND_US, None, 6 * DAY_S * SECOND_US, False),
    )
    of = october(moments, overlays=Overlays(maintenance=(maintained,)), incidents=incidents)

    report = report_on("2026-10", of, begin + 60 * DAY_S)

    whole = report.month.bounds
    assert (whole.end_us - whole.start_us) // SECOND_US == 745 * HOUR_S
    assert report.budget_us == 2674_800_000
    assert report.left_us == 874_800_000
    assert 100_000 * report.left_us // report.budget_us == 32_705
    assert (report.measured.uptime_pct, report.is_breached) == (99.932, False)
    assert [(one.end_us - one.start_us) // SECOND_US for one in report.outages] == [600, 1200]
    assert [one.incident_id for one in report.outages] == ["inc_1", None]
    assert [us // SECOND_US for us in report.acknowledged_us] == [60]
    assert [us // SECOND_US for us in report.resolved_us] == [600]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
@pytest.mark.parametrize("number", range(4))
def test_months_are_what_counting_every_second_gives(zone: str, number: int) -> None:
    chance = random.Random(f"{zone}-{number}")
    now_s = seconds(2026, 4, 17, 9, 30, 11)
    created_s = now_s - chance.randrange(40, 110) * DAY_S
    moments = random_moments(chance, created_s, now_s)
    chosen = chance.sample(WINDOWS, 2)
    paused = [
        Stretch(at_s * SECOND_US, (at_s + chance.randrange(1, 9 * DAY_S)) * SECOND_US)
        for at_s in (chance.randrange(created_s, now_s) for _ in range(2))
    ]
    months = months_until(zone, date(2026, 4, 1), 3)
    whole = Stretch(months[0].bounds.start_us, now_s * SECOND_US)
    windows = [one for each in chosen for one in stretches_of_window(each, *whole)]
    overlays = Overlays(maintenance=tuple(merged(windows)), paused=tuple(merged(paused)))
    target_ppm = chance.choice([999_000, 950_000, 500_000])
    flips = flips_at(moments)
    of = Promised(created_s * SECOND_US, target_ppm, flips, overlays, ())

    reports = report_months(months, of, now_s * SECOND_US)

    for month, report in zip(months, reports, strict=True):
        year, number = map(int, month.name.split("-"))
        assert month.bounds.start_us == seconds(year, number, 1, zone=ZoneInfo(zone)) * SECOND_US
        from_s, to_s = (us // SECOND_US for us in month.bounds)
        until_s = min(to_s, now_s)
        counts = count_seconds(from_s, until_s, created_s, moments, chosen, paused)
        up, degraded, down, *excluded = counts
        found = report.measured
        assert [found.up_us, found.degraded_us, found.down_us] == [
            one * SECOND_US for one in (up, degraded, down)
        ]
        allowed_s = (to_s - from_s - sum(excluded)) * (1 - target_ppm / 1e6)
        assert report.budget_us / SECOND_US == pytest.approx(allowed_s, abs=0.001)
        assert sum(one.end_us - one.start_us for one in report.outages) == found.down_us
        assert len(report.outages) == found.outages
        if until_s == to_s and up + degraded + down:
            exact = (up + degraded) / (up + degraded + down)
            assert report.is_breached == (exact < target_ppm / 1e6)
            assert found.uptime_pct is not None
            assert 0 <= 100 * exact - found.uptime_pct < 0.001


def test_an_outage_goes_on_until_now_and_is_cut_at_the_ends_of_its_month() -> None:
    down_s = seconds(2026, 10, 31, 23, 59, 0)
    now_s = seconds(2026, 11, 1, 0, 10, 0)
    of = october([(down_s - DAY_S, "up"), (down_s, "down")])

    (before,) = report_on("2026-10", of, now_s).outages
    (now,) = report_on("2026-11", of, now_s).outages

    assert ((before.end_us - before.start_us) // SECOND_US, before.is_over) == (60, True)
    assert ((now.end_us - now.start_us) // SECOND_US, now.is_over) == (600, False)


def test_a_month_is_breached_by_the_first_second_beyond_its_budget() -> None:
    begin = seconds(2026, 6, 1)
    end = seconds(2026, 7, 1)
    allowed_s = (end - begin) // 1000

    for down_s, is_breached in ((allowed_s, False), (allowed_s + 1, True)):
        of = october([(begin, "up"), (begin + 9, "down"), (begin + 9 + down_s, "up")])
        assert report_on("2026-06", of, end + 1).is_breached is is_breached


def test_a_budget_that_no_time_counts_for_is_not_breached() -> None:
    report = report_on("2026-06", october([]), seconds(2026, 8, 1))

    assert (report.budget_us, report.is_breached, report.outages) == (0, False, ())


def test_a_voided_time_allows_no_downtime_and_is_a_part_of_the_total() -> None:
    begin, end = seconds(2026, 6, 1), seconds(2026, 7, 1)
    voided = Stretch(begin * SECOND_US, (begin + 15 * DAY_S) * SECOND_US)
    moments: list[tuple[int, State]] = [(begin, "up"), (end - 1500, "down"), (end, "up")]
    whole = report_on("2026-06", october(moments), end + 1)

    half = report_on("2026-06", october(moments, overlays=Overlays(excluded=(voided,))), end + 1)

    assert (whole.is_breached, half.is_breached) == (False, True)
    assert half.budget_us == whole.budget_us // 2
    assert total_of([half.measured] * 2).coverage_pct == half.measured.coverage_pct == 50.0


def test_burn_rates_tell_how_fast_the_budget_is_used() -> None:
    now_s = seconds(2026, 6, 20)
    # Down for the last six minutes: of an hour a tenth, which is a hundred times what is allowed.
    of = october([(now_s - 30 * DAY_S, "up"), (now_s - 360, "down")])

    found = burn_rates(of, now_s * SECOND_US)

    assert list(found) == list(BURN_WINDOWS)
    assert found["1h"] == pytest.approx(100)
    assert found["3d"] == pytest.approx(100 / 72)
    assert burn_rates(of._replace(target_ppm=1_000_000), now_s * SECOND_US)["1h"] is None
    assert burn_rates(october([]), now_s * SECOND_US)["1h"] is None


def test_the_month_that_is_now_is_the_one_that_local_clocks_show() -> None:
    moment_us = int(datetime(2026, 10, 31, 23, 30, tzinfo=UTC).timestamp()) * SECOND_US

    assert month_of("UTC", moment_us) == date(2026, 10, 31)
    assert month_of("Europe/Berlin", moment_us) == date(2026, 11, 1)
    names = [month.name for month in months_until("UTC", date(2026, 1, 31), 3)]
    assert names == ["2025-11", "2025-12", "2026-01"]
