"""Incidents: the open ones first, and by hand a new one."""

import asyncio
from typing import Any, NamedTuple

import structlog
from litestar import Response, get, post

from api.auth import AnyRequest, services
from api.pages.arriving import page_with
from api.pages.forms import Problem, fields_of
from api.pages.live.following import LivePart, stream_parts
from api.pages.render import page
from api.pages.uptime.acting import author_of, form_in, problem_of_incident, to_incident
from api.pages.uptime.live import of_all
from api.pages.uptime.monitors import live_of
from api.pages.uptime.standing import now_us
from api.pages.viewer import Viewed, Viewer
from api.parameters import invalid, values_of
from api.uptime.cursors import read_cursor, written
from controlplane.failures import BadRequest, NotFound
from controlplane.uptime.incidents import Place, handle_incident, list_incidents
from controlplane.uptime.monitors import MAX_MONITORS
from controlplane.uptime.naming import list_names
from controlplane.uptime.policies import read_names
from schemas.uptime.incidents import Incident, IncidentState

INCIDENTS = "/uptime/incidents"
PAGE_ROWS = 50
MOST_OPEN = 200
REST_S = 1.0
SEVERITIES = (("critical", "Critical"), ("major", "Major"), ("minor", "Minor"))
SHOWN = ("all", "open", "resolved")

log = structlog.get_logger(__name__)


class Asked(NamedTuple):
    """Which incidents an address asks for."""

    shown: str
    monitor_id: str | None
    older: str | None
    is_new: bool
    """Whether the form of a new one is open."""


@get(INCIDENTS, include_in_schema=False)
async def incidents_page(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show incidents, the open ones first."""
    return await _shown(request, viewer)


@get(f"{INCIDENTS}.events", include_in_schema=False)
async def incidents_events(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Send the lists anew as incidents change."""
    _asked(request)  # says at once what is wrong with the address
    part = LivePart("figures", REST_S, "uptime/_incidents_list.html", _found)
    return stream_parts(request, viewer, of_all(request, viewer), part)


@post(INCIDENTS, include_in_schema=False, status_code=200)
async def trigger_incident(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Trigger an incident by hand."""
    typed = await fields_of(request)
    database, project_id = services(request).database, viewer.project.project_id
    try:
        form = form_in({**typed, "act": "triggered"})
        incident, _, _ = await handle_incident(database, project_id, form, author_of(viewer))
    except (BadRequest, NotFound) as error:
        return await _shown(request, viewer, typed=typed, problem=problem_of_incident(error, typed))
    log.info("incident triggered", project_id=project_id, incident_id=incident.incident_id)
    return to_incident(request, incident.incident_id)


def _asked(request: AnyRequest) -> Asked:
    values = values_of(request)
    shown = values.get("state") or SHOWN[0]
    if shown not in SHOWN:
        raise invalid("state", f"Expected one of {', '.join(SHOWN)}")
    monitor_id, older = values.get("monitor") or None, values.get("older") or None
    return Asked(shown, monitor_id, older, values.get("new") == "1")


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    typed: dict[str, str] | None = None,
    problem: Problem | None = None,
) -> Response[Any]:
    asked = _asked(request)
    names = await _names(request, viewer)
    known = await read_names(services(request).database, viewer.project.project_id)
    frame: dict[str, Any] = {
        "asked": asked,
        "live": None if asked.older else await live_of(request, viewer),
        "names": names,
        "monitor_name": names.get(asked.monitor_id or "", ""),
        "severities": SEVERITIES,
        "policies": [("", "that of the monitor"), *((one, one) for one in sorted(known.policies))],
        "typed": typed or {"severity": "major", "monitor_id": asked.monitor_id or ""},
        "problem": problem,
    }
    if problem is not None:
        found = await _found(request, viewer)
        return await page(request, "uptime/incidents.html", status_code=400, **frame, **found)
    return await page_with(request, "uptime/incidents.html", _found(request, viewer), **frame)


async def _found(request: AnyRequest, viewer: Viewer) -> dict[str, Any]:
    asked = _asked(request)
    is_first = asked.older is None

    async def listed(state: IncidentState, limit: int, beyond: Place | None) -> list[Incident]:
        return await list_incidents(
            services(request).database,
            viewer.project.project_id,
            state=state,
            monitor_id=asked.monitor_id,
            limit=limit,
            beyond=beyond,
        )

    async def opened(state: IncidentState) -> list[Incident]:
        wanted = is_first and asked.shown != "resolved"
        return await listed(state, MOST_OPEN, None) if wanted else []

    async def resolved() -> list[Incident]:
        if asked.shown == "open":
            return []
        beyond = Place(*read_cursor(asked.older)) if asked.older else None
        return await listed("resolved", PAGE_ROWS + 1, beyond)

    triggered, acknowledged, ended, names = await asyncio.gather(
        opened("triggered"), opened("acknowledged"), resolved(), _names(request, viewer)
    )
    last = ended[PAGE_ROWS - 1] if len(ended) > PAGE_ROWS else None
    return {
        "zone": viewer.project.time_zone,
        "now_us": now_us(),
        "shown": asked.shown,
        "open": [*triggered, *acknowledged],
        "ended": ended[:PAGE_ROWS],
        "older": None if last is None else written(last.created_us, last.incident_id),
        "is_first": is_first,
        "is_empty": not (triggered or acknowledged or ended),
        "names": names,
    }


async def _names(request: AnyRequest, viewer: Viewer) -> dict[str, str]:
    database, project_id = services(request).database, viewer.project.project_id
    return await list_names(database, project_id, limit=MAX_MONITORS)


HANDLERS = (incidents_page, incidents_events, trigger_incident)
