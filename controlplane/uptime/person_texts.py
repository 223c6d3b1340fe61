"""What the control plane says of people in incidents and of monitors."""

from controlplane.person_texts import Texts
from controlplane.uptime.models import (
    Incident,
    IncidentEvent,
    Monitor,
    MonitorExclusion,
    UptimeEvent,
)

TEXTS = (
    Texts("incidents", Incident, ("title", "assignee"), json=("external_ids",)),
    Texts(
        "lines of incidents",
        IncidentEvent,
        ("author", "notes", "public_note"),
        through=(IncidentEvent.incident_id, Incident.id, Incident.project_id),
    ),
    Texts("events of monitors", UptimeEvent, (), json=("details",)),
    Texts(
        "times that do not count",
        MonitorExclusion,
        ("author", "reason"),
        through=(MonitorExclusion.monitor_id, Monitor.id, Monitor.project_id),
    ),
)
