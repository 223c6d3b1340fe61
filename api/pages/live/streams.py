"""The answer that stays open: parts of a page as server-sent events, while they may be seen.

Before a part is sent, and at least every few seconds, it is looked up whether its viewer is still
signed in and still a member. What ends a stream is said in its last event.
"""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Response
from litestar.response import Stream
from msgspec import json

from api.auth import AnyRequest, enter, services
from api.pages.live.hub import Hub, Made, TooManyStreams, View
from api.pages.viewer import Viewer
from api.parameters import Values, invalid
from controlplane.failures import Forbidden, NotFound, Unavailable
from controlplane.sessions import find_session

CHECK_S = 5.0
"""Proxies close what is silent, mostly after a minute; and so old may a sign-out be."""
HEADERS = {
    "Cache-Control": "no-store",
    # nginx would hold the events back until some kilobytes have come.
    "X-Accel-Buffering": "no",
}
SEEN = "seen"
BEAT = b": still here\n\n"


def hub_of(request: AnyRequest) -> Hub:
    """Return the hub of this process. Reads `app.state`: `hub`, which is made when absent."""
    state = request.app.state
    if state.get("hub") is None:
        state["hub"] = Hub()
    hub: Hub = state.hub
    return hub


def stream_of(
    request: AnyRequest, viewer: Viewer, view: View, values: Values, *, check_s: float = CHECK_S
) -> Response[Any]:
    """Return the stream of a view. Raises `InvalidParameters`."""
    seen = values.get(SEEN, "")
    if not (seen.isascii() and seen.isdecimal() and len(seen) < 19):
        raise invalid(SEEN, "Expected what the page says")
    events = _events(request, viewer, view, int(seen), check_s)
    return Stream(events, media_type="text/event-stream", headers=HEADERS)


async def _events(
    request: AnyRequest, viewer: Viewer, view: View, seen: int, check_s: float
) -> AsyncGenerator[bytes]:
    hub = hub_of(request)
    who = viewer.session.account.user_id if viewer.is_person else viewer.session.key_access
    try:
        async with hub.follow(view, who, seen) as follower:
            yield BEAT
            while not hub.closed.is_set():
                made = await follower.next(check_s)
                if not await may_see(request, viewer):
                    yield over("signed out")
                    return
                yield b"".join(map(_event, made)) or BEAT
        yield over("restart")
    except TooManyStreams:
        yield over("too many")
    except Unavailable:
        yield over("restart")  # nothing is sent to whom nobody can look up


async def may_see(request: AnyRequest, viewer: Viewer) -> bool:
    """Tell whether it is as it was when the page was opened; a project's settings are a part."""
    try:
        session = await find_session(services(request).database, viewer.session.token)
        if session is None:
            return False
        access = await enter(request, session, viewer.project.project_id)
    except (Forbidden, NotFound):
        return False
    return access.project == viewer.project


def _event(made: Made) -> bytes:
    data = json.encode({"part": made.name, "seen": made.events, "html": made.text})
    return b"event: part\ndata: " + data + b"\n\n"


def over(why: str) -> bytes:
    """Return the last event of a stream."""
    return b"event: over\ndata: " + why.encode() + b"\n\n"
