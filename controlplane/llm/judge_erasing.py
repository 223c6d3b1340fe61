"""What judges say of a person who is erased."""

import msgspec
from sqlalchemy import select

from controlplane.database import Database
from controlplane.llm.dataset_erasing import NAMES
from controlplane.llm.judge_models import JudgeRow
from controlplane.rules import as_uuid
from schemas.llm.judges import JudgeForm
from schemas.projects import ProjectId


async def erase_judges(database: Database, project_id: ProjectId, person: str) -> None:
    """Remove the judges of the calls of a person alone: they have none any more. May be repeated.

    Calls of theirs that wait for other judges are not found any more when their turn comes.
    """
    async with database.session() as session:
        rows = select(JudgeRow).where(JudgeRow.project_id == as_uuid(project_id)).with_for_update()
        for row in await session.scalars(rows):
            calls = msgspec.json.decode(row.form, type=JudgeForm).calls
            if person in (calls.user, *(calls.metadata.get(name) for name in NAMES)):
                await session.delete(row)
