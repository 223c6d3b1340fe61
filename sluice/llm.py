"""The system `llm`, put together from its sub-packages."""

from api.llm import analytics, models, prices, spans, traces
from clickhouse.client import Warehouse
from clickhouse.llm.spans import SPANS
from clickhouse.llm.traces import TRACES
from ingest.llm.app import routers
from ingest.llm.forms import forms
from processors.blocks import StoredLog
from processors.llm.cost.cache import load_book
from processors.llm.pricing import Pricing
from processors.llm.reprice import Repricing
from processors.llm.steps import steps
from schemas.kinds import SPAN, TRACE
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Reads the price table. Raises `PriceTableError`."""
    book, database = load_book(resources.cache), resources.database
    pricing = Pricing(book, database)

    def repricing(warehouse: Warehouse, event_log: StoredLog) -> Work:
        return Repricing(database, warehouse, event_log, pricing).work

    return Parts(
        forms=forms(book.providers),
        steps=steps(pricing.current),
        state={"providers": book.providers, "pricing": pricing},
        refresh=(pricing.refresh,),
        alone=(repricing,),
    )


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(*traces.HANDLERS, *spans.HANDLERS, *analytics.HANDLERS, *models.HANDLERS),
    controls=prices.HANDLERS,
    tables={TRACE.name: TRACES, SPAN.name: SPANS},
)
