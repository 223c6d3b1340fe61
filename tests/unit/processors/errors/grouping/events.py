"""Events for tests of grouping."""

from typing import Any

from schemas.errors.event import ErrorEvent, Frame, Thrown

EVENT_ID = "0" * 32


def frame(function: str = "", filename: str = "", in_app: bool | None = True, **more: Any) -> Frame:
    return Frame(filename=filename, function=function, in_app=in_app, **more)


def event(*exceptions: Thrown, **more: Any) -> ErrorEvent:
    return ErrorEvent(event_id=EVENT_ID, timestamp_us=1, exceptions=exceptions, **more)
