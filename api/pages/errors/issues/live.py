"""Pages of issues that show what happens as it happens: what they follow."""

from hashlib import blake2b

from api.auth import AnyRequest, services
from api.pages.live.following import Subject
from api.pages.viewer import Viewer
from api.reads import reader_of
from clickhouse.errors.event_filters import EventFilter
from clickhouse.errors.events import count_events, count_stored
from controlplane.errors.listing import get_issue
from controlplane.errors.news import mark_of
from controlplane.failures import NotFound

DIGITS = 6
"""Bytes of the number that stands for what is known: JavaScript has no longer whole numbers."""


def of_all(request: AnyRequest, viewer: Viewer) -> Subject:
    """Returns what a list follows: events as they are stored, and issues as they change.

    Issues follow their events, a moment later. So the events alone do not say when a list is new.
    """
    project, database = viewer.project, services(request).database

    async def count() -> int:
        async with reader_of(request, project).turn() as store:
            events = await count_stored(store, project)
        return _number(events, await mark_of(database, project.project_id))

    return Subject(("issues", project.project_id), count)


def of_one(request: AnyRequest, viewer: Viewer, issue_id: str) -> Subject:
    """Returns what the page of an issue follows; of one that is gone there is nothing new."""
    project, database = viewer.project, services(request).database

    async def count() -> int:
        try:
            row = await get_issue(database, project.project_id, issue_id)
        except NotFound:
            return 0
        async with reader_of(request, project).turn() as store:
            wanted = EventFilter(group_hashes=row.group_hashes)
            events = await count_events(store, project, wanted)
        return _number(events, await mark_of(database, project.project_id, row.id))

    return Subject(("issue", project.project_id, issue_id), count)


def _number(*known: object) -> int:
    return int.from_bytes(blake2b(repr(known).encode(), digest_size=DIGITS).digest())
