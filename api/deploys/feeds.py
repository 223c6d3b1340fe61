"""Logs of deployments that somebody follows: each is read once, for all who follow it here.

Lines are heard at the end of the event log, long before they are stored, and numbered without
repeats. A line that is not the next one means that some were not heard, or that numbers were left
out: then the store is asked. It has the lines of a deployment in their order, so whatever it does
not have below a line that it has is not there. It is also asked once a second, in case that nothing
is heard at all.

Who follows takes lines from what is kept here of the last ones. Who is too slow for that, or begins
before it, reads pages of the store, which those who read the same ones share.

TooManyViewers   a project, or all of them together, follow as much as they may
LogRemoved       the deployment of a log was removed while it was followed
FeedBroken       a bug of ours has ended a feed
"""

import asyncio
import time
from bisect import bisect_right
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import NamedTuple

import msgspec
import structlog
from msgspec import Struct
from websockets.frames import Frame as SocketFrame
from websockets.frames import Opcode

from api.deploys.answers import answer_of, answer_of_sent
from api.deploys.readers import Ending
from api.reads import TooManyQueries
from clickhouse.client import Warehouse
from clickhouse.deploys.lines import MOST_LINES, LineFilter, list_lines, newest_seq
from clickhouse.failures import WarehouseError
from controlplane.failures import NotFound, RetryLater
from eventlog.records import Chunk
from eventlog.tail import Tail
from schemas.deploys.lines import Line
from schemas.deploys.log_answers import LineAnswer
from schemas.kinds import DEPLOY_LINE
from schemas.projects import ProjectContext, ProjectId

LOOK_S = 1.0
"""Between two looks at the store and at whether the deployment is over."""
GAP_S = 0.1
"""Between two looks for lines that were not heard."""
LOST_S = 30.0
"""So long after its end the last line of a deployment is waited for: where its deployer was killed,
a number may be named that no line has."""
MOST_HEARD = 20_000
"""Lines that wait for those before them; beyond, the store has to tell them."""
KEPT_LINES, KEPT_BYTES = 2_000, 1 << 20
"""Of the last lines, however few follow."""
MOST_KEPT_BYTES = 16 << 20
"""Where the store lags: what it does not have yet must be kept."""
PAGE_LINES, MOST_PAGES = 500, 8
AT_ONCE = 200
MOST_FEEDS, MOST_VIEWERS = 200, 4_000
SHARE_OF_PROJECT = 2
PASSING = (TooManyQueries, WarehouseError, RetryLater)
"""What may work the next time."""

log = structlog.get_logger(__name__)
_encode = msgspec.json.Encoder().encode


class TooManyViewers(Exception):
    """Raised where one more viewer would be too many; `is_own` where the project has them all."""

    def __init__(self, *, is_own: bool) -> None:
        super().__init__("too many viewers")
        self.is_own = is_own


class LogRemoved(Exception):
    """Raised where the deployment of a log was removed."""


class FeedBroken(Exception):
    """Raised where a bug of ours has ended a feed."""


class Frame(NamedTuple):
    """A line as it is sent, written once for all who follow."""

    seq: int
    wire: bytes
    """A frame of a WebSocket (RFC 6455, section 5.2): its head, and the line as JSON."""
    head_bytes: int

    @property
    def content(self) -> bytes:
        """The line as JSON."""
        return self.wire[self.head_bytes :]


class Source(NamedTuple):
    """How one log is read, by whoever comes first."""

    project: ProjectContext
    deployment_id: str
    turn: Callable[[], AbstractAsyncContextManager[Warehouse]]
    """Lends the store when it is the project's turn."""
    ending: Callable[[], Awaitable[Ending | None]]


