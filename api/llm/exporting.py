"""What exports of traces and spans are narrowed by: as their lists are."""

from api.auth import AnyRequest
from api.exports.lists import ListFilter
from api.llm.filters import SpanQuery, TraceQuery, list_of_spans, list_of_traces, with_search
from api.pages.llm.exporting import listed_events, listed_traces
from api.parameters import values_of
from api.search_terms import ATTRIBUTE, RESOURCE
from clickhouse.llm.filters import condition
from clickhouse.llm.rollups import METADATA
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext


def _traces(request: AnyRequest, project: ProjectContext) -> Condition:
    values = dict(values_of(request))
    wanted, _ = list_of_traces(values, project.time_zone)
    return condition(project, with_search(request, wanted, None))


def _spans(request: AnyRequest, project: ProjectContext) -> Condition:
    wanted, _ = list_of_spans(values_of(request), project.time_zone)
    return condition(project, wanted)


EXPORTS = {
    "traces": ListFilter((TraceQuery,), _traces, (METADATA, ATTRIBUTE, RESOURCE), listed_traces),
    "spans": ListFilter((SpanQuery,), _spans, on_page=listed_events),
}
"""By the table. Words are not among the filters of traces: which calls have them is found message
by message."""
