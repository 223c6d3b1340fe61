"""Grouping `open-sentry/v1`: exactly what Open Sentry's workers do. Pure.

Source: `packages/db/src/grouping.ts` at bdf235b. Type, value and the last three frames of the
application in the order in which they were sent, joined and hashed. Open Sentry's SDK sends the
innermost frame first, and events have the oldest first, so those are turned back. Events of
Sentry's protocol keep the order in which they came.
"""

from itertools import islice

from processors.errors.grouping.found import Found
from schemas.errors.event import ErrorEvent, Frame, Thrown
from schemas.errors.grouping import Basis, Component

KEPT_FRAMES = 3
NOTHING = Thrown()


def find(event: ErrorEvent, explained: bool) -> Found:
    """Returns the group of an event."""
    type_, value = type_and_value(event)
    thrown = _main(event)
    frames = thrown.frames[::-1] if event.protocol == "open_sentry" else thrown.frames
    kept = _kept(frames)
    places = [f"{frame.filename or '?'}:{frame.function or '?'}" for frame in kept]
    text = f"{type_}|{value}|{'|'.join(places)}"
    basis: Basis = "stack" if kept else "exception" if event.exceptions else "message"
    found = Found(basis, text)
    if explained:
        found.components = (
            Component("type", type_),
            Component("value", value),
            Component("stack", parts=_explained(frames, kept)),
        )
    return found


def type_and_value(event: ErrorEvent) -> tuple[str, str]:
    """Returns what the issue is called by."""
    thrown = _main(event)
    value = thrown.value if thrown.value is not None else event.message or "Unknown error"
    return thrown.type or "Error", value


def _main(event: ErrorEvent) -> Thrown:
    return event.exceptions[-1] if event.exceptions else NOTHING


def _kept(frames: tuple[Frame, ...]) -> tuple[Frame, ...]:
    last = (frame for frame in reversed(frames) if frame.in_app is not False)
    own = tuple(islice(last, KEPT_FRAMES))[::-1]
    return own or frames[-KEPT_FRAMES:]


def _explained(frames: tuple[Frame, ...], kept: tuple[Frame, ...]) -> tuple[Component, ...]:
    counted = {id(frame) for frame in kept}
    return tuple(
        Component(
            "frame",
            f"{frame.filename or '?'}:{frame.function or '?'}",
            contributes=id(frame) in counted,
            reason="" if id(frame) in counted else "not one of the last three of the application",
        )
        for frame in frames
    )
