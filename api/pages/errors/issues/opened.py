"""One issue with one of its events, read for its page and for the drawer of the list."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from api.auth import AnyRequest, services
from api.pages.errors.issues.breakdown import Tags, shares_of
from api.pages.errors.issues.courses import course_of
from api.pages.errors.issues.event import EventShown, event_shown
from api.pages.errors.issues.explained import Explained, explained_of
from api.pages.errors.issues.history import Happened, history_of, state_text
from api.pages.errors.issues.lines import is_new
from api.pages.errors.issues.links import Link, links_of
from api.pages.errors.issues.stack import ORDERS, Asked
from api.pages.parts.charts import Chart
from api.pages.parts.ranges import TimeRange, on_clock, range_of
from api.pages.render import address_of
from api.pages.viewer import NoSuchPage, Viewer
from api.parameters import invalid, values_of
from api.reads import reader_of
from clickhouse.client import Warehouse
from clickhouse.errors.attachments import AttachmentLine, attachments_of
from clickhouse.errors.event_filters import EventFilter
from clickhouse.errors.events import EventLine, StoredEvent, get_event, list_events
from clickhouse.errors.feedback import FeedbackLine, feedback_of_groups
from clickhouse.errors.issue_counts import read_counts
from clickhouse.errors.issue_details import (
    Hour,
    read_hours,
    read_sightings,
    read_tags,
)
from clickhouse.errors.issue_minutes import read_minutes
from clickhouse.errors.trace_links import Between, by_trace_id
from controlplane.errors.activity import list_activity
from controlplane.errors.listing import get_issue, issues_of
from controlplane.failures import NotFound
from controlplane.members import Member, list_members
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import Explanation
from schemas.errors.issues import ErrorFilter, IssueCounts, IssueRow
from schemas.projects import ProjectContext, ProjectId

RANGE = "7d"
EXPLAIN = "explain_grouping"
"""Under this name the application has how an event of a project was grouped."""
Explain = Callable[[ProjectId, ErrorEvent], Explanation]
MOST_GROUPS = 50
"""Fingerprints of an issue that are listed."""


class Group(NamedTuple):
    """Events of one fingerprint; how many there are where the issue has several."""

    fingerprint: str
    events: int | None


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


class Opened(Struct, frozen=True):
    """What a drawer shows of an issue, and its page above all else."""

    row: IssueRow
    counts: IssueCounts
    is_new: bool
    now_us: int
    zone: str
    range: TimeRange
    state_text: str
    asked: Asked
    stored: StoredEvent | None
    shown: EventShown | None
    raw: str
    """The address of the event as it is kept."""
    steps: Sequence[Step]
    links: Sequence[Link]
    files: Sequence[AttachmentLine]
    """Of the event."""
    missing_event: str
    members: Sequence[Member]


class Beside(Struct, frozen=True):
    """What the page of an issue shows beside that."""

    chart: Chart
    breakdown: Tags
    activity: Sequence[Happened]
    groups: Sequence[Group]
    said: Sequence[FeedbackLine]
    """What people have said last of its events."""
    explained: Explained | None


async def row_of(request: AnyRequest, viewer: Viewer, issue_id: str) -> IssueRow:
    """Returns an issue of the project. Raises `NoSuchPage`."""
    try:
        return await get_issue(services(request).database, viewer.project.project_id, issue_id)
    except NotFound as error:
        raise NoSuchPage from error


async def open_issue(
    request: AnyRequest, viewer: Viewer, row: IssueRow, event_id: str = ""
) -> Opened:
    """Reads an issue with its latest event, unless another is named."""
    shown, asked = _range(request, viewer), asked_in(request)
    project, database = on_clock(viewer.project, shown), services(request).database
    wanted = ErrorFilter(from_us=shown.first_us, to_us=shown.last_us)
    members = await list_members(database, project.project_id)
    async with reader_of(request, project).turn() as store:
        counts, found = await asyncio.gather(
            read_counts(store, project, {row.id: row.group_hashes}, wanted),
            find_event(store, project, row, event_id),
        )
        stored = found.stored
        own = [] if stored is None else [stored.line.event_id]
        links, files = await asyncio.gather(
            _links(request, store, project, stored), attachments_of(store, project, own)
        )
    return Opened(
        row=row,
        counts=counts[row.id],
        is_new=is_new(row, shown.now_us),
        now_us=shown.now_us,
        zone=shown.zone,
        range=shown,
        state_text=state_text(row, names_of(members), shown.zone),
        asked=asked,
        stored=stored,
        shown=None if stored is None else await asyncio.to_thread(event_shown, stored.event, asked),
        raw=_raw(request, row, stored),
        steps=found.steps,
        links=links,
        files=files,
        missing_event=event_id if stored is None else "",
        members=members,
    )


async def beside_of(request: AnyRequest, viewer: Viewer, opened: Opened) -> Beside:
    """Reads what stands beside an issue and its event."""
    row, shown = opened.row, opened.range
    project, database = on_clock(viewer.project, shown), services(request).database
    wanted = ErrorFilter(from_us=shown.first_us, to_us=shown.last_us)
    happened = await list_activity(database, project.project_id, row.id)
    async with reader_of(request, project).turn() as store:
        course, tags, groups, said = await asyncio.gather(
            _course(store, project, row, shown),
            read_tags(store, project, row.group_hashes, wanted),
            _groups(store, project, row, wanted),
            feedback_of_groups(store, project, row.group_hashes),
        )
    return Beside(
        chart=course_of(shown, course),
        breakdown=shares_of(tags),
        activity=history_of(happened, names_of(opened.members), shown.zone),
        groups=groups,
        said=said,
        explained=await _explained(request, project, opened.stored),
    )


def names_of(members: Sequence[Member]) -> Mapping[str, str]:
    """Returns what members are called, by their ids."""
    return {one.user_id: one.name or one.email for one in members}


def _range(request: AnyRequest, viewer: Viewer) -> TimeRange:
    return range_of(values_of(request), viewer.project, default=RANGE)


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
    """Returns an event of an issue and the ways to others; of another issue's there is nothing."""
    wanted = EventFilter(group_hashes=row.group_hashes)
    newest, oldest = await asyncio.gather(
        list_events(store, project, wanted, limit=1),
        list_events(store, project, wanted, limit=1, order="oldest"),
    )
    if not newest:
        return Found(None, [])
    stored = await get_event(store, project, event_id or newest[0].event_id)
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


