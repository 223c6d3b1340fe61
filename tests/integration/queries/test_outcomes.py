"""Outcomes over HTTP."""

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.queries import outcomes
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_outcomes
from tests.integration.queries.rows import HOUR_US, START_US, make_outcome

Client = TestClient[Litestar]
RANGE = "date_from=2025-06-01&date_to=2025-06-01"


@pytest.mark.parametrize(("name", "value"), [("outcome", "lost"), ("interval", "year")])
def test_an_unknown_outcome_or_interval_is_refused(client: Client, name: str, value: str) -> None:
    answer = client.get(f"/outcomes?{RANGE}&{name}={value}")

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_outcomes_are_counted_per_minute_and_balance(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    mine = project.project_id
    store_outcomes(
        warehouse,
        [
            make_outcome(mine, "received", 10),
            make_outcome(mine, "accepted", 7),
            make_outcome(mine, "invalid", 2, reason="bad provider"),
            make_outcome(mine, "dead", 1),
            make_outcome(mine, "dead", -1, minute_us=START_US + HOUR_US),
            make_outcome(mine, "accepted", 1, minute_us=START_US + HOUR_US),
            make_outcome(mine + "-other", "received", 99),
        ],
    )

    found = client.get(f"/outcomes?{RANGE}").json()
    by_day = client.get(f"/outcomes?{RANGE}&interval=day").json()

    assert found["balanced"] is True
    assert found["totals"]["received"] == 10
    assert found["totals"]["accepted"] == 8
    assert found["totals"]["dead"] == 0
    assert found["totals"]["too_large"] == 0
    assert {
        "kind": "trace",
        "outcome": "invalid",
        "reason": "bad provider",
        "minute": "2025-06-01T00:00:00.000Z",
        "count": 2,
        "start": "2025-06-01T00:00:00+00:00",
    } in found["outcomes"]
    assert {(row["outcome"], row["count"]) for row in by_day["outcomes"]} == {
        ("received", 10),
        ("accepted", 8),
        ("invalid", 2),
    }


def test_what_does_not_add_up_is_said(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_outcomes(warehouse, [make_outcome(project.project_id, "received", 3)])

    found = client.get(f"/outcomes?{RANGE}&outcome=accepted").json()

    assert found["balanced"] is False
    assert found["outcomes"] == []


def test_many_counts_come_in_pages_that_fit_together(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    minutes = [START_US + number * 60_000_000 for number in range(outcomes.AT_ONCE // 3)]
    kinds = [("accepted", ""), ("invalid", "bad_items"), ("invalid", "bad_json"), ("dead", "")]
    rows = [
        make_outcome(project.project_id, outcome, 1, reason=reason, minute_us=at)
        for at in minutes
        for outcome, reason in kinds
    ]
    store_outcomes(warehouse, rows)

    found = client.get("/outcomes?date_from=2025-06-01&date_to=2025-06-05").json()["outcomes"]

    keys = [(row["minute"], row["outcome"], row["reason"]) for row in found]
    assert len(keys) == len(minutes) * 4 > outcomes.AT_ONCE
    assert keys == sorted(set(keys))


async def test_more_counts_than_the_bound_are_refused_and_never_cut(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    minutes = [START_US + number * 60_000_000 for number in range(4)]
    rows = [make_outcome(project.project_id, "received", 1, minute_us=at) for at in minutes]
    store_outcomes(warehouse, rows)
    monkeypatch.setattr(outcomes, "MOST_ROWS", 3)

    async def count(first: int) -> int:
        between_s = (minutes[first] // 10**6, minutes[-1] // 10**6)
        wanted = outcomes.Wanted(between_s, None, None, "minute")
        await outcomes.count_pages(warehouse, project, wanted)
        counts, _ = await outcomes.read_outcomes(warehouse, project, wanted, outcomes.After())
        return len(counts)

    assert await count(1) == 3
    with pytest.raises(QueryTooExpensive):
        await count(0)
