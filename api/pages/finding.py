"""What the palette finds beside pages: each system looks for what it has."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.response.redirect import Redirect

from api.auth import AnyRequest
from api.pages.navigation import NAVIGATION, Navigation
from api.pages.render import is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import values_of

MOST_CHARS = 200


class Hit(NamedTuple):
    """One thing that was found, and where it is."""

    kind: str
    text: str
    beside: str
    href: str


Find = Callable[[AnyRequest, Viewer, str], Awaitable[list[Hit]]]


class Finder(NamedTuple):
    """How a system looks for a text, which is not empty."""

    by_id: Find
    """What has exactly this id."""
    by_name: Find
    """What has it in its name."""


@get("/find", include_in_schema=False)
async def find(request: AnyRequest, viewer: Viewed) -> Response[str] | Redirect:
    """List what fits a text; without a script, go to the first thing of that id."""
    text = values_of(request).get("q", "").strip()
    finders = _finders(request) if 0 < len(text) <= MOST_CHARS else []
    by_id = await _hits(request, viewer, text, [one.by_id for one in finders])
    if not is_fragment(request):
        if not by_id:
            raise NoSuchPage
        return Redirect(by_id[0].href, status_code=303)
    by_name = await _hits(request, viewer, text, [one.by_name for one in finders])
    return await page(request, "found.html", text=text, hits=[*by_id, *by_name])


async def _hits(request: AnyRequest, viewer: Viewer, text: str, finds: Sequence[Find]) -> list[Hit]:
    return list(chain(*await asyncio.gather(*(one(request, viewer, text) for one in finds))))


def _finders(request: AnyRequest) -> list[Finder]:
    handler: Any = request.scope["route_handler"]
    navigation: Navigation = handler.opt.get(NAVIGATION, ())
    return [one for section in navigation for one in section.finders]
