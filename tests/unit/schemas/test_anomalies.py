"""Anomalies against the same hour of the week: found where they are, and rarely where none is."""

import math
import random

import pytest

from schemas.llm.anomalies import WEEK_US, anomalies_of
from schemas.zones import DAY_US, HOUR_US

NOW_US = 1_780_000_000_000_000 - 1_780_000_000_000_000 % DAY_US
SEED = 20261130
LAST_WEEK = range(NOW_US - WEEK_US, NOW_US, HOUR_US)


def generated(seed: int, weeks: int = 5) -> dict[int, float]:
    """Hours in dollars: busy on working days, few at night, with noise."""
    chance = random.Random(seed)
    found = {}
    for hour_us in range(NOW_US - weeks * WEEK_US, NOW_US, HOUR_US):
        at, day = hour_us // HOUR_US % 24, (hour_us // DAY_US + 3) % 7
        busy = math.exp(-(((at - 14) / 4) ** 2)) * (1.0 if day < 5 else 0.25) + 0.05
        found[hour_us] = 20 * busy * chance.lognormvariate(0, 0.25)
    return found


def test_an_hour_of_three_times_as_much_is_found_by_day_and_by_night() -> None:
    found = 0
    for number, hour in enumerate(LAST_WEEK):
        hours = generated(SEED + number)
        hours[hour] = hours[hour] * 3 + 5
        found += bool(anomalies_of(hours, [hour], 1.0))

    assert found >= 0.95 * len(LAST_WEEK)


def test_usual_weeks_are_quiet() -> None:
    counts = [len(anomalies_of(generated(SEED + n), LAST_WEEK, 1.0)) for n in range(20)]

    assert sum(counts) <= 0.005 * len(counts) * len(LAST_WEEK), counts


@pytest.mark.parametrize(("extra", "expected"), [(0.99, 0), (1.01, 1)])
def test_less_than_the_minimum_pages_nobody(extra: float, expected: int) -> None:
    hours = dict.fromkeys(range(NOW_US - 5 * WEEK_US, NOW_US, HOUR_US), 0.001)
    hour = NOW_US - HOUR_US
    hours[hour] = 0.001 + extra

    found = anomalies_of(hours, [hour], 1.0)

    assert len(found) == expected
    assert all((one.usual, one.score) == (0.001, None) for one in found)


def test_without_two_weeks_nothing_is_usual() -> None:
    hours = dict.fromkeys(range(NOW_US - 2 * WEEK_US + HOUR_US, NOW_US, HOUR_US), 1.0)

    assert anomalies_of({**hours, NOW_US: 100.0}, [NOW_US], 1.0) == []
    assert anomalies_of({}, [NOW_US], 0.0) == []


def test_a_busy_hour_of_each_week_is_usual_and_the_same_at_another_hour_is_not() -> None:
    noon = {NOW_US - week * WEEK_US: 50.0 for week in range(5)}
    hours = dict.fromkeys(range(NOW_US - 5 * WEEK_US, NOW_US, HOUR_US), 0.0) | {
        hour + beside * HOUR_US: amount for hour, amount in noon.items() for beside in (-1, 0, 1)
    }
    other = NOW_US - 12 * HOUR_US

    assert anomalies_of(hours, [NOW_US], 1.0) == []
    assert len(anomalies_of(hours | {other: 50.0}, [other], 1.0)) == 1


def test_less_than_usual_is_none() -> None:
    hours = dict.fromkeys(range(NOW_US - 5 * WEEK_US, NOW_US, HOUR_US), 10.0)

    assert anomalies_of(hours | {NOW_US: 0.1}, [NOW_US], 1.0) == []
