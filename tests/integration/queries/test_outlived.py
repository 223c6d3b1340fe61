"""Where rows are gone, sums say what they said before, to the last digit; the answer says so."""

import random
from typing import Any

import pytest
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import SpanFilter, TraceFilter
from clickhouse.llm.groups import Grouping
from clickhouse.llm.span_analytics import analyse_spans
from clickhouse.llm.traces import count_traces
from clickhouse.person_rollups import drop_empty_sums, move_session_sums
from clickhouse.persons import Whose, erase_rows, personal_of
from clickhouse.queries.periods import Period
from schemas.llm.answers import AnalyticsAnswer
from schemas.projects import ProjectContext
from tests.e2e.seeds import SEED
from tests.integration.queries.conftest import analyse, store_spans, store_traces
from tests.integration.queries.rows import (
    DAY_US,
    HOUR_US,
    START_US,
    make_span,
    random_traces,
)

ROWS_FROM_US = START_US + 3 * DAY_US
END_US = START_US + 5 * DAY_US
THIN = """
DELETE FROM {table:Identifier}
WHERE project_id = {p:String}
    AND timestamp < fromUnixTimestamp64Micro({until:Int64}, 'UTC')
    AND sipHash64(timestamp) % 10 < {tenths:UInt8}
"""
GROUPINGS = (
    ("model", "status"),
    ("provider", "environment"),
    ("user",),
    ("session_id",),
    ("user", "model"),
)


@pytest.fixture
def project(warehouse: Warehouse, project: ProjectContext) -> ProjectContext:
    store_traces(warehouse, random_traces(project.project_id, SEED, 900))
    return project


def thin(warehouse: Warehouse, project: ProjectContext, tenths: int) -> ProjectContext:
    """Deletes so many tenths of the old rows; returns the project as readers know it then."""
    for table in ("traces", "spans"):
        values = {"p": project.project_id, "until": ROWS_FROM_US, "tenths": tenths}
        warehouse.command_now(THIN, values | {"table": table}, {})
    return replace(project, rows_from_us=ROWS_FROM_US)


def sums_of(found: AnalyticsAnswer) -> Any:
    """Returns an answer without its note and percentiles, which come from sketches then."""
    none: Any = dict.fromkeys(("p50", "p90", "p95", "p99"), 0)
    groups = [replace(one, **none) for one in found.groups or ()]
    return replace(found, latency=replace(found.latency, **none), sums_only=None, groups=groups)


