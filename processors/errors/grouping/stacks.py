"""Which frames of a stack count: the application's own, once each, without machinery. Pure."""

import re
from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from processors.errors.grouping.frames import FramePart, part_of, with_source
from schemas.errors.event import Frame

NOT_OURS = "not code of the application"
MACHINERY = "machinery of the language"
REPEATED = "repeats a frame before it"
NAMELESS = "says neither file nor function"
FILE_ONLY = "says only which file"
NOT_RECURSIVE = "not part of the recursion that filled the stack"

_OVERFLOWS = re.compile(
    r"(?:java\.lang\.|System\.)?(?:RecursionError|StackOverflow(?:Error|Exception)?|SystemStackError)"
)
_OVERFLOWS_SAY = (
    "maximum call stack",
    "too much recursion",
    "stack overflow",
    "stack level too deep",
    "maximum recursion depth",
)


Looked = tuple[Frame, FramePart, bool]
"""A frame, what counts of it, and whether it is the application's own."""


class Judged(Struct, gc=False):
    """One frame with what was decided on it."""

    key: str
    left_out: str
    """Why it does not count; empty where it does."""


class Stack(Struct, gc=False):
    """The frames of one stack, oldest first."""

    frames: list[Judged]
    keys: list[str]
    """Of the frames that count, as they are compared."""
    named: bool
    """Whether the last of them says which error it is: by a name or by a line of source."""


NO_STACK = Stack([], [], False)


def overflowed(type_: str, value: str | None) -> bool:
    """Whether an exception says that the stack was full."""
    if _OVERFLOWS.fullmatch(type_):
        return True
    text = value[:200].lower() if value else ""
    return any(words in text for words in _OVERFLOWS_SAY)


def look_at(frames: Sequence[Frame], platform: str) -> list[Looked]:
    """Looks at each frame on its own."""
    parts = [part_of(frame, platform) for frame in frames]
    return [(frame, part, is_own(frame, part)) for frame, part in zip(frames, parts, strict=True)]


def is_own(frame: Frame, part: FramePart) -> bool:
    """Whether a frame is of the application: as the sender says, else by where it stands."""
    if part.never_ours:
        return False
    return not part.of_others if frame.in_app is None else frame.in_app


def judge(looked: Sequence[Looked], *, ours: bool, overflow: bool) -> Stack:
    """Decides on each frame. `ours` leaves out code of others; `overflow` keeps the recursion."""
    judged, named = [], {}
    for frame, part, own in looked:
        key = part.key if part.function else with_source(frame, part)
        if ours and not own:
            why = NOT_OURS
        elif part.machinery:
            why = MACHINERY
        elif not key:
            why = NAMELESS
        else:
            why = ""
            named[key] = bool(part.function) or key is not part.key
        judged.append(Judged(key, why))
    if not named:
        _count_machinery(judged, named)
    if overflow:
        return _recursion(judged, named)
    if looked[0][1].script and any(named.values()):
        _leave_nameless_out(judged, named)
    keys = [one.key for one in judged if not one.left_out]
    if len(set(keys)) < len(keys):
        _leave_loops_out(judged, named)
        keys = [one.key for one in judged if not one.left_out]
    return Stack(judged, keys, bool(keys) and named[keys[-1]])


def _count_machinery(judged: list[Judged], named: dict[str, bool]) -> None:
    """Where there is nothing else, machinery is better than nothing. It names no error, though."""
    for one in judged:
        if one.left_out == MACHINERY and one.key:
            one.left_out = ""
            named[one.key] = False


def _leave_nameless_out(judged: list[Judged], named: dict[str, bool]) -> None:
    """Of scripts: each browser and build has other functions without a name. The last stays."""
    counted = [one for one in judged if not one.left_out]
    for one in counted[:-1]:
        if not named[one.key]:
            one.left_out = FILE_ONLY


def _leave_loops_out(judged: list[Judged], named: dict[str, bool]) -> None:
    """Leaves out what lies between two calls of one function, so that no depth counts.

    What is left is the shortest way from the first call to the crash. Frames without a name are
    not known to be the same function: only those that follow each other are.
    """
    way: list[Judged] = []
    places: dict[str, int] = {}
    for one in judged:
        if one.left_out:
            continue
        at = places.get(one.key)
        if at is not None and named[one.key]:
            for later in way[at + 1 :]:
                later.left_out = REPEATED
                places.pop(later.key, None)
            del way[at + 1 :]
            one.left_out = REPEATED
        elif way and way[-1].key == one.key:
            one.left_out = REPEATED
        else:
            places[one.key] = len(way)
            way.append(one)


def _recursion(judged: list[Judged], named: dict[str, bool]) -> Stack:
    """Keeps what was called again and again. Where the stack was full is chance, so no order."""
    counts = Counter(one.key for one in judged if not one.left_out)
    most = max(counts.values(), default=0)
    # Of a short recursion, as tests have it, nothing is repeated often.
    often = {key for key, count in counts.items() if count * 2 > most} if most > 1 else set(counts)
    seen: set[str] = set()
    for one in judged:
        if one.left_out:
            continue
        if one.key not in often:
            one.left_out = NOT_RECURSIVE
        elif one.key in seen:
            one.left_out = REPEATED
        seen.add(one.key)
    return Stack(judged, sorted(often), any(named[key] for key in often))
