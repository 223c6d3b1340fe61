"""What an issue is called, and where it happened, as Sentry shows it. Pure."""

from processors.errors.grouping import v1
from processors.errors.grouping.frames import part_of
from processors.errors.grouping.functions import NAMELESS
from processors.errors.grouping.stacks import is_own
from schemas.errors.event import ErrorEvent, Frame, Thrown, frames_of
from schemas.errors.grouping import MAX_TITLE_UNITS, Version

UNLABELED = "<unlabeled event>"
MAX_CULPRIT_CHARS = 200
_MAX_READ_CHARS = 8 * MAX_TITLE_UNITS


def type_of(event: ErrorEvent, version: Version) -> str:
    """The type of the exception that people look at; of messages empty in v2."""
    if version == "open-sentry/v1":
        return v1.type_and_value(event)[0]
    return event.exceptions[-1].type if event.exceptions else ""


def title_of(event: ErrorEvent, version: Version) -> str:
    """Returns the title by a version."""
    if version == "open-sentry/v1":
        return cut(": ".join(v1.type_and_value(event)))
    if event.exceptions:
        thrown = event.exceptions[-1]
        said = _first_line(thrown.value or "")
        name = _name(thrown, event)
        if name or said:
            return cut(f"{name}: {said}" if name and said else name or said)
    return cut(_first_line(event.message or event.template) or UNLABELED)


def culprit_of(event: ErrorEvent) -> str:
    """Returns the transaction, else `MODULE in FUNCTION` of the innermost own frame."""
    if event.transaction:
        return event.transaction[:MAX_CULPRIT_CHARS]
    frame = innermost(event)
    if frame is None:
        return ""
    place = frame.module or frame.filename or frame.package
    function = "" if frame.function in NAMELESS else frame.function
    both = f"{place} in {function}" if place and function else place or function
    return both[:MAX_CULPRIT_CHARS]


def innermost(event: ErrorEvent) -> Frame | None:
    """The frame where it happened: the last of the application, else the last."""
    frames = frames_of(event)
    for frame in reversed(frames):
        part = part_of(frame, event.platform)
        if is_own(frame, part) and not part.machinery:
            return frame
    return frames[-1] if frames else None


def cut(text: str) -> str:
    """The first 500 units of UTF-16, without half a character at the end."""
    if len(text) * 2 <= MAX_TITLE_UNITS or (len(text) <= MAX_TITLE_UNITS and text.isascii()):
        return text
    units = text[:MAX_TITLE_UNITS].encode("utf-16-le", "replace")
    return units[: 2 * MAX_TITLE_UNITS].decode("utf-16-le", "ignore")


def _name(thrown: Thrown, event: ErrorEvent) -> str:
    """The type; where the SDK made it up, the function that crashed."""
    if thrown.synthetic and thrown.type and (frame := innermost(event)):
        return thrown.type if frame.function in NAMELESS else frame.function or thrown.type
    return thrown.type


def _first_line(text: str) -> str:
    lines = text[:_MAX_READ_CHARS].strip().splitlines()
    return lines[0].rstrip() if lines else ""
