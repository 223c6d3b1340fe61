"""Spend by hour and model: what is usual in a project, and which hours are not."""

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.budgets import COLUMNS, spent_in
from clickhouse.llm.filters import TraceFilter
from schemas.llm.budgets import Spent
from schemas.projects import ProjectContext

MOST_ROWS = 100_000
"""Hours times models: more is refused."""


async def read_model_hours(
    warehouse: Warehouse, project: ProjectContext, from_us: int, to_us: int
) -> dict[str, dict[int, Spent]]:
    """Returns what each model has spent, by the start of the hour in UTC.

    Raises `QueryTooExpensive` where there are more models than can be compared.
    """
    names = ("hour", "model")
    wanted = TraceFilter(from_us=from_us, to_us=to_us)
    scoped = rollups.scope(replace(project, time_zone="UTC"), wanted, names=names)
    statement = rollups.statement(scoped, names, rollups.sums(scoped, COLUMNS))
    values = rollups.values_of(scoped)
    answer = await warehouse.query(statement, values, max_result_rows=MOST_ROWS)
    found: dict[str, dict[int, Spent]] = {}
    for hour, model, *sums in answer.rows:
        found.setdefault(model, {})[int(hour)] = spent_in(sums)
    return found
