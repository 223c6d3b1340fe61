"""Explains, frame by frame, what source maps made of a stored event; maps it as it would be now."""

from itertools import islice

from msgspec import Struct

from controlplane.database import Database
from controlplane.errors.source_maps.bundles import total_of
from controlplane.errors.source_maps.files import look_around
from processors.errors.source_maps.finding import Key
from processors.errors.source_maps.mapping import Sent, Sought, SourceMaps, choose, keys_of
from processors.errors.source_maps.targets import (
    PLATFORMS,
    Mask,
    Target,
    debug_ids_of,
    frames_in,
    targets_of,
)
from processors.errors.source_maps.why import Around, Evidence, Where, mapping_of
from schemas.errors.event import ErrorEvent
from schemas.errors.source_maps import (
    EventMapping,
    ExplainedFrames,
    FrameMapping,
    Pair,
    Position,
)
from schemas.projects import ProjectId

MOST_FRAMES = 200
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".vue", ".svelte", ".bundle")


class Stored(Struct, frozen=True):
    """An event as it is stored."""

    event: ErrorEvent
    received_us: int
    mask: Mask


async def explain_frames(
    database: Database, maps: SourceMaps, project_id: ProjectId, stored: Stored
) -> ExplainedFrames:
    """Returns why frames are mapped or not; of an event that no source map is for, nothing."""
    event = stored.event
    if not concerns(event):
        return ExplainedFrames(_summed(event, [], mapped_later=False), event)
    sought = [Sought(one, keys_of(project_id, event, one)) for one in targets_of(event)]
    # What is there now, and not what was found a moment ago: somebody looks who has just uploaded.
    pairs = await maps.finder.read({key for one in sought for key in one.keys})
    evidence = await _evidence(database, maps, project_id, (stored, sought, pairs))
    shown = islice(frames_in(event), MOST_FRAMES)
    frames = [mapping_of(*one, evidence) for one in shown]
    now = event
    if sought:
        given = [Sent(project_id, event, stored.mask)]
        (now,) = await maps.map_by(given, [sought], pairs)
    return ExplainedFrames(_summed(event, frames, mapped_later=now is not event), now)


def concerns(event: ErrorEvent) -> bool:
    """Tells whether frames of an event could be mapped at all."""
    if event.platform not in PLATFORMS:
        return False
    if event.platform:
        return any(True for _ in frames_in(event))
    return any(frame.filename.endswith(SCRIPTS) for _, frame in frames_in(event))


def _summed(event: ErrorEvent, frames: list[FrameMapping], *, mapped_later: bool) -> EventMapping:
    return EventMapping(
        event_id=event.event_id,
        release=event.release,
        dist=event.dist,
        frames=tuple(frames),
        mapped=sum(one.state == "mapped" for one in frames),
        not_mapped=sum(one.state == "not_mapped" for one in frames),
        mapped_later=mapped_later,
    )


_Looked = tuple[Stored, list[Sought], dict[Key, Pair]]


async def _evidence(
    database: Database, maps: SourceMaps, project_id: ProjectId, of: _Looked
) -> Evidence:
    stored, sought, pairs = of
    event = stored.event
    found = [(one.target, choose(one, pairs)) for one in sought]
    return Evidence(
        release=event.release,
        dist=event.dist,
        received_us=stored.received_us,
        has_any=(await total_of(database, project_id)).bundles > 0,
        debug_ids=debug_ids_of(event),
        by_debug_id={key[1]: pair for key, pair in pairs.items() if len(key) == 2},
        by_url={key[2]: pair for key, pair in pairs.items() if len(key) == 3 and _is_any(pair)},
        around=await _around(database, project_id, event, pairs),
        read=await _read(maps, project_id, found),
    )


async def _around(
    database: Database, project_id: ProjectId, event: ErrorEvent, pairs: dict[Key, Pair]
) -> Around:
    """Returns what there is near the release, where a file of it was looked for in vain."""
    if not any(len(key) == 3 and not _is_any(pair) for key, pair in pairs.items()):
        return Around()
    found = await look_around(database, project_id, (event.release, event.dist))
    return Around(found.urls, found.dists, found.releases)


async def _read(
    maps: SourceMaps, project_id: ProjectId, found: list[tuple[Target, Pair]]
) -> dict[str, dict[Where, Position | None] | str]:
    wanted: dict[str, tuple[Pair, set[Where]]] = {}
    for target, pair in found:
        if pair.map is not None:
            places = wanted.setdefault(pair.map.file_id, (pair, set()))[1]
            places.add((target.line, target.column))
    answers: dict[str, dict[Where, Position | None] | str] = {}
    for file_id, (pair, asked) in wanted.items():
        answer = await maps.look_up(project_id, pair, asked)
        answers[file_id] = answer if isinstance(answer, str) else dict(answer)
    return answers


def _is_any(pair: Pair) -> bool:
    return pair.map is not None or pair.script is not None
