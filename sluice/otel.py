"""The system `otel`, put together from its sub-packages."""

from ingest.otel.app import routers
from ingest.otel.forms import checks, forms
from processors.errors.logs import Mask
from processors.otel.record_steps import MaskOf
from processors.otel.steps import steps
from schemas.projects import ProjectId
from sluice.errors import meaning_by
from sluice.parts import Parts, Resources, System


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = resources.errors_settings

    def masking() -> MaskOf:
        known = settings.current()

        def mask_of(project_id: ProjectId) -> Mask:
            return meaning_by(known.of(project_id)).mask

        return mask_of

    return Parts(forms=forms(), steps=steps(resources.pricing.current, masking), state={})


SYSTEM = System(open=open_parts, routers=routers, queries=(), checks=checks())
