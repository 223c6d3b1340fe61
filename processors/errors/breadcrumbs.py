"""Breadcrumbs of either protocol: what happened before the event."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct

from processors.errors.frames import Name
from processors.errors.moments import moment_us
from processors.errors.parts import (
    MAX_SMALL_JSON,
    MAX_TEXT,
    Problems,
    decode_any,
    encoded,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    note,
    small_object_of,
    text_of,
)
from schemas.errors.event import EMPTY, MAX_BREADCRUMBS, Breadcrumb

LIST = ord("[")


class SentBreadcrumb(Struct, gc=False):
    """A breadcrumb as the protocols have it, within our bounds."""

    timestamp: datetime | float | None = None
    type: Name | None = None
    category: Name | None = None
    level: Name | None = None
    message: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    data: Raw = EMPTY


class SentBreadcrumbs(Struct, gc=False):
    """Breadcrumbs as most SDKs wrap them."""

    values: list[SentBreadcrumb]


_wrapped = msgspec.json.Decoder(SentBreadcrumbs)
_listed = msgspec.json.Decoder(list[SentBreadcrumb])


def breadcrumbs_of(raw: Raw, problems: Problems, shift_us: int = 0) -> tuple[Breadcrumb, ...]:
    """Returns the newest breadcrumbs, whether wrapped in `values` or not."""
    if is_absent(raw):
        return ()
    try:
        is_list = memoryview(raw)[0] == LIST
        sent = _listed.decode(raw) if is_list else _wrapped.decode(raw).values
    except (msgspec.ValidationError, RecursionError):
        values = _newest(list_of(decode_any(raw), "breadcrumbs", problems), problems)
        return tuple([_read(one, problems, shift_us) for one in values])
    return tuple([_of(one, problems, shift_us) for one in _newest(sent, problems)])


def _of(sent: SentBreadcrumb, problems: Problems, shift_us: int) -> Breadcrumb:
    moment = moment_us(sent.timestamp)
    return Breadcrumb(
        moment if moment is None else moment + shift_us,
        sent.type or "",
        sent.category or "",
        sent.level or "",
        sent.message or "",
        small_object_of(sent.data, "breadcrumb.data", problems),
    )


def _read(value: object, problems: Problems, shift_us: int) -> Breadcrumb:
    crumb = mapping_of(value, "breadcrumb", problems)
    moment = moment_us(crumb.get("timestamp"))
    return Breadcrumb(
        moment if moment is None else moment + shift_us,
        text_of(crumb.get("type"), "breadcrumb.type", problems),
        text_of(crumb.get("category"), "breadcrumb.category", problems),
        text_of(crumb.get("level"), "breadcrumb.level", problems),
        lenient_text(crumb.get("message"), "breadcrumb.message", problems) or "",
        encoded(crumb.get("data"), "breadcrumb.data", problems, MAX_SMALL_JSON),
    )


def _newest(values: list[Any], problems: Problems) -> list[Any]:
    if len(values) > MAX_BREADCRUMBS:
        note(problems, f"breadcrumbs: the last {MAX_BREADCRUMBS} of {len(values)} kept")
    return values[-MAX_BREADCRUMBS:]
