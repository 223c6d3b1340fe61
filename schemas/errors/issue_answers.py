"""Issues as the API tells of them. Times are ISO texts in UTC with milliseconds."""

from typing import Any

from msgspec import Struct

from schemas.errors.grouping import Explanation
from schemas.errors.issues import Change, Resolution, Status


class PersonAnswer(Struct, frozen=True):
    """A member of the project."""

    id: str
    name: str


class StatusDetails(Struct, frozen=True, rename="camel"):
    """How an issue came to its status; what does not apply is null."""

    resolution: Resolution | None = None
    resolved_at: str | None = None
    resolved_by: str | None = None
    """The id of who resolved it."""
    release: str | None = None
    """Of `resolution`: which one has the repair, or the newest of when it was resolved."""
    ignored_at: str | None = None
    ignored_until: str | None = None
    ignored_until_events: int | None = None
    ignored_until_users: int | None = None


class IssueAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """One issue, with counts of the range that was asked for, or of all time."""

    id: str
    project_id: str
    number: int
    type: str
    title: str
    culprit: str
    level: str
    platform: str
    status: Status
    status_details: StatusDetails
    assignee: PersonAnswer | None
    first_seen: str
    last_seen: str
    first_release: str | None
    last_release: str | None
    regressed_at: str | None
    times_regressed: int
    created_at: str
    event_count: int
    user_count: int
    unhandled_count: int
    course: list[int] | None = None
    """Events in equal parts of the range, oldest first; in lists alone."""
    fingerprints: list[str] | None = None
    """Where one issue is asked for."""
    stored_event_count: int | None = None
    """Of the events, how many can still be opened. Where one issue is asked for."""
    stored_from: str | None = None
    """When the first of these was."""


class IssueList(Struct, frozen=True, rename="camel"):
    """A page of issues."""

    issues: list[IssueAnswer]
    next_cursor: str | None
    course_from: str
    course_hours: int
    """When the first part of each course begins, and how long each part is."""


class ChangedIssues(Struct, frozen=True):
    """The ids of the issues that were changed."""

    changed: list[str]


class EventAnswer(Struct, frozen=True, rename="camel", kw_only=True):
    """One event of an issue, without its body."""

    id: str
    timestamp: str
    received_at: str
    level: str
    type: str
    title: str
    culprit: str
    handled: bool | None
    platform: str
    environment: str
    release: str
    transaction: str
    server_name: str
    sdk: str
    user: str
    trace_id: str
    span_id: str
    fingerprint: str


class EventList(Struct, frozen=True, rename="camel"):
    """A page of events, newest first."""

    events: list[EventAnswer]
    next_cursor: str | None


class EventDetails(Struct, frozen=True, rename="camel"):
    """One event with all that is kept of it, and its neighbours in the issue."""

    event: EventAnswer
    body: Any
    """An `ErrorEvent` (`schemas/errors/event.py`), personal data masked."""
    grouping: str
    """The version that grouped it."""
    previous: str | None
    """The id of the event before it."""
    next: str | None


class TimelinePart(Struct, frozen=True):
    """Events and users of one period."""

    at: str
    events: int
    users: int | None
    """Null for a day: people of its hours cannot be added up."""


class Timeline(Struct, frozen=True):
    """The course of one issue, oldest first, periods without events too."""

    interval: str
    timeline: list[TimelinePart]


class TagValueAnswer(Struct, frozen=True):
    """A value, and how many events have it."""

    value: str
    count: int


class TagAnswer(Struct, frozen=True, rename="camel"):
    """What events have under one key."""

    key: str
    is_tag: bool
    """False for fields that every event may have."""
    count: int
    values: int
    """How many different ones."""
    top: list[TagValueAnswer]


class TagList(Struct, frozen=True, rename="camel"):
    """What the newest events of an issue have in common, and in what they differ."""

    tags: list[TagAnswer]
    looked_at: int
    """How many events at most."""


class ActivityAnswer(Struct, frozen=True, rename="camel"):
    """Something that happened to an issue."""

    id: str
    issue_id: str
    issue_number: int
    issue_title: str
    kind: Change
    at: str
    user: PersonAnswer | None
    data: dict[str, str | int | None]


class ActivityList(Struct, frozen=True, rename="camel"):
    """What happened, newest first."""

    activity: list[ActivityAnswer]
    next_cursor: str | None


class ReleaseAnswer(Struct, frozen=True, rename="camel"):
    """A version of what a project runs."""

    version: str
    first_seen: str
    last_seen: str | None
    date_released: str | None
    ref: str
    url: str
    environment: str


class ReleaseList(Struct, frozen=True):
    """The releases of a project, the one that was seen first last."""

    releases: list[ReleaseAnswer]


class GroupingAnswer(Struct, frozen=True, rename="camel"):
    """Why an event belongs to its issue."""

    issue_id: str
    event_id: str
    grouping: str
    fingerprint: str
    """The version that grouped it when it came, and what it was grouped by."""
    explanation: Explanation
    """By what the project has set now."""
