"""Which pages the system `uptime` has, in the order of the navigation."""

from api.pages.navigation import Link, Section
from api.pages.uptime import (
    editing,
    escalation,
    incident,
    incidents,
    maintaining,
    monitor,
    monitors,
    sla,
)
from api.pages.uptime.finding import FINDER
from api.pages.uptime.status_pages import page as status_pages
from api.pages.uptime.wanted import suggest

SECTIONS = (
    Section(
        "Uptime",
        (
            Link("Monitors", "uptime/monitors"),
            Link("Incidents", "uptime/incidents"),
            Link("Escalation", "uptime/escalation"),
            Link("Service levels", "uptime/sla"),
            Link("Status pages", "uptime/status-pages"),
        ),
        (
            *monitors.HANDLERS,
            suggest,
            *editing.HANDLERS,
            *maintaining.HANDLERS,
            *monitor.HANDLERS,
            *incidents.HANDLERS,
            *incident.HANDLERS,
            *escalation.HANDLERS,
            *sla.HANDLERS,
            *status_pages.HANDLERS,
        ),
        finders=(FINDER,),
    ),
)
