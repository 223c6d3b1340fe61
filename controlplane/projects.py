"""Projects: created, listed, configured, deleted in two steps, and who may enter one."""

from collections.abc import Collection
from datetime import UTC, datetime
from uuid import UUID

from msgspec import UNSET, Struct, UnsetType
from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.dsn import DsnDraft, insert_dsn_key
from controlplane.failures import BadRequest, Conflict, Forbidden
from controlplane.keys import DEFAULT_KEY_NAME, end_keys, insert_key
from controlplane.lookups import live_project
from controlplane.models import ApiKey, Membership, Project, PurgedProject, User
from controlplane.quotas import refuse_beyond
from controlplane.rules import as_uuid, cleaned_name
from schemas.projects import CostPreference, KeyId, ProjectContext, ProjectId, Role, UserId
from schemas.times import day_us
from schemas.zones import UnknownZone, check_zone, known_zone

MAX_RETENTION_DAYS = 3650
PURGED_AT_ONCE = 1_000
"""Projects; each statement names them all."""


class ProjectSettings(Struct, frozen=True):
    """A project and what its admins may set; `None` retention follows the installation."""

    project_id: ProjectId
    name: str
    cost_preference: CostPreference
    time_zone: str
    retention_days: int | None
    created_at: datetime


class MemberProject(Struct, frozen=True):
    """A project as one of its members sees it."""

    project_id: ProjectId
    name: str
    created_at: datetime
    role: Role


class Access(Struct, frozen=True):
    """That a user may enter a project, and how."""

    project: ProjectContext
    role: Role


class CreatedProject(Struct, frozen=True):
    """A new project with the plaintext of its first key."""

    project_id: ProjectId
    name: str
    plain_key: str


class FirstKeys(Struct, frozen=True):
    """The values of a new project's first keys; `None` makes a random one."""

    plain: str | None = None
    """Of its API key."""
    dsn: str | None = None


RANDOM_KEYS = FirstKeys()


class ProjectChange(Struct, frozen=True):
    """What to change of a project; what is `UNSET` stays."""

    name: str | UnsetType = UNSET
    cost_preference: str | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET
    retention_days: int | None | UnsetType = UNSET


async def create_project(
    database: Database, vault: Vault, user_id: UserId, name: str, *, at_most: int | None = None
) -> CreatedProject:
    """Create a project with the user as its admin, and its `Default Key`.

    Raises `Conflict` when a project of the user has this name, or the user administers `at_most`
    projects already, deleted ones counted until their data is purged: who makes and deletes them
    by turns is bounded too.
    """
    async with database.session() as session:
        project, key = await insert_own_project(session, vault, user_id, name, at_most=at_most)
        plain = vault.unseal(key.sealed_key, bound_to=key.key_hash)
        return CreatedProject(ProjectId(str(project.id)), project.name, plain)


async def insert_own_project(
    session: AsyncSession, vault: Vault, user_id: UserId, name: str, *, at_most: int | None
) -> tuple[Project, ApiKey]:
    """As `create_project`, within an open transaction."""
    cleaned = cleaned_name(name, "Project name")
    await session.get(User, UUID(user_id), with_for_update={"key_share": True})
    counted = select(func.count()).select_from(Membership)
    own = counted.where(Membership.user_id == UUID(user_id), Membership.role == "admin")
    found = await session.scalar(own) or 0
    what = "You administer too many projects"
    refuse_beyond(at_most, found, what=what, setting="max_projects_per_user")
    await _refuse_taken(session, cleaned, {UUID(user_id)})
    return await insert_project(session, vault, cleaned, admin_id=UUID(user_id))


async def insert_project(
    session: AsyncSession,
    vault: Vault,
    name: str,
    *,
    admin_id: UUID | None,
    keys: FirstKeys = RANDOM_KEYS,
) -> tuple[Project, ApiKey]:
    """Add a project, its `Default Key` and its DSN key within an open transaction."""
    project = Project(name=name)
    session.add(project)
    await session.flush()
    if admin_id is not None:
        session.add(Membership(user_id=admin_id, project_id=project.id, role="admin"))
    key = await insert_key(session, vault, project.id, DEFAULT_KEY_NAME, plain=keys.plain)
    await insert_dsn_key(session, project.id, DsnDraft(public_key=keys.dsn))
    return project, key


async def list_projects(database: Database, user_id: UserId) -> list[MemberProject]:
    """List the projects that a user is a member of, the oldest first."""
    query = (
        select(Project, Membership.role)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == as_uuid(user_id), Project.deleted_at.is_(None))
        .order_by(Project.created_at, Project.id)
    )
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return [
        MemberProject(ProjectId(str(row.id)), row.name, row.created_at, as_role(role))
        for row, role in rows
    ]


async def enter_project(database: Database, user_id: UserId, project_id: str) -> Access:
    """Return what a member may do in a live project; raises `Forbidden` for everybody else."""
    query = (
        select(Project, Membership.role)
        .join(Membership, Membership.project_id == Project.id)
        .where(Membership.user_id == as_uuid(user_id), Project.id == as_uuid(project_id))
        .where(Project.deleted_at.is_(None))
    )
    async with database.reading() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        raise Forbidden("Forbidden: no access to this project")
    return Access(context_of(row[0], key_id=None), as_role(row[1]))


async def project_settings(database: Database, project_id: ProjectId) -> ProjectSettings:
    """Return the settings of a live project; raises `NotFound`."""
    async with database.reading() as session:
        return _settings_of(await live_project(session, project_id))


