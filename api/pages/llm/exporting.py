"""Which calls the page of traces gives away: those that it lists."""

from api.auth import AnyRequest
from api.pages.llm.wanted import wanted_of
from api.pages.viewer import Viewer
from clickhouse.llm.filters import condition
from clickhouse.queries.conditions import Condition


def listed_traces(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for them. Raises `InvalidParameters`."""
    wanted = wanted_of(request, viewer)
    return condition(wanted.project, wanted.filter)
