"""The budgets of the demo: of the project, of each user and of each key. Made once."""

from decimal import Decimal

from controlplane.database import Database
from controlplane.llm.budgets import add_budget, list_budgets
from schemas.llm.budgets import BudgetForm
from schemas.projects import ProjectId

FORMS = (
    BudgetForm(name="All calls, a month", amount=Decimal(50)),
    BudgetForm(name="Each user, a day", amount=Decimal("0.5"), scope="user", window="day"),
    BudgetForm(name="Each key, a week", amount=Decimal(20), scope="key", window="week"),
)


async def set_budgets(database: Database, project_id: ProjectId) -> None:
    """Makes those that are not there."""
    names = {budget.name for budget in await list_budgets(database, project_id)}
    for form in FORMS:
        if form.name not in names:
            await add_budget(database, project_id, form)
