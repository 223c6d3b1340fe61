"""Who follows which view, and one query for all of them.

A project that somebody follows is asked how many events it has, twice a second. Only when that
number changes are the parts of its views made anew: once for all viewers of the same view, and no
more often than each part says. Nobody there: nothing is asked.

TooManyStreams   a viewer, or all of them together, follow as much as they may
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from api.outgoing import TooManyAnswers
from api.reads import TooManyQueries
from clickhouse.failures import WarehouseError
from controlplane.failures import Unavailable

EVERY_S = 0.5
RESTS = 4
"""A part that takes long is made less often: it rests so many times as long as it took."""
MOST_STREAMS = 128
"""Of a process: each is a connection, of which a server takes some hundreds."""
MOST_OF_ONE = 12

PASSING = (TooManyQueries, TooManyAnswers, WarehouseError, Unavailable)
"""What may work the next time."""

log = structlog.get_logger(__name__)


class TooManyStreams(Exception):
    """Raised where one more viewer would be too many."""


class Part(NamedTuple):
    """A part of a page that is made anew."""

    name: str
    """The id of its element."""
    rest_s: float
    """How long nothing new is made of it, at least."""
    make: Callable[[], Awaitable[str]]


class View(NamedTuple):
    """What viewers share: the same project, page, range and filter."""

    key: Hashable
    subject: Hashable
    """Whose events are counted: a project."""
    count_events: Callable[[], Awaitable[int]]
    """How many events the subject has, or any other number that changes when something is new."""
    parts: Sequence[Part]


class Made(NamedTuple):
    """A part as it was made when there were so many events."""

    name: str
    events: int
    text: str


class Hub:
    """All followers of one process. Close it when the process is about to end."""

    def __init__(
        self,
        *,
        every_s: float = EVERY_S,
        most_streams: int = MOST_STREAMS,
        most_of_one: int = MOST_OF_ONE,
    ) -> None:
        self._every_s = every_s
        self._most_streams = most_streams
        self._most_of_one = most_of_one
        self._streams: Counter[Hashable] = Counter()
        self._watches: dict[Hashable, _Watch] = {}
        self._shared: dict[Hashable, _Shared] = {}
        self.closed = asyncio.Event()
        """Set when nothing comes any more."""

    @asynccontextmanager
    async def follow(self, view: View, viewer: Hashable, seen: int) -> AsyncIterator["Follower"]:
        """Follow a view, of which the viewer has what there was when there were `seen` events.

        Raises `TooManyStreams`.
        """
        self._admit(viewer)
        shared = self._shared_of(view)
        follower = Follower(shared, seen, self.closed)
        shared.join(follower)
        try:
            yield follower
        finally:
            self._leave(view, shared, follower, viewer)

    def close(self) -> None:
        """Ends every stream."""
        self.closed.set()
        for shared in self._shared.values():
            shared.tell()

    def _admit(self, viewer: Hashable) -> None:
        whole = self._streams.total()
        if whole >= self._most_streams or self._streams[viewer] >= self._most_of_one:
            raise TooManyStreams
        self._streams[viewer] += 1

    def _shared_of(self, view: View) -> "_Shared":
        shared = self._shared.get(view.key)
        if shared is None:
            watch = self._watches.get(view.subject)
            if watch is None:
                watch = self._watches[view.subject] = _Watch(view.count_events, self._every_s)
            watch.views += 1
            shared = self._shared[view.key] = _Shared(view, watch)
        return shared

    def _leave(self, view: View, shared: "_Shared", follower: "Follower", viewer: Hashable) -> None:
        self._streams[viewer] -= 1
        if not self._streams[viewer]:
            del self._streams[viewer]
        if shared.leave(follower):
            return
        del self._shared[view.key]
        watch = self._watches[view.subject]
        watch.views -= 1
        if not watch.views:
            watch.end()
            del self._watches[view.subject]


class Follower:
    """One viewer of a view."""

    def __init__(self, shared: "_Shared", seen: int, closed: asyncio.Event) -> None:
        self._shared = shared
        self._closed = closed
        self.seen = {part.name: seen for part in shared.view.parts}
        """How many events there were when each part was made that the viewer has."""

    async def next(self, timeout_s: float) -> list[Made]:
        """Return the parts that the viewer has not; none after the time, or when all is over."""
        try:
            async with asyncio.timeout(timeout_s):
                while not self._closed.is_set():
                    told = self._shared.told
                    if made := [one for one in self._shared.made.values() if self._lacks(one)]:
                        self.seen |= {one.name: one.events for one in made}
                        return made
                    await told.wait()
        except TimeoutError:
            pass
        return []

    def _lacks(self, made: Made) -> bool:
        return made.events != self.seen[made.name]


class _Watch:
    """How many events a project has, for all views of it."""

    def __init__(self, count: Callable[[], Awaitable[int]], every_s: float) -> None:
        self.views = 0
        self.count: int | None = None
        self.counted = asyncio.Event()
        """Set at the next count; each count has its own."""
        self._ask = count
        self._every_s = every_s
        self._task = asyncio.create_task(self._run())

    def end(self) -> None:
        self._task.cancel()

    async def _run(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.count = await self._ask()
            except PASSING as error:
                log.warning("new events were not counted", reason=repr(error)[:300])
            self.counted.set()
            self.counted = asyncio.Event()
            took_s = time.monotonic() - began
            await asyncio.sleep(max(self._every_s, RESTS * took_s))


class _Shared:
    """One view with its followers; each of its parts is made by a task of its own."""

    def __init__(self, view: View, watch: _Watch) -> None:
        self.view = view
        self.made: dict[str, Made] = {}
        self.told = asyncio.Event()
        """Set when a part was made; each time has its own."""
        self._watch = watch
        self._followers: set[Follower] = set()
        self._tasks = [asyncio.create_task(self._run(part)) for part in view.parts]

    def join(self, follower: Follower) -> None:
        self._followers.add(follower)

    def leave(self, follower: Follower) -> bool:
        """Tells whether others are still there; else it has ended."""
        self._followers.discard(follower)
        if not self._followers:
            for task in self._tasks:
                task.cancel()
        return bool(self._followers)

    def tell(self) -> None:
        """Wakes the followers."""
        self.told.set()
        self.told = asyncio.Event()

    async def _run(self, part: Part) -> None:
        while True:
            count = await self._wanted(part)
            began = time.monotonic()
            try:
                self.made[part.name] = Made(part.name, count, await part.make())
                self.tell()
            except PASSING as error:
                log.warning("a part was not made anew", part=part.name, reason=repr(error)[:300])
            except Exception:
                log.exception("a part met a bug", part=part.name)
            await asyncio.sleep(max(part.rest_s, RESTS * (time.monotonic() - began)))

    async def _wanted(self, part: Part) -> int:
        """Returns the count once some follower has the part of another one."""
        while True:
            counted = self._watch.counted
            count, made = self._watch.count, self.made.get(part.name)
            is_made = made is not None and made.events == count
            is_wanted = any(one.seen[part.name] != count for one in self._followers)
            if count is not None and is_wanted and not is_made:
                return count
            await counted.wait()
