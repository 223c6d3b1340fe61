"""Scheduled jobs: how each one is and when it is due; and the runs of one of them."""

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest
from api.errors.issue_answers import read_cursor, written
from api.errors.schedules import Expected, expected
from api.pages.arriving import page_with
from api.pages.errors.snippets import check_in_snippets_of
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.errors.check_ins import (
    CheckInFilter,
    Monitor,
    RunPlace,
    list_monitors,
    list_runs,
)
from schemas.projects import ProjectContext

RANGE = "30d"
PAGE_ROWS = 50
STRIP = 30
MOODS = {"ok": "ok", "error": "down", "missed": "down", "timeout": "down", "in_progress": "paused"}
"""How a state looks; of any other it is unknown."""
WORDS = {"in_progress": "running", "timeout": "timed out"}


class Job(NamedTuple):
    """A monitor, as it is now."""

    monitor: Monitor
    now: Expected
    mood: str
    word: str
    bars: Sequence[tuple[int, bool]]
    """Of its last runs, oldest first: where each is drawn, and whether it failed."""


@get("/errors/check-ins", include_in_schema=False)
async def monitors_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show the jobs that were heard of, those that need somebody first."""
    shown = range_of(values_of(request), viewer.project, default=RANGE)
    wanted = CheckInFilter(from_us=shown.first_us, to_us=shown.last_us)
    project = on_clock(viewer.project, shown)
    return await page_with(
        request,
        "errors/beside/monitors.html",
        _monitors(request, viewer, project, wanted),
        range=shown,
    )


@get("/errors/check-ins/{monitor:str}", include_in_schema=False)
async def runs_page(request: AnyRequest, viewer: Viewed, monitor: FromPath[str]) -> Response[Any]:
    """Show the runs of one job, newest first."""
    values = values_of(request)
    shown = range_of(values, viewer.project, default=RANGE)
    older, environment = values.get("older"), values.get("environment")
    beyond = RunPlace(*read_cursor(older)) if older else None
    wanted = CheckInFilter(
        from_us=shown.first_us, to_us=shown.last_us, monitor=monitor, environment=environment
    )
    return await page_with(
        request,
        "errors/beside/runs.html",
        _runs(request, on_clock(viewer.project, shown), wanted, (shown, beyond)),
        range=shown,
        monitor=monitor,
        is_first=beyond is None,
    )


async def _monitors(
    request: AnyRequest, viewer: Viewer, project: ProjectContext, wanted: CheckInFilter
) -> dict[str, Any]:
    async with reader_of(request, project).turn() as store:
        found = await list_monitors(store, project, wanted)
    now_us = time.time_ns() // 1000
    jobs = sorted((_job(one, now_us) for one in found), key=lambda job: job.mood != "down")
    snippets = [] if jobs else await check_in_snippets_of(request, viewer)
    return {"jobs": jobs, "now_us": now_us, "snippets": snippets}


async def _runs(
    request: AnyRequest,
    project: ProjectContext,
    wanted: CheckInFilter,
    asked: tuple[TimeRange, RunPlace | None],
) -> dict[str, Any]:
    _, beyond = asked
    async with reader_of(request, project).turn() as store:
        found = await list_monitors(store, project, wanted)
        runs = await list_runs(store, project, wanted, limit=PAGE_ROWS + 1, beyond=beyond)
    now_us = time.time_ns() // 1000
    page = runs[:PAGE_ROWS]
    last = page[-1] if len(runs) > PAGE_ROWS else None
    return {
        "jobs": [_job(one, now_us) for one in found],
        "runs": page,
        "moods": MOODS,
        "words": WORDS,
        "now_us": now_us,
        "older": None if last is None else written(last.at_us, last.check_in_id),
    }


def _job(monitor: Monitor, now_us: int) -> Job:
    now = expected(monitor.config, monitor.last_status, monitor.last_us, now_us)
    bars = [(place * 4, failed) for place, failed in enumerate(reversed(monitor.failures))]
    word = WORDS.get(now.state, now.state)
    return Job(monitor, now, MOODS.get(now.state, "unknown"), word, bars)


HANDLERS = (monitors_page, runs_page)
