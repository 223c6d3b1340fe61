"""Boards of public pages, kept in memory: what many ask for is read once in some seconds.

Which addresses there are is read at most every `DIRECTORY_S`, so an address that is none costs no
query. A board is made anew when somebody asks and it is older than `FRESH_S`, or than `COST` times
what it took to make: pages of all take a bounded part of a processor. While the control plane is
away the last one is shown for `STALE_S`.
"""

import asyncio
import gzip
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog
from msgspec import Struct

from api.reads import TooManyQueries
from api.uptime.public.boards import Responses, board_of, day_starts
from clickhouse.failures import WarehouseError
from controlplane.database import Database
from controlplane.failures import ControlPlaneError
from controlplane.uptime.page_sources import (
    PageSource,
    Published,
    list_published,
    read_logo,
    read_source,
)
from schemas.uptime.boards import Board
from schemas.uptime.status_pages import Logo
from schemas.uptime.stretches import Stretch
from schemas.zones import DAY_US, known_zone

DIRECTORY_S = 2.0
FRESH_S = 5.0
COST = 20
STALE_S = 3600.0
RESPONSES_S = 60.0
"""How old response times may be."""
RESPONSES_WITHIN_S = 2.0
"""Other pages wait meanwhile."""
MOST_TEXTS = 32
"""Of one board: each page of its history is one."""
MOST_KEPT = 100
"""Boards in memory; the one that nobody has asked for longest goes first."""
INCIDENTS_US = 365 * DAY_US
AHEAD_US = 30 * DAY_US
"""How far maintenance is announced."""
AskResponses = Callable[[PageSource, int], Awaitable[Responses]]

log = structlog.get_logger(__name__)


class Text(NamedTuple):
    """What is answered, as it is and zipped, and the mark by which caches know it."""

    plain: bytes
    zipped: bytes
    mark: str


def text_of(plain: bytes) -> Text:
    """Returns a text ready to be answered."""
    mark = f'W/"{hashlib.sha256(plain).hexdigest()[:24]}"'
    return Text(plain, gzip.compress(plain, 6, mtime=0), mark)


class Kept:
    """A board with what was made of it: pages, by their names."""

    def __init__(self, board: Board, mark: int, took_s: float) -> None:
        self.board = board
        self.mark = mark
        self.made_s = time.monotonic()
        self.fresh_s = max(FRESH_S, COST * took_s)
        self._texts: dict[tuple[str, ...], Text] = {}

    async def text(self, name: tuple[str, ...], make: Callable[[], bytes]) -> Text:
        """Returns what is made of the board under this name; made once, in a thread."""
        known = self._texts.get(name)
        if known is None:
            known = await asyncio.to_thread(lambda: text_of(make()))
            if len(self._texts) >= MOST_TEXTS:
                self._texts.clear()
            self._texts[name] = known
        return known


class _Answers(Struct):
    """Response times of a page, and when they were asked for."""

    at_s: float
    found: Responses


class PublicPages:
    """The boards of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, Published] = {}
        self._known_s: float | None = None
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._logos: OrderedDict[str, Logo] = OrderedDict()
        self._responses: dict[str, _Answers] = {}
        self._directory = asyncio.Lock()
        # One at a time: pages of all projects together make no crowd of queries.
        self._making = asyncio.Lock()

    async def find(self, slug: str, ask: AskResponses) -> Kept | None:
        """Returns the board of a published page; `None` where there is no such page.

        Raises `ControlPlaneError` where it cannot be read and none is kept.
        """
        published = await self._published(slug)
        if published is None:
            return None
        kept = self._kept.get(published.page_id)
        if kept is not None and self._is_good(kept, published):
            self._kept.move_to_end(published.page_id)
            return kept
        if kept is not None and self._making.locked() and kept.mark == published.mark:
            return kept
        async with self._making:
            kept = self._kept.get(published.page_id)
            if kept is not None and self._is_good(kept, published):
                return kept
            return await self._made(published, kept, ask)

    async def logo(self, slug: str, mark: str) -> Logo | None:
        """Returns the logo of a published page whose mark is this one."""
        published = await self._published(slug)
        if published is None:
            return None
        logo = self._logos.get(mark)
        if logo is None:
            kept = self._kept.get(published.page_id)
            if kept is None or not mark or kept.board.logo_mark != mark:
                return None
            logo = await read_logo(self._database, published.page_id)
            if logo is None:
                return None
            self._logos[mark] = logo
            while len(self._logos) > MOST_KEPT:
                self._logos.popitem(last=False)
        return logo

    async def _published(self, slug: str) -> Published | None:
        if self._is_directory_old():
            async with self._directory:
                if self._is_directory_old():
                    await self._read_directory()
        return self._known.get(slug)

    def _is_directory_old(self) -> bool:
        return self._known_s is None or time.monotonic() - self._known_s > DIRECTORY_S

    async def _read_directory(self) -> None:
        try:
            self._known = await list_published(self._database)
        except ControlPlaneError as error:
            if self._known_s is None:
                raise
            log.warning("status pages are as they were", reason=error.message)
        self._known_s = time.monotonic()
        live = {one.page_id for one in self._known.values()}
        for page_id in [one for one in self._kept if one not in live]:
            del self._kept[page_id]

    def _is_good(self, kept: Kept, published: Published) -> bool:
        return kept.mark == published.mark and time.monotonic() - kept.made_s < kept.fresh_s

    async def _made(
        self, published: Published, before: Kept | None, ask: AskResponses
    ) -> Kept | None:
        started_s = time.monotonic()
        try:
            board = await self._read(published, ask)
        except ControlPlaneError as error:
            if before is None or time.monotonic() - before.made_s > STALE_S:
                raise
            log.warning("status page is as it was", page_id=published.page_id, reason=error.message)
            # Not asked for again with each request while the control plane is away.
            before.fresh_s = time.monotonic() - before.made_s + FRESH_S
            return before
        if board is None:
            self._kept.pop(published.page_id, None)
            return None
        kept = Kept(board, published.mark, time.monotonic() - started_s)
        self._kept[published.page_id] = kept
        while len(self._kept) > MOST_KEPT:
            gone, _ = self._kept.popitem(last=False)
            self._responses.pop(gone, None)
        return kept

    async def _read(self, published: Published, ask: AskResponses) -> Board | None:
        now_us = time.time_ns() // 1000
        # A day more than is shown: whose clocks count is read with the page.
        bounds = Stretch(now_us - 92 * DAY_US, now_us)
        source = await read_source(
            self._database,
            published.page_id,
            bounds,
            incidents_since_us=now_us - INCIDENTS_US,
            until_us=now_us + AHEAD_US,
        )
        if source is None:
            return None
        responses = await self._asked(source, ask, now_us)
        edges = day_starts(known_zone(source.config.time_zone), now_us)
        return await asyncio.to_thread(board_of, source, responses, edges, now_us)

    async def _asked(self, source: PageSource, ask: AskResponses, now_us: int) -> Responses:
        if not source.config.shows_response_times or not source.monitors:
            return {}
        known = self._responses.get(source.page_id)
        if known is None or time.monotonic() - known.at_s > RESPONSES_S:
            found: Responses = {} if known is None else known.found
            try:
                async with asyncio.timeout(RESPONSES_WITHIN_S):
                    found = await ask(source, now_us)
            except (WarehouseError, TooManyQueries, TimeoutError) as error:
                log.warning("status page shows no newer response times", reason=repr(error)[:500])
            known = self._responses[source.page_id] = _Answers(time.monotonic(), found)
        return known.found
