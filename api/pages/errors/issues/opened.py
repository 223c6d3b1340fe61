"""One issue with one of its events, read for its page and for the drawer of the list."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec import structs

from api.auth import AnyRequest, services
from api.errors.source_maps import EXPLAIN as EXPLAIN_FRAMES
from api.errors.source_maps import ExplainFrames
from api.pages.errors.issues.event import EventShown, event_shown
from api.pages.errors.issues.explained import Explained, explained_of
from api.pages.errors.issues.links import Link, links_of
from api.pages.errors.issues.stack import ORDERS, Asked
from api.pages.errors.issues.standing import (
    Around,
    Standing,
    around_of,
    chart_of,
    standing_of,
)
from api.pages.errors.logs.links import logs_of_trace
from api.pages.parts.charts import Chart
from api.pages.parts.ranges import on_clock
from api.pages.render import address_of
from api.pages.viewer import Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors.attachments import AttachmentLine, attachments_of
from clickhouse.errors.event_filters import EventFilter
from clickhouse.errors.events import EventLine, StoredEvent, get_event, list_events
from clickhouse.errors.trace_links import Between, by_trace_id
from controlplane.errors.listing import issues_of
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import Explanation
from schemas.errors.issues import IssueRow
from schemas.projects import ProjectContext, ProjectId

EXPLAIN = "explain_grouping"
"""Under this name the application has how an event of a project was grouped."""
Explain = Callable[[ProjectId, ErrorEvent], Explanation]


class Step(NamedTuple):
    """A way to another event; of none, where there is no further one."""

    key: str
    """Of the keyboard."""
    text: str
    event_id: str


class Found(NamedTuple):
    """An event, and those around it."""

    stored: StoredEvent | None
    steps: list[Step]


class Opened(Standing, frozen=True, kw_only=True):
    """What a drawer shows of an issue, and its page above all else."""

    asked: Asked
    stored: StoredEvent | None
    shown: EventShown | None
    href: str
    """The address of its page, with the event where one was named."""
    raw: str
    """The address of the event as it is kept."""
    steps: Sequence[Step]
    links: Sequence[Link]
    files: Sequence[AttachmentLine]
    """Of the event."""
    missing_event: str


class Beside(Around, frozen=True):
    """What the page of an issue shows beside one of its events."""

    chart: Chart
    explained: Explained | None


async def open_issue(
    request: AnyRequest, viewer: Viewer, row: IssueRow, event_id: str = ""
) -> Opened:
    """Reads an issue with its latest event, unless another is named."""
    standing, asked = await standing_of(request, viewer, row), asked_in(request)
    project = on_clock(viewer.project, standing.range)
    async with reader_of(request, project).turn() as store:
        found = await find_event(store, project, row, event_id)
        stored = found.stored
        own = [] if stored is None else [stored.line.event_id]
        links, files = await asyncio.gather(
            _links(request, store, project, stored), attachments_of(store, project, own)
        )
    return Opened(
        **structs.asdict(standing),
        asked=asked,
        stored=stored,
        shown=None if stored is None else await _event_shown(request, project, stored, asked),
        href=_page_of(request, row, stored if event_id else None),
        raw=_raw(request, row, stored),
        steps=found.steps,
        links=links,
        files=files,
        missing_event=event_id if stored is None else "",
    )


async def beside_of(request: AnyRequest, viewer: Viewer, opened: Opened) -> Beside:
    """Reads what stands beside an issue and its event."""
    around, chart = await asyncio.gather(
        around_of(request, viewer, opened),
        chart_of(request, viewer, opened),
    )
    explained = await _explained(request, viewer.project, opened.stored)
    return Beside(**structs.asdict(around), chart=chart, explained=explained)


def asked_in(request: AnyRequest) -> Asked:
    """Returns how an address wants the stacks. Raises `InvalidParameters`."""
    values = values_of(request)
    named = values.get("order") or ORDERS[0]
    order = next((one for one in ORDERS if one == named), None)
    if order is None:
        raise invalid("order", f"Expected one of {', '.join(ORDERS)}")
    return Asked(order, values.get("frames") == "all")


async def find_event(
    store: Warehouse, project: ProjectContext, row: IssueRow, event_id: str
) -> Found:
    """Returns an event of an issue and the ways to others; of another issue's there is nothing.

    The event is named by its id, as `latest` or `oldest`, or not at all: then it is the latest.
    """
    wanted = EventFilter(group_hashes=row.group_hashes)
    newest, oldest = await asyncio.gather(
        list_events(store, project, wanted, limit=1),
        list_events(store, project, wanted, limit=1, order="oldest"),
    )
    if not newest:
        return Found(None, [])
    ends = {"": newest, "latest": newest, "oldest": oldest}
    named = ends[event_id][0].event_id if event_id in ends else event_id
    stored = await get_event(store, project, named)
    if stored is None or stored.line.group_hash not in row.group_hashes:
        return Found(None, [])
    place = stored.line.place
    older, newer = await asyncio.gather(
        list_events(store, project, wanted, limit=1, beyond=place),
        list_events(store, project, wanted, limit=1, order="oldest", beyond=place),
    )
    own = stored.line.event_id
    ways = (("", "First", oldest), ("[", "‹ Older", older), ("]", "Newer ›", newer))
    steps = [Step(key, text, _other(lines, own)) for key, text, lines in ways]
    return Found(stored, [*steps, Step("", "Latest", _other(newest, own))])


def _other(lines: Sequence[EventLine], own: str) -> str:
    return lines[0].event_id if lines and lines[0].event_id != own else ""


async def _links(
    request: AnyRequest, store: Warehouse, project: ProjectContext, stored: StoredEvent | None
) -> list[Link]:
    if stored is None or not stored.line.trace_id:
        return []
    line = stored.line
    found = await by_trace_id(store, project, line.trace_id, Between(line.at_us, line.at_us))
    fingerprints = [one.fingerprint for one in found.errors if one.event_id != line.event_id]
    database = services(request).database
    issues = await issues_of(database, project.project_id, fingerprints) if fingerprints else {}
    address, between = address_of(request), Between(line.at_us, line.at_us)
    logs = await logs_of_trace(store, project, address, line.trace_id, between)
    links = links_of(address, found, issues, line.event_id)
    links += [Link(*logs)] if logs else []
    return [*links, Link("Whole trace", address.thing("otel/traces", line.trace_id))]


async def _event_shown(
    request: AnyRequest, project: ProjectContext, stored: StoredEvent, asked: Asked
) -> EventShown:
    """Returns an event with its frames as they are mapped now, where this process can tell."""
    explain: ExplainFrames | None = request.app.state.get(EXPLAIN_FRAMES)
    if explain is None:
        return await asyncio.to_thread(event_shown, stored.event, asked)
    told = await explain(project.project_id, stored.event, stored.line.received_at_us)
    return await asyncio.to_thread(event_shown, told.event, asked, told.mapping)


async def _explained(
    request: AnyRequest, project: ProjectContext, stored: StoredEvent | None
) -> Explained | None:
    """Returns why the event has its fingerprint, where this process can tell."""
    explain: Explain | None = request.app.state.get(EXPLAIN)
    if stored is None or explain is None:
        return None
    return explained_of(await asyncio.to_thread(explain, project.project_id, stored.event))


def _page_of(request: AnyRequest, row: IssueRow, stored: StoredEvent | None) -> str:
    rest = "" if stored is None else f"/events/{stored.line.event_id}"
    return address_of(request).thing("errors/issues", row.id, rest)


def _raw(request: AnyRequest, row: IssueRow, stored: StoredEvent | None) -> str:
    if stored is None:
        return ""
    rest = f"/events/{stored.line.event_id}/raw"
    return address_of(request).thing("errors/issues", row.id, rest)
