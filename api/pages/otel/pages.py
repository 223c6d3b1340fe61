"""Which pages `otel` has, and where they stand in the navigation."""

from api.pages.navigation import Link, Section
from api.pages.otel.finding import FINDER
from api.pages.otel.metrics import metric_page, metrics_page
from api.pages.otel.services import map_page, service_page, services_page
from api.pages.otel.span import span_page
from api.pages.otel.traces import spans_page, traces_page
from api.pages.otel.tree import trace_page
from api.pages.otel.wanted import suggest

SECTIONS = (
    Section(
        "Services",
        (
            *(Link("Services", "otel/services"), Link("Map", "otel/map")),
            *(Link("Distributed traces", "otel/traces"), Link("Spans", "otel/spans")),
            Link("Metrics", "otel/metrics"),
        ),
        (
            *(services_page, service_page, map_page, metrics_page, metric_page),
            *(traces_page, trace_page, spans_page, span_page, suggest),
        ),
        finders=(FINDER,),
    ),
)
