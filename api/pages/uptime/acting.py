"""What people do about an incident, as forms say it: members do so, as through the API."""

from collections.abc import Mapping

import msgspec
from litestar.response.redirect import Redirect

from api.auth import AnyRequest
from api.pages.forms import Problem, told
from api.pages.render import address_of
from api.pages.viewer import Viewer
from controlplane.failures import BadRequest, ControlPlaneError
from controlplane.uptime.incidents import IncidentForm

FIELDS = (
    *("title", "severity", "monitor_id", "assignee", "notes", "public_note"),
    "escalation_policy",
)
LIMITS: Mapping[str, int] = {
    "title": 300,
    "assignee": 254,
    "notes": 4000,
    "public_note": 2000,
    "escalation_policy": 100,
}
"""Characters, as `IncidentForm` has them."""
KEY = "a key of the project"


def author_of(viewer: Viewer) -> str:
    """Returns who acts, as timelines name them."""
    return viewer.session.account.email if viewer.is_person else KEY


def form_in(typed: Mapping[str, str], incident_id: str | None = None) -> IncidentForm:
    """Returns what a form means; what is empty stays out. Raises `BadRequest`."""
    fields: dict[str, str] = {"state": typed.get("act", "")}
    for name in FIELDS:
        text = typed.get(name, "").replace("\r\n", "\n").strip()
        if len(text) > LIMITS.get(name, len(text)):
            raise BadRequest(f"{name}: expected at most {LIMITS[name]} characters")
        if text:
            fields[name] = text
    if incident_id is not None:
        fields["incident_id"] = incident_id
    try:
        return msgspec.convert(fields, IncidentForm)
    except msgspec.ValidationError as error:
        raise BadRequest(f"Nothing was changed: {error}") from error


def problem_of_incident(error: ControlPlaneError, typed: Mapping[str, str]) -> Problem:
    """Returns what is wrong with a form, at its field."""
    name, colon, rest = error.message.partition(": ")
    if not colon or name not in FIELDS:
        return Problem(error.message)
    return Problem(told(rest, typed.get(name, "").strip()), name)


def to_incident(request: AnyRequest, incident_id: str) -> Redirect:
    """Sends the browser to the page of an incident."""
    target = address_of(request).thing("uptime/incidents", incident_id)
    return Redirect(target, status_code=303)
