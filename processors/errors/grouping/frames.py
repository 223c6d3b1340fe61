"""What counts of a frame: where it stands and what it is called, as every build says it. Pure.

Frames repeat: of a thousand events almost all frames were seen before. So what is made of one is
kept, for a bounded number of frames and of bounded length.
"""

from functools import lru_cache
from typing import NamedTuple

from processors.errors.grouping import noise
from processors.errors.grouping.functions import JAVASCRIPT, NATIVE, plain_function
from processors.errors.grouping.places import plain_module, plain_package, plain_path
from schemas.errors.event import Frame

MAX_CACHED = 16_384
MAX_CHARS = 300
MAX_CONTEXT_CHARS = 120
"""Of a line of source. A longer one is a bundle's."""


class FramePart(NamedTuple):
    """A frame as it is compared."""

    key: str
    """Place and function; empty where the frame says neither."""
    function: str
    """Empty where the name says nothing."""
    of_others: bool
    """Whether it stands where code of others does."""
    never_ours: bool
    machinery: bool
    script: bool
    """Whether frames without a name come and go with the browser and the build."""


def part_of(frame: Frame, platform: str) -> FramePart:
    """Returns what counts of a frame."""
    path, module, function = frame.filename or frame.abs_path, frame.module, frame.function
    if len(path) + len(module) + len(function) > MAX_CHARS:
        # The name of a file is at the end of its path, that of a function at the beginning.
        path = path.partition("?")[0][-MAX_CHARS:]
        module, function = module[:MAX_CHARS], function[:MAX_CHARS]
    return _part(platform, module, path, function, frame.package[-MAX_CHARS:])


def with_source(frame: Frame, part: FramePart) -> str:
    """The key of a frame without a name: the line of source says which it is, where one came."""
    line = frame.context_line
    if not line or len(line) > MAX_CONTEXT_CHARS or "{snip}" in line:
        return part.key
    return f"{part.key} {' '.join(line.split())}"


@lru_cache(MAX_CACHED)
def _part(platform: str, module: str, path: str, function: str, package: str) -> FramePart:
    name = plain_function(function, platform)
    place = _place(platform, module, path, package)
    if not name and platform in ("csharp", "dotnet") and module:
        # Of a state machine: the method that it was made from.
        place, _, name = place.rpartition(".")
    key = " ".join(f"{place} {name}".split())
    where = package if package and platform in NATIVE else path
    return FramePart(
        key=key,
        function=name,
        of_others=noise.belongs_to_others(where, module or name, platform),
        never_ours=noise.never_ours(path),
        machinery=noise.is_machinery(key, path, function, module, platform),
        script=platform in JAVASCRIPT,
    )


def _place(platform: str, module: str, path: str, package: str) -> str:
    if platform in NATIVE:
        return plain_package(package) or plain_path(path)
    if platform in JAVASCRIPT and path and not path.startswith("<"):
        # The module is made of the file's name, where an SDK gives one.
        return plain_path(path, script=True)
    return plain_module(module, platform) or plain_path(path)
