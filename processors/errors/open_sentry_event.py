"""Errors and transactions of Open Sentry's `/v1/ingest`.

Source: contract 3.a.2 and 3.b. The edge has checked the types, so that this reads without looking
twice; what is wrong after all is left out, as with Sentry. A `timestamp` that cannot be read makes
the item unfit: its sender meant a time that we do not know.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from processors.columns import Unfit
from processors.errors.breadcrumbs import breadcrumbs_of
from processors.errors.frames import read_frame
from processors.errors.levels import level_of, level_word
from processors.errors.moments import moment_us
from processors.errors.parts import (
    MAX_TEXT,
    Problems,
    decode_any,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    note,
    text_of,
)
from processors.errors.people import person_of
from processors.errors.tags import tags_of
from schemas.errors.event import EMPTY, MAX_FRAMES, ErrorEvent, Frame, Level, Thrown
from schemas.errors.sent import Head

# The names of Open Sentry and what `read_frame` calls them.
NAMES = {
    "absPath": "abs_path",
    "inApp": "in_app",
    "preContext": "pre_context",
    "contextLine": "context_line",
    "postContext": "post_context",
}


class SentError(Struct, gc=False):
    """An error as it came."""

    exception: Raw = EMPTY
    message: Any = None
    level: Any = None
    breadcrumbs: Raw = EMPTY
    tags: Raw = EMPTY
    user: Raw = EMPTY
    environment: Any = None
    release: Any = None
    timestamp: Any = None


decode_error = msgspec.json.Decoder(SentError).decode


def read_open_sentry_error(
    item: bytes, head: Head, *, item_id: str, received_at_us: int
) -> ErrorEvent:
    """Reads an error. Raises `Unfit` for its `timestamp`, else what msgspec does for no object."""
    sent = decode_error(item)
    problems: Problems = []
    message = lenient_text(sent.message, "message", problems)
    thrown = _thrown(sent.exception, message, problems)
    sdk_name, _, sdk_version = head.sdk.partition(" ")
    return ErrorEvent(
        event_id=item_id,
        timestamp_us=timestamp_of(sent.timestamp, received_at_us),
        protocol="open_sentry",
        level=_level(sent.level, thrown, message, problems),
        release=text_of(sent.release, "release", problems),
        environment=text_of(sent.environment, "environment", problems) or head.environment,
        sdk_name=sdk_name,
        sdk_version=sdk_version,
        exceptions=() if thrown is None else (thrown,),
        message=message or "",
        user=person_of(sent.user, head.client_ip, problems),
        tags=tags_of(sent.tags, problems),
        breadcrumbs=breadcrumbs_of(sent.breadcrumbs, problems),
        problems=tuple(problems),
    )


def timestamp_of(value: object, received_at_us: int) -> int:
    """Returns when an item of Open Sentry happened. Raises `Unfit` for what is no time."""
    if value is None:
        return received_at_us
    moment = moment_us(value)
    if moment is None:
        raise Unfit(f"timestamp {value!r:.200}: not a time")
    return moment


def _thrown(raw: Raw, message: str | None, problems: Problems) -> Thrown | None:
    """Returns the exception; `None` where neither it nor the message says anything.

    Contract 3.b: a message that is empty is the value of an exception without one. Only where both
    are missing does Open Sentry say that the error is unknown.
    """
    exception = {} if is_absent(raw) else mapping_of(decode_any(raw), "exception", problems)
    stack = mapping_of(exception.get("stacktrace"), "exception.stacktrace", problems)
    frames = list_of(stack.get("frames"), "exception.stacktrace", problems)
    if len(frames) > MAX_FRAMES:
        note(problems, f"exception.stacktrace: the {MAX_FRAMES} innermost of {len(frames)} kept")
    type_ = text_of(exception.get("type"), "exception.type", problems)
    value = lenient_text(exception.get("value"), "exception.value", problems, MAX_TEXT)
    if value is None and message == "":
        value = message
    # Its stacks begin with the innermost call, ours end with it.
    read = [_frame(one, problems) for one in reversed(frames[:MAX_FRAMES])]
    if not type_ and value is None and not read:
        return None
    return Thrown(type_, value, frames=tuple(read))


def _frame(value: object, problems: Problems) -> Frame:
    frame = mapping_of(value, "frame", problems)
    return read_frame({NAMES.get(name, name): one for name, one in frame.items()}, problems)


def _level(sent: object, thrown: Thrown | None, message: str | None, problems: Problems) -> Level:
    """An explicit level counts; else a type, or a message, that is the word for one."""
    explicit = level_of(sent, problems)
    if explicit is not None:
        return explicit
    type_ = thrown.type if thrown is not None else ""
    return level_word(type_) or level_word(message or "") or "error"
