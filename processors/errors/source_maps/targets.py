"""Which frames of an event a source map may be for, and their mapped selves put in. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from processors.errors.parts import MAX_LINE, MAX_NAME
from processors.errors.source_maps.names import (
    addresses_of,
    is_library,
    source_name,
)
from schemas.errors.event import ErrorEvent, Frame, Original, json_of
from schemas.errors.source_maps import Position, plain_debug_id

PLATFORMS = ("javascript", "node", "")
MOST_TARGETS = 500
"""Of an event: frames beyond are left as they came, the oldest ones."""
RUNTIME = ("node:", "internal/", "bun:", "ext:", "deno:")
"""How the files of runtimes begin, which have no maps."""

Mask = Callable[[bytes], bytes]


class Place(NamedTuple):
    """Where in an event a frame is: which exception, or -1 - which thread, and which frame."""

    stack: int
    frame: int


class Target(NamedTuple):
    """A frame that may be mapped."""

    place: Place
    file: str
    debug_id: str
    urls: tuple[str, ...]
    line: int
    column: int


class Mapped(NamedTuple):
    """What a frame becomes, and by what."""

    position: Position
    by: str


def targets_of(event: ErrorEvent) -> list[Target]:
    """Returns the frames that a source map may be for, those of what was raised last first."""
    if event.platform not in PLATFORMS:
        return []
    debug_ids = debug_ids_of(event)
    found: list[Target] = []
    for place, frame in frames_in(event):
        if len(found) == MOST_TARGETS:
            break
        target = _target(place, frame, debug_ids)
        if target is not None:
            found.append(target)
    return found


def debug_ids_of(event: ErrorEvent) -> dict[str, str]:
    """Returns the debug ids that an event gives, by file."""
    images = json_of(event.debug_images)
    if not isinstance(images, list):
        return {}
    return {
        str(image["code_file"]): debug_id
        for image in images
        if isinstance(image, dict)
        and isinstance(image.get("code_file"), str)
        and image.get("type") in ("sourcemap", None)
        and (debug_id := plain_debug_id(image.get("debug_id")))
    }


def file_of(frame: Frame) -> str:
    """Returns the file that a frame names."""
    return frame.abs_path or frame.filename


def frames_in(event: ErrorEvent) -> Iterator[tuple[Place, Frame]]:
    """Yields all frames, the newest of what was raised last first."""
    for stack in range(len(event.exceptions) - 1, -1, -1):
        frames = event.exceptions[stack].frames
        for at in range(len(frames) - 1, -1, -1):
            yield Place(stack, at), frames[at]
    for number, thread in enumerate(event.threads):
        for at in range(len(thread.frames) - 1, -1, -1):
            yield Place(-1 - number, at), thread.frames[at]


def is_of_runtime(file: str) -> bool:
    """Tells whether a file is the runtime's own."""
    return file.startswith(RUNTIME) or file in ("native", "<anonymous>", "[native code]")


def _target(place: Place, frame: Frame, debug_ids: Mapping[str, str]) -> Target | None:
    file = file_of(frame)
    if not file or not frame.lineno or not frame.colno or frame.original is not None:
        return None
    if is_of_runtime(file):
        return None
    debug_id = debug_ids.get(frame.abs_path) or debug_ids.get(frame.filename) or ""
    return Target(place, file, debug_id, addresses_of(file), frame.lineno, frame.colno)


def mapped_event(event: ErrorEvent, found: Mapping[Place, Mapped], mask: Mask) -> ErrorEvent:
    """Returns an event whose frames are where the maps say; `mask` goes over lines of source.

    Source comes in here for the first time, so what masks the event has not seen it.
    """
    if not found:
        return event
    places = list(found)
    lines = _masked([found[one].position for one in places], mask)
    shown = {one: (found[one], own) for one, own in zip(places, lines, strict=True)}

    def frames(stack: int, given: tuple[Frame, ...]) -> tuple[Frame, ...]:
        return tuple(
            [
                frame if (it := shown.get(Place(stack, at))) is None else _moved(frame, *it)
                for at, frame in enumerate(given)
            ]
        )

    stacks = {place.stack for place in places}
    return replace(
        event,
        exceptions=tuple(
            replace(one, frames=frames(stack, one.frames)) if stack in stacks else one
            for stack, one in enumerate(event.exceptions)
        ),
        threads=tuple(
            replace(one, frames=frames(-1 - at, one.frames)) if -1 - at in stacks else one
            for at, one in enumerate(event.threads)
        ),
    )


class _Lines(msgspec.Struct):
    """Source around a frame, by the names that what masks knows."""

    pre_context: tuple[str, ...]
    context_line: str
    post_context: tuple[str, ...]


class _Stack(msgspec.Struct):
    frames: list[_Lines]


class _Raised(msgspec.Struct):
    stacktrace: _Stack


class _Chain(msgspec.Struct):
    values: list[_Raised]


class _Item(msgspec.Struct):
    exception: _Chain


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Item).decode


def _masked(positions: Sequence[Position], mask: Mask) -> list[_Lines]:
    lines = [_Lines(_cut(one.before), one.text[:MAX_LINE], _cut(one.after)) for one in positions]
    item = _encode(_Item(_Chain([_Raised(_Stack(lines))])))
    masked = mask(item)
    return lines if masked is item else _decode(masked).exception.values[0].stacktrace.frames


def _cut(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([line[:MAX_LINE] for line in lines])


def _moved(frame: Frame, mapped: Mapped, lines: _Lines) -> Frame:
    position = mapped.position
    name = source_name(position.path)[:MAX_NAME]
    path = position.path[:MAX_NAME]
    more: dict[str, Any] = {}
    if lines.context_line or not frame.context_line:
        more = {
            "pre_context": lines.pre_context,
            "context_line": lines.context_line,
            "post_context": lines.post_context,
        }
    else:  # The minified line that came says nothing of the source.
        more = {"pre_context": (), "context_line": "", "post_context": ()}
    return replace(
        frame,
        filename=name,
        abs_path=path if path != name else "",
        module="",
        function=(position.function or frame.function)[:MAX_NAME],
        lineno=position.line,
        colno=position.column,
        in_app=not is_library(position.path) and frame.in_app is not False,
        original=Original(
            frame.filename,
            frame.abs_path,
            frame.function,
            frame.lineno,
            frame.colno,
            mapped.by,
        ),
        **more,
    )