class Feed:
    """One log that is followed. Whoever makes it runs `run` beside."""

    def __init__(self, source: Source) -> None:
        self.ending: Ending | None = None
        """Set once the deployment is over and every line is known."""
        self.last_seq = 0
        """Every line up to here is known."""
        self._source = source
        self._frames: list[Frame] = []
        self._bytes = 0
        self._kept_after = 0
        """Every line after this one, up to the last, is in `_frames`."""
        self._stored_seq = 0
        self._is_begun = False
        self._failure: type[LogRemoved | FeedBroken] | None = None
        self._heard: deque[LineAnswer] = deque()
        self._news, self._changed = asyncio.Event(), asyncio.Event()
        self._pages: OrderedDict[tuple[int, int], asyncio.Future[list[Frame]]] = OrderedDict()

    def hear(self, lines: Sequence[LineAnswer]) -> None:
        """Takes lines from the end of the event log, in their order."""
        if len(self._heard) + len(lines) > MOST_HEARD:
            self._heard.clear()
        self._heard.extend(lines)
        self._news.set()

    async def run(self) -> None:
        """Reads until the deployment is over, or cancelled."""
        # Beside: it may wait for its turn, and lines are shown meanwhile.
        looking = asyncio.create_task(self._look_on())
        try:
            while self.ending is None:
                if looking.done():
                    looking.result()
                await self._go_on()
        except NotFound:
            self._fail(LogRemoved)
        except Exception:
            log.exception("log is not followed any more")
            self._fail(FeedBroken)
        finally:
            looking.cancel()

    async def follow(self, after_seq: int) -> AsyncIterator[Sequence[Frame]]:
        """Yields lines with higher numbers, in order, until the deployment is over.

        The next ones are made ready when the last ones were taken, so a slow viewer holds none.
        Raises `LogRemoved`, `FeedBroken`.
        """
        seen = after_seq
        while self._failure is None:
            changed = self._changed
            if not self._is_begun:
                await changed.wait()
            elif seen < self._kept_after:
                frames, seen = await self._page(seen)
                if frames:
                    yield frames
            elif frames := self._kept(seen):
                yield frames
                seen = frames[-1].seq
            elif self.ending is not None:
                return
            else:
                await changed.wait()
        raise self._failure

    async def _go_on(self) -> None:
        self._take_heard()
        if self._heard:
            if not self._is_begun or not await self._try_fill():
                await asyncio.sleep(GAP_S)
            return
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await self._news.wait()

    async def _look_on(self) -> None:
        while True:
            await self._look()
            self._news.set()
            await asyncio.sleep(LOOK_S)

    def _kept(self, after: int) -> list[Frame]:
        first = bisect_right(self._frames, after, key=lambda frame: frame.seq)
        return self._frames[first : first + AT_ONCE]

    async def _page(self, after: int) -> tuple[list[Frame], int]:
        """Returns lines of the store, and up to where they are all."""
        first = after // PAGE_LINES * PAGE_LINES
        key = first, min(first + PAGE_LINES, self._kept_after)
        reading = self._pages.get(key)
        if reading is None:
            reading = self._pages[key] = asyncio.ensure_future(self._read(*key))
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
        try:
            frames = await asyncio.shield(reading)
        except PASSING as error:
            log.warning("log not readable, will try again", reason=str(error)[:1000])
            self._pages.pop(key, None)
            await asyncio.sleep(LOOK_S)
            return [], after
        return [frame for frame in frames if frame.seq > after], key[1]

    async def _read(self, after: int, through: int, limit: int = MOST_LINES) -> list[Frame]:
        """Returns lines of the store. Raises what `PASSING` names."""
        source = self._source
        wanted = LineFilter(after_seq=after, through_seq=through)
        async with source.turn() as warehouse:
            found = await list_lines(
                warehouse, source.project, source.deployment_id, wanted, limit=limit
            )
        return [_frame(answer_of(line, source.deployment_id)) for line in found]

    async def _look(self) -> None:
        """Sees what the store has, and whether the deployment is over."""
        source = self._source
        try:
            async with source.turn() as warehouse:
                stored = await newest_seq(warehouse, source.project, source.deployment_id)
            self._stored_seq = max(self._stored_seq, stored)
            if not self._is_begun:
                # Viewers read what there is from the store: none of it is kept here.
                self.last_seq = self._kept_after = stored
                self._is_begun = True
                self._tell()
            while self.last_seq < self._stored_seq and await self._fill():
                pass
            self._trim()
            ending = await source.ending()
        except PASSING as error:
            log.warning("log not readable, will try again", reason=str(error)[:1000])
            ending = None
        if ending is not None:
            self._take_heard()
            is_lost = time.time_ns() // 1000 - ending.at_us >= LOST_S * 1_000_000
            if not self._heard and (self.last_seq >= ending.last_seq or is_lost):
                self.ending = ending
                self._tell()

    def _take_heard(self) -> None:
        """Takes the lines that follow on the last one."""
        frames = []
        last = self.last_seq
        while self._is_begun and self._heard and self._heard[0].seq <= last + 1:
            line = self._heard.popleft()
            if line.seq == last + 1:
                frames.append(_frame(line))
                last = line.seq
        if self._bytes > MOST_KEPT_BYTES:
            # The store is far behind: it tells them when it has them.
            self._heard.clear()
        else:
            self._append(frames)

    async def _try_fill(self) -> bool:
        try:
            return await self._fill()
        except PASSING as error:
            log.warning("log not readable, will try again", reason=str(error)[:1000])
            return False

    async def _fill(self) -> bool:
        """Takes the lines that follow from the store; tells whether it has some."""
        frames = await self._read(self.last_seq, 2**32 - 1)
        if frames:
            self._stored_seq = max(self._stored_seq, frames[-1].seq)
            # Some may have been heard meanwhile.
            self._append([frame for frame in frames if frame.seq > self.last_seq])
        return bool(frames)

    def _append(self, frames: Sequence[Frame]) -> None:
        if frames:
            self._frames += frames
            self._bytes += sum(len(frame.wire) for frame in frames)
            self.last_seq = frames[-1].seq
            self._trim()
            self._tell()

    def _trim(self) -> None:
        """Lets go of lines that the store has, the oldest first."""
        over, size = 0, self._bytes
        for number, frame in enumerate(self._frames):
            is_enough = len(self._frames) - number <= KEPT_LINES and size <= KEPT_BYTES
            if is_enough or frame.seq > self._stored_seq:
                break
            over, size = number + 1, size - len(frame.wire)
        if over:
            self._kept_after = self._frames[over - 1].seq
            del self._frames[:over]
            self._bytes = size

    def _fail(self, failure: type[LogRemoved | FeedBroken]) -> None:
        self._failure = failure
        self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class _Followed(Struct):
    """A feed, what runs it, and how many follow it."""

    feed: Feed
    running: "asyncio.Task[None]"
    viewers: int = 0


