"""What was promised of a monitor and what was kept of it, by calendar month. Pure.

Times are microseconds since 1970 UTC; promises are millionths (999,000 is 99.9 %).
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from msgspec import Struct

from schemas.times import EPOCH, from_us
from schemas.uptime.days import measure_each
from schemas.uptime.measures import SECOND_US, Measured, Overlays, outages
from schemas.uptime.states import Flip
from schemas.uptime.stretches import FOREVER_US, Stretch
from schemas.zones import DAY_US, clock_of

WHOLE_PPM = 1_000_000
BURN_WINDOWS: Mapping[str, int] = {
    "1h": 3600 * SECOND_US,
    "6h": 6 * 3600 * SECOND_US,
    "24h": DAY_US,
    "3d": 3 * DAY_US,
}


class Month(NamedTuple):
    """A calendar month of a zone."""

    name: str
    """As 2026-10."""
    bounds: Stretch


class Handled(NamedTuple):
    """An incident of a monitor, with what figures of it need."""

    incident_id: str
    started_us: int
    acknowledged_us: int | None
    resolved_us: int | None
    is_withdrawn: bool
    """Whether checks that came later say that the monitor was not down."""


class Outage(NamedTuple):
    """A stretch of being down that counts, within a month."""

    start_us: int
    end_us: int
    is_over: bool
    incident_id: str | None


class Promised(NamedTuple):
    """A monitor as reports need it."""

    created_us: int
    target_ppm: int
    flips: Sequence[Flip]
    overlays: Overlays
    incidents: Sequence[Handled]


class MonthReport(Struct, frozen=True):
    """How a monitor kept its promise in a month, until now where that is not over."""

    month: Month
    measured: Measured
    budget_us: int
    """How long it may be down: of the whole month, without what did not count so far."""
    outages: tuple[Outage, ...]
    acknowledged_us: tuple[int, ...]
    """How long it took, of each incident that began in the month and was acknowledged."""
    resolved_us: tuple[int, ...]

    @property
    def left_us(self) -> int:
        """What is left of the budget; below zero is a breach."""
        return self.budget_us - self.measured.down_us

    @property
    def is_breached(self) -> bool:
        """Whether more was lost than the promise allows."""
        return self.left_us < 0


def months_until(time_zone: str, last: date, count: int) -> list[Month]:
    """Returns calendar months of a known zone, in order; `last` is a day of the last."""
    number = last.year * 12 + last.month - 1
    firsts = [_first_of(one) for one in range(number - count + 1, number + 2)]
    clock = clock_of(time_zone, firsts[0] - DAY_US, firsts[-1] + DAY_US)
    starts = [clock.first_of(local_us) for local_us in firsts]
    return [
        Month(f"{from_us(local_us):%Y-%m}", Stretch(start_us, end_us))
        for local_us, start_us, end_us in zip(firsts[:-1], starts[:-1], starts[1:], strict=True)
    ]


def month_of(time_zone: str, now_us: int) -> date:
    """Returns the day that clocks of a known zone show."""
    return from_us(now_us + clock_of(time_zone, now_us, now_us).offset_at(now_us)).date()


def report_months(months: Sequence[Month], of: Promised, now_us: int) -> list[MonthReport]:
    """Reports on months in order, none of which begins after now."""
    ranges = [Stretch(one.bounds.start_us, min(one.bounds.end_us, now_us)) for one in months]
    measures = measure_each(ranges, of.created_us, of.flips, of.overlays)
    return [
        _report(month, bounds, measured, of, is_now=bounds.end_us == now_us)
        for month, bounds, measured in zip(months, ranges, measures, strict=True)
    ]


def burn_rate(measured: Measured, target_ppm: int) -> float | None:
    """Returns how many times faster than allowed a budget is used up; 1 uses it up exactly.

    `None` where nothing counts, and where no downtime is allowed.
    """
    allowed = measured.counted_us * (WHOLE_PPM - target_ppm)
    return measured.down_us * WHOLE_PPM / allowed if allowed else None


def burn_rates(of: Promised, now_us: int) -> dict[str, float | None]:
    """Returns the burn rates of `BURN_WINDOWS` until now."""
    ranges = [Stretch(now_us - length_us, now_us) for length_us in BURN_WINDOWS.values()]
    measures = measure_each(ranges, of.created_us, of.flips, of.overlays)
    return {
        name: burn_rate(measured, of.target_ppm)
        for name, measured in zip(BURN_WINDOWS, measures, strict=True)
    }


def total_of(measures: Iterable[Measured]) -> Measured:
    """Adds up what was measured of several monitors."""
    columns = [
        (one.up_us, one.degraded_us, one.down_us, one.unknown_us)
        + (one.maintenance_us, one.paused_us, one.before_us, one.outages, one.excluded_us)
        for one in measures
    ]
    return Measured(*map(sum, zip(*columns, strict=True))) if columns else Measured(*[0] * 8)


def _report(
    month: Month, bounds: Stretch, measured: Measured, of: Promised, *, is_now: bool
) -> MonthReport:
    whole_us = month.bounds.end_us - month.bounds.start_us
    excluded_us = measured.maintenance_us + measured.paused_us
    excluded_us += measured.unknown_us + measured.before_us + measured.excluded_us
    begun = [
        one
        for one in of.incidents
        if bounds.start_us <= one.started_us < bounds.end_us and not one.is_withdrawn
    ]
    return MonthReport(
        month=month,
        measured=measured,
        budget_us=(whole_us - excluded_us) * (WHOLE_PPM - of.target_ppm) // WHOLE_PPM,
        outages=tuple(_outages(bounds, of, is_now=is_now)) if measured.outages else (),
        acknowledged_us=tuple(
            one.acknowledged_us - one.started_us for one in begun if one.acknowledged_us is not None
        ),
        resolved_us=tuple(
            one.resolved_us - one.started_us for one in begun if one.resolved_us is not None
        ),
    )


def _outages(bounds: Stretch, of: Promised, *, is_now: bool) -> Iterable[Outage]:
    for one in outages(bounds, of.created_us, of.flips, of.overlays):
        is_over = not (is_now and one.end_us == bounds.end_us)
        yield Outage(one.start_us, one.end_us, is_over, _incident_of(one, of.incidents))


def _incident_of(outage: Stretch, incidents: Sequence[Handled]) -> str | None:
    """Returns the incident that has most in common with an outage."""

    def common_us(one: Handled) -> int:
        end_us = FOREVER_US if one.resolved_us is None else one.resolved_us
        return min(end_us, outage.end_us) - max(one.started_us, outage.start_us)

    best = max(incidents, key=common_us, default=None)
    return best.incident_id if best is not None and common_us(best) > 0 else None


def _first_of(number: int) -> int:
    """Returns the local midnight that begins a month, which is counted from year 0 on."""
    first = date(number // 12, number % 12 + 1, 1)
    return (first - EPOCH.date()).days * DAY_US
