"""`/v1/incidents`: triggered, acknowledged, resolved, listed, with their timelines."""

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from msgspec import Meta

from api.auth import AnyRequest, services
from api.declared import takes
from api.parameters import read, values_of
from api.uptime.bodies import asked, body_of
from api.uptime.cursors import read_cursor, written
from api.uptime.holders import monitored_project
from api.uptime.monitors import WRITES, PageQuery
from api.uptime.notifications import told_of
from controlplane.uptime.incidents import (
    IncidentForm,
    Place,
    get_incident,
    handle_incident,
    list_incidents,
)
from schemas.described import describes
from schemas.times import iso_ms
from schemas.uptime.answers import EventLine, IncidentAnswer, IncidentDetails, IncidentPage
from schemas.uptime.examples import INCIDENT
from schemas.uptime.incidents import Incident, IncidentState


class IncidentsQuery(PageQuery, frozen=True, kw_only=True):
    """Which incidents."""

    incident_state: IncidentState | None = None
    monitor_id: Annotated[str, Meta(max_length=40)] | None = None


@post(
    "/incidents",
    status_code=HTTP_201_CREATED,
    summary="Trigger or handle an incident",
    opt=describes(
        body=IncidentForm, example=INCIDENT, answer=IncidentAnswer, asks="monitor", errors=WRITES
    ),
)
async def post_incident(request: AnyRequest) -> Response[IncidentAnswer]:
    """Trigger an incident (201), or acknowledge or resolve the one of `incident_id` (200)."""
    project, author = await monitored_project(request, needs="write", subject="incidents")
    form = await body_of(request, IncidentForm)
    database = services(request).database
    incident, is_new, is_changed = await handle_incident(database, project.project_id, form, author)
    message = f"Incident {incident.incident_id} is {incident.state}"
    if not is_changed:
        message += " already"
    status = HTTP_201_CREATED if is_new else HTTP_200_OK
    return Response(IncidentAnswer(**_fields(incident), message=message), status_code=status)


@get("/incidents", summary="List incidents", opt={**takes(IncidentsQuery), **asked(IncidentPage)})
async def get_incidents(request: AnyRequest) -> IncidentPage:
    """Return the incidents of the project, the newest first."""
    project, _ = await monitored_project(request, subject="incidents")
    query = read(values_of(request), IncidentsQuery)
    found = await list_incidents(
        services(request).database,
        project.project_id,
        state=query.incident_state,
        monitor_id=query.monitor_id,
        limit=query.limit + 1,
        beyond=None if query.cursor is None else Place(*read_cursor(query.cursor)),
    )
    page = found[: query.limit]
    last = page[-1] if len(found) > len(page) else None
    cursor = None if last is None else written(last.created_us, last.incident_id)
    return IncidentPage([IncidentAnswer(**_fields(one), message="") for one in page], cursor)


@get(
    "/incidents/{incident_id:str}",
    summary="Show an incident",
    opt=asked(IncidentDetails),
)
async def show_incident(request: AnyRequest, incident_id: FromPath[str]) -> IncidentDetails:
    """Return an incident with its timeline, and who was told of it."""
    project, _ = await monitored_project(request, subject="incidents")
    database = services(request).database
    incident, events = await get_incident(database, project.project_id, incident_id)
    lines = [
        EventLine(
            kind=one.kind,
            at=iso_ms(one.at_us),
            noted_at=iso_ms(one.noted_us),
            author=one.author,
            notes=one.notes,
            public_note=one.public_note,
        )
        for one in events
    ]
    message = f"Incident {incident.incident_id} is {incident.state}"
    told = await told_of(request, project.project_id, incident.incident_id)
    return IncidentDetails(**_fields(incident), timeline=lines, notifications=told, message=message)


def _fields(incident: Incident) -> dict[str, Any]:
    return {
        "incident_id": incident.incident_id,
        "monitor_id": incident.monitor_id,
        "state": incident.state,
        "title": incident.title,
        "severity": incident.severity,
        "origin": incident.origin,
        "resolution": incident.resolution,
        "started_at": iso_ms(incident.started_us),
        "acknowledged_at": _iso(incident.acknowledged_us),
        "resolved_at": _iso(incident.resolved_us),
        "assignee": incident.assignee,
        "external_ids": incident.external_ids,
        "reopened": incident.reopened,
        "escalation_policy": incident.escalation_policy,
    }


def _iso(moment_us: int | None) -> str | None:
    return None if moment_us is None else iso_ms(moment_us)


HANDLERS = (post_incident, get_incidents, show_incident)
