"""What projects set for their errors: written by admins, read by the stream."""

from collections.abc import Collection
from datetime import UTC, datetime

import msgspec
from sqlalchemy import select

from controlplane.database import Database
from controlplane.errors.models import ErrorSetting
from controlplane.errors.settings_checks import checked
from controlplane.lookups import live_project, locked_project
from controlplane.rules import as_uuid
from schemas.errors.grouping import GroupingConfig
from schemas.errors.masking import MaskRules
from schemas.errors.settings import DEFAULT_SETTINGS, ProjectErrorsSettings
from schemas.projects import ProjectId


async def read_settings(database: Database, project_id: ProjectId) -> ProjectErrorsSettings:
    """Return what a live project has set; raises `NotFound`."""
    async with database.reading() as session:
        await live_project(session, project_id)
        row = await session.get(ErrorSetting, as_uuid(project_id))
    return DEFAULT_SETTINGS if row is None else _decoded(row)


async def write_settings(
    database: Database, project_id: ProjectId, settings: ProjectErrorsSettings
) -> ProjectErrorsSettings:
    """Set all of it, and return it cleaned. Raises `BadRequest`, `NotFound`."""
    clean = checked(settings)
    async with database.session() as session:
        await locked_project(session, project_id)
        row = await session.get(ErrorSetting, as_uuid(project_id))
        if row is None:
            row = ErrorSetting(project_id=as_uuid(project_id), revision=0)
            session.add(row)
        row.revision += 1
        row.grouping = msgspec.json.encode(clean.grouping).decode()
        row.masking = msgspec.json.encode(clean.masking).decode()
        row.auto_resolve_days = clean.auto_resolve_days
        row.changed_at = datetime.now(UTC)
    return clean


async def list_setting_revisions(database: Database) -> dict[ProjectId, int]:
    """Return the revision of every project that has set something."""
    query = select(ErrorSetting.project_id, ErrorSetting.revision)
    async with database.reading() as session:
        rows = (await session.execute(query)).all()
    return {ProjectId(str(row.project_id)): row.revision for row in rows}


async def read_many_settings(
    database: Database, project_ids: Collection[ProjectId]
) -> dict[ProjectId, tuple[int, ProjectErrorsSettings]]:
    """Return the revision and the settings of some projects."""
    ids = [as_uuid(project_id) for project_id in project_ids]
    query = select(ErrorSetting).where(ErrorSetting.project_id.in_(ids))
    async with database.reading() as session:
        rows = list(await session.scalars(query))
    return {ProjectId(str(row.project_id)): (row.revision, _decoded(row)) for row in rows}


def _decoded(row: ErrorSetting) -> ProjectErrorsSettings:
    return ProjectErrorsSettings(
        msgspec.json.decode(row.masking, type=MaskRules),
        msgspec.json.decode(row.grouping, type=GroupingConfig),
        row.auto_resolve_days,
    )
