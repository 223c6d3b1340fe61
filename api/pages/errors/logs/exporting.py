"""Which log records the page of logs gives away: those that it lists."""

from api.auth import AnyRequest
from api.pages.errors.logs.wanted import wanted_of
from api.pages.viewer import Viewer
from clickhouse.errors.log_filters import condition
from clickhouse.queries.conditions import Condition


def listed_logs(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for them. Raises `InvalidParameters`."""
    wanted = wanted_of(request, viewer)
    return condition(wanted.project, wanted.filter)
