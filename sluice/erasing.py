"""What the control plane says of a person who is erased, of every system."""

from collections.abc import Collection

from controlplane.database import Database
from controlplane.errors.erasing import erase_texts as erase_errors
from controlplane.llm.budget_erasing import erase_budgets
from controlplane.llm.judge_erasing import erase_judges
from schemas.projects import ProjectId


async def erase_texts(
    database: Database, project_id: ProjectId, fingerprints: Collection[str], person: str
) -> None:
    """Leave a person out of issues, messages, budgets and judges. May be repeated."""
    await erase_errors(database, project_id, fingerprints, person)
    await erase_budgets(database, project_id, person)
    await erase_judges(database, project_id, person)
