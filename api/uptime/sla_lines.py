"""What is told of a report on service levels: lines of an answer, and rows of a table."""

from collections.abc import Iterable, Sequence

from api.pages.parts.sheets import Column, Row, moment_of
from schemas.times import iso_ms
from schemas.uptime.answers import OutageAnswer, SlaLine, SlaTotal
from schemas.uptime.measures import SECOND_US, Measured
from schemas.uptime.monitors import Monitor
from schemas.uptime.service_levels import MonthReport, Outage, total_of

MOST_OUTAGES = 100
MINUTE_US = 60 * SECOND_US
COLUMNS = (
    Column("month", "text"),
    Column("begins", "time"),
    Column("monitor_id", "text"),
    Column("name", "text"),
    Column("target_pct", "number"),
    Column("uptime_pct", "number"),
    Column("coverage_pct", "number"),
    Column("downtime_minutes", "number"),
    Column("outages", "count"),
    Column("breached", "text"),
    Column("error_budget_s", "number"),
    Column("budget_left_s", "number"),
    Column("mtta_s", "number"),
    Column("mttr_s", "number"),
)


def line_of(
    monitor: Monitor, report: MonthReport, burning: dict[str, float | None], now_us: int
) -> SlaLine:
    """Return what is told of a monitor in a month; burn rates where that is not over."""
    of = report.measured
    is_over = report.month.bounds.end_us <= now_us
    return SlaLine(
        monitor_id=monitor.monitor_id,
        name=monitor.config.name,
        target_pct=monitor.config.sla_target_pct,
        uptime_pct=of.uptime_pct,
        coverage_pct=of.coverage_pct,
        downtime_s=of.down_us / SECOND_US,
        downtime_minutes=_minutes(of),
        breached=report.is_breached,
        error_budget_s=report.budget_us / SECOND_US,
        budget_left_s=report.left_us / SECOND_US,
        budget_left_pct=_left_pct(report),
        outage_count=of.outages,
        outages=[_outage(one) for one in report.outages[-MOST_OUTAGES:]],
        mtta_s=_mean_s(report.acknowledged_us),
        mttr_s=_mean_s(report.resolved_us),
        excluded_s=excluded_s(of),
        burn_rates=None if is_over else {name: _rounded(rate) for name, rate in burning.items()},
    )


def total_answer(reports: Sequence[MonthReport]) -> SlaTotal:
    """Return what is told of all monitors in a month."""
    of = total_of(report.measured for report in reports)
    return SlaTotal(
        monitors=len(reports),
        breached=sum(report.is_breached for report in reports),
        uptime_pct=of.uptime_pct,
        coverage_pct=of.coverage_pct,
        downtime_s=of.down_us / SECOND_US,
        downtime_minutes=_minutes(of),
        outage_count=of.outages,
        mtta_s=_mean_s([us for report in reports for us in report.acknowledged_us]),
        mttr_s=_mean_s([us for report in reports for us in report.resolved_us]),
    )


def row_of(monitor: Monitor, report: MonthReport) -> Row:
    """Return the cells of `COLUMNS`."""
    of = report.measured
    return (
        report.month.name,
        moment_of(report.month.bounds.start_us),
        monitor.monitor_id,
        monitor.config.name,
        monitor.config.sla_target_pct,
        of.uptime_pct,
        of.coverage_pct,
        _minutes(of),
        of.outages,
        "yes" if report.is_breached else "no",
        report.budget_us / SECOND_US,
        report.left_us / SECOND_US,
        _mean_s(report.acknowledged_us),
        _mean_s(report.resolved_us),
    )


def excluded_s(of: Measured) -> dict[str, float]:
    """Return what does not count, by reason."""
    return {
        "maintenance": of.maintenance_us / SECOND_US,
        "voided": of.excluded_us / SECOND_US,
        "paused": of.paused_us / SECOND_US,
        "unknown": of.unknown_us / SECOND_US,
        "before_creation": of.before_us / SECOND_US,
    }


def _outage(one: Outage) -> OutageAnswer:
    return OutageAnswer(
        started_at=iso_ms(one.start_us),
        ended_at=iso_ms(one.end_us) if one.is_over else None,
        duration_s=(one.end_us - one.start_us) / SECOND_US,
        incident_id=one.incident_id,
    )


def _minutes(of: Measured) -> float:
    return round(of.down_us / MINUTE_US, 3)


def _left_pct(report: MonthReport) -> float | None:
    # Cut, not rounded, as uptime is: what is used up a little never shows as 100.
    return 100_000 * report.left_us // report.budget_us / 1000 if report.budget_us else None


def _mean_s(lengths_us: Iterable[int]) -> float | None:
    values = list(lengths_us)
    return round(sum(values) / len(values) / SECOND_US, 3) if values else None


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 3)
