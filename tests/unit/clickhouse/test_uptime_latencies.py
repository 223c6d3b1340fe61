"""Percentiles of histograms, and what days leave of a range."""

import math
from datetime import date

import pytest

from clickhouse.uptime.latencies import times_of, uncovered
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US


@pytest.mark.parametrize("ms", [0.02, 0.9, 1.0, 7.3, 250.0, 1999.0, 119_999.0])
def test_a_time_is_told_within_a_hundredth(ms: float) -> None:
    bucket = round(math.log(ms) / math.log(1.02))

    (told,) = times_of({bucket: 1}, [0.5])

    assert told == pytest.approx(ms, rel=0.01)


def test_the_rank_of_a_share_is_that_of_an_exact_quantile() -> None:
    histogram = {10: 50, 20: 45, 30: 4, 40: 1}

    found = times_of(histogram, [0.0, 0.49, 0.5, 0.94, 0.95, 0.99, 1.0])

    expected = (10, 10, 20, 20, 30, 40, 40)
    assert found == [1.02**bucket for bucket in expected]


def test_days_leave_the_ends_of_a_range_and_the_days_between_them() -> None:
    bounds = Stretch(DAY_US // 2, 6 * DAY_US + 5)
    days = [date(1970, 1, 2), date(1970, 1, 3), date(1970, 1, 6)]

    assert uncovered(bounds, days) == [
        Stretch(DAY_US // 2, DAY_US),
        Stretch(3 * DAY_US, 5 * DAY_US),
        Stretch(6 * DAY_US, 6 * DAY_US + 5),
    ]
    assert uncovered(Stretch(DAY_US, 2 * DAY_US), days) == []