async def update_project(
    database: Database, project_id: ProjectId, change: ProjectChange
) -> ProjectSettings:
    """Change a project and return it as it is now.

    Raises `NotFound`, `BadRequest`, and `Conflict` for the name of another project of a member.
    """
    async with database.session() as session:
        project = await live_project(session, project_id)
        if change.name is not UNSET:
            await rename_project(session, project, cleaned_name(change.name, "Project name"))
        if change.cost_preference is not UNSET:
            project.cost_preference = as_cost_preference(change.cost_preference)
        if change.time_zone is not UNSET:
            project.time_zone = as_time_zone(change.time_zone)
        if change.retention_days is not UNSET:
            project.retention_days = _checked_retention(change.retention_days)
    return _settings_of(project)


async def list_retentions(database: Database) -> dict[ProjectId, int]:
    """Return the projects that keep their data for a time of their own, in days."""
    query = select(Project.id, Project.retention_days).where(Project.deleted_at.is_(None))
    async with database.reading() as session:
        rows = (await session.execute(query.where(Project.retention_days.is_not(None)))).all()
    return {ProjectId(str(project_id)): days for project_id, days in rows if days is not None}


async def delete_project(database: Database, project_id: ProjectId) -> None:
    """Close a project: nobody may enter, its keys are gone; its data awaits the janitor.

    Raises `NotFound` when it is unknown or deleted already.
    """
    async with database.session() as session:
        await close_project(session, await live_project(session, project_id))


async def close_project(session: AsyncSession, project: Project) -> None:
    """As `delete_project`, within an open transaction."""
    project.deleted_at = datetime.now(UTC)
    await end_keys(session, [project.id])


async def list_deleted_projects(database: Database) -> list[ProjectId]:
    """List projects whose stored data is to be purged, the longest dead first: a bounded number."""
    query = (
        select(Project.id)
        .where(Project.deleted_at.is_not(None))
        .order_by(Project.deleted_at, Project.id)
        .limit(PURGED_AT_ONCE)
    )
    async with database.reading() as session:
        return [ProjectId(str(project_id)) for project_id in await session.scalars(query)]


async def is_forgotten(database: Database, project_id: ProjectId) -> bool:
    """Tell whether a deleted project is gone, and what it had stored with it."""
    query = select(Project.id).where(Project.id == as_uuid(project_id))
    async with database.reading() as session:
        return await session.scalar(query) is None


async def forget_projects(database: Database, project_ids: Collection[ProjectId]) -> None:
    """Remove deleted projects, once their data is purged, but for a note that there were such.

    Live ones stay. The note has retention delete what still arrives of them.
    """
    ids = [as_uuid(project_id) for project_id in project_ids]
    gone = (Project.id.in_(ids), Project.deleted_at.is_not(None))
    async with database.session() as session:
        rows = (await session.execute(select(Project.id, Project.deleted_at).where(*gone))).all()
        session.add_all(PurgedProject(project_id=row.id, deleted_at=row.deleted_at) for row in rows)
        await session.execute(delete(Project).where(*gone))


async def rename_project(session: AsyncSession, project: Project, name: str) -> None:
    """Give a project another, cleaned name; raises `Conflict` when one of a member has it."""
    if name == project.name:
        return  # also where an older version has let in a second one of this name
    members = select(Membership.user_id).where(Membership.project_id == project.id)
    await _refuse_taken(session, name, set(await session.scalars(members)))
    project.name = name


async def _refuse_taken(session: AsyncSession, name: str, user_ids: Collection[UUID]) -> None:
    """Raise `Conflict` when one of these people has a project of this name.

    A person who joins the project of somebody else may come to have two of a name.
    """
    query = (
        select(Project.id)
        .join(Membership, Membership.project_id == Project.id)
        .where(Project.name == name, Project.deleted_at.is_(None))
        .where(Membership.user_id.in_(user_ids))
    )
    if await session.scalar(query.limit(1)) is not None:
        raise Conflict(f"There is a project named {name!r} already: choose another name")


def context_of(project: Project, *, key_id: str | None) -> ProjectContext:
    """Show a project's row as what every handler works with."""
    return ProjectContext(
        project_id=ProjectId(str(project.id)),
        cost_preference=as_cost_preference(project.cost_preference),
        time_zone=known_zone(project.time_zone),
        key_id=None if key_id is None else KeyId(key_id),
        rows_from_us=None if project.rows_from is None else day_us(project.rows_from),
    )


def as_role(text: object) -> Role:
    """Read a role as Pulse does: whatever is not `admin` is `user`."""
    return "admin" if text == "admin" else "user"


def as_cost_preference(text: str) -> CostPreference:
    """Read a cost preference; raises `BadRequest`."""
    if text == "reported":
        return "reported"
    if text == "computed":
        return "computed"
    raise BadRequest("costPreference must be 'reported' or 'computed'")


def as_time_zone(text: str) -> str:
    """Read the IANA name of a time zone; raises `BadRequest`."""
    try:
        return check_zone(text)
    except UnknownZone as error:
        raise BadRequest(f"timeZone: {error}") from error


def _checked_retention(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= MAX_RETENTION_DAYS:
        raise BadRequest(f"retentionDays must be null or between 1 and {MAX_RETENTION_DAYS}")
    return days


def _settings_of(project: Project) -> ProjectSettings:
    return ProjectSettings(
        project_id=ProjectId(str(project.id)),
        name=project.name,
        cost_preference=as_cost_preference(project.cost_preference),
        time_zone=project.time_zone,
        retention_days=project.retention_days,
        created_at=project.created_at,
    )
