"""What a forecast goes by: the hours of a budget, which add up to what analytics say."""

from decimal import Decimal

from clickhouse.client import Warehouse
from clickhouse.llm.budgets import read_hours
from schemas.llm.budgets import Budget, Spent
from schemas.projects import ProjectContext, ProjectId
from schemas.zones import DAY_US, HOUR_US
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, make_trace

PICO = 10**12


async def test_hours_are_of_utc_and_of_the_budgets_own_calls(warehouse: Warehouse) -> None:
    project = ProjectContext(ProjectId("hours"), time_zone="Asia/Kathmandu")
    budget = Budget(
        id="b",
        name="b",
        scope="user",
        value="ann",
        amount=Decimal(1),
        revision=1,
        created_us=0,
        time_zone="Asia/Kathmandu",
    )
    rows = [
        make_trace(
            project.project_id,
            f"trace {number}",
            user_id="ann" if number % 2 else "bob",
            timestamp_us=START_US + number * HOUR_US // 2,
            reported_cost_pico=PICO,
            input_tokens=2,
        )
        for number in range(8)
    ]
    store_traces(warehouse, rows)

    found = await read_hours(warehouse, project, budget, START_US, START_US + DAY_US)

    one = Spent(Decimal(1), 2, 1, 0)
    assert found == {START_US + hour * HOUR_US: one for hour in range(4)}
