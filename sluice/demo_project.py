"""The project that `sluice demo` fills: made at the first call, found again, and removed.

It is known by the name of its key: a project of a person that is named `demo` too is left alone.
"""

import asyncio
import time

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.directory import ProjectRow, all_projects
from controlplane.dsn import DsnDraft, create_dsn_key, list_dsn_keys
from controlplane.errors.changes import IssueChange, change_issues
from controlplane.keys import Key, list_keys
from controlplane.members import add_account, list_members
from controlplane.projects import delete_project, insert_project, is_forgotten
from schemas.projects import ProjectId, UserId
from sluice.commands.errors import CommandError
from sluice.demo_errors import Dsn, FoundIssue

PROJECT_NAME = "demo"
KEY_NAME = "sluice demo"
POLL_S = 0.5
RESOLVED = ("DuplicateOrder", "ReferenceError", "AccessDenied", "JSONDecodeError")
"""Types of issues; the first of them comes back."""
IGNORED = ("GeolocationPositionError", "OutOfStock")
ASSIGNED = ("KeyError", "BadRequestError", "GatewayUnavailable", "QueryCanceled")


async def demo_key(database: Database, vault: Vault) -> Key:
    """Returns the key of the project, which is made where there is none. Raises `CommandError`."""
    projects = await all_projects(database)
    found = await _find(database, vault, projects)
    if found is not None:
        return found
    async with database.session() as session:
        project, key = await insert_project(session, vault, PROJECT_NAME, admin_id=None)
        key.name = KEY_NAME
        project_id = ProjectId(str(project.id))
    await _let_in(database, projects, project_id)
    return (await list_keys(database, vault, project_id))[0]


async def demo_dsn(database: Database, project_id: ProjectId) -> Dsn:
    """Returns the oldest DSN of the project; one is made where all are revoked."""
    keys = await list_dsn_keys(database, project_id)
    key = keys[0] if keys else await create_dsn_key(database, project_id, DsnDraft(KEY_NAME, ""))
    return Dsn(key.public_key, str(key.number))


async def decide_issues(
    database: Database, project_id: ProjectId, issues: list[FoundIssue]
) -> None:
    """Resolves, ignores and assigns some of the demo's issues, as people would."""
    # Those that an event has reopened stay so: the same events do not come twice.
    fresh = [one for one in issues if one.status == "open" and not one.times_regressed]
    members = await list_members(database, project_id)
    changes = [
        (RESOLVED, IssueChange(status="resolved")),
        (IGNORED, IssueChange(status="ignored")),
    ]
    if members:
        changes.append((ASSIGNED, IssueChange(assignee=UserId(members[0].user_id))))
    for types, change in changes:
        ids = [one.issue_id for one in fresh if one.type in types]
        if ids:
            await change_issues(database, project_id, ids, change, by=None)


async def remove_demo(database: Database, vault: Vault) -> ProjectId:
    """Deletes the project; a server then removes what it has stored. Raises `CommandError`."""
    found = await _find(database, vault, await all_projects(database))
    if found is None:
        raise CommandError("there is no project demo to remove")
    await delete_project(database, found.project_id)
    return found.project_id


async def wait_forgotten(database: Database, project_id: ProjectId, *, timeout_s: float) -> bool:
    """Returns whether a server has removed the project and all that it had stored."""
    deadline = time.monotonic() + timeout_s
    while not await is_forgotten(database, project_id):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(POLL_S)
    return True


async def _find(database: Database, vault: Vault, projects: list[ProjectRow]) -> Key | None:
    named = [project for project in projects if project.name == PROJECT_NAME]
    for project in named:
        for key in await list_keys(database, vault, project.project_id):
            if key.name == KEY_NAME:
                return key
    if named:
        raise CommandError(
            f"project {PROJECT_NAME!r} ({named[0].project_id}) has no key named {KEY_NAME!r}, so it"
            " is not the demo's: rename it (sluice project set), or send with --key"
        )
    return None


async def _let_in(database: Database, others: list[ProjectRow], project_id: ProjectId) -> None:
    """Makes the admins of the first project see the demo when they sign in."""
    for member in await list_members(database, others[0].project_id) if others else ():
        if member.role == "admin":
            await add_account(database, project_id, member.email, "admin")
