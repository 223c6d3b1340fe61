"""What budgets say of a person who is erased."""

import msgspec
from sqlalchemy import delete, select

from controlplane.database import Database
from controlplane.llm.budget_models import BudgetAlertRow, BudgetRow
from controlplane.rules import as_uuid
from schemas.llm.budgets import BudgetForm
from schemas.projects import ProjectId


async def erase_budgets(database: Database, project_id: ProjectId, person: str) -> None:
    """Remove what was told of a person, and the budgets of them alone. May be repeated.

    Their calls are erased too, so such a budget counts nothing any more.
    """
    own = as_uuid(project_id)
    async with database.session() as session:
        told = delete(BudgetAlertRow).where(
            BudgetAlertRow.project_id == own, BudgetAlertRow.entity == person
        )
        await session.execute(told)
        rows = select(BudgetRow).where(BudgetRow.project_id == own).with_for_update()
        for row in await session.scalars(rows):
            if msgspec.json.decode(row.form, type=BudgetForm).value == person:
                await session.delete(row)
