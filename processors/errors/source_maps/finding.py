"""Which uploaded files belong to frames: asked in a few statements a block, and remembered.

A file that is missing is remembered for a short time alone, and until anything is uploaded.
"""

import time
from collections.abc import Callable, Collection, Iterable, Mapping

from controlplane.database import Database
from controlplane.errors.source_maps.files import (
    Holding,
    find_by_debug_ids,
    find_by_urls,
    list_holdings,
)
from processors.errors.source_maps.names import map_address
from schemas.errors.source_maps import Pair, StoredFile
from schemas.projects import ProjectId

FOUND_S = 60.0
MISSING_S = 15.0
MOST_KNOWN = 50_000
NOTHING = Pair()

ByDebugId = tuple[ProjectId, str]
Release = tuple[str, str]
"""Version and dist."""
ByAddress = tuple[ProjectId, Release, str]
Key = ByDebugId | ByAddress


class Finder:
    """What one process knows of the files of projects."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._holdings: Mapping[ProjectId, Holding] = {}
        self._known: dict[Key, tuple[float, Pair]] = {}
        """Until when an answer counts."""

    async def refresh(self) -> None:
        """Reads which projects have source maps. What is known of one that changed is dropped."""
        holdings = await list_holdings(self._database)
        changed = {
            one
            for one in {*holdings, *self._holdings}
            if holdings.get(one) != self._holdings.get(one)
        }
        self._holdings = holdings
        if changed:
            self._known = {key: it for key, it in self._known.items() if key[0] not in changed}

    def has_any(self, project_id: ProjectId) -> bool:
        """Tells whether a project has source maps at all; most have none, which costs nothing."""
        return project_id in self._holdings

    async def find(self, keys: Collection[Key]) -> dict[Key, Pair]:
        """Returns what is uploaded for each key. Raises `Unavailable`."""
        now = self._clock()
        found = {}
        for key in keys:
            known = self._known.get(key)
            if known is not None and known[0] > now:
                found[key] = known[1]
        asked = [key for key in keys if key not in found]
        if asked:
            new = await self.read(asked)
            self._remember(new, now)
            found |= new
        return found

    async def read(self, keys: Collection[Key]) -> dict[Key, Pair]:
        """Returns what is uploaded for each key now. Raises `Unavailable`."""
        found: dict[Key, Pair] = dict.fromkeys(keys, NOTHING)
        by_id = [(key[0], key[1]) for key in keys if len(key) == 2]
        if by_id:
            files = await find_by_debug_ids(self._database, by_id)
            found |= {key: pair_of(some) for key, some in files.items()}
        releases: dict[tuple[ProjectId, Release], list[str]] = {}
        for key in keys:
            if len(key) == 3:
                releases.setdefault((key[0], key[1]), []).append(key[2])
        for (project_id, release), urls in releases.items():
            pairs = await self._by_urls(project_id, release, urls)
            found |= {(project_id, release, url): pair for url, pair in pairs.items()}
        return found

    async def _by_urls(
        self, project_id: ProjectId, release: Release, urls: Collection[str]
    ) -> dict[str, Pair]:
        some = await find_by_urls(self._database, project_id, release, urls)
        scripts = {one.facts.url: one for one in reversed(some) if one.facts.kind == "minified"}
        wanted = {url: map_of(script) for url, script in scripts.items()}
        names = {one for one in wanted.values() if one}
        maps: dict[str, StoredFile] = {}
        if names:
            more = await find_by_urls(self._database, project_id, release, names)
            maps = {one.facts.url: one for one in reversed(more) if one.facts.kind == "map"}
        return {url: Pair(maps.get(wanted[url]), script) for url, script in scripts.items()}

    def _remember(self, found: Mapping[Key, Pair], now: float) -> None:
        if len(self._known) + len(found) > MOST_KNOWN:
            self._known.clear()
        for key, pair in found.items():
            lasts = MISSING_S if pair.map is None else FOUND_S
            self._known[key] = (now + lasts, pair)


def pair_of(files: Iterable[StoredFile]) -> Pair:
    """Returns the newest map and the newest script of some files, which come newest first."""
    maps = scripts = None
    for one in files:
        if one.facts.kind == "map":
            maps = maps or one
        else:
            scripts = scripts or one
    return Pair(maps, scripts)


def map_of(script: StoredFile) -> str:
    """Returns the address of a script's map; without a reference, that beside the script."""
    return map_address(script.facts.url, script.facts.source_map or _beside(script.facts.url))


def _beside(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2] + ".map"
