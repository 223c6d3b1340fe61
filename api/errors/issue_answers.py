"""From rows and counts of issues to the answers of the API, and the cursors of its pages."""

import re
from collections.abc import Sequence

from api.parameters import invalid
from clickhouse.errors.events import EventLine
from schemas.errors.issue_answers import (
    ActivityAnswer,
    EventAnswer,
    IssueAnswer,
    PersonAnswer,
    StatusDetails,
)
from schemas.errors.issues import ActivityRow, IssueCounts, IssueRow
from schemas.times import iso_ms

CURSOR = re.compile(r"(-?\d{1,18})_([\w.-]{1,100})", re.ASCII)
RULE = "Expected what a page before has given"


def written(at: int, name: str) -> str:
    """Writes where a page ends: a moment or a number, and an id."""
    return f"{at}_{name}"


def read_cursor(text: str) -> tuple[int, str]:
    """Reads what `written` gave. Raises `InvalidParameters`."""
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", RULE)
    return int(match[1]), match[2]


def issue_answer(
    row: IssueRow,
    counts: IssueCounts,
    *,
    course: Sequence[int] | None = None,
    fingerprints: Sequence[str] | None = None,
) -> IssueAnswer:
    """Returns an issue as the API tells of it."""
    assignee = None
    if row.assignee_id is not None:
        assignee = PersonAnswer(row.assignee_id, row.assignee or "")
    return IssueAnswer(
        id=row.id,
        project_id=row.project_id,
        number=row.number,
        type=row.type,
        title=row.title,
        culprit=row.culprit,
        level=row.level,
        platform=row.platform,
        status=row.status,
        status_details=_details(row),
        assignee=assignee,
        first_seen=iso_ms(row.first_seen_us),
        last_seen=iso_ms(row.last_seen_us),
        first_release=row.first_release or None,
        last_release=row.last_release or None,
        regressed_at=moment(row.regressed_us),
        times_regressed=row.times_regressed,
        created_at=iso_ms(row.created_us),
        event_count=counts.events,
        user_count=counts.people,
        unhandled_count=counts.unhandled,
        course=None if course is None else list(course),
        fingerprints=None if fingerprints is None else list(fingerprints),
    )


def event_answer(line: EventLine) -> EventAnswer:
    """Returns an event of a list."""
    return EventAnswer(
        id=line.event_id,
        timestamp=iso_ms(line.at_us),
        received_at=iso_ms(line.received_at_us),
        level=line.level,
        type=line.type,
        title=line.title,
        culprit=line.culprit,
        handled=line.handled,
        platform=line.platform,
        environment=line.environment,
        release=line.release,
        transaction=line.transaction,
        server_name=line.server_name,
        sdk=line.sdk,
        user=line.user,
        trace_id=line.trace_id,
        span_id=line.span_id,
        fingerprint=line.fingerprint,
    )


def activity_answer(row: ActivityRow) -> ActivityAnswer:
    """Returns what happened."""
    user = None if row.user_id is None else PersonAnswer(row.user_id, row.user_name or "")
    return ActivityAnswer(
        id=row.id,
        issue_id=row.issue_id,
        issue_number=row.number,
        issue_title=row.title,
        kind=row.kind,
        at=iso_ms(row.at_us),
        user=user,
        data=dict(row.data),
    )


def moment(at_us: int | None) -> str | None:
    """Writes a moment that may be none."""
    return None if at_us is None else iso_ms(at_us)


def _details(row: IssueRow) -> StatusDetails:
    return StatusDetails(
        resolution=row.resolution,
        resolved_at=moment(row.resolved_us),
        resolved_by=row.resolved_by,
        release=row.resolved_in_release,
        ignored_at=moment(row.ignored_us),
        ignored_until=moment(row.ignored_until_us),
        ignored_until_events=row.ignored_until_events,
        ignored_until_users=row.ignored_until_people,
    )
