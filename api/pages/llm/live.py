"""Pages of `llm` that show new calls as they come."""

from collections.abc import Hashable
from typing import Any

from litestar import Response

from api.auth import AnyRequest
from api.pages.live.following import LivePart, Subject, follows, stream_parts
from api.pages.llm.wanted import wanted_of
from api.pages.parts.ranges import Live
from api.pages.viewer import Viewer
from api.reads import reader_of
from clickhouse.llm.traces import count_stored


async def live_of(request: AnyRequest, viewer: Viewer) -> Live | None:
    """Return how the page goes on; before its parts are made, so that nothing is missed between.

    `None` where the range has an end.
    """
    return await follows(request, viewer, _subject(request, viewer))


def follow(
    request: AnyRequest, viewer: Viewer, *parts: LivePart, of: Hashable = None
) -> Response[Any]:
    """Return the stream of a page; `of` is what its parts depend on beside the address."""
    wanted_of(request, viewer)  # says at once what is wrong with the address
    return stream_parts(request, viewer, _subject(request, viewer), *parts, of=of)


def _subject(request: AnyRequest, viewer: Viewer) -> Subject:
    async def count() -> int:
        async with reader_of(request, viewer.project).turn() as store:
            return await count_stored(store, viewer.project)

    return Subject(viewer.project.project_id, count)
