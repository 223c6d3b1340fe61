"""Whether checks take unusually long."""

import pytest

from processors.uptime.latency_alerts import weeks_before
from processors.uptime.unusual import Quarter, judge
from schemas.zones import DAY_US

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000


def past(*medians: float, checks: int = 15) -> list[Quarter]:
    """Four quarters of each of four weeks, with these medians in turn."""
    return [
        Quarter(week, checks, medians[(4 * week + number) % len(medians)])
        for week in range(1, 5)
        for number in range(4)
    ]


@pytest.mark.parametrize(
    ("now_ms", "medians", "is_unusual"),
    [
        (100.0, (100.0,), False),
        (149.0, (100.0,), False),
        (151.0, (100.0,), True),
        # A time at which it is slow every week, and differs much from quarter to quarter.
        (900.0, (500.0, 700.0, 900.0, 1100.0), False),
        (3000.0, (500.0, 700.0, 900.0, 1100.0), True),
        # Fast: 20 ms more is nothing.
        (24.0, (5.0,), False),
        (26.0, (5.0,), True),
        # One week with an incident changes nothing of what is usual.
        (160.0, (100.0,) * 12 + (9000.0,) * 4, True),
    ],
)
def test_it_is_unusual_beyond_what_the_same_hours_were(
    now_ms: float, medians: tuple[float, ...], is_unusual: bool
) -> None:
    judged = judge([Quarter(0, 15, now_ms), *past(*medians)])

    assert judged is not None
    assert judged.is_unusual is is_unusual


def test_it_is_over_when_it_is_half_as_far_from_usual() -> None:
    found = [judge([Quarter(0, 15, now_ms), *past(100.0)]) for now_ms in (124.0, 126.0)]

    assert [one is not None and one.is_usual for one in found] == [True, False]


@pytest.mark.parametrize(
    "quarters",
    [
        [],
        past(100.0),
        [Quarter(0, 7, 900.0), *past(100.0)],
        [Quarter(0, 15, 900.0), *past(100.0, checks=7)],
        [Quarter(0, 15, 900.0), *past(100.0)[:4]],
        [Quarter(0, 15, 900.0), *past(100.0)[:1], *past(100.0)[-1:]],
    ],
)
def test_of_too_little_nothing_is_said(quarters: list[Quarter]) -> None:
    assert judge(quarters) is None


def test_weeks_are_compared_at_the_same_local_time() -> None:
    # Monday 2026-11-02, 09:00 in Berlin; clocks went back on 25 October.
    now_us = 1_793_606_400_000_000

    now, *before = weeks_before("Europe/Berlin", 15 * MINUTE_US, now_us)

    assert now == (now_us - 15 * MINUTE_US, now_us)
    then_us = [one.end_us - 15 * MINUTE_US for one in before]
    assert [(now_us - one) // HOUR_US for one in then_us] == [7 * 24, 337, 505, 673]
    assert {one.end_us - one.start_us for one in before} == {HOUR_US}
    assert before[-1].start_us > now_us - 29 * DAY_US
