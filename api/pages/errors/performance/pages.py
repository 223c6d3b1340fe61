"""Which pages performance has, in the order of the navigation."""

from api.pages.errors.performance.groups import groups_page
from api.pages.errors.performance.one_name import lines_page, name_page, name_rest
from api.pages.errors.performance.slow_spans import spans_page
from api.pages.errors.performance.transaction import span_page, transaction_page
from api.pages.errors.performance.wanted import suggest
from api.pages.navigation import Link, Section

SECTIONS = (
    Section(
        "Performance",
        (Link("Transactions", "performance"), Link("Slow spans", "performance/spans")),
        (
            *(groups_page, name_page, name_rest, lines_page),
            *(transaction_page, span_page, spans_page, suggest),
        ),
    ),
)
