"""The system `otel`, put together from its sub-packages."""

from api.otel import trees
from ingest.otel.app import routers
from ingest.otel.forms import forms
from processors.otel.steps import steps
from sluice.parts import Parts, Resources, System


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    return Parts(forms=forms(), steps=steps(resources.pricing.current), state={})


SYSTEM = System(open=open_parts, routers=routers, queries=trees.HANDLERS)
