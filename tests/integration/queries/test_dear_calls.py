"""Dear and slow calls: parts that have none are not read, whichever cost counts in the project."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter, condition
from schemas.projects import CostPreference, ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_trace

CENT = 10**10
# Of a month that no other test has: its part merges with none of theirs.
RECEIVED_US = START_US + 600 * DAY_US


async def parts_read(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, index: str
) -> int:
    """Returns how many parts an index leaves, as the engine says it."""
    where = condition(project, wanted)
    sql = f"EXPLAIN indexes = 1 SELECT trace_id FROM traces WHERE {where.sql}"
    lines = [str(row[0]).strip() for row in (await warehouse.query(sql, where.values)).rows]
    behind = lines[lines.index(f"Name: {index}") :]
    left = next(line for line in behind if line.startswith("Parts: "))
    return int(left.removeprefix("Parts: ").split("/")[0])


@pytest.mark.parametrize("preference", ["reported", "computed"])
async def test_parts_without_calls_that_are_so_dear_are_not_read(
    warehouse: Warehouse, project: ProjectContext, preference: CostPreference
) -> None:
    costs = {f"{preference}_cost_pico": 900 * CENT}
    made = make_trace(project.project_id, "t", received_at_us=RECEIVED_US, **costs)
    store_traces(warehouse, [made])
    asked = replace(project, cost_preference=preference)
    wanted = [TraceFilter(min_cost_cents=Decimal(least)) for least in (900, 901)]

    of_such, of_none = [await parts_read(warehouse, asked, one, "by_cost") for one in wanted]

    assert of_such > of_none


async def test_parts_without_calls_that_are_so_slow_are_not_read(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    made = make_trace(project.project_id, "t", received_at_us=RECEIVED_US, latency_ms=9e6)
    store_traces(warehouse, [made])
    wanted = [TraceFilter(min_latency_ms=Decimal(least)) for least in (9_000_000, 9_000_001)]

    of_such, of_none = [await parts_read(warehouse, project, one, "by_latency") for one in wanted]

    assert of_such > of_none
