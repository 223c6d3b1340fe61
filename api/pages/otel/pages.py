"""Which pages `otel` has, and where they stand in the navigation."""

from api.pages.navigation import Section
from api.pages.otel.span import span_page
from api.pages.otel.tree import trace_page

SECTIONS = (Section("", (), (trace_page, span_page)),)
