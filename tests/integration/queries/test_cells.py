"""Groups with their buckets, as Explore reads them of what no rollup knows."""

import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.cells import Crossing, cross_groups
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.groups import Grouping, rank_groups, read_groups, sum_groups
from clickhouse.llm.rollups import scope
from schemas.llm.answers import Group
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_trace, random_traces

ALL = TraceFilter(from_us=START_US - DAY_US, to_us=START_US + 9 * DAY_US)
NAMES = ("metadata.team", "model")


@pytest.mark.parametrize("limit", [2, 50])
@pytest.mark.parametrize("order", ["cost", "latency"])
async def test_groups_and_buckets_of_one_pass_are_those_of_statements_of_their_own(
    warehouse: Warehouse, project: ProjectContext, order: str, limit: int
) -> None:
    store_traces(warehouse, random_traces(project.project_id, 7, 400))
    store_traces(warehouse, [make_trace("another", "theirs", tags={"team": "green"})])
    grouping = Grouping(NAMES, order, False, limit)
    scoped = scope(project, ALL, names=(*NAMES, "day"))

    found = await cross_groups(warehouse, scoped, Crossing(grouping, "day", 50))

    ranked = await rank_groups(warehouse, project, ALL, grouping)
    groups = await read_groups(warehouse, project, ranked, slice(None))
    assert [shown(one) for one in found.groups] == [shown(one) for one in groups]
    cells = Grouping((*NAMES, "day"), "requests", False, 50, summed=order)
    assert found.cells == await sum_groups(warehouse, project, ALL, cells)
    assert len(found.cells) == 50


def shown(group: Group) -> tuple[object, ...]:
    """Returns what a table of Explore says of a group."""
    tokens = (group.tokens.input, group.tokens.output)
    sums = (group.requests, group.error_rate, group.cost_cents, *tokens)
    return (group.key, *sums, group.p50, group.p90, group.p95, group.p99)
