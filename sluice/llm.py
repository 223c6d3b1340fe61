"""The system `llm`, put together from its sub-packages."""

from api.llm import analytics, costs, spans, traces
from clickhouse.llm.spans import SPANS
from clickhouse.llm.traces import TRACES
from ingest.llm.app import routers
from ingest.llm.forms import forms
from processors.llm.cost.cache import load_book
from processors.llm.costs import explain_span, explain_trace
from processors.llm.steps import steps
from schemas.kinds import SPAN, TRACE
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.costs import CostAnswer
from schemas.projects import ProjectId
from sluice.parts import Parts, Resources, System


def open_parts(resources: Resources) -> Parts:
    """Reads the price table. Raises `PriceTableError`."""
    book = load_book(resources.cache)

    def explain_cost(_: ProjectId, row: TraceAnswer | SpanAnswer) -> CostAnswer:
        return explain_trace(book, row) if isinstance(row, TraceAnswer) else explain_span(book, row)

    return Parts(forms=forms(), steps=steps(book), state={"explain_cost": explain_cost})


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(*traces.HANDLERS, *spans.HANDLERS, *costs.HANDLERS, *analytics.HANDLERS),
    tables={TRACE.name: TRACES, SPAN.name: SPANS},
)
