"""What source maps made of an event's frames, as its page says it. Pure."""

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from schemas.errors.event import ErrorEvent, Frame
from schemas.errors.source_maps import EventMapping, FrameMapping

MOST_REASONS = 3


class MapNote(NamedTuple):
    """What stands beside a frame."""

    is_missing: bool
    """Whether a map is for it and does not work."""
    reason: str
    steps: tuple[str, ...]
    came: str
    """How a mapped frame came: file, line, column and function."""


class MapGlance(NamedTuple):
    """What stands above the stack."""

    missing: int
    reasons: list[tuple[str, int]]
    """Why, the most frequent first, each with its frames."""
    is_later: bool
    """Whether frames are shown as they are mapped now, and not as they are stored."""


Notes = Mapping[int, MapNote]
"""By the `id` of a frame of the event that is shown."""
NO_NOTES: Notes = {}


def notes_of(mapping: EventMapping, event: ErrorEvent) -> Notes:
    """Returns what stands beside the frames of an event."""
    found = {}
    for one in mapping.frames:
        frame = _frame(event, one)
        if frame is not None:
            found[id(frame)] = _note(one, frame)
    return found


def glance_of(mapping: EventMapping) -> MapGlance:
    """Returns what stands above the stack."""
    missing = [one.reason for one in mapping.frames if one.state == "not_mapped"]
    later = mapping.mapped_later
    return MapGlance(len(missing), Counter(missing).most_common(MOST_REASONS), later)


def _note(told: FrameMapping, frame: Frame) -> MapNote:
    came = frame.original
    if came is None:
        return MapNote(told.state == "not_mapped", told.reason, told.steps, "")
    place = f"{came.abs_path or came.filename}:{came.lineno}:{came.colno}"
    named = f"{place} in {came.function}" if came.function else place
    # One that is mapped now and was not then keeps its reason: its map came later.
    return MapNote(False, told.reason, told.steps, named)


def _frame(event: ErrorEvent, told: FrameMapping) -> Frame | None:
    stacks = event.exceptions if told.thrown >= 0 else event.threads
    number = told.thrown if told.thrown >= 0 else -1 - told.thrown
    frames = stacks[number].frames if number < len(stacks) else ()
    return frames[told.frame] if told.frame < len(frames) else None
