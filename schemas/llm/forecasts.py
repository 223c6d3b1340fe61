"""What will be spent at the end of a window. Pure: hours come in, no store and no clock.

1. Linear: what is spent so far goes on at its mean rate. Of a window that has just begun, of which
   less than an hour is over, nothing is said.
2. By season, where two weeks of hours are known: `usual` is the mean of the same hour of the week
   over the last one to four weeks. What is left of the window costs what is usual in it, times how
   this window compares with what was usual so far:

       ratio = (spent + day) / (usual so far + day)
       forecast = spent + ratio * usual of what is left

   `day` is the usual spend of a mean day: in the first day of a window the ratio stays near 1.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from schemas.llm.budget_windows import Window
from schemas.zones import HOUR_US

WEEK_US = 7 * 24 * HOUR_US
LEAST_WEEKS, MOST_WEEKS = 2, 4
LOOKED_BACK_US = MOST_WEEKS * WEEK_US
Method = Literal["linear", "seasonal"]


class Forecast(NamedTuple):
    """What will be spent in a window as a whole, and how that was worked out."""

    amount: float
    method: Method


def forecast(
    window: Window, now_us: int, spent: float, hours: Mapping[int, float]
) -> Forecast | None:
    """Returns what will be spent at a window's end, `None` of a rolling window or one just begun.

    `hours` are sums of the four weeks before now, by the start of their hour in UTC; those in which
    nothing was spent may be left out.
    """
    if window.end_us is None:
        return None
    usual = _usual_hours(now_us, hours)
    if usual is not None:
        before = _sum(usual, window.start_us, now_us)
        left = _sum(usual, now_us, window.end_us)
        day = sum(usual) / 7
        ratio = (spent + day) / (before + day) if day else 1.0
        return Forecast(spent + ratio * left, "seasonal")
    gone_us = now_us - window.start_us
    if gone_us < HOUR_US:
        return None
    return Forecast(spent * (window.end_us - window.start_us) / gone_us, "linear")


def _usual_hours(now_us: int, hours: Mapping[int, float]) -> list[float] | None:
    """Returns what is usual in each hour of a week; `None` where too little is known."""
    known = [hour for hour, amount in hours.items() if amount and hour >= now_us - LOOKED_BACK_US]
    first = min(known, default=now_us)
    weeks = min((now_us - first) // WEEK_US, MOST_WEEKS)
    if weeks < LEAST_WEEKS:
        return None
    # Whole weeks, up to the hour that has not ended: each hour of the week is in all of them.
    until = now_us - now_us % HOUR_US
    usual = [0.0] * (WEEK_US // HOUR_US)
    for hour in known:
        if until - weeks * WEEK_US <= hour < until:
            usual[hour // HOUR_US % len(usual)] += hours[hour] / weeks
    return usual


def _sum(usual: list[float], from_us: int, to_us: int) -> float:
    """Adds up what is usual in a time; of an hour that is in it in part, that part."""
    total, hour = 0.0, from_us - from_us % HOUR_US
    while hour < to_us:
        part = (min(hour + HOUR_US, to_us) - max(hour, from_us)) / HOUR_US
        total += usual[hour // HOUR_US % len(usual)] * part
        hour += HOUR_US
    return total
