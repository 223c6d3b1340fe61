"""Routes that pages of every origin may use, as SDKs in browsers have to.

A handler carries it in its `opt`; the API tells browsers so, on every answer of the route.
"""

from collections.abc import Mapping

from msgspec import Struct

OPTION = "open_to_pages"


class OpenRoute(Struct, frozen=True):
    """What browsers are told of one route."""

    fields: str
    """Headers that a page may send, beside those that it always may."""
    exposed: str
    """Headers of the answer that a page may read."""
    with_cookies: bool = False
    """Whether a page may send along what its browser holds for us. `sendBeacon` always does, so its
    requests need an answer that names their origin. The route itself must look at no cookie."""
    kept_s: int = 3600
    """For how long a browser may keep the answer to a preflight."""


def open_to_pages(
    fields: str, exposed: str, *, with_cookies: bool = False
) -> Mapping[str, OpenRoute]:
    """Returns the `opt` of a handler that is open so."""
    return {OPTION: OpenRoute(fields, exposed, with_cookies)}
