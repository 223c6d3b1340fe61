"""Why a frame is mapped or not: one reason in words, that names the missing piece. Pure.

Rules, of which the first that holds is the reason:
    1. the frame is mapped, or needs no map: it is of the runtime, or its sender gave the source
    2. it names no line and column
    3. by its debug id: nothing is uploaded with it, or not the map
    4. without one: the event has no release; the release has no files, or of another dist alone,
       or none of this name; the script names a map that is not there
    5. the map cannot be read, or the position is not in it
    6. the map came after the event
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import NamedTuple

from msgspec import Struct

from processors.errors.source_maps.finding import map_of
from processors.errors.source_maps.names import addresses_of
from processors.errors.source_maps.targets import Place, file_of, is_of_runtime
from schemas.errors.event import Frame
from schemas.errors.source_maps import FrameMapping, Pair, Position, StoredFile

INJECT = (
    "Run `sentry-cli sourcemaps inject` over what the build made, deploy that, and run"
    " `sentry-cli sourcemaps upload` over the same files. Sentry's bundler plugins do all of it."
)
UPLOAD = "Run `sentry-cli sourcemaps upload` over the files of exactly this build."
LATER = "New events are mapped. The group of this one was made of the frame as it came."
SNIPPED = "{snip}"
"""What SDKs put into lines that they cut: those of minified files."""
MOST_NEAR = 3
SHOWN = 200
"""Characters of a name."""

Where = tuple[int, int]


class Around(Struct, frozen=True):
    """What a project has near a release that lacks a file."""

    urls: Sequence[str] = ()
    dists: Sequence[str] = ()
    releases: Sequence[str] = ()


class Evidence(Struct, frozen=True):
    """What is known about the frames of an event."""

    release: str
    dist: str
    received_us: int
    has_any: bool
    """Whether the project has source maps at all."""
    debug_ids: Mapping[str, str]
    """That the event gives, by file."""
    by_debug_id: Mapping[str, Pair] = {}
    by_url: Mapping[str, Pair] = {}
    """Of the event's release and dist."""
    around: Around = Around()
    read: Mapping[str, Mapping[Where, Position | None] | str] = {}
    """By the id of a map: positions, or why it cannot be read."""


class Why(NamedTuple):
    """A reason, and what to do."""

    reason: str
    steps: tuple[str, ...] = ()


def mapping_of(place: Place, frame: Frame, known: Evidence) -> FrameMapping:
    """Returns what became of a frame, and why."""
    came = frame.original
    file = file_of(frame) if came is None else came.abs_path or came.filename
    debug_id = "" if came is not None else _debug_id(frame, known)
    found = FrameMapping(
        thrown=place.stack,
        frame=place.frame,
        state="not_mapped",
        reason="",
        file=file[:SHOWN],
        line=frame.lineno if came is None else came.lineno,
        column=frame.colno if came is None else came.colno,
        debug_id=debug_id,
    )
    if came is not None:
        return _as(found, "mapped", _mapped(frame))
    readable = _readable(frame, file, debug_id)
    if readable is not None:
        return _as(found, "readable", readable)
    return _as(found, "not_mapped", _missing(frame, file, debug_id, known))


def _as(found: FrameMapping, state: str, why: Why) -> FrameMapping:
    return FrameMapping(
        found.thrown,
        found.frame,
        "mapped" if state == "mapped" else "readable" if state == "readable" else "not_mapped",
        why.reason,
        found.file,
        found.line,
        found.column,
        found.debug_id,
        why.steps,
    )


def _debug_id(frame: Frame, known: Evidence) -> str:
    return known.debug_ids.get(frame.abs_path) or known.debug_ids.get(frame.filename) or ""


def _mapped(frame: Frame) -> Why:
    assert frame.original is not None
    by = f"Mapped by {frame.original.by}."
    if frame.context_line:
        return Why(by)
    lacks = "The map holds no source of this file (sourcesContent)."
    return Why(f"{by} {lacks}", ("Have the bundler put sourcesContent into its maps.",))


def _readable(frame: Frame, file: str, debug_id: str) -> Why | None:
    if is_of_runtime(file):
        return Why("A file of the runtime: it is not minified, and has no map.")
    lines = (*frame.pre_context, frame.context_line, *frame.post_context)
    is_cut = any(SNIPPED in line for line in lines)
    if frame.context_line and not is_cut and not debug_id:
        return Why("Its sender gave the source, and no debug id.")
    return None


