"""One log record: its facts, its attributes, and what else its trace has."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import Struct

from api.auth import AnyRequest, services
from api.pages.addresses import Address
from api.pages.errors.issues.links import Link, links_of
from api.pages.errors.logs.links import address_of_trace
from api.pages.errors.logs.wanted import ATTRIBUTE
from api.pages.parts.filters import Term
from api.pages.parts.trees import Node, tree_of
from api.pages.render import address_of, is_fragment, page
from api.pages.viewer import NoSuchPage, Viewed, Viewer
from api.reads import reader_of
from clickhouse.errors.logs import StoredLog, as_text, get_log
from clickhouse.errors.trace_links import Between, by_trace_id
from controlplane.errors.listing import issues_of

MOST_CHARS = 2_000
"""Of the value of an attribute; the tree has more of it."""


class AttributeShown(Struct, frozen=True):
    """One attribute, and the records that have the same."""

    key: str
    text: str
    left: int
    """Characters that are not shown."""
    href: str | None


class OpenedLog(Struct, frozen=True):
    """Everything that is shown of a record."""

    log: StoredLog
    attributes: list[AttributeShown]
    text: str
    """The attributes as JSON."""
    tree: Node | None
    links: list[Link]
    of_trace: str | None
    """Where the records of its trace are."""


@get("/errors/logs/{log_id:str}", include_in_schema=False)
async def log_page(request: AnyRequest, viewer: Viewed, log_id: FromPath[str]) -> Response[str]:
    """Show one record, alone or in the drawer of the list."""
    opened = await open_log(request, viewer, log_id)
    if opened is None:
        raise NoSuchPage
    name = "log_drawer" if is_fragment(request) else "log"
    return await page(request, f"errors/logs/{name}.html", opened=opened)


async def open_log(request: AnyRequest, viewer: Viewer, log_id: str) -> OpenedLog | None:
    """Returns what is shown of a record, `None` where the project has none of that id."""
    address = address_of(request)
    async with reader_of(request, viewer.project).turn() as store:
        found = await get_log(store, viewer.project, log_id)
        if found is None:
            return None
        line = found.line
        between = Between(line.at_us, line.at_us)
        linked = await by_trace_id(store, viewer.project, line.trace_id, between)
    fingerprints = list({error.fingerprint for error in linked.errors})
    issues: Mapping[str, Any] = {}
    if fingerprints:
        database = services(request).database
        issues = await issues_of(database, viewer.project.project_id, fingerprints)
    return OpenedLog(
        found,
        [_shown(address, key, value) for key, value in sorted(found.attributes.items())],
        msgspec.json.encode(found.attributes).decode(),
        tree_of(found.attributes) if found.attributes else None,
        links_of(address, linked, issues, ""),
        address_of_trace(address, line.trace_id, between) if line.trace_id else None,
    )


def _shown(address: Address, key: str, value: object) -> AttributeShown:
    plain = not isinstance(value, dict | list)
    text = as_text(value) if plain else msgspec.json.encode(value).decode()
    href = None
    if plain and len(text) <= MOST_CHARS and not any(one in key for one in ' :"'):
        term = str(Term(f"{ATTRIBUTE}{key}", text))
        href = address.page("errors/logs", where=term)
    return AttributeShown(key, text[:MOST_CHARS], max(len(text) - MOST_CHARS, 0), href)
