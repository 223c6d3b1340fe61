"""The report on service levels: of a calendar month, what was promised and what was kept."""

import asyncio
import re
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from litestar import Response, get

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.parts.sheets import download
from api.pages.uptime.monitors import all_monitors
from api.pages.uptime.standing import now_us
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.time_zones import TimeZone, zone_of
from api.uptime.sla_lines import COLUMNS, line_of, row_of, total_answer
from controlplane.uptime.service_levels import read_promised
from schemas.uptime.answers import SlaLine
from schemas.uptime.monitors import Monitor
from schemas.uptime.service_levels import (
    BURN_WINDOWS,
    Month,
    MonthReport,
    burn_rates,
    month_of,
    months_until,
    report_months,
)
from schemas.uptime.stretches import Stretch

SLA = "/uptime/sla"
MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
FIRST_YEAR = 2000
MOST_ROWS = 500
"""The CSV has all of them."""


class Asked(NamedTuple):
    """Which month, on whose clock."""

    month: Month
    zone: str
    before: str
    after: str | None
    """The months beside it, as addresses have them; the running one is the last."""
    is_over: bool


class Reported(NamedTuple):
    """A monitor with its report."""

    monitor: Monitor
    report: MonthReport
    burning: dict[str, float | None]


@get(SLA, include_in_schema=False)
async def sla_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show how monitors kept their promise in a month, the breaches first."""
    asked = _asked(request, viewer, now_us())
    return await page_with(request, "uptime/sla.html", _found(request, viewer, asked), asked=asked)


@get(f"{SLA}.csv", include_in_schema=False)
async def sla_csv(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Return the report as a table to take away."""
    at_us = now_us()
    asked = _asked(request, viewer, at_us)
    found = await _reported(request, viewer, asked, at_us)

    async def pages() -> Any:
        yield [row_of(one.monitor, one.report) for one in found]

    return await download(f"sla-{asked.month.name}", "csv", COLUMNS, pages())


def _asked(request: AnyRequest, viewer: Viewer, at_us: int) -> Asked:
    values = values_of(request)
    zone = zone_of(TimeZone(tz=values.get("tz") or None), viewer.project.time_zone)
    today = month_of(zone, at_us).replace(day=1)
    text = values.get("month")
    wanted = today if not text else _month(text)
    if wanted.year < FIRST_YEAR or wanted > today:
        raise invalid("month", "Expected one that has begun, as 2026-10")
    (month,) = months_until(zone, wanted, 1)
    return Asked(
        month=month,
        zone=zone,
        before=_name(wanted, -1),
        after=_name(wanted, 1) if wanted < today else None,
        is_over=wanted < today,
    )


def _month(text: str) -> date:
    match = MONTH.fullmatch(text)
    if match is None:
        raise invalid("month", "Expected a month, as 2026-10")
    return date(max(1, int(match[1])), int(match[2]), 1)


def _name(month: date, further: int) -> str:
    number = month.year * 12 + month.month - 1 + further
    return f"{number // 12:04}-{number % 12 + 1:02}"


async def _reported(
    request: AnyRequest, viewer: Viewer, asked: Asked, at_us: int
) -> list[Reported]:
    monitors = await all_monitors(request, viewer)
    bounds = Stretch(asked.month.bounds.start_us, min(asked.month.bounds.end_us, at_us))
    if not asked.is_over:
        longest_us = max(BURN_WINDOWS.values())
        bounds = Stretch(min(bounds.start_us, at_us - longest_us), at_us)
    promised = await read_promised(services(request).database, monitors, bounds, at_us)

    def worked_out() -> list[Reported]:
        found = []
        for one in monitors:
            of = promised[one.monitor_id]
            (report,) = report_months([asked.month], of, at_us)
            found.append(Reported(one, report, {} if asked.is_over else burn_rates(of, at_us)))
        return found

    # In a thread: there may be thousands of monitors.
    return await asyncio.to_thread(worked_out)


async def _found(request: AnyRequest, viewer: Viewer, asked: Asked) -> dict[str, Any]:
    at_us = now_us()
    found = await _reported(request, viewer, asked, at_us)
    lines = await asyncio.to_thread(_lines, found, at_us)
    return {
        "lines": lines[:MOST_ROWS],
        "further": max(0, len(lines) - MOST_ROWS),
        "total": total_answer([one.report for one in found]),
        "is_empty": not found,
    }


def _lines(found: Sequence[Reported], at_us: int) -> list[SlaLine]:
    """Returns the lines: who has broken the promise first, then who is nearest to it."""
    lines = [line_of(one.monitor, one.report, one.burning, at_us) for one in found]

    def rank(line: SlaLine) -> tuple[bool, bool, float, str]:
        left = line.budget_left_pct
        return (not line.breached, left is None, left or 0.0, line.name.lower())

    return sorted(lines, key=rank)


HANDLERS = (sla_page, sla_csv)
