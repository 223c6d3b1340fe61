"""One monitor: how it is, how long it takes, what it saw, its incidents; live."""

import asyncio
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.live.following import LivePart, follows, stream_parts
from api.pages.parts.changes import changes_in
from api.pages.parts.charts import with_marks
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.parts.snippets import url_of
from api.pages.uptime.editing import MONITOR, monitor_of
from api.pages.uptime.fields import TYPE_TITLES
from api.pages.uptime.live import of_one
from api.pages.uptime.phases import PHASES, Segment, segments_of
from api.pages.uptime.responses import responses_of, width_of
from api.pages.uptime.standing import AHEAD_US, histories_of, now_us, state_of
from api.pages.uptime.wanted import MOODS, place_of
from api.pages.uptime.windows import lines_of
from api.pages.viewer import Viewed, Viewer
from api.parameters import values_of
from api.reads import reader_of
from api.uptime.cursors import read_cursor, written
from clickhouse.uptime.checks import CheckLine, CheckPlace, list_checks
from clickhouse.uptime.glances import last_end, phases_spent, region_lines
from clickhouse.uptime.latencies import measure_latencies
from controlplane.uptime.heartbeats import ping_secrets
from controlplane.uptime.incidents import list_incidents
from schemas.uptime.monitors import Monitor
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US

LIVE = "/live"
REST_S = 2.0
LAST_CHECKS = 10
LAST_INCIDENTS = 5
PAGE_ROWS = 50
CERTIFICATE_US = 30 * DAY_US
"""How old what is known of a certificate may be."""


class Seen(NamedTuple):
    """A check with its phases as a bar."""

    line: CheckLine
    segments: list[Segment]


@get(MONITOR, include_in_schema=False)
async def monitor_page(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Show one monitor."""
    monitor = await monitor_of(request, viewer, monitor_id)
    live = await follows(request, viewer, of_one(request, viewer, monitor.monitor_id), ending=LIVE)
    return await page_with(
        request,
        "uptime/monitor.html",
        _found(request, viewer, monitor),
        monitor=monitor,
        range=range_of(values_of(request), viewer.project),
        # It is looked at to see what happens: it follows unless somebody stops it.
        live=live and live._replace(is_on=values_of(request).get("live") != "0"),
    )


@get(f"{MONITOR}{LIVE}", include_in_schema=False)
async def monitor_live(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Send the page of a monitor anew as checks come."""
    range_of(values_of(request), viewer.project)  # says at once what is wrong with the address
    monitor = await monitor_of(request, viewer, monitor_id)

    async def found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        # As it is now: somebody may have changed it.
        return await _found(request, viewer, await monitor_of(request, viewer, monitor_id))

    part = LivePart("figures", REST_S, "uptime/_monitor.html", found)
    subject = of_one(request, viewer, monitor.monitor_id)
    return stream_parts(request, viewer, subject, part, of=viewer.is_admin, ending=LIVE)


@get(f"{MONITOR}/checks", include_in_schema=False)
async def checks_page(
    request: AnyRequest, viewer: Viewed, monitor_id: FromPath[str]
) -> Response[Any]:
    """Show the checks of a monitor, newest first, in pages."""
    monitor = await monitor_of(request, viewer, monitor_id)
    values = values_of(request)
    shown = range_of(values, viewer.project)
    return await page_with(
        request,
        "uptime/checks.html",
        _checks(request, viewer, monitor, shown),
        monitor=monitor,
        range=shown,
        is_first=not values.get("older"),
        only_failures=values.get("only") == "failures",
    )


async def _found(request: AnyRequest, viewer: Viewer, monitor: Monitor) -> dict[str, Any]:
    at_us, shown = now_us(), range_of(values_of(request), viewer.project)
    database, project = services(request).database, viewer.project
    histories, incidents, seen = await asyncio.gather(
        histories_of(request, viewer, [monitor], at_us),
        list_incidents(
            database,
            project.project_id,
            state=None,
            monitor_id=monitor.monitor_id,
            limit=LAST_INCIDENTS,
            beyond=None,
        ),
        _read(request, viewer, monitor, shown),
    )

    history = histories[monitor.monitor_id]
    state = state_of(monitor, at_us)
    pinged = viewer.is_admin and monitor.config.type == "heartbeat"
    return {
        "monitor": monitor,
        "range": shown,
        "is_admin": viewer.is_admin,
        "now_us": at_us,
        "ping_url": await _ping_url(request, monitor) if pinged else None,
        "state": state,
        "mood": MOODS.get(state, "unknown"),
        "history": history,
        "type_title": TYPE_TITLES[monitor.config.type],
        "place": place_of(monitor),
        "windows": lines_of(monitor.config.maintenance_windows, at_us),
        "incidents": incidents,
        "is_empty": monitor.last_us is None,
        **seen,
    }


async def _read(
    request: AnyRequest, viewer: Viewer, monitor: Monitor, shown: TimeRange
) -> dict[str, Any]:
    """Returns what the store knows of a monitor."""
    project = on_clock(viewer.project, shown)
    bounds = Stretch(shown.first_us, shown.last_us + 1)
    recent = Stretch(shown.now_us - CERTIFICATE_US, shown.now_us + AHEAD_US)
    of = monitor.monitor_id
    async with reader_of(request, project).turn() as store:
        spent, latencies, regions, end, checks = await asyncio.gather(
            phases_spent(store, project, of, bounds, width_of(shown)),
            measure_latencies(store, project, of, bounds),
            region_lines(store, project, of, bounds),
            last_end(store, project, of, recent),
            list_checks(store, project, of, recent, limit=LAST_CHECKS),
        )
    changes = await changes_in(request, project.project_id, shown)
    return {
        "drawn": with_marks(responses_of(shown, spent), changes) if spent else None,
        "latencies": latencies,
        "regions": regions,
        "end": end,
        "checks": [seen_of(line) for line in checks],
    }


async def _checks(
    request: AnyRequest, viewer: Viewer, monitor: Monitor, shown: TimeRange
) -> dict[str, Any]:
    values = values_of(request)
    older = values.get("older")
    async with reader_of(request, viewer.project).turn() as store:
        found = await list_checks(
            store,
            viewer.project,
            monitor.monitor_id,
            Stretch(shown.first_us, shown.last_us + 1),
            limit=PAGE_ROWS + 1,
            beyond=CheckPlace(*read_cursor(older)) if older else None,
            only_failures=values.get("only") == "failures",
        )
    page = found[:PAGE_ROWS]
    last = page[-1] if len(found) > PAGE_ROWS else None
    return {
        "checks": [seen_of(line) for line in page],
        "now_us": shown.now_us,
        "older": None if last is None else written(last.slot_us, last.check_id),
    }


async def _ping_url(request: AnyRequest, monitor: Monitor) -> str | None:
    """Returns where the job tells of its runs: who has it may speak for the job."""
    known, of = services(request), monitor.monitor_id
    found = await ping_secrets(known.database, known.vault, monitor.project_id, {of})
    return f"{url_of(request)}/v1/heartbeats/{found[of]}" if of in found else None


def seen_of(line: CheckLine) -> Seen:
    """Returns a check with its phases as a bar."""
    return Seen(line, segments_of({name: getattr(line, name) for name in PHASES}))


HANDLERS = (monitor_page, monitor_live, checks_page)
