"""The parameter `tz`: on whose clock a request counts its days and reads its dates."""

from msgspec import Struct
from msgspec.structs import replace

from api.parameters import invalid
from schemas.projects import ProjectContext
from schemas.zones import UnknownZone, check_zone


class TimeZone(Struct, frozen=True, kw_only=True):
    """An IANA name; without one, the project's own zone counts."""

    tz: str | None = None


def zone_of(query: TimeZone, own: str) -> str:
    """Returns the zone that a query names, else the project's own. Raises `InvalidParameters`."""
    if query.tz is None:
        return own
    try:
        return check_zone(query.tz)
    except UnknownZone as error:
        raise invalid("tz", str(error)) from error


def on_clock_of(project: ProjectContext, query: TimeZone) -> ProjectContext:
    """Returns the project with the zone of a query. Raises `InvalidParameters`."""
    return replace(project, time_zone=zone_of(query, project.time_zone))


def names_a_clock(project: ProjectContext, query: TimeZone) -> bool:
    """Says whether somebody chose a zone, so that a date without one can be meant."""
    return query.tz is not None or project.time_zone != "UTC"