async def _course(
    store: Warehouse, project: ProjectContext, row: IssueRow, shown: TimeRange
) -> list[Hour]:
    """Returns the events of an issue by the hour, of a short time by the minute."""
    if shown.bucket == "minute":
        return await read_minutes(store, project, row.group_hashes, shown.first_us, shown.last_us)
    wanted = ErrorFilter(from_us=shown.first_us, to_us=shown.last_us)
    return await read_hours(store, project, row.group_hashes, wanted)


def _other(lines: Sequence[EventLine], own: str) -> str:
    return lines[0].event_id if lines and lines[0].event_id != own else ""


async def _groups(
    store: Warehouse, project: ProjectContext, row: IssueRow, wanted: ErrorFilter
) -> list[Group]:
    """Returns what an issue is made of; of one group alone the issue's own count says it."""
    if len(row.group_hashes) < 2:
        return [Group(one, None) for one in row.fingerprints[:1]]
    hashes = row.group_hashes[:MOST_GROUPS]
    seen, counts = await asyncio.gather(
        read_sightings(store, project, hashes),
        read_counts(store, project, {str(one): (one,) for one in hashes}, wanted),
    )
    return [Group(one.fingerprint, counts[str(one.group_hash)].events) for one in seen]


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
    return links_of(address_of(request), found, issues, line.event_id)


async def _explained(
    request: AnyRequest, project: ProjectContext, stored: StoredEvent | None
) -> Explained | None:
    """Returns why the event has its fingerprint, where this process can tell."""
    explain: Explain | None = request.app.state.get(EXPLAIN)
    if stored is None or explain is None:
        return None
    return explained_of(await asyncio.to_thread(explain, project.project_id, stored.event))


def _raw(request: AnyRequest, row: IssueRow, stored: StoredEvent | None) -> str:
    if stored is None:
        return ""
    rest = f"/events/{stored.line.event_id}/raw"
    return address_of(request).thing("errors/issues", row.id, rest)
