"""Pages that show what is new as it comes: when they may, and how their parts are made.

Each system says by which number its pages know that something is new.
"""

from collections.abc import Awaitable, Callable, Hashable
from typing import Any, NamedTuple

from litestar import Response
from msgspec.structs import replace

from api.auth import AnyRequest
from api.pages.addresses import Address
from api.pages.live.hub import Part, View
from api.pages.live.streams import SEEN, stream_of
from api.pages.parts.ranges import DEFAULT, Live, range_of
from api.pages.render import address_of, part
from api.pages.viewer import Viewer
from api.parameters import values_of

EVENTS = ".events"
"""What the path of a page's stream has more."""
OWN = ("open", "done", "of", "n", SEEN)
"""Values of an address that change nothing of a page's parts: what is open, and what was done."""


class LivePart(NamedTuple):
    """A part of a page: the id of its element, its template, and what that shows."""

    name: str
    rest_s: float
    template: str
    shown: Callable[[AnyRequest, Viewer], Awaitable[dict[str, Any]]]


class Subject(NamedTuple):
    """What a page follows."""

    name: Hashable
    latest: Callable[[], Awaitable[int]]
    """A number that is another one when something is new."""


async def follows(
    request: AnyRequest,
    viewer: Viewer,
    subject: Subject,
    *,
    default: str = DEFAULT,
    ending: str = EVENTS,
) -> Live | None:
    """Return how the page goes on; before its parts are made, so that nothing is missed between.

    `None` where the range has an end. `default` is the range of an address that names none,
    `ending` what the path of the stream has more than that of the page.
    """
    if range_of(values_of(request), viewer.project, default=default).preset is None:
        return None
    seen = await subject.latest()
    address = address_of(request)
    values = {name: value for name, value in address.values.items() if name not in OWN}
    href = address.url(address.path + ending, **values)
    return Live(href, seen, address.values.get("live") == "1")


def stream_parts(
    request: AnyRequest,
    viewer: Viewer,
    subject: Subject,
    *parts: LivePart,
    of: Hashable = None,
    ending: str = EVENTS,
) -> Response[Any]:
    """Return the stream of a page; `of` is what its parts depend on beside the address."""
    asked = address_of(request)
    values = {name: value for name, value in asked.values.items() if name not in OWN}
    address = replace(asked, path=asked.path.removesuffix(ending), values=values)
    key = (address.prefix, address.path, tuple(sorted(values.items())), viewer.project, of)
    made = [_part_of(request, viewer, address, one) for one in parts]
    return stream_of(request, viewer, View(key, subject.name, subject.latest, made), asked.values)


def _part_of(request: AnyRequest, viewer: Viewer, address: Address, live: LivePart) -> Part:
    async def make() -> str:
        shown = await live.shown(request, viewer)
        # The page says already that there is nothing, and with the viewer's own key.
        if shown.get("is_empty"):
            return ""
        return await part(request, live.template, address=address, **shown)

    return Part(live.name, live.rest_s, make)
