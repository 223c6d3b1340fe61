"""Runs of scheduled jobs, to read: `GET check-ins`, `GET check-ins/monitors`."""

import time
from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta, Raw

from api.dates import date_range
from api.declared import takes
from api.errors.issue_answers import read_cursor, written
from api.errors.schedules import expected
from api.parameters import InvalidParameters, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.errors.check_ins import (
    CheckInFilter,
    Monitor,
    Run,
    RunPlace,
    list_monitors,
    list_runs,
)
from schemas.described import describes
from schemas.errors.beside_answers import CheckInAnswer, CheckInList, MonitorAnswer, MonitorList
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from schemas.zones import DAY_US

USUAL_US = 30 * DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 1_100 * DAY_US


class MonitorQuery(TimeZone, frozen=True, kw_only=True):
    """Which jobs, by default those of the last 30 days."""

    date_from: str | None = None
    date_to: str | None = None
    environment: str | None = None


class CheckInQuery(MonitorQuery, frozen=True, kw_only=True):
    """Which runs."""

    monitor: Annotated[str, Meta(max_length=200)] | None = None
    trace_id: Annotated[str, Meta(max_length=128)] | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    cursor: Annotated[str, Meta(max_length=200)] | None = None


@get("/check-ins", opt={**takes(CheckInQuery), **describes(answer=CheckInList)})
async def get_check_ins(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers runs of scheduled jobs, newest first; what was said last of each counts."""
    query = read(values_of(request), CheckInQuery)
    wanted = _wanted(project, query, query.monitor, query.trace_id)
    beyond = None if query.cursor is None else RunPlace(*read_cursor(query.cursor))

    async def ask(warehouse: Warehouse) -> CheckInList:
        runs = await list_runs(warehouse, project, wanted, limit=query.limit + 1, beyond=beyond)
        page = runs[: query.limit]
        last = page[-1] if len(runs) > len(page) else None
        return CheckInList(
            [_run(run) for run in page],
            None if last is None else written(last.at_us, last.check_in_id),
        )

    return await one(reader_of(request, project), ask)


@get("/check-ins/monitors", opt={**takes(MonitorQuery), **describes(answer=MonitorList)})
async def get_monitors(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers scheduled jobs by name and environment: how they are, and when they are due."""
    wanted = _wanted(project, read(values_of(request), MonitorQuery))
    now_us = time.time_ns() // 1000

    async def ask(warehouse: Warehouse) -> MonitorList:
        found = await list_monitors(warehouse, project, wanted)
        return MonitorList([_monitor(one, now_us) for one in found])

    return await one(reader_of(request, project), ask)


def _wanted(
    project: ProjectContext,
    query: MonitorQuery,
    monitor: str | None = None,
    trace_id: str | None = None,
) -> CheckInFilter:
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return CheckInFilter(
        from_us=first,
        to_us=last,
        monitor=monitor,
        environment=query.environment,
        trace_id=trace_id,
    )


def _run(run: Run) -> CheckInAnswer:
    return CheckInAnswer(
        id=run.check_in_id,
        monitor=run.monitor,
        environment=run.environment,
        timestamp=iso_ms(run.at_us),
        status=run.status,
        duration_ms=_ms(run.duration_ns),
        release=run.release,
        trace_id=run.trace_id or None,
    )


def _monitor(one: Monitor, now_us: int) -> MonitorAnswer:
    told = expected(one.config, one.last_status, one.last_us, now_us)
    return MonitorAnswer(
        monitor=one.monitor,
        environment=one.environment,
        state=told.state,
        runs=one.runs,
        ok=one.ok,
        failed=one.failed,
        last_run=iso_ms(one.last_us),
        last_status=one.last_status,
        last_duration_ms=_ms(one.last_duration_ns),
        p50_ms=_ms(one.p50_ns),
        p95_ms=_ms(one.p95_ns),
        schedule=told.schedule or None,
        due=None if told.due_us is None else iso_ms(told.due_us),
        config=Raw(one.config) if one.config else None,
    )


def _ms(ns: float | None) -> float | None:
    return None if ns is None else ns / 1e6


HANDLERS = (get_check_ins, get_monitors)
