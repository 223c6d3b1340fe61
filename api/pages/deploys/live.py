"""Pages of deployments that show what happens as it happens: what they follow."""

from hashlib import blake2b

from api.auth import AnyRequest, services
from api.pages.live.following import EVENTS, OWN, Subject
from api.pages.parts.ranges import Live
from api.pages.render import address_of
from api.pages.viewer import Viewer
from controlplane.deploys.glances import mark_of

DIGITS = 6
"""Bytes of the number that stands for what is known: JavaScript has no longer whole numbers."""


def of_app(request: AnyRequest, viewer: Viewer) -> Subject:
    """Returns what the pages of an app follow: its deployments, and what serves."""
    database, project_id = services(request).database, viewer.project.project_id

    async def count() -> int:
        return number_of(await mark_of(database, project_id))

    return Subject(("app", project_id), count)


async def live_of(request: AnyRequest, subject: Subject, ending: str = EVENTS) -> Live:
    """Returns how a page goes on that has no range: it follows unless somebody stops it."""
    address = address_of(request)
    values = {name: value for name, value in address.values.items() if name not in OWN}
    href = address.url(address.path + ending, **values)
    return Live(href, await subject.latest(), address.values.get("live") != "0")


def number_of(*known: object) -> int:
    """Returns a number that is another one when what is known is."""
    return int.from_bytes(blake2b(repr(known).encode(), digest_size=DIGITS).digest())
