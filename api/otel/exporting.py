"""What exports of spans of OpenTelemetry are narrowed by, on the pages that list them."""

from msgspec.structs import replace

from api.auth import AnyRequest
from api.exports.lists import by_equality
from api.pages.otel.wanted import wanted_of
from api.pages.viewer import Viewer
from api.parameters import values_of
from clickhouse.exports.registry import EXPORTED
from clickhouse.otel.span_list import condition
from clickhouse.otel.trace_list import spans_of_traces
from clickhouse.queries.conditions import Condition


def _listed(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for the spans that a page lists, or for those of its traces."""
    if values_of(request).get("of") == "spans":
        wanted = wanted_of(request, viewer, "spans")
        return condition(wanted.project, wanted.spans)
    wanted = wanted_of(request, viewer, "traces")
    return spans_of_traces(wanted.project, wanted.traces)


EXPORTS = {"otel_spans": replace(by_equality(EXPORTED["otel_spans"]), on_page=_listed)}
