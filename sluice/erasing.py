"""What the control plane says of a person who is erased, of every system."""

from collections.abc import Collection

from clickhouse.client import Warehouse
from controlplane.database import Database
from controlplane.deploys.person_texts import TEXTS as OF_DEPLOYS
from controlplane.errors.erasing import erase_texts as erase_errors
from controlplane.errors.person_texts import TEXTS as OF_ERRORS
from controlplane.llm.budget_erasing import erase_budgets
from controlplane.llm.judge_erasing import erase_judges
from controlplane.llm.person_texts import TEXTS as OF_LLM
from controlplane.person_texts import MESSAGES, erase_all_texts
from controlplane.uptime.person_texts import TEXTS as OF_UPTIME
from processors.persons import ErasedLog, Erasures
from schemas.projects import ProjectId
from sluice.person_items import ITEMS

TEXTS = (*OF_ERRORS, MESSAGES, *OF_LLM, *OF_UPTIME, *OF_DEPLOYS)
"""Where the control plane may name people."""


async def erase_texts(
    database: Database, project_id: ProjectId, fingerprints: Collection[str], person: str
) -> None:
    """Leave a person out of issues, messages, budgets and what people wrote. May be repeated."""
    await erase_errors(database, project_id, fingerprints, person)
    await erase_budgets(database, project_id, person)
    await erase_judges(database, project_id, person)
    await erase_all_texts(database, TEXTS, project_id, person)


def erasures(database: Database, warehouse: Warehouse, event_log: ErasedLog) -> Erasures:
    """Return what works off erasures, of all systems."""
    return Erasures(
        database,
        warehouse,
        event_log,
        erase_texts=erase_texts,
        texts=TEXTS,
        beside=ITEMS,
    )
