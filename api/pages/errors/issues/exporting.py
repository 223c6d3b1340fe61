"""Which events pages of issues give away: those of one issue that its list shows, or all."""

from api.auth import AnyRequest
from api.exports.lists import within
from api.pages.errors.issues.events_wanted import wanted_of
from api.pages.errors.issues.standing import row_of
from api.pages.errors.issues.wanted import RANGE
from api.pages.parts.ranges import range_of
from api.pages.viewer import Viewer
from api.parameters import values_of
from clickhouse.errors.event_filters import condition
from clickhouse.exports.registry import EXPORTED
from clickhouse.queries.conditions import Condition


async def listed_events(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for them; without `issue` for all of the range.

    Raises `InvalidParameters`, and `NothingFound` for an issue that is not there.
    """
    values = values_of(request)
    issue_id = values.get("issue")
    if issue_id:
        row = await row_of(request, viewer, issue_id)
        wanted = wanted_of(request, viewer, row)
        return condition(wanted.project, wanted.filter)
    shown = range_of(values, viewer.project, default=RANGE)
    return within(EXPORTED["errors"], shown.first_us, shown.last_us)