class _Named(Struct):
    deployment_id: str


_Key = tuple[ProjectId, str]
_decode_name = msgspec.json.Decoder(_Named).decode
_decode = msgspec.json.Decoder(Line).decode


class Feeds:
    """All logs that are followed in one process. Nobody there: nothing is read."""

    def __init__(self, tail: Tail | None) -> None:
        """Without a tail, lines are shown once they are stored."""
        self._tail = tail
        self._hearing: asyncio.Task[None] | None = None
        self._followed: dict[_Key, _Followed] = {}
        self._viewers: Counter[ProjectId] = Counter()

    @asynccontextmanager
    async def open(self, source: Source) -> AsyncIterator[Feed]:
        """Lends the feed of a log. Raises `TooManyViewers`."""
        project_id = source.project.project_id
        key = project_id, source.deployment_id
        self._check_room(key)
        followed = self._followed.get(key)
        if followed is None:
            feed = Feed(source)
            self._followed[key] = followed = _Followed(feed, asyncio.create_task(feed.run()))
            if self._hearing is None and self._tail is not None:
                self._hearing = asyncio.create_task(self._hear_on(self._tail))
        followed.viewers += 1
        self._viewers[project_id] += 1
        try:
            yield followed.feed
        finally:
            self._viewers -= Counter([project_id])
            followed.viewers -= 1
            if not followed.viewers:
                del self._followed[key]
                followed.running.cancel()
                if not self._followed and self._hearing is not None:
                    self._hearing.cancel()
                    self._hearing = None

    def hear(self, chunks: Sequence[Chunk]) -> None:
        """Gives what was appended to whom it concerns. The lines of a chunk are of one deployment.

        Of a chunk that holds others too, the store tells these.
        """
        for chunk in chunks:
            if chunk.wire != DEPLOY_LINE.wire or not chunk.items:
                continue
            with suppress(msgspec.DecodeError, ValueError):
                name = _decode_name(chunk.items[0]).deployment_id
                followed = self._followed.get((chunk.project_id, name))
                if followed is not None:
                    lines = zip(map(_decode, chunk.items), chunk.ids, strict=True)
                    ours = [(line, id_) for line, id_ in lines if line.deployment_id == name]
                    followed.feed.hear([answer_of_sent(*one) for one in ours])

    async def _hear_on(self, tail: Tail) -> None:
        try:
            await tail.run(self.hear)
        except Exception:
            # Lines are shown once they are stored, then.
            log.exception("end of the log is not heard any more")

    def _check_room(self, key: _Key) -> None:
        if self._viewers[key[0]] >= MOST_VIEWERS // SHARE_OF_PROJECT:
            raise TooManyViewers(is_own=True)
        is_new = key not in self._followed
        if self._viewers.total() >= MOST_VIEWERS or is_new and len(self._followed) >= MOST_FEEDS:
            raise TooManyViewers(is_own=False)


def _frame(line: LineAnswer) -> Frame:
    content = _encode(line)
    wire = SocketFrame(Opcode.TEXT, content).serialize(mask=False)
    return Frame(line.seq, wire, len(wire) - len(content))
