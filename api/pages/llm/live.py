"""Pages of `llm` that show new calls as they come: when they may, and how their parts are made."""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from litestar import Response
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.addresses import Address
from api.pages.live.hub import Part, View
from api.pages.live.streams import SEEN, stream_of
from api.pages.llm.wanted import wanted_of
from api.pages.parts.ranges import Live, range_of
from api.pages.render import address_of, part
from api.pages.viewer import Viewer
from api.parameters import values_of
from api.reads import reader_of
from clickhouse.llm.traces import count_stored

EVENTS = ".events"
"""What the path of a page's stream has more."""
OWN = ("open", SEEN)
"""Values of an address that change nothing of a page's parts."""


class LivePart(NamedTuple):
    """A part of a page: the id of its element, its template, and what that shows."""

    name: str
    rest_s: float
    template: str
    shown: Callable[[AnyRequest, Viewer], Awaitable[dict[str, Any]]]


async def live_of(request: AnyRequest, viewer: Viewer) -> Live | None:
    """Return how the page goes on; before its parts are made, so that nothing is missed between.

    `None` where the range has an end.
    """
    if range_of(values_of(request), viewer.project).preset is None:
        return None
    seen = await _counted(request, viewer)
    address = address_of(request)
    values = {name: value for name, value in address.values.items() if name not in OWN}
    href = address.url(address.path + EVENTS, **values)
    return Live(href, seen, address.values.get("live") == "1")


def follow(
    request: AnyRequest, viewer: Viewer, *parts: LivePart, of: Hashable = None
) -> Response[Any]:
    """Return the stream of a page; `of` is what its parts depend on beside the address."""
    wanted_of(request, viewer)  # says at once what is wrong with the address
    asked = address_of(request)
    values = {name: value for name, value in asked.values.items() if name not in OWN}
    address = replace(asked, path=asked.path.removesuffix(EVENTS), values=values)
    key = (address.prefix, address.path, tuple(sorted(values.items())), viewer.project, of)
    view = View(
        key,
        viewer.project.project_id,
        lambda: _counted(request, viewer),
        [_part_of(request, viewer, address, one) for one in parts],
    )
    return stream_of(request, viewer, view, asked.values)


def _part_of(request: AnyRequest, viewer: Viewer, address: Address, live: LivePart) -> Part:
    async def make() -> str:
        shown = await live.shown(request, viewer)
        # The page says already that there is nothing, and with the viewer's own key.
        if shown.get("is_empty"):
            return ""
        return await part(request, live.template, address=address, **shown)

    return Part(live.name, live.rest_s, make)


async def _counted(request: AnyRequest, viewer: Viewer) -> int:
    async with reader_of(request, viewer.project).turn() as store:
        return await count_stored(store, viewer.project)
