"""The events of a block that source maps may be for: read ahead, mapped, and then built as usual.

Look-ups are made for a block and not for an event. An event of a project without source maps is
never looked at.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import structlog

from processors.columns import Build, SentChunk, bodies_of
from processors.errors.source_maps.mapping import Sent
from processors.errors.source_maps.targets import Mask, targets_of
from processors.faults import RESOURCES, is_passing
from schemas.errors.event import ErrorEvent
from schemas.projects import ProjectId

COLUMN = b'"colno"'
"""What each frame has that a map can be for, in both protocols."""


log = structlog.get_logger(__name__)


class AheadKey(NamedTuple):
    """An item, with what its reading depends on."""

    body: bytes
    event_id: str
    received_at_us: int


Ahead = Mapping[AheadKey, ErrorEvent]
Read = Callable[[ProjectId, bytes, AheadKey], tuple[ErrorEvent, Mask]]


class Mapper(Protocol):
    """Applies source maps."""

    def has_any(self, project_id: ProjectId) -> bool:
        """Tells whether a project has source maps at all."""
        ...

    async def map_events(self, sent: Sequence[Sent]) -> list[ErrorEvent]:
        """Returns the events, with frames mapped where that can be done."""
        ...


def prepared(
    mapper: Mapper,
    sent: Sequence[SentChunk],
    read: Read,
    build: Callable[[Ahead], Build],
) -> Awaitable[Build] | None:
    """Returns what maps the events of a block that have frames to map; `None` where none has."""
    keys: list[AheadKey] = []
    events: list[Sent] = []
    for chunk in sent:
        if not mapper.has_any(chunk.project_id):
            continue
        for body, event_id in bodies_of([chunk]):
            if COLUMN not in body:
                continue
            key = AheadKey(body, event_id, chunk.received_at_us)
            try:
                event, mask = read(chunk.project_id, body, key)
                is_wanted = bool(targets_of(event))
            except RESOURCES:
                raise
            except Exception:
                continue  # `build` meets it too: there it is looked at whose fault it is.
            if is_wanted:
                keys.append(key)
                events.append(Sent(chunk.project_id, event, mask))
    return _mapped(mapper, keys, events, build) if events else None


async def _mapped(
    mapper: Mapper,
    keys: Sequence[AheadKey],
    events: Sequence[Sent],
    build: Callable[[Ahead], Build],
) -> Build:
    try:
        mapped = await mapper.map_events(events)
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("source maps met a bug: frames stay as they came", events=len(events))
        mapped = [one.event for one in events]
    return build(dict(zip(keys, mapped, strict=True)))
