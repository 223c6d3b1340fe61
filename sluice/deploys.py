"""The system `deploys`, put together from its sub-packages."""

from processors.deploys.steps import steps
from sluice.parts import Parts, Resources, System


def open_parts(_: Resources) -> Parts:
    """Makes what a process needs of it."""
    return Parts(forms={}, steps=steps(), state={})


SYSTEM = System(
    open=open_parts,
    # Lines come from the deployer, which writes them into the log itself. Whoever could send one
    # could take the number, and so the place, of one that a deployment is yet to print.
    routers=lambda _key, _session: [],
    queries=(),
)
