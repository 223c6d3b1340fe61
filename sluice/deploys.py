"""The system `deploys`, put together from its sub-packages."""

from api.pages.deploys.pages import SECTIONS
from sluice.parts import Parts, Resources, System


def open_parts(_: Resources) -> Parts:
    """Makes what a process needs of it."""
    return Parts(forms={}, steps={}, state={})


SYSTEM = System(open=open_parts, routers=lambda key, session: [], queries=(), pages=SECTIONS)
