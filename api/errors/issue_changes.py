"""`PATCH issues/{id}`, `POST issues/bulk`, merge and unmerge: what members do to issues."""

import time
from datetime import datetime
from typing import Any, cast

from litestar import patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK
from litestar.types import ControllerRouterHandler
from msgspec import UNSET, Struct, UnsetType

from api.account_forms import read_form
from api.auth import AnyRequest, Entered, entered, services
from api.errors.issue_answers import issue_answer
from api.errors.regrouping import merge, unmerge
from api.reads import reader_of
from clickhouse.errors.issue_counts import read_counts
from controlplane.database import Database
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.errors.listing import get_issue
from controlplane.failures import BadRequest
from controlplane.members import list_members
from schemas.described import describes
from schemas.errors.issue_answers import ChangedIssues, IssueAnswer
from schemas.errors.issues import STATUSES, ErrorFilter, Status
from schemas.issues import one_of
from schemas.projects import ProjectContext, ProjectId, UserId
from schemas.times import EPOCH, MICROSECOND

BAD_CHANGE = "Invalid change of an issue"
MOST_MINUTES = 5 * 366 * 24 * 60
IDS = ["00000000-0000-4000-8000-000000000000"]


class ChangeForm(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """What to change; what is left out stays. Releases go with `resolved`, ends with `ignored`."""

    status: str | UnsetType = UNSET
    in_release: str | None = None
    in_next_release: bool = False
    ignore_until: datetime | None = None
    ignore_minutes: int | None = None
    ignore_events: int | None = None
    ignore_users: int | None = None
    assignee: str | None | UnsetType = UNSET
    """The id or email of a member, or null."""


class BulkForm(ChangeForm, frozen=True, rename="camel", forbid_unknown_fields=True):
    """The same for many issues."""

    ids: list[str] = []


class MergeForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The issues whose events go to this one."""

    ids: list[str]


class UnmergeForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The fingerprints that get an issue of their own."""

    fingerprints: list[str]


@patch(
    "/issues/{issue_id:str}",
    summary="Change an issue",
    opt=describes(
        body=ChangeForm,
        example={"status": "resolved", "inNextRelease": True},
        answer=IssueAnswer,
        asks="project",
        errors=(409,),
    ),
)
async def change_issue(request: AnyRequest, issue_id: FromPath[str]) -> IssueAnswer:
    """Change an issue's status or assignee, for members."""
    found = await entered(request)
    project, database = found.access.project, services(request).database
    form = await read_form(request, ChangeForm, otherwise=BAD_CHANGE)
    row = await get_issue(database, project.project_id, issue_id)
    change = await change_of(database, project.project_id, form)
    await change_issues(database, project.project_id, [row.id], change, by=person_of(found))
    return await answer_of(request, project, row.id)


@post(
    "/issues/bulk",
    status_code=HTTP_200_OK,
    summary="Change many issues",
    opt=describes(
        body=BulkForm,
        example={"ids": IDS, "status": "ignored", "ignoreMinutes": 60},
        asks="project",
        errors=(409,),
    ),
)
async def change_many_issues(request: AnyRequest) -> ChangedIssues:
    """Change up to 500 issues at once; those that the project does not have are left out."""
    found = await entered(request)
    project_id, database = found.access.project.project_id, services(request).database
    form = await read_form(request, BulkForm, otherwise=BAD_CHANGE)
    change = await change_of(database, project_id, form)
    changed = await change_issues(database, project_id, form.ids, change, by=person_of(found))
    return ChangedIssues(changed)


@post(
    "/issues/{issue_id:str}/merge",
    status_code=HTTP_200_OK,
    summary="Merge issues into one",
    opt=describes(body=MergeForm, example={"ids": IDS}, answer=IssueAnswer, asks="project"),
)
async def merge_into_issue(request: AnyRequest, issue_id: FromPath[str]) -> IssueAnswer:
    """Give the events of other issues to this one; links to them lead here from then on."""
    found = await entered(request)
    project, database = found.access.project, services(request).database
    form = await read_form(request, MergeForm, otherwise="Missing required field: ids")
    row = await get_issue(database, project.project_id, issue_id)
    async with reader_of(request, project).turn() as warehouse:
        await merge((database, warehouse), project, row, form.ids, by=person_of(found))
    return await answer_of(request, project, row.id)


@post(
    "/issues/{issue_id:str}/unmerge",
    status_code=HTTP_200_OK,
    summary="Split an issue",
    opt=describes(
        body=UnmergeForm, example={"fingerprints": ["0" * 64]}, answer=IssueAnswer, asks="project"
    ),
)
async def unmerge_issue(request: AnyRequest, issue_id: FromPath[str]) -> IssueAnswer:
    """Give some of the issue's fingerprints an issue of their own, and return that."""
    found = await entered(request)
    project, database = found.access.project, services(request).database
    form = await read_form(request, UnmergeForm, otherwise="Missing required field: fingerprints")
    row = await get_issue(database, project.project_id, issue_id)
    async with reader_of(request, project).turn() as warehouse:
        stores = database, warehouse
        new_id = await unmerge(stores, project, row, form.fingerprints, by=person_of(found))
    return await answer_of(request, project, new_id)


async def change_of(database: Database, project_id: ProjectId, form: ChangeForm) -> IssueChange:
    """Returns the change that a form asks for. Raises `BadRequest`."""
    status = form.status
    if status is not UNSET and status not in STATUSES:
        raise BadRequest(f"status: expected {one_of(STATUSES)}")
    until_us = None
    if form.ignore_until is not None:
        if form.ignore_until.tzinfo is None:
            raise BadRequest("ignoreUntil: expected a time with a zone")
        until_us = (form.ignore_until - EPOCH) // MICROSECOND
    elif form.ignore_minutes is not None:
        until_us = _in_minutes(form.ignore_minutes)
    assignee: UserId | None | UnsetType = UNSET
    if form.assignee is not UNSET:
        assignee = await _member(database, project_id, form.assignee) if form.assignee else None
    return IssueChange(
        status=_status(status),
        in_release=form.in_release,
        in_next_release=form.in_next_release,
        until_us=until_us,
        until_events=form.ignore_events,
        until_people=form.ignore_users,
        assignee=assignee,
    )


def person_of(found: Entered) -> UserId | None:
    """Returns who changes something; `None` for a session that an API key opened."""
    session = found.session
    return None if session.key_access is not None else session.account.user_id


async def answer_of(request: Any, project: ProjectContext, issue_id: str) -> IssueAnswer:
    """Returns an issue as it stands, with its counts of all time."""
    row = await get_issue(services(request).database, project.project_id, issue_id)
    async with reader_of(request, project).turn() as warehouse:
        groups = {row.id: row.group_hashes}
        counts = await read_counts(warehouse, project, groups, ErrorFilter())
    return issue_answer(row, counts[row.id], fingerprints=row.fingerprints)


async def _member(database: Database, project_id: ProjectId, named: str) -> UserId:
    for member in await list_members(database, project_id):
        if named.lower() in (member.user_id, member.email):
            return UserId(member.user_id)
    raise BadRequest("assignee: expected the id or email of a member, or null")


def _status(text: str | UnsetType) -> Status | UnsetType:
    if text is UNSET:
        return UNSET
    return cast("Status", text)


def _in_minutes(minutes: int) -> int:
    if not 1 <= minutes <= MOST_MINUTES:
        raise BadRequest(f"ignoreMinutes: expected 1 to {MOST_MINUTES}")
    return time.time_ns() // 1000 + minutes * 60_000_000


HANDLERS: list[ControllerRouterHandler] = [
    change_issue,
    change_many_issues,
    merge_into_issue,
    unmerge_issue,
]
