"""The system `llm`, put together from its sub-packages."""

from api.llm import analytics, spans, traces
from clickhouse.llm.spans import SPANS
from clickhouse.llm.traces import TRACES
from ingest.llm.app import routers
from ingest.llm.forms import forms
from processors.llm.cost.cache import load_book
from processors.llm.steps import steps
from schemas.kinds import SPAN, TRACE
from sluice.parts import Parts, Resources, System


def open_parts(resources: Resources) -> Parts:
    """Reads the price table. Raises `PriceTableError`."""
    book = load_book(resources.cache)
    return Parts(forms=forms(), steps=steps(book), state={})


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(*traces.HANDLERS, *spans.HANDLERS, *analytics.HANDLERS),
    tables={TRACE.name: TRACES, SPAN.name: SPANS},
)
