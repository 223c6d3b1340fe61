"""What a version of grouping finds in an event, before a rule or a sender's fingerprint. Pure."""

from msgspec import Struct

from schemas.errors.grouping import Basis, Component


class Found(Struct, gc=False):
    """The group by one version."""

    basis: Basis
    hash_input: str
    components: tuple[Component, ...] = ()
    """Made for an explanation alone."""
