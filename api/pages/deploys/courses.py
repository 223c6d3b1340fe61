"""The time before and after a switch as charts, with a mark where it was. Pure."""

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate

from api.pages.parts.charts import Chart, Mark, Series, Unit, chart_of, with_marks
from api.pages.parts.ranges import TimeRange
from clickhouse.deploys.impact import AroundSwitch
from schemas.deploys.measured import BLOCKS, BUCKET, Histogram, Measured
from schemas.deploys.windows import Window, Windows

MS = 1e6
"""Nanoseconds."""
Part = tuple[Measured, int]
"""A block of what was measured."""
Value = Callable[[Sequence[Part]], float | None]


def courses_of(around: AroundSwitch, windows: Windows, shown: TimeRange, name: str) -> list[Chart]:
    """Returns a chart of each measure of which anything is known in either time."""
    moments = [*_moments(windows.before), *_moments(windows.after)]
    parts = [(one, block) for one in (around.before, around.after) for block in range(BLOCKS)]
    drawn: tuple[tuple[str, Unit, Value], ...] = (
        ("Errors a minute", "count", _errors),
        ("Failed transactions", "percent", _failed),
        ("p95 of transactions", "ms", _p95),
        ("Failed LLM calls", "percent", _failed_calls),
        ("LLM cost of a call", "usd", _cost),
    )
    charts = []
    for title, unit, value in drawn:
        values = [value([part]) for part in parts]
        if any(values):
            known = {at: one for at, one in zip(moments, values, strict=True) if one is not None}
            series = [Series(title, known, total=value(parts), has_gaps=True)]
            chart = chart_of(title, unit, shown, series, moments=moments)
            charts.append(with_marks(chart, [Mark(windows.after.start_us, name)]))
    return charts


def percentile_ms(durations: Histogram, share: float) -> float | None:
    """Returns the duration below which a share of all is, `None` of none."""
    buckets = sorted(durations.items())
    wanted = share * sum(durations.values())
    reached = accumulate(count for _, count in buckets)
    ends = zip(buckets, reached, strict=True)
    found = next((bucket for (bucket, _), so_far in ends if so_far >= wanted), None)
    return None if found is None else BUCKET ** (found + 0.5) / MS


def _moments(window: Window) -> list[int]:
    return [part.start_us for part in window.parts(BLOCKS)]


def _errors(parts: Sequence[Part]) -> float | None:
    minutes = sum(one.minutes[block] for one, block in parts)
    return sum(one.errors[block] for one, block in parts) / minutes if minutes else None


def _failed(parts: Sequence[Part]) -> float | None:
    whole = sum(one.transactions[block] for one, block in parts)
    return sum(one.failed[block] for one, block in parts) / whole * 100 if whole else None


def _p95(parts: Sequence[Part]) -> float | None:
    durations: Counter[int] = Counter()
    for one, block in parts:
        durations.update(one.durations[block])
    return percentile_ms(durations, 0.95)


def _failed_calls(parts: Sequence[Part]) -> float | None:
    whole = sum(one.calls[block] for one, block in parts)
    return sum(one.calls_failed[block] for one, block in parts) / whole * 100 if whole else None


def _cost(parts: Sequence[Part]) -> float | None:
    priced = sum(one.calls_priced[block] for one, block in parts)
    return sum(one.cost_cents[block] for one, block in parts) / priced if priced else None
