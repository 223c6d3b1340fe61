"""Apps: the deployed side of projects. An app's configuration is told, its secrets are not."""

import time
from collections.abc import Callable
from uuid import UUID

import msgspec
from msgspec import Struct
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys import models
from controlplane.deploys.app_views import AppView, view_apps
from controlplane.deploys.audit import Actor, note
from controlplane.deploys.ending import end_deployments
from controlplane.deploys.rows import Reach
from controlplane.deploys.secrets import open_secrets, seal_secrets
from controlplane.failures import BadRequest, NotFound
from controlplane.lookups import locked_project
from controlplane.models import Project
from controlplane.projects import close_project, insert_own_project, rename_project
from controlplane.rules import as_uuid, cleaned_name
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.projects import ProjectId, UserId

SECOND_US = 1_000_000
Change = Callable[[AppConfig, AppSecrets], tuple[AppConfig, AppSecrets]]


class Draft(Struct, frozen=True):
    """A project to make, with how it is deployed."""

    name: str
    config: AppConfig
    secrets: AppSecrets


async def add_app(
    database: Database, vault: Vault, actor: Actor, draft: Draft, *, at_most: int
) -> AppView:
    """Makes a project with its keys and its app; its admin is who asks.

    Raises `Conflict` for a name that is taken, or when there are `at_most` already.
    """
    user_id = UserId(str(actor.user_id))
    async with database.session() as session:
        project, _ = await insert_own_project(session, vault, user_id, draft.name, at_most=at_most)
        app = _new_app(project.id, user_id)
        _write(vault, app, draft.config, draft.secrets)
        session.add(app)
        note(session, actor, ("create", "project", str(project.id)), name=project.name)
        await session.flush()
        return await _view(session, vault, ProjectId(str(project.id)))


async def list_apps(database: Database, vault: Vault, reach: Reach) -> list[AppView]:
    """Returns the projects within a reach, the newest first; also those that have no app yet."""
    async with database.reading() as session:
        return await view_apps(session, vault, reach.covers(Project.id))


async def get_app(database: Database, vault: Vault, project_id: ProjectId) -> AppView:
    """Returns a live project with its app; raises `NotFound`."""
    async with database.reading() as session:
        return await _view(session, vault, project_id)


async def change_app(
    database: Database,
    vault: Vault,
    actor: Actor,
    project_id: ProjectId,
    change: Change,
    *,
    name: str | None = None,
) -> AppView:
    """Changes an app, or gives a project one. Raises `NotFound`, `BadRequest`, `Conflict`."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        if name is not None:
            await rename_project(session, project, cleaned_name(name, "name"))
        app = await session.get(models.App, project.id, with_for_update=True)
        if app is None:
            app = _new_app(project.id, actor.user_id)
            before = AppConfig(), AppSecrets()
            session.add(app)
        else:
            before = config_of(app), open_secrets(vault, project.id, app.sealed_secrets)
        after = change(*before)
        _write(vault, app, *after)
        fields = ", ".join(_changed(before, after))
        note(session, actor, ("update", "project", project_id), fields=fields)
        await session.flush()
        return await _view(session, vault, project_id)


async def ask_sync(database: Database, actor: Actor, project_id: ProjectId) -> None:
    """Has a deployer look at the branch of an app now; raises `NotFound`, `BadRequest`."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        app = await session.get(models.App, project.id, with_for_update=True)
        if app is None or not config_of(app).repo_url:
            raise BadRequest("The project has no repository: set its repo_url first")
        app.next_sync_us = time.time_ns() // 1000
        note(session, actor, ("sync", "project", project_id))


async def wants_monitor(database: Database, project_id: ProjectId) -> bool:
    """Tells whether the address of a project's app is to be monitored."""
    async with database.reading() as session:
        app = await session.get(models.App, as_uuid(project_id))
        return app is not None and config_of(app).monitor


async def remove_app(database: Database, actor: Actor, project_id: ProjectId) -> None:
    """Deletes a project, and ends its deployments; raises `NotFound`."""
    async with database.session() as session:
        project = await locked_project(session, project_id)
        await end_deployments(session, project.id)
        await close_project(session, project)
        note(session, actor, ("delete", "project", project_id), name=project.name)


async def owner_of(database: Database, project_id: ProjectId) -> UserId | None:
    """Returns who made the app of a project."""
    query = select(models.App.user_id).where(models.App.project_id == as_uuid(project_id))
    async with database.reading() as session:
        found = await session.scalar(query)
    return None if found is None else UserId(str(found))


async def open_app(
    database: Database, vault: Vault, project_id: ProjectId
) -> tuple[AppConfig, AppSecrets]:
    """Returns what is said of the app of a live project, with what is nobody told."""
    query = select(models.App).join(Project, Project.id == models.App.project_id)
    query = query.where(Project.id == as_uuid(project_id), Project.deleted_at.is_(None))
    async with database.reading() as session:
        app = await session.scalar(query)
    if app is None:
        return AppConfig(), AppSecrets()
    return config_of(app), open_secrets(vault, app.project_id, app.sealed_secrets)


def config_of(app: models.App) -> AppConfig:
    """Returns the configuration that a row holds."""
    return msgspec.json.decode(app.config, type=AppConfig)


async def _view(session: AsyncSession, vault: Vault, project_id: ProjectId) -> AppView:
    of = Project.id == as_uuid(project_id)
    found = await view_apps(session, vault, of & Project.deleted_at.is_(None))
    if not found:
        raise NotFound("project not found")
    return found[0]


def _new_app(project_id: UUID, user_id: UserId | None) -> models.App:
    now_us = time.time_ns() // 1000
    return models.App(
        project_id=project_id,
        user_id=None if user_id is None else as_uuid(user_id),
        next_sync_us=None,
        created_us=now_us,
        updated_us=now_us,
    )


def _write(vault: Vault, app: models.App, config: AppConfig, secrets: AppSecrets) -> None:
    now_us = time.time_ns() // 1000
    app.config = msgspec.json.encode(config).decode()
    app.sealed_secrets = seal_secrets(vault, app.project_id, secrets)
    app.updated_us = now_us
    is_due = config.auto_sync_enabled and bool(config.repo_url)
    app.next_sync_us = now_us + config.sync_interval_secs * SECOND_US if is_due else None


def _changed(
    before: tuple[AppConfig, AppSecrets], after: tuple[AppConfig, AppSecrets]
) -> list[str]:
    """Returns the names of the fields that are others now, and no value."""
    return [
        name
        for old, new in zip(before, after, strict=True)
        for name in old.__struct_fields__
        if getattr(old, name) != getattr(new, name)
    ]
