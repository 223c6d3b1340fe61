"""What a deployment prints: its lines in pages, chosen and searched, and those that come."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from litestar import Response, get
from litestar.params import FromPath
from litestar.response import Stream

from api.auth import AnyRequest, services
from api.deploys.feeds import Feed, FeedBroken, Feeds, Frame, LogRemoved, Source, TooManyViewers
from api.deploys.readers import Ending
from api.pages.deploys.allowed import reach_of
from api.pages.deploys.listing import DEPLOYMENTS
from api.pages.live.streams import BEAT, CHECK_S, HEADERS, hub_of, may_see, over
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.parameters import Values, invalid, values_of
from api.reads import reader_of
from clickhouse.deploys.lines import LineFilter, StoredLine, list_lines, newest_seq
from controlplane.deploys.deployments import get_deployment
from controlplane.deploys.reaching import over_since
from controlplane.deploys.rows import Reach
from controlplane.failures import NotFound
from schemas.deploys import lines
from schemas.projects import ProjectId

PAGE_LINES = 1000
KEPT_LINES = 2000
"""So many a browser keeps of those that come. Who is further behind goes on with the last ones."""
BEFORE_ERROR = 20
"""Lines that are shown before the first error."""
LAST_SEQ = 2**32 - 1
MOST_SEARCH_CHARS = 200
STREAMS: Mapping[lines.Stream, str] = {
    "system": "the deployer",
    "stdout": "standard output",
    "stderr": "standard error",
}
CHOICES: Mapping[str, tuple[lines.Level, ...]] = {
    "": (),
    "info": ("info", "success", "warn", "error"),
    "warn": ("warn", "error"),
    "error": ("error",),
}
"""By the least level: what is as bad, and worse."""


class Wanted(NamedTuple):
    """Which lines an address asks for."""

    after: int | None
    """`None`: the last ones, or of those that are chosen the first."""
    level: str
    stream: lines.Stream | None
    search: str

    @property
    def chooses(self) -> bool:
        """Whether some lines are left out."""
        return bool(self.level or self.stream or self.search)


def wanted_in(values: Values) -> Wanted:
    """Reads an address. Raises `InvalidParameters`."""
    level, stream = values.get("level", ""), values.get("stream", "")
    if level not in CHOICES:
        raise invalid("level", "Expected info, warn or error")
    if stream and stream not in STREAMS:
        raise invalid("stream", "Expected system, stdout or stderr")
    search = values.get("q", "").strip()
    if len(search) > MOST_SEARCH_CHARS:
        raise invalid("q", f"Expected at most {MOST_SEARCH_CHARS} characters")
    after = _number(values, "after") if values.get("after") else None
    return Wanted(after, level, next((one for one in STREAMS if one == stream), None), search)


async def read_log(
    request: AnyRequest, viewer: Viewer, deployment_id: str, wanted: Wanted
) -> dict[str, Any]:
    """Returns what the page shows of a log."""
    project = viewer.project
    async with reader_of(request, project).turn() as store:
        newest = await newest_seq(store, project, deployment_id)
        after = wanted.after
        if after is None:
            after = 0 if wanted.chooses else max(0, newest - PAGE_LINES)
        chosen = LineFilter(
            after_seq=after,
            # What comes meanwhile is sent as what is new.
            through_seq=newest,
            levels=CHOICES[wanted.level],
            streams=(wanted.stream,) if wanted.stream else (),
            search=wanted.search,
        )
        shown = await list_lines(store, project, deployment_id, chosen, limit=PAGE_LINES)
        errors = LineFilter(levels=("error",))
        first_error = await list_lines(store, project, deployment_id, errors, limit=1)
    return _page(shown, newest, after, first_error)


def _page(
    shown: Sequence[StoredLine], newest: int, after: int, first_error: Sequence[StoredLine]
) -> dict[str, Any]:
    is_full = len(shown) == PAGE_LINES and shown[-1].seq < newest
    error = first_error[0].seq if first_error else None
    return {
        "lines": shown,
        "older": max(0, after - PAGE_LINES) if after else None,
        "newer": shown[-1].seq if is_full else None,
        "log_after": newest,
        "first_error": error,
        "before_error": 0 if error is None else max(0, error - BEFORE_ERROR),
    }


@get(
    f"{DEPLOYMENTS}/{{deployment_id:str}}/lines.events",
    include_in_schema=False,
)
async def follow_lines(
    request: AnyRequest, viewer: Viewed, deployment_id: FromPath[str]
) -> Response[Any]:
    """Send the lines that a deployment prints after a number, until it is over."""
    try:
        await _ending(request, reach_of(viewer), deployment_id)
    except NotFound as error:
        raise NoSuchPage from error
    after = _number(values_of(request), "after")
    events = _events(request, viewer, source_of(request, viewer, deployment_id), after)
    return Stream(events, media_type="text/event-stream", headers=HEADERS)


def source_of(request: AnyRequest, viewer: Viewer, deployment_id: str) -> Source:
    """Returns how a log is read for all who follow it, whoever came first."""
    # Within the project, not the reach of this viewer: the others go on when they may see it no
    # more.
    reach = Reach(project_id=viewer.project.project_id)
    reads = reader_of(request, viewer.project)
    return Source(
        viewer.project,
        deployment_id,
        reads.next_turn,
        lambda: _ending(request, reach, deployment_id),
    )


async def _events(
    request: AnyRequest, viewer: Viewer, source: Source, after: int
) -> AsyncGenerator[bytes]:
    try:
        async with feeds_of(request).open(source) as feed:
            yield BEAT
            async for event in _followed(request, viewer, feed, after):
                yield event
    except TooManyViewers:
        yield over("too many")
    except LogRemoved:
        yield over("ended")
    except FeedBroken:
        yield over("restart")


async def _followed(
    request: AnyRequest, viewer: Viewer, feed: Feed, after: int
) -> AsyncIterator[bytes]:
    """Yields events until the deployment is over, this process ends, or the viewer may not see."""
    closed, seen, looked_s = hub_of(request).closed, after, time.monotonic()
    closing = asyncio.ensure_future(closed.wait())
    asking: asyncio.Task[Sequence[Frame] | None] | None = None
    frames = feed.follow(seen)
    try:
        while not closed.is_set():
            asking = asking or asyncio.create_task(_next(frames))
            await asyncio.wait(
                {asking, closing}, timeout=CHECK_S, return_when=asyncio.FIRST_COMPLETED
            )
            if time.monotonic() - looked_s >= CHECK_S:
                if not await may_see(request, viewer):
                    yield over("signed out")
                    return
                looked_s = time.monotonic()
                yield BEAT
            if not asking.done():
                continue
            found, asking = asking.result(), None
            if found is None:
                yield over("ended")
                return
            if feed.last_seq - found[0].seq > KEPT_LINES:
                seen = feed.last_seq - KEPT_LINES
                frames = feed.follow(seen)
                yield b"event: skipped\ndata: \n\n"
                continue
            yield b"event: lines\ndata: [" + b",".join(one.content for one in found) + b"]\n\n"
        yield over("restart")
    finally:
        closing.cancel()
        if asking is not None:
            asking.cancel()
            with suppress(asyncio.CancelledError, LogRemoved, FeedBroken):
                await asking


async def _next(frames: AsyncIterator[Sequence[Frame]]) -> Sequence[Frame] | None:
    return await anext(frames, None)


def feeds_of(request: AnyRequest) -> Feeds:
    """Returns the logs that are followed in this process.

    Reads `app.state`: `deploy_feeds`. Where it is absent, lines are shown once they are stored.
    """
    state = request.app.state
    if state.get("deploy_feeds") is None:
        state["deploy_feeds"] = Feeds(None)
    feeds: Feeds = state.deploy_feeds
    return feeds


async def _ending(request: AnyRequest, reach: Reach, deployment_id: str) -> Ending | None:
    """Returns that a deployment is over, `None` while it is not. Raises `NotFound`."""
    database = services(request).database
    one = await get_deployment(database, reach, deployment_id)
    ended = await over_since(database, ProjectId(one.project_id), deployment_id)
    return None if ended is None else Ending(*ended)


def _number(values: Values, name: str) -> int:
    text = values.get(name, "")
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= LAST_SEQ):
        raise invalid(name, "Expected the number of a line")
    return int(text)


HANDLERS = (follow_lines,)
