"""Moments at which something changed that charts are to show, whichever system knows of it."""

from msgspec import Struct


class Change(Struct, frozen=True):
    """Something that changed, such as a deployment that took over."""

    at_us: int
    name: str
    """In words; as a sender gave it, so never to be trusted."""
    page: str
    """Where more is told of it: a path below the address of the project's pages."""
