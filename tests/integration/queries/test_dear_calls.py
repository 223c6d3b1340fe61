"""Dear and slow calls: parts that have none are not read, whichever cost counts in the project."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from schemas.projects import CostPreference, ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace

CENT = 10**10


async def parts_read(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, index: str
) -> str:
    """Returns of how many parts an index leaves how many, as the engine says it."""
    where = condition(project, wanted)
    sql = f"EXPLAIN indexes = 1 SELECT trace_id FROM traces WHERE {where.sql}"
    lines = [str(row[0]).strip() for row in (await warehouse.query(sql, where.values)).rows]
    behind = lines[lines.index(f"Name: {index}") :]
    left = next(line for line in behind if line.startswith("Parts: "))
    return left.removeprefix("Parts: ").split("/")[0]


@pytest.mark.parametrize("preference", ["reported", "computed"])
@pytest.mark.parametrize(("cents", "parts"), [("1.5", "1"), ("2.5", "0")])
async def test_parts_without_calls_that_are_so_dear_are_not_read(
    warehouse: Warehouse,
    project: ProjectContext,
    preference: CostPreference,
    cents: str,
    parts: str,
) -> None:
    costs = {f"{preference}_cost_pico": 2 * CENT}
    store_traces(warehouse, [make_trace(project.project_id, "t", **costs)])
    asked = replace(project, cost_preference=preference)

    found = await parts_read(
        warehouse, asked, TraceFilter(min_cost_cents=Decimal(cents)), "by_cost"
    )

    assert found == parts


@pytest.mark.parametrize(("least", "parts"), [(1_000, "1"), (1_300, "0")])
async def test_parts_without_calls_that_are_so_slow_are_not_read(
    warehouse: Warehouse, project: ProjectContext, least: int, parts: str
) -> None:
    store_traces(warehouse, [make_trace(project.project_id, "t", latency_ms=1200.0)])

    found = await parts_read(
        warehouse, project, TraceFilter(min_latency_ms=Decimal(least)), "by_latency"
    )

    assert found == parts
