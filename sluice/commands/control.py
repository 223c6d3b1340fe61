"""Opens the control plane for one command and finds the project that it is about."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from schemas.settings import Settings
from sluice.commands.errors import CommandError, WrongCall
from sluice.commands.options import settings_with
from sluice.paths import Paths, paths_of

if TYPE_CHECKING:
    from controlplane.crypto import Vault
    from controlplane.database import Database
    from controlplane.directory import ProjectRow
    from controlplane.initial import Initial

T = TypeVar("T")


class Control(NamedTuple):
    """The control plane of one installation, open."""

    settings: Settings
    paths: Paths
    database: "Database"
    vault: "Vault"
    initial: "Initial | None"


def run(work: Callable[[Control], Awaitable[T]], data_dir: Path | None) -> T:
    """Runs one command on the control plane. Raises `CommandError` where there is none yet."""
    settings = settings_with(data_dir=data_dir)
    refuse_missing(settings)

    async def go() -> T:
        async with opened(settings) as control:
            return await work(control)

    return asyncio.run(go())


def run_in_project(
    work: "Callable[[Control, ProjectRow], Awaitable[T]]",
    project: str | None,
    data_dir: Path | None,
) -> T:
    """Runs one command on a project, named by name or id, or else on the only one."""

    async def go(control: Control) -> T:
        return await work(control, await project_named(control.database, project))

    return run(go, data_dir)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Control]:
    """Opens the control plane as `sluice up` does: tables up to date, an empty one seeded."""
    from controlplane.database import Database
    from controlplane.initial import ensure_initial, seed_of
    from sluice.secret import find_secret, open_vault

    paths = paths_of(settings)
    find_secret(settings.secret, paths.data_dir)  # a broken one is said before anything is made
    if not settings.database_url:
        paths.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    database = Database(paths.database_url)
    try:
        await database.migrate()
        vault = await open_vault(settings, paths.data_dir, database)
        initial = await ensure_initial(database, vault, seed_of(settings))
        yield Control(settings, paths, database, vault, initial)
    finally:
        await database.close()


async def project_named(database: "Database", wanted: str | None) -> "ProjectRow":
    """Returns the project of a name or id, or the only one. Raises `CommandError`."""
    from controlplane.directory import all_projects

    projects = await all_projects(database)
    if wanted is None:
        if len(projects) == 1:
            return projects[0]
        names = ", ".join(project.name for project in projects) or "none"
        raise WrongCall(f"name one with --project; there are: {names}")
    by_id = [project for project in projects if project.project_id == wanted.lower()]
    found = by_id or [project for project in projects if project.name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(project.project_id for project in found)
        raise CommandError(f"several projects are named {wanted!r}: give an id of {ids}")
    near = get_close_matches(wanted, [project.name for project in projects], n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ";"
    raise CommandError(f"there is no project {wanted!r}{guess} sluice project list shows them")


async def refuse_taken(database: "Database", name: str) -> None:
    """Raises `CommandError` when a project has this name: commands find projects by it."""
    from controlplane.directory import all_projects

    for project in await all_projects(database):
        if project.name == name:
            raise CommandError(
                f"there is a project {name!r} already ({project.project_id}): choose another name"
            )


def refuse_missing(settings: Settings) -> None:
    """Raises `CommandError` for a data directory that no server has used yet."""
    paths = paths_of(settings)
    if not settings.database_url and not (paths.data_dir / "control.db").exists():
        raise CommandError(
            f"{paths.data_dir} holds no installation: start one with sluice up (or sluice migrate),"
            " or name another with --data-dir"
        )
