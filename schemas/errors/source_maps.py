"""Source maps: what a project has uploaded, and what becomes of a frame by it.

A *script* is the minified file that runs, its *map* says what it was made of. Both are known by a
debug id, or by the release and the address of the script.
"""

import zlib
from typing import Literal

from msgspec import Struct

from schemas.errors.event import ErrorEvent

FileKind = Literal["minified", "map"]
KINDS: tuple[FileKind, ...] = ("minified", "map")
PART_BYTES = 1 << 20
"""Of a row: files are kept in parts, for neither database reads a part of a value."""
MAX_RELEASE_CHARS = 250
MAX_DIST_CHARS = 64
MAX_URL_CHARS = 1024
MAX_PROBLEM_CHARS = 300


class FileFacts(Struct, frozen=True):
    """What is known of one file of a bundle without reading its content."""

    kind: FileKind
    debug_id: str
    """32 hex digits with dashes, in lower case; empty where the file has none."""
    url: str
    """As `~/static/app.js`: without the host."""
    source_map: str
    """Of a script: the address of its map, as the upload gives it; empty where it names none."""
    size: int
    """Bytes, not compressed."""
    problem: str = ""
    """Why a map is of little or no use."""


class StoredFile(Struct, frozen=True):
    """A file that a project has, and where it came from."""

    file_id: str
    bundle_id: str
    facts: FileFacts
    release: str
    dist: str
    uploaded_us: int


class Pair(Struct, frozen=True):
    """What a script is read by: its map, and the script itself where it is there."""

    map: StoredFile | None = None
    script: StoredFile | None = None


class Position(Struct, frozen=True, gc=False):
    """Where a frame is in its source."""

    path: str
    line: int
    column: int
    function: str
    """Empty where nobody knows it."""
    before: tuple[str, ...]
    text: str
    """The line itself; empty where the map holds no source."""
    after: tuple[str, ...]


class Bundle(Struct, frozen=True, rename="camel"):
    """One upload of a project."""

    id: str
    release: str
    dist: str
    state: str
    """`ok`, or `error` where it could not be taken."""
    detail: str
    """Why not."""
    files: int
    bytes: int
    """Stored, compressed."""
    uploaded_us: int
    used_us: int | None
    """When an event was last mapped by it; `None` for never."""
    scripts: tuple[str, ...] = ()
    """Addresses of its scripts, the first ones."""
    debug_ids: int = 0
    problems: tuple[str, ...] = ()


MappingState = Literal["mapped", "readable", "not_mapped"]


class FrameMapping(Struct, frozen=True, rename="camel"):
    """What became of a frame, and why."""

    thrown: int
    """Which exception of the chain, from 0; -1 for a thread."""
    frame: int
    """Which of its frames, from 0, the oldest first."""
    state: MappingState
    reason: str
    """In words; of a frame that is not mapped, the missing piece."""
    file: str
    """As the event names it."""
    line: int | None
    column: int | None
    debug_id: str = ""
    steps: tuple[str, ...] = ()
    """What to do about it, where anything helps."""


class EventMapping(Struct, frozen=True, rename="camel"):
    """Of all frames of an event that a source map could be for."""

    event_id: str
    release: str
    dist: str
    frames: tuple[FrameMapping, ...]
    mapped: int
    not_mapped: int
    mapped_later: bool = False
    """Whether frames can be mapped now that were not when the event came."""


class ExplainedFrames(Struct, frozen=True):
    """What became of the frames of an event, and the event as they would be mapped now."""

    mapping: EventMapping
    event: ErrorEvent


def packed(content: bytes) -> bytes:
    """Returns a file as it is stored."""
    return zlib.compress(content, 6)


def unpacked(stored: bytes, size: int) -> bytes:
    """Returns what `packed` was given, of which no more than `size` bytes come out."""
    return zlib.decompressobj().decompress(stored, max(size, 1))


def plain_debug_id(text: object) -> str:
    """Returns a debug id as we write it; empty where it is none."""
    if not isinstance(text, str) or len(text) > 64:
        return ""
    digits = text.replace("-", "").lower()
    if len(digits) != 32 or digits.strip("0123456789abcdef"):
        return ""
    places = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return "-".join(digits[first:end] for first, end in places)
