"""One incident: its timeline, what was seen around its beginning, and what people do about it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Response, get, post
from litestar.params import FromPath

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.forms import Problem, fields_of
from api.pages.live.following import LivePart, stream_parts
from api.pages.parts.texts import us_of
from api.pages.render import page
from api.pages.uptime.acting import author_of, form_in, problem_of_incident, to_incident
from api.pages.uptime.live import of_all
from api.pages.uptime.monitor import Seen, seen_of
from api.pages.uptime.monitors import live_of
from api.pages.uptime.standing import now_us
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.reads import reader_of
from api.uptime.notifications import told_of
from clickhouse.uptime.checks import list_checks
from controlplane.failures import BadRequest, Conflict, NotFound
from controlplane.members import list_members
from controlplane.uptime.incidents import get_incident, handle_incident
from controlplane.uptime.monitors import get_monitor
from controlplane.uptime.tried import NOT_TAKEN, tell_again
from schemas.uptime.answers import NotificationLine
from schemas.uptime.incidents import Incident, IncidentEvent
from schemas.uptime.monitors import Monitor
from schemas.uptime.stretches import Stretch

INCIDENT = "/uptime/incidents/{incident_id:str}"
LIVE = "/live"
REST_S = 1.0
BEFORE_US = 15 * 60_000_000
AFTER_US = 60 * 60_000_000
"""Of the time around an incident: errors and logs of it are a click away."""
SHOWN_CHECKS = 10
MOODS = {"triggered": "down", "acknowledged": "degraded", "resolved": "ok"}


class Around(NamedTuple):
    """The time around an incident, in milliseconds, as addresses have it."""

    from_ms: int
    to_ms: int


@get(INCIDENT, include_in_schema=False)
async def incident_page(
    request: AnyRequest, viewer: Viewed, incident_id: FromPath[str]
) -> Response[Any]:
    """Show one incident."""
    return await _shown(request, viewer, incident_id)


@get(f"{INCIDENT}{LIVE}", include_in_schema=False)
async def incident_live(
    request: AnyRequest, viewer: Viewed, incident_id: FromPath[str]
) -> Response[Any]:
    """Send an incident anew as it changes."""
    await _incident(request, viewer, incident_id)

    async def found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
        return await _found(request, viewer, incident_id)

    part = LivePart("figures", REST_S, "uptime/_incident.html", found)
    return stream_parts(request, viewer, of_all(request, viewer), part, ending=LIVE)


@post(INCIDENT, include_in_schema=False, status_code=200)
async def act_on_incident(
    request: AnyRequest, viewer: Viewed, incident_id: FromPath[str]
) -> Response[Any]:
    """Acknowledge or resolve an incident, note something about it, or tell of it again."""
    typed = await fields_of(request)
    incident, _ = await _incident(request, viewer, incident_id)
    act = typed.get("act", "")
    database, project_id = services(request).database, viewer.project.project_id
    try:
        if act == "again":
            await tell_again(database, project_id, incident.incident_id)
            return to_incident(request, incident.incident_id)
        if act not in ("acknowledged", "resolved", "noted"):
            raise BadRequest("Nothing was changed: acknowledge, resolve or note.")
        state = incident.state if act == "noted" else act
        form = form_in({**typed, "act": state}, incident.incident_id)
        await handle_incident(database, project_id, form, author_of(viewer))
    except (BadRequest, Conflict) as error:
        problem = problem_of_incident(error, typed)
        return await _shown(request, viewer, incident_id, typed=typed, problem=problem)
    return to_incident(request, incident.incident_id)


async def _incident(
    request: AnyRequest, viewer: Viewer, incident_id: str
) -> tuple[Incident, list[IncidentEvent]]:
    database = services(request).database
    try:
        return await get_incident(database, viewer.project.project_id, incident_id)
    except NotFound as error:
        raise NoSuchPage from error


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    incident_id: str,
    *,
    typed: Mapping[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[Any]:
    incident, _ = await _incident(request, viewer, incident_id)
    database, project_id = services(request).database, viewer.project.project_id
    frame: dict[str, Any] = {
        "incident": incident,
        "live": await live_of(request, viewer, LIVE),
        "members": [one.email for one in await list_members(database, project_id)],
        "typed": typed or {},
        "problem": problem,
    }
    if problem is not None:
        found = await _found(request, viewer, incident_id)
        return await page(request, "uptime/incident.html", status_code=400, **frame | found)
    return await page_with(
        request, "uptime/incident.html", _found(request, viewer, incident_id), **frame
    )


async def _found(request: AnyRequest, viewer: Viewer, incident_id: str) -> dict[str, Any]:
    incident, events = await _incident(request, viewer, incident_id)
    at_us = now_us()
    monitor, checks, told = await asyncio.gather(
        _monitor(request, viewer, incident),
        _checks(request, viewer, incident, at_us),
        told_of(request, viewer.project.project_id, incident.incident_id),
    )
    end_us = min(at_us, incident.resolved_us or incident.started_us + AFTER_US)
    return {
        "incident": incident,
        "mood": MOODS[incident.state],
        "events": events,
        "monitor": monitor,
        "checks": checks,
        "told": [(line, us_of(line.created_at)) for line in told],
        "can_tell_again": any(can_be_told_again(line, incident) for line in told),
        "zone": viewer.project.time_zone,
        "now_us": at_us,
        "around": Around((incident.started_us - BEFORE_US) // 1000, end_us // 1000 + 1),
    }


def can_be_told_again(line: NotificationLine, incident: Incident) -> bool:
    """Returns whether `tell_again` sends a message."""
    is_wanted = line.kind == "recovery" or incident.state != "resolved"
    return is_wanted and line.state in NOT_TAKEN


async def _monitor(request: AnyRequest, viewer: Viewer, incident: Incident) -> Monitor | None:
    """Returns the monitor, which may be removed meanwhile."""
    if incident.monitor_id is None:
        return None
    known, project_id = services(request), viewer.project.project_id
    try:
        return await get_monitor(known.database, known.vault, project_id, incident.monitor_id)
    except NotFound:
        return None


async def _checks(
    request: AnyRequest, viewer: Viewer, incident: Incident, at_us: int
) -> Sequence[Seen]:
    """Returns the failures at the beginning of an incident, newest first."""
    if incident.monitor_id is None:
        return ()
    end_us = min(at_us, incident.resolved_us or at_us, incident.started_us + AFTER_US)
    async with reader_of(request, viewer.project).turn() as store:
        lines = await list_checks(
            store,
            viewer.project,
            incident.monitor_id,
            Stretch(incident.started_us - 1, end_us + 1),
            limit=SHOWN_CHECKS,
            only_failures=True,
        )
    return [seen_of(line) for line in lines]


HANDLERS = (incident_page, incident_live, act_on_incident)
