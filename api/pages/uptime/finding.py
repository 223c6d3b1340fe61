"""What the palette finds of uptime: a monitor or incident by its id, monitors by their names."""

import re

from api.auth import AnyRequest, services
from api.pages.finding import Finder, Hit
from api.pages.render import address_of
from api.pages.uptime.wanted import place_of
from api.pages.viewer import Viewer
from controlplane.failures import NotFound
from controlplane.uptime.incidents import get_incident
from controlplane.uptime.monitors import get_monitor
from controlplane.uptime.naming import list_names

MONITOR = re.compile(r"mon_[a-z0-9]{8}")
INCIDENT = re.compile(r"inc_[a-z0-9]{8}")
SHOWN = 5
LEAST_CHARS = 2
"""Of a name: one character would find everything."""


async def by_id(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    """Returns the monitor or the incident that has exactly this id."""
    known, project_id, address = services(request), viewer.project.project_id, address_of(request)
    try:
        if MONITOR.fullmatch(text):
            monitor = await get_monitor(known.database, known.vault, project_id, text)
            href = address.thing("uptime/monitors", text)
            return [Hit("monitor", monitor.config.name, place_of(monitor), href)]
        if INCIDENT.fullmatch(text):
            incident, _ = await get_incident(known.database, project_id, text)
            href = address.thing("uptime/incidents", text)
            return [Hit("incident", incident.title, incident.state, href)]
    except NotFound:
        pass
    return []


async def by_name(request: AnyRequest, viewer: Viewer, text: str) -> list[Hit]:
    """Returns the first monitors that have it in their names."""
    if len(text) < LEAST_CHARS:
        return []
    database, project_id = services(request).database, viewer.project.project_id
    found = await list_names(database, project_id, like=text, limit=SHOWN)
    address = address_of(request)
    return [
        Hit("monitor", name, monitor_id, address.thing("uptime/monitors", monitor_id))
        for monitor_id, name in found.items()
    ]


FINDER = Finder(by_id, by_name)
