"""What people are told of incidents. Names and titles are texts of senders: all is plain text."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import Raw

from schemas.messages import Action, Message, Urgency
from schemas.times import EPOCH
from schemas.uptime.incidents import Severity
from schemas.uptime.notices import ALERTS, NoticeKind, Telling, Warned

MOST_LISTED = 30
MOST_OF_CAUSE = 500
"""Characters."""
URGENCIES: Mapping[Severity, Urgency] = {
    "critical": "critical",
    "major": "error",
    "minor": "warning",
}
ACTIONS: Mapping[NoticeKind, Action] = {
    "acknowledgement": "acknowledge",
    "recovery": "resolve",
}
EVENTS: Mapping[NoticeKind, str] = {
    "alert": "incident.triggered",
    "again": "incident.reopened",
    "reminder": "incident.reminder",
    "acknowledgement": "incident.acknowledged",
    "recovery": "incident.resolved",
}
WHY = {
    "recovered": "The monitor is up again.",
    "paused": "The monitor was paused.",
    "withdrawn": "Checks that came later say that it was not down.",
    "manual": "A person has resolved it.",
}
WARNINGS = {
    "certificate.expiring": "its certificate ends soon",
    "domain.expiring": "its registration ends soon",
    "sla.breached": "less uptime than was promised",
    "slo.burning": "its error budget burns",
    "latency.unusual": "unusual latency",
}
TESTED = "This is a test: nothing has happened."


def of_incidents(tellings: Sequence[Telling]) -> Message:
    """Returns what one target is told of one incident, or of many at once."""
    if len(tellings) == 1:
        return _of_one(tellings[0])
    headlines = [_headline(one) for one in tellings]
    is_over = tellings[0].kind == "recovery"
    what = "incidents are over" if is_over else "incidents"
    subject = f"[Sluice] {len(tellings)} {what} at once"
    lines = [f"- {headline}" for headline in headlines[:MOST_LISTED]]
    if len(headlines) > MOST_LISTED:
        lines.append(f"and {len(headlines) - MOST_LISTED} more")
    text = "\n".join(lines)
    first = tellings[0].incident
    body = {
        "event_type": EVENTS[tellings[0].kind],
        "text": f"{subject}\n{text}",
        "incidents": [_fields(one) for one in tellings],
    }
    return Message(
        subject=subject,
        text=text,
        summary=f"{subject}: {', '.join(headlines[:MOST_LISTED])}",
        at=_iso(first.resolved_us or first.started_us),
        tone="good" if is_over else "bad",
        incident_key=first.incident_id,
        body=Raw(msgspec.json.encode(body)),
    )


def of_warning(warned: Warned) -> Message:
    """Returns what is told of something that is no incident, such as a certificate's end."""
    subject = f"[Sluice] {warned.monitor_name}: {WARNINGS.get(warned.type, warned.type)}"
    text = warned.text or subject
    body = {
        "event_type": warned.type,
        "event_id": warned.event_id,
        "monitor_id": warned.monitor_id,
        "monitor_name": warned.monitor_name,
        "text": f"{subject}\n{text}",
    }
    return Message(
        subject=subject,
        text=text,
        summary=f"{subject}: {text}",
        at=_iso(warned.at_us),
        urgency="warning",
        incident_key=f"{warned.monitor_id}/{warned.type}",
        body=Raw(msgspec.json.encode(body)),
    )


def trial(name: str, now_us: int) -> Message:
    """Returns what is sent to try a target."""
    subject = f"[Sluice] Test of {name}"
    return Message(
        subject=subject,
        text=TESTED,
        summary=f"{subject}: {TESTED}",
        at=_iso(now_us),
        tone="good",
        urgency="info",
        incident_key=f"test/{now_us}",
        body=Raw(msgspec.json.encode({"event_type": "test", "text": f"{subject}\n{TESTED}"})),
    )


def _of_one(telling: Telling) -> Message:
    kind, incident, _ = telling
    subject, lines = f"[Sluice] {_headline(telling)}", _lines(telling)
    text = "\n".join(lines)
    body = {
        "event_type": EVENTS[kind],
        "text": f"{subject}\n{text}",
        "incidents": [_fields(telling)],
    }
    return Message(
        subject=subject,
        text=text,
        summary=f"{subject}. {lines[0]}",
        at=_iso(_moment(telling)),
        tone="good" if kind == "recovery" else "bad",
        action=ACTIONS.get(kind, "trigger"),
        urgency=URGENCIES[incident.severity],
        incident_key=incident.incident_id,
        body=Raw(msgspec.json.encode(body)),
    )


def _headline(telling: Telling) -> str:
    kind, incident, _ = telling
    before = {
        "again": "Again: ",
        "reminder": "Still open: ",
        "acknowledgement": "Acknowledged: ",
        "recovery": "Resolved: ",
    }
    return f"{before.get(kind, '')}{incident.title}"


def _lines(telling: Telling) -> list[str]:
    kind, incident, cause = telling
    lines = [f"Since {_iso(incident.started_us)}"]
    if cause and kind in ALERTS:
        lines.insert(0, cause[:MOST_OF_CAUSE])
    if kind == "recovery" and incident.resolved_us is not None:
        lasted = timedelta(seconds=(incident.resolved_us - incident.started_us) // 1_000_000)
        lines = [f"{WHY.get(incident.resolution or '', '')} It lasted {lasted}.".strip(), *lines]
    lines += [f"Severity: {incident.severity}", f"Incident: {incident.incident_id}"]
    if incident.monitor_id is not None:
        lines.append(f"Monitor: {incident.monitor_id}")
    if incident.assignee:
        lines.append(f"Assignee: {incident.assignee}")
    return lines + [f"{name}: {text}" for name, text in sorted(incident.external_ids.items())]


def _moment(telling: Telling) -> int:
    incident = telling.incident
    moments = {"recovery": incident.resolved_us, "acknowledgement": incident.acknowledged_us}
    return moments.get(telling.kind) or incident.started_us


def _fields(telling: Telling) -> dict[str, Any]:
    incident = telling.incident
    return {
        "incident_id": incident.incident_id,
        "monitor_id": incident.monitor_id,
        "title": incident.title,
        "state": incident.state,
        "severity": incident.severity,
        "cause": telling.cause[:MOST_OF_CAUSE],
        "resolution": incident.resolution,
        "started_at": _iso(incident.started_us),
        "resolved_at": None if incident.resolved_us is None else _iso(incident.resolved_us),
        "external_ids": incident.external_ids,
        "project_id": incident.project_id,
    }


def _iso(us: int) -> str:
    moment = EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
