"""The project that `sluice demo` fills: made at the first call, found again, and removed.

It is known by the name of its key: a project of a person that is named `demo` too is left alone.
"""

import asyncio
import time

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.directory import ProjectRow, all_projects
from controlplane.keys import Key, list_keys
from controlplane.members import add_account, list_members
from controlplane.projects import delete_project, insert_project, is_forgotten
from schemas.projects import ProjectId
from sluice.commands.errors import CommandError

PROJECT_NAME = "demo"
KEY_NAME = "sluice demo"
POLL_S = 0.5


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
