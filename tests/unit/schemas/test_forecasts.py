"""Forecasts of budgets on generated weeks: their error, and what they say of what is new."""

import math
import random
from collections.abc import Iterator

import pytest

from schemas.llm.budget_windows import Window, WindowKind, window_at
from schemas.llm.forecasts import forecast
from schemas.zones import DAY_US, HOUR_US

NOW_US = 1_780_000_000_000_000 - 1_780_000_000_000_000 % DAY_US
SEED = 20261130


def generated(seed: int) -> dict[int, float]:
    """Eight weeks of hours: people at work on five days, few at night, noise, slow growth."""
    chance = random.Random(seed)
    found = {}
    for number in range(-8 * 7 * 24, 8 * 7 * 24):
        hour_us = NOW_US + number * HOUR_US
        at, day = hour_us // HOUR_US % 24, (hour_us // DAY_US + 3) % 7
        busy = math.exp(-(((at - 14) / 4) ** 2)) * (1.0 if day < 5 else 0.25) + 0.05
        growth = 1 + number / (24 * 365)
        found[hour_us] = busy * growth * chance.lognormvariate(0, 0.4)
    return found


def spent_in(hours: dict[int, float], from_us: int, to_us: int) -> float:
    return sum(hours.get(one, 0.0) for one in range(from_us, to_us, HOUR_US))


def errors(kind: WindowKind, *, weeks: int) -> Iterator[float]:
    """Yields how far forecasts at three quarters of the day are from what came."""
    for number in range(30):
        hours = generated(SEED + number)
        now_us = NOW_US + number * DAY_US + 10 * HOUR_US
        window = window_at(kind, 0, "UTC", now_us)
        assert window.end_us is not None
        known = {one: hours[one] for one in hours if now_us - weeks * 7 * DAY_US <= one < now_us}
        spent = spent_in(hours, window.start_us, now_us)
        found = forecast(window, now_us, spent, known)
        assert found is not None
        assert found.method == ("seasonal" if weeks >= 2 else "linear")
        truth = spent_in(hours, window.start_us, window.end_us)
        yield abs(found.amount - truth) / truth


def mean(values: Iterator[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


@pytest.mark.parametrize(("kind", "most"), [("day", 0.15), ("week", 0.08), ("month", 0.08)])
def test_the_season_is_nearer_to_what_comes_than_a_line(kind: WindowKind, most: float) -> None:
    seasonal, linear = mean(errors(kind, weeks=4)), mean(errors(kind, weeks=1))

    assert seasonal < most, f"{kind}: seasonal {seasonal:.1%}, linear {linear:.1%}"
    assert seasonal < linear / 2, f"{kind}: seasonal {seasonal:.1%}, linear {linear:.1%}"


def test_without_two_weeks_a_window_goes_on_as_it_went() -> None:
    window = Window(NOW_US, NOW_US + DAY_US)

    found = forecast(window, NOW_US + 6 * HOUR_US, 3.0, {NOW_US: 1.0})

    assert found == (12.0, "linear")


@pytest.mark.parametrize(
    ("window", "after_us"),
    [(Window(NOW_US, NOW_US + DAY_US), HOUR_US // 2), (Window(NOW_US - DAY_US, None), HOUR_US)],
)
def test_of_a_window_just_begun_and_of_a_rolling_one_nothing_is_said(
    window: Window, after_us: int
) -> None:
    assert forecast(window, NOW_US + after_us, 1.0, {}) is None


def test_a_window_at_its_end_will_have_spent_what_it_has() -> None:
    hours = generated(SEED)
    window = Window(NOW_US, NOW_US + DAY_US)

    found = forecast(window, NOW_US + DAY_US - 1, 7.0, hours)

    assert found is not None
    assert found.amount == pytest.approx(7.0, rel=1e-6)


def test_a_day_that_costs_twice_as_much_goes_on_so() -> None:
    hours = {NOW_US - n * HOUR_US: 1.0 for n in range(1, 4 * 7 * 24 + 1)}
    window = Window(NOW_US - 12 * HOUR_US, NOW_US + 12 * HOUR_US)

    usual = forecast(window, NOW_US, 12.0, hours)
    twice = forecast(window, NOW_US, 24.0, hours)

    assert usual is not None
    assert twice is not None
    assert usual.amount == pytest.approx(24.0)
    assert 24.0 + 12.0 < twice.amount < 48.0
