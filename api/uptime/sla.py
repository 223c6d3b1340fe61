"""`GET /v1/sla`: what was promised of monitors, and what was kept of it, by calendar month."""

import asyncio
import time
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple

from litestar import Response, get
from msgspec import Meta

from api.auth import AnyRequest, services
from api.declared import takes
from api.pages.parts.sheets import MEDIA, Csv
from api.parameters import invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.uptime.bodies import asked
from api.uptime.courses import ZoneName, zone_named
from api.uptime.cursors import read_cursor, written
from api.uptime.holders import monitored_project
from api.uptime.monitors import PageQuery
from api.uptime.sla_lines import COLUMNS, line_of, row_of, total_answer
from clickhouse.client import Warehouse
from controlplane.uptime.courses import AT_ONCE
from controlplane.uptime.monitors import Place, get_monitor, list_monitors
from controlplane.uptime.service_levels import read_promised
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.uptime.answers import SlaAnswer, SlaMonth
from schemas.uptime.monitors import Monitor
from schemas.uptime.service_levels import (
    BURN_WINDOWS,
    Month,
    MonthReport,
    Promised,
    burn_rates,
    month_of,
    months_until,
    report_months,
)
from schemas.uptime.stretches import Stretch

MOST_MONTHS = 12
MOST_REPORTS = 24_000
"""Monitors times months: 1,000 monitors have two years, 10,000 two months."""
FIRST_YEAR = 1970


class SlaQuery(PageQuery, frozen=True, kw_only=True):
    """Which months, of which monitors."""

    timezone: ZoneName | None = None
    month: Annotated[str, Meta(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")] | None = None
    months: Annotated[int, Meta(ge=1, le=MOST_MONTHS)] = 1
    monitor_id: Annotated[str, Meta(max_length=40)] | None = None
    format: Literal["json", "csv"] = "json"


class Reported(NamedTuple):
    """A monitor with its reports, in the order of the months."""

    monitor: Monitor
    reports: list[MonthReport]
    burning: dict[str, float | None]


@get("/sla", summary="Report on service levels", opt={**takes(SlaQuery), **asked(SlaAnswer)})
async def get_sla(request: AnyRequest) -> Response[bytes]:
    """Return uptime against what was promised, with outages and error budget, month by month."""
    project, _ = await monitored_project(request)
    query = read(values_of(request), SlaQuery)
    zone = zone_named(query.timezone, project)
    now_us = time.time_ns() // 1000
    months = _months(query, zone, now_us)
    monitors = await _monitors(request, project, query)
    if len(monitors) * len(months) > MOST_REPORTS:
        raise invalid("months", f"Expected at most {MOST_REPORTS // len(monitors)} for so many")
    table: list[bytes] = []

    async def ask(_: Warehouse) -> SlaAnswer:
        found = await _reported(request, monitors, months, now_us)
        if query.format == "csv":
            table.append(await asyncio.to_thread(_csv, found))
            found = []
        return _answer(query, zone, months, found, now_us)

    # The control plane is asked, in a turn of the project all the same: it may be much.
    answer = await one(reader_of(request, project), ask)
    if not table:
        return answer
    named = {"Content-Disposition": f'attachment; filename="sla-{months[-1].name}.csv"'}
    return Response(table[0], media_type=MEDIA["csv"], headers=named)


def _months(query: SlaQuery, zone: str, now_us: int) -> list[Month]:
    today = month_of(zone, now_us)
    last = today
    if query.month is not None:
        year, number = map(int, query.month.split("-"))
        if (year, number) > (today.year, today.month) or year <= FIRST_YEAR:
            raise invalid("month", "Expected one that has begun, as 2026-10")
        last = date(year, number, 1)
    return months_until(zone, last, query.months)


async def _monitors(request: AnyRequest, project: ProjectContext, query: SlaQuery) -> list[Monitor]:
    known, of = services(request), project.project_id
    if query.monitor_id is not None:
        return [await get_monitor(known.database, known.vault, of, query.monitor_id)]
    found: list[Monitor] = []
    beyond = None
    while True:
        some = await list_monitors(known.database, known.vault, of, limit=AT_ONCE, beyond=beyond)
        found += some
        if len(some) < AT_ONCE:
            return found
        beyond = Place(some[-1].created_us, some[-1].monitor_id)


async def _reported(
    request: AnyRequest, monitors: Sequence[Monitor], months: Sequence[Month], now_us: int
) -> list[Reported]:
    first_us, end_us = months[0].bounds.start_us, months[-1].bounds.end_us
    bounds = Stretch(first_us, min(end_us, now_us))
    if end_us > now_us:
        bounds = Stretch(min(first_us, now_us - max(BURN_WINDOWS.values())), now_us)
    found = []
    for first in range(0, len(monitors), AT_ONCE):
        some = monitors[first : first + AT_ONCE]
        promised = await read_promised(services(request).database, some, bounds, now_us)
        found += await asyncio.to_thread(_worked_out, some, promised, months, now_us)
    return found


def _worked_out(
    monitors: Sequence[Monitor],
    promised: dict[Any, Promised],
    months: Sequence[Month],
    now_us: int,
) -> list[Reported]:
    is_running = months[-1].bounds.end_us > now_us
    return [
        Reported(
            one,
            report_months(months, promised[one.monitor_id], now_us),
            burn_rates(promised[one.monitor_id], now_us) if is_running else {},
        )
        for one in monitors
    ]


def _answer(
    query: SlaQuery, zone: str, months: Sequence[Month], found: list[Reported], now_us: int
) -> SlaAnswer:
    beyond = (0, "") if query.cursor is None else read_cursor(query.cursor)
    left = [one for one in found if (one.monitor.created_us, one.monitor.monitor_id) > beyond]
    page = left[: query.limit]
    last = page[-1].monitor if len(left) > len(page) else None
    return SlaAnswer(
        timezone=zone,
        months=[
            SlaMonth(
                month=month.name,
                starts_at=iso_ms(month.bounds.start_us),
                ends_at=iso_ms(month.bounds.end_us),
                is_over=month.bounds.end_us <= now_us,
                monitors=[
                    line_of(one.monitor, one.reports[place], one.burning, now_us) for one in page
                ],
                total=total_answer([one.reports[place] for one in found]),
            )
            for place, month in enumerate(months)
        ],
        next_cursor=None if last is None else written(last.created_us, last.monitor_id),
    )


def _csv(found: Sequence[Reported]) -> bytes:
    rows = [row_of(one.monitor, report) for one in found for report in one.reports]
    return Csv(COLUMNS).write(rows)


HANDLERS = (get_sla,)