@pytest.mark.parametrize("tenths", [5, 10])
async def test_every_sum_is_the_same_when_rows_are_gone(
    warehouse: Warehouse, project: ProjectContext, tenths: int
) -> None:
    """Ends among what is gone are moved to the hour; those after it stay as they are."""
    chance = random.Random(SEED)
    asked = []
    for names in GROUPINGS:
        first = START_US + chance.randrange(2 * DAY_US)
        last = first + 17 * HOUR_US + chance.randrange(3 * DAY_US)
        whole_first = first // HOUR_US * HOUR_US
        whole_last = last if last >= ROWS_FROM_US else -(-(last + 1) // HOUR_US) * HOUR_US - 1
        asked.append((Grouping(names), (first, last), (whole_first, whole_last)))
    before = [
        await analyse(warehouse, project, within(*whole), period="day", grouping=grouping)
        for grouping, _, whole in asked
    ]

    thinned = thin(warehouse, project, tenths)

    for (grouping, ragged, _), expected in zip(asked, before, strict=True):
        found = await analyse(warehouse, thinned, within(*ragged), period="day", grouping=grouping)
        assert sums_of(found) == sums_of(expected), (grouping, ragged)
        assert found.sums_only is not None
        assert found.sums_only.partial == []


def within(first_us: int, last_us: int, **wanted: Any) -> TraceFilter:
    return TraceFilter(from_us=first_us, to_us=last_us, **wanted)


async def test_the_answer_says_from_when_on_rows_are_whole_and_what_was_counted(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    thinned = thin(warehouse, project, 5)
    old = within(START_US + 1, START_US + DAY_US + 5)

    found = await analyse(warehouse, thinned, old, period="day")
    of_rows = await analyse(warehouse, thinned, replace(old, texts=("gpt",)), period="day")
    young = await analyse(warehouse, thinned, within(ROWS_FROM_US, END_US), period="day")

    assert found.sums_only is not None
    assert found.sums_only.rows_from == "2025-06-04T00:00:00.000Z"
    assert found.sums_only.counted_from == "2025-06-01T00:00:00.000Z"
    assert found.sums_only.counted_to == "2025-06-02T00:59:59.999Z"
    assert of_rows.sums_only is not None
    assert of_rows.sums_only.partial == ["latency", "totals"]
    assert young.sums_only is None


@pytest.mark.parametrize("period", ["day", "hour"])
async def test_hours_that_a_clock_splits_count_for_the_period_in_which_they_begin(
    warehouse: Warehouse, project: ProjectContext, period: Period
) -> None:
    project = replace(project, time_zone="Asia/Kolkata")
    wanted = within(START_US, END_US - 1)
    before = await analyse(warehouse, project, wanted, period=period)

    found = await analyse(warehouse, thin(warehouse, project, 10), wanted, period=period)

    young = slice(-24, None) if period == "hour" else slice(-1, None)
    assert found.cost_over_time[young] == before.cost_over_time[young]
    assert found.total_requests == before.total_requests
    assert found.total_cost == before.total_cost
    assert sum(one.cost_cents for one in found.cost_over_time) == pytest.approx(
        sum(one.cost_cents for one in before.cost_over_time)
    )


async def test_a_list_counts_the_rows_that_it_has(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    thinned = thin(warehouse, project, 5)
    sql = "SELECT count() FROM traces WHERE project_id = {p:String} AND billing = ''"
    left = warehouse.query_now(sql, {"p": project.project_id}, {}).rows[0][0]

    assert await count_traces(warehouse, thinned, TraceFilter()) == left < 900


async def test_spans_keep_their_sums_and_name_what_they_lack(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        make_span(project.project_id, f"s{n}", timestamp_us=START_US + n * HOUR_US // 2, kind=kind)
        for n in range(100)
        for kind in ("tool_use",)
    ]
    store_spans(warehouse, rows)
    wanted = SpanFilter(from_us=START_US, to_us=START_US + DAY_US - 1)
    before = await analyse_spans(warehouse, project, wanted, period="day")

    found = await analyse_spans(warehouse, thin(warehouse, project, 10), wanted, period="day")

    assert found.total_spans == before.total_spans == 48
    assert found.spans_over_time == before.spans_over_time
    assert found.sums_only is not None
    assert found.sums_only.partial == ["calls", "latency"]  # type: ignore[union-attr]


def test_a_range_of_whole_rows_is_read_as_ever(project: ProjectContext) -> None:
    wanted = within(ROWS_FROM_US + 7, END_US + 9)
    thinned = replace(project, rows_from_us=ROWS_FROM_US)

    plain = rollups.scope(project, wanted, names=("model",))

    assert rollups.scope(thinned, wanted, names=("model",)) == plain._replace(project=thinned)


async def test_a_person_leaves_the_sums_of_calls_that_are_gone_and_no_total_changes(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    wanted = within(START_US, END_US - 1)
    by_user = Grouping(("user",))
    before = await analyse(warehouse, project, wanted, period="day", grouping=by_user)
    assert before.groups is not None
    whose = Whose(project.project_id, "u1", END_US + DAY_US)
    thinned = thin(warehouse, project, 8)

    for _ in range(2):
        await move_session_sums(warehouse, whose, f"erase/{project.project_id}")
    await erase_rows(warehouse, personal_of("traces"), whose)
    await drop_empty_sums(warehouse, whose)

    after = await analyse(warehouse, thinned, wanted, period="day", grouping=by_user)
    assert after.groups is not None
    assert {one.key["user"] for one in after.groups} == {"u2", "u3", None}
    calls, were = (
        {one.key["user"]: one.requests for one in found.groups or ()} for found in (after, before)
    )
    assert calls == {"u2": were["u2"], "u3": were["u3"], None: were[None] + were["u1"]}
    assert after.total_cost == before.total_cost
