"""What exports of log records are narrowed by: as their list is, but over all time by default."""

from msgspec.structs import replace

from api.auth import AnyRequest
from api.errors.logs import LogQuery, filter_of
from api.exports.lists import ListFilter, by_equality, range_of
from api.pages.errors.issues.exporting import listed_events
from api.pages.errors.logs.exporting import listed_logs
from api.parameters import read, values_of
from api.search_terms import ATTRIBUTE, read_attributes
from api.time_zones import zone_of
from clickhouse.errors.log_filters import condition
from clickhouse.exports.registry import EXPORTED
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

EARLIEST_US, LATEST_US = -2_208_988_800_000_000, 10_413_791_999_999_999
"""What the store's times hold."""


def _logs(request: AnyRequest, project: ProjectContext) -> Condition:
    query = read(values_of(request), LogQuery)
    first, last = range_of(request, project, zone_of(query, project.time_zone))
    wanted = filter_of(
        query,
        read_attributes(request, ATTRIBUTE),
        EARLIEST_US if first is None else first,
        LATEST_US if last is None else last,
    )
    return condition(project, wanted)


EXPORTS = {
    "logs": ListFilter((LogQuery,), _logs, (ATTRIBUTE,), listed_logs),
    "errors": replace(by_equality(EXPORTED["errors"]), on_page=listed_events),
}