def _missing(frame: Frame, file: str, debug_id: str, known: Evidence) -> Why:
    if not file:
        return Why("The frame names no file.")
    if not frame.lineno or not frame.colno:
        lacks = "line" if not frame.lineno else "column"
        return Why(f"The frame names no {lacks}: a map needs both.")
    pair, why = _by_debug_id(debug_id, known) if debug_id else _by_release(file, known)
    if why is not None or pair is None or pair.map is None:
        return why or Why("No source map was found.")
    return _of_map(pair.map, (frame.lineno, frame.colno), known)


def _by_debug_id(debug_id: str, known: Evidence) -> tuple[Pair | None, Why | None]:
    pair = known.by_debug_id.get(debug_id, Pair())
    if pair.map is not None:
        return pair, None
    if pair.script is not None:
        script = pair.script.facts.url
        return None, Why(
            f"The script with the debug id {debug_id} is uploaded ({script[:SHOWN]}), and no source"
            " map with it.",
            ("Have the bundler write source maps, and upload them with the script.",),
        )
    others = "" if known.has_any else " The project has no source maps at all."
    return None, Why(
        f"Nothing with the debug id {debug_id} is uploaded to this project.{others}", (UPLOAD,)
    )


def _by_release(file: str, known: Evidence) -> tuple[Pair | None, Why | None]:
    if not known.release:
        return None, Why("The event has no debug id for this file, and no release.", (INJECT,))
    names = addresses_of(file)
    if not names:
        return None, Why(
            "The event has no debug id for this file, and its name is none.", (INJECT,)
        )
    found = [known.by_url[name] for name in names if name in known.by_url]
    whole = next((one for one in found if one.map is not None), None)
    if whole is not None:
        return whole, None
    script = next((one.script for one in found if one.script is not None), None)
    if script is not None:
        return None, _no_map(script)
    return None, _no_script(names[0], known)


def _no_map(script: StoredFile) -> Why:
    url, named = script.facts.url[:SHOWN], script.facts.source_map
    wanted = map_of(script)
    if not named:
        return Why(
            f"The script {url} names no source map, and the release has no {wanted[:SHOWN]}.",
            ("Have the bundler write source maps, and upload them with the script.",),
        )
    if not wanted:
        return Why(f"The source map of {url} stands in the script itself.", (INJECT,))
    return Why(f"The script {url} names {named[:SHOWN]}, and the release has no {wanted[:SHOWN]}.")


def _no_script(name: str, known: Evidence) -> Why:
    lacks = "The event has no debug id for this file, and"
    release = f"release {known.release[:SHOWN]!r}"
    if not known.around.urls and not known.around.dists:
        near = ", ".join(repr(one[:80]) for one in known.around.releases[:MOST_NEAR])
        others = f" Releases with source maps: {near}." if near else ""
        return Why(f"{lacks} {release} has no source maps.{others}", (UPLOAD, INJECT))
    if not known.around.urls:
        dists = ", ".join(repr(one) for one in known.around.dists[:MOST_NEAR])
        given = f"dist {known.dist!r}" if known.dist else "no dist"
        return Why(f"{lacks} {release} has files for dist {dists} alone; the event has {given}.")
    near = ", ".join(_nearest(name, known.around.urls))
    return Why(
        f"{lacks} {release} has no {name[:SHOWN]}. Nearest: {near}.",
        ("Give `--url-prefix`, so that names are as the page loads them: `~/static`.",),
    )


def _nearest(name: str, urls: Sequence[str]) -> list[str]:
    own = name.rpartition("/")[2]
    same = [one for one in urls if one.rpartition("/")[2] == own]
    near = same or get_close_matches(name[:SHOWN], [one[:SHOWN] for one in urls], cutoff=0.0)
    return [one[:SHOWN] for one in near[:MOST_NEAR]]


def _of_map(source_map: StoredFile, where: Where, known: Evidence) -> Why:
    name = source_map.facts.debug_id or source_map.facts.url[:SHOWN]
    read = known.read.get(source_map.file_id, {})
    if isinstance(read, str):
        return Why(f"The source map {name} cannot be read: {read[:SHOWN]}.", (UPLOAD,))
    if read.get(where) is None:
        line, column = where
        return Why(
            f"Line {line}, column {column} is not in the source map {name}: script and map are not"
            " of the same build.",
            (UPLOAD,),
        )
    if source_map.uploaded_us > known.received_us:
        came = (
            f"at {moment(source_map.uploaded_us)}, after this event ({moment(known.received_us)})"
        )
        return Why(f"The source map {name} was uploaded {came}.", (LATER,))
    return Why(
        f"The source map {name} is there since {moment(source_map.uploaded_us)}; the event came"
        " while it was not known yet.",
        (LATER,),
    )


def moment(at_us: int) -> str:
    """Writes a time for people."""
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M:%S} UTC"
