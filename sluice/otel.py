"""The system `otel`, put together from its sub-packages."""

from api.otel import lists, metrics, spans, trees
from api.otel.exporting import EXPORTS
from api.pages.otel.pages import SECTIONS
from clickhouse.client import Warehouse
from clickhouse.otel.summaries import summarise_one
from ingest.otel.app import routers
from ingest.otel.forms import checks, forms
from processors.blocks import StoredLog
from processors.errors.logs import Mask
from processors.otel.bills import Billing
from processors.otel.record_steps import MaskOf
from processors.otel.steps import steps
from schemas.projects import ProjectId
from sluice.errors import meaning_by
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = resources.errors_settings

    def masking() -> MaskOf:
        known = settings.current()

        def mask_of(project_id: ProjectId) -> Mask:
            return meaning_by(known.of(project_id)).mask

        return mask_of

    def billing(warehouse: Warehouse, event_log: StoredLog) -> Work:
        return Billing(resources.database, warehouse, event_log).work

    return Parts(
        forms=forms(),
        steps=steps(
            resources.pricing.current,
            masking,
            templates=resources.templates,
            follow=resources.judged.follow,
        ),
        state={"summarise_trace": summarise_one},
        alone=(billing,),
    )


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(*trees.HANDLERS, *lists.HANDLERS, *spans.HANDLERS, *metrics.HANDLERS),
    checks=checks(),
    pages=SECTIONS,
    exports=EXPORTS,
)
