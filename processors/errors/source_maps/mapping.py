"""Maps the frames of a block's events: files are looked for once, opened maps are kept.

Reading a map costs most, so the opened ones stay in memory, bounded in bytes, the latest used ones
last. One is opened at a time. What is no fault of ours to wait for (a broken map, one that was
removed meanwhile) leaves frames as they came; a control plane that is away is waited for.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import structlog

from controlplane.database import Database
from controlplane.errors.source_maps.files import note_uses, read_content
from processors.errors.source_maps.finding import Finder, Key, Release
from processors.errors.source_maps.opened import BrokenMap, OpenedMap
from processors.errors.source_maps.targets import (
    Mapped,
    Mask,
    Place,
    Target,
    mapped_event,
    targets_of,
)
from processors.errors.source_maps.trial import open_map
from schemas.errors.event import ErrorEvent
from schemas.errors.source_maps import Pair, Position, StoredFile, unpacked
from schemas.projects import ProjectId

MOST_BYTES = 128 << 20
"""Of opened maps in a process."""
BROKEN_S = 60.0
FOR_EVER = float("inf")
USE_NOTED_S = 3600.0
"""How often a process looks whether the use of a bundle is to be noted again."""
MOST_NOTED = 10_000
BROKEN_WEIGHT = 1024

log = structlog.get_logger(__name__)

Where = tuple[int, int]
"""Line and column of a script."""


class Sent(NamedTuple):
    """An event that was read, and what its project has masked."""

    project_id: ProjectId
    event: ErrorEvent
    mask: Mask


class Sought(NamedTuple):
    """A frame, and the keys that its files may be found by, the first one first."""

    target: Target
    keys: tuple[Key, ...]


class SourceMaps:
    """What one process knows of source maps. Share it; it starts nothing of its own."""

    def __init__(
        self,
        database: Database,
        *,
        most_bytes: int = MOST_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.finder = Finder(database, clock)
        self._database = database
        self._most_bytes = most_bytes
        self._clock = clock
        self._opened: OrderedDict[str, tuple[OpenedMap | str, int, float]] = OrderedDict()
        """By the ids of map and script: the map, or why it cannot be read; its weight; and until
        when that counts."""
        self._bytes = 0
        self._opening = asyncio.Lock()
        self._noted: dict[str, float] = {}
        """Bundles whose use was noted, and when that is looked at again."""

    async def refresh(self) -> None:
        """Reads which projects have source maps."""
        await self.finder.refresh()

    def has_any(self, project_id: ProjectId) -> bool:
        """Tells whether a project has source maps at all."""
        return self.finder.has_any(project_id)

    async def map_events(self, sent: Sequence[Sent]) -> list[ErrorEvent]:
        """Returns the events, with frames mapped where that can be done.

        Raises `Unavailable` while the control plane is away.
        """
        sought = [_sought(one) for one in sent]
        keys = {key for some in sought for one in some for key in one.keys}
        if not keys:
            return [one.event for one in sent]
        return await self.map_by(sent, sought, await self.finder.find(keys))

    async def map_by(
        self,
        sent: Sequence[Sent],
        sought: Sequence[Sequence[Sought]],
        pairs: Mapping[Key, Pair],
    ) -> list[ErrorEvent]:
        """Returns the events, mapped by files that are found already."""
        chosen = [[(one.target, choose(one, pairs)) for one in some] for some in sought]
        positions = await self._positions(
            (project_id, pair, (target.line, target.column))
            for (project_id, _, _), some in zip(sent, chosen, strict=True)
            for target, pair in some
        )
        return await asyncio.to_thread(_put_in, sent, chosen, positions)

    async def look_up(
        self, project_id: ProjectId, pair: Pair, asked: Collection[Where]
    ) -> Mapping[Where, Position | None] | str:
        """Returns positions by one map; why it cannot be read where it cannot."""
        opened = await self._open(project_id, pair)
        if isinstance(opened, str):
            return opened
        return await asyncio.to_thread(opened.positions, asked)

    async def _positions(
        self, asked: Iterable[tuple[ProjectId, Pair, Where]]
    ) -> dict[tuple[str, Where], Position]:
        """Returns positions by the id of the map."""
        wanted: dict[str, tuple[ProjectId, Pair, set[Where]]] = {}
        for project_id, pair, where in asked:
            if pair.map is not None:
                wanted.setdefault(_id_of(pair), (project_id, pair, set()))[2].add(where)
        found: dict[tuple[str, Where], Position] = {}
        bundles = set()
        for name, (project_id, pair, places) in wanted.items():
            answer = await self.look_up(project_id, pair, places)
            if not isinstance(answer, str):
                found |= {(name, at): it for at, it in answer.items() if it is not None}
                bundles |= {one.bundle_id for one in (pair.map, pair.script) if one is not None}
        if bundles:
            await self._note_uses(bundles)
        return found

    async def _note_uses(self, bundles: Collection[str]) -> None:
        now_s = self._clock()
        due = [one for one in bundles if self._noted.get(one, 0.0) <= now_s]
        if due:
            if len(self._noted) > MOST_NOTED:
                self._noted.clear()
            await note_uses(self._database, due, time.time_ns() // 1000)
            self._noted |= dict.fromkeys(due, now_s + USE_NOTED_S)

    async def _open(self, project_id: ProjectId, pair: Pair) -> OpenedMap | str:
        name = _id_of(pair)
        async with self._opening:
            known = self._opened.get(name)
            if known is not None and known[2] > self._clock():
                self._opened.move_to_end(name)
                return known[0]
            opened, lasts = await self._read(project_id, pair)
            weight = opened.weight if isinstance(opened, OpenedMap) else BROKEN_WEIGHT
            self._keep(name, opened, weight, lasts)
            return opened

    async def _read(self, project_id: ProjectId, pair: Pair) -> tuple[OpenedMap | str, float]:
        assert pair.map is not None
        contents = []
        for file in (pair.map, pair.script):
            packed = None if file is None else await self._content(project_id, file)
            contents.append(packed)
        source_map, script = contents
        if source_map is None:
            return "it was removed a moment ago", BROKEN_S
        try:
            return await asyncio.to_thread(open_map, source_map, script or b""), FOR_EVER
        except BrokenMap as error:
            return str(error), BROKEN_S
        except (MemoryError, OSError):
            raise
        except Exception as error:
            # What reads maps is a library of others: whatever it meets must not stop the stream.
            log.exception("a source map cannot be read", project_id=project_id)
            return f"{type(error).__name__}: it cannot be read", BROKEN_S

    async def _content(self, project_id: ProjectId, file: StoredFile) -> bytes | None:
        packed = await read_content(self._database, project_id, file.file_id)
        if packed is None:
            return None
        return await asyncio.to_thread(unpacked, packed, file.facts.size)

    def _keep(self, name: str, opened: OpenedMap | str, weight: int, lasts: float) -> None:
        before = self._opened.pop(name, None)
        self._bytes += weight - (0 if before is None else before[1])
        self._opened[name] = (opened, weight, self._clock() + lasts)
        while self._bytes > self._most_bytes and len(self._opened) > 1:
            _, (_, gone, _) = self._opened.popitem(last=False)
            self._bytes -= gone


def _sought(sent: Sent) -> list[Sought]:
    return [
        Sought(one, keys_of(sent.project_id, sent.event, one)) for one in targets_of(sent.event)
    ]


def keys_of(project_id: ProjectId, event: ErrorEvent, target: Target) -> tuple[Key, ...]:
    """Returns by what the files of a frame may be found: its debug id, else release and address."""
    if target.debug_id:
        return ((project_id, target.debug_id),)
    if not event.release:
        return ()
    release: Release = (event.release, event.dist)
    return tuple([(project_id, release, url) for url in target.urls])


def choose(sought: Sought, pairs: Mapping[Key, Pair]) -> Pair:
    """Returns the files of a frame: of the first key that has a map, else what there is."""
    found = [pairs[key] for key in sought.keys if key in pairs]
    whole = [one for one in found if one.map is not None]
    return next(iter(whole), next((one for one in found if one.script is not None), Pair()))


def by_of(pair: Pair) -> str:
    """Names what a frame is mapped by."""
    assert pair.map is not None
    return pair.map.facts.debug_id or pair.map.facts.url


def _put_in(
    sent: Sequence[Sent],
    chosen: Sequence[Sequence[tuple[Target, Pair]]],
    positions: Mapping[tuple[str, Where], Position],
) -> list[ErrorEvent]:
    events = []
    for (_, event, mask), some in zip(sent, chosen, strict=True):
        found: dict[Place, Mapped] = {}
        for target, pair in some:
            if pair.map is None:
                continue
            position = positions.get((_id_of(pair), (target.line, target.column)))
            if position is not None:
                found[target.place] = Mapped(position, by_of(pair))
        try:
            event = mapped_event(event, found, mask)
        except (MemoryError, OSError):
            raise
        except Exception:
            log.exception("an event cannot be mapped", event_id=event.event_id)
        events.append(event)
    return events


def _id_of(pair: Pair) -> str:
    assert pair.map is not None
    return f"{pair.map.file_id}/{'' if pair.script is None else pair.script.file_id}"
