"""How fresh a project's data is, of its own rows alone."""

import time

import pytest

from api.pages.parts.ranges import TimeRange
from api.pages.pipeline.ledger import Count, counts_of
from clickhouse.client import Warehouse
from clickhouse.queries import outcomes
from clickhouse.queries.freshness import newest_stored_us
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_outcomes, store_spans, store_traces
from tests.integration.queries.rows import START_US, make_outcome, make_span, make_trace

MINUTE_US = 60_000_000


async def test_nothing_stored_is_unknown(warehouse: Warehouse, project: ProjectContext) -> None:
    now_us = time.time_ns() // 60_000_000_000 * MINUTE_US
    rejected = make_outcome(project.project_id, "invalid", 1, minute_us=now_us)
    others = make_outcome(project.project_id + "-other", "accepted", 1, minute_us=now_us)
    store_outcomes(warehouse, [rejected, others])

    assert await newest_stored_us(warehouse, project) is None


async def test_the_newest_of_any_kind_counts_by_when_it_arrived(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    mine = project.project_id
    now_us = time.time_ns() // 60_000_000_000 * MINUTE_US - MINUTE_US
    store_outcomes(
        warehouse,
        [
            make_outcome(mine, "accepted", 1, minute_us=now_us - 5 * MINUTE_US),
            make_outcome(mine, "accepted", 2, minute_us=now_us),
            make_outcome(mine, "dead", 1, minute_us=now_us + MINUTE_US),
        ],
    )
    store_traces(warehouse, [make_trace(mine, "t1", received_at_us=now_us + 7_000_001)])
    store_spans(warehouse, [make_span(mine, "s1", received_at_us=now_us + 9_000_002)])
    others = make_trace(mine + "-other", "t2", received_at_us=now_us + 50_000_000)
    store_traces(warehouse, [others])

    assert await newest_stored_us(warehouse, project) == now_us + 9_000_002


async def test_every_page_of_counts_is_read(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = project.project_id
    rows = [
        make_outcome(mine, outcome, n + 1, minute_us=START_US + n * MINUTE_US)
        for n in range(7)
        for outcome in ("received", "accepted")
    ]
    store_outcomes(warehouse, rows)
    monkeypatch.setattr(outcomes, "AT_ONCE", 4)
    monkeypatch.setattr("api.pages.pipeline.ledger.AT_ONCE", 4)
    shown = TimeRange(START_US, START_US + 6 * MINUTE_US, None, "UTC", START_US)

    found = await counts_of(warehouse, project, "trace", shown, "minute")
    nothing = await counts_of(warehouse, project, "span", shown, "minute")

    assert len(found) == 14
    assert Count(START_US + 6 * MINUTE_US, "trace", "accepted", "", 7) in found
    assert sum(one.items for one in found if one.outcome == "received") == 28
    assert nothing == []
