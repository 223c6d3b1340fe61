"""Pages of uptime that show what happens as it happens: what they follow."""

import time
from hashlib import blake2b

from api.auth import AnyRequest, services
from api.pages.live.following import Subject
from api.pages.viewer import Viewer
from controlplane.uptime.news import mark_of

DIGITS = 6
"""Bytes of the number that stands for what is known: JavaScript has no longer whole numbers."""
SILENCE_S = 30
"""Silence changes a state too, and nobody writes it down: looked at so often, whatever comes."""


def of_all(request: AnyRequest, viewer: Viewer) -> Subject:
    """Returns what lists follow: checks, and what people do about monitors and incidents."""
    database, project_id = services(request).database, viewer.project.project_id

    async def count() -> int:
        return _number(await mark_of(database, project_id), int(time.time()) // SILENCE_S)

    return Subject(("monitors", project_id), count)


def of_one(request: AnyRequest, viewer: Viewer, monitor_id: str) -> Subject:
    """Returns what the page of a monitor follows."""
    database, project_id = services(request).database, viewer.project.project_id

    async def count() -> int:
        mark = await mark_of(database, project_id, monitor_id=monitor_id)
        return _number(mark, int(time.time()) // SILENCE_S)

    return Subject(("monitor", project_id, monitor_id), count)


def _number(*known: object) -> int:
    return int.from_bytes(blake2b(repr(known).encode(), digest_size=DIGITS).digest())
