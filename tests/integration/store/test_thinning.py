"""Rules delete whole traces, and no sum changes, whatever breaks off on the way."""

import asyncio
import random
import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickhouse.client import Warehouse
from clickhouse.retention import Keeping
from clickhouse.retention_sizes import Within, going_of, stored_of
from controlplane.crypto import Vault
from controlplane.projects import insert_project, project_settings
from controlplane.thinning import find_rows_from, list_removed, list_thinned
from processors.thinning import Thinning
from schemas.projects import ProjectContext, ProjectId
from schemas.retention import InForce, KeepRule, RetentionPolicy
from tests.e2e.seeds import SEED
from tests.integration.queries.otel_rows import AT_US, HOUR_US, call, said, span, store_spans, text
from tests.integration.queries.otel_rows import trace_id as otel_id
from tests.integration.queries.rows import (
    DAY_US,
    encode_spans,
    encode_traces,
    make_span,
    make_trace,
)
from tests.integration.queries.score_rows import make_score, store_scores
from tests.integration.store.reprice_breaks import Bug, Fuse, FusedDatabase, FusedStore

LONG_S = 3600.0
DAY = datetime.fromtimestamp((AT_US + HOUR_US) / 1_000_000, UTC).date()
"""On which most rows come in."""
SAMPLE_AT, END_AT, ERRORS_END_AT = 10, 30, 90
POLICY = RetentionPolicy(
    kinds={"calls": END_AT, "agent_spans": END_AT, "otel_spans": END_AT},
    rules=(KeepRule("error", ERRORS_END_AT),),
    sample_from_days=SAMPLE_AT,
    sample_percent=25,
)
ROWS = {
    "traces": "if(span_id != '', substring(trace_id, 1, 32), trace_id)",
    "spans": "if(trace_id != '', trace_id, session_id)",
    "otel_spans": "trace_id",
    "otel_traces": "trace_id",
}
SUMS = ("trace_sums", "session_sums", "spans_hourly", "otel_service_hours")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[FusedDatabase]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = FusedDatabase(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
async def project(database: FusedDatabase) -> ProjectId:
    return await make_project(database)


async def make_project(database: FusedDatabase) -> ProjectId:
    async with database.session() as session:
        vault = Vault("a secret of the tests, longer than 32 characters")
        made, _ = await insert_project(session, vault, "Shop", admin_id=None)
        return ProjectId(str(made.id))


def keeping(project: ProjectId, age: int, policy: RetentionPolicy = POLICY) -> Keeping:
    return Keeping(
        DAY + timedelta(days=age),
        1_000_000,
        {},
        policies={project: InForce((policy,))},
        window_days=7,
    )


async def thin(database: Any, store: Any, found: Keeping) -> None:
    assert await Thinning(database, store, settle_s=0.0).run(found, limit_s=LONG_S)


def otel_trace(number: int, *, failed: bool) -> list[dict[str, Any]]:
    """A trace of a call, a tool and another span, one of which fails, with a message of its own."""
    first, of = 100 * number, {"trace": number}
    asked = said(text("user", f"question {number}"))
    return [
        span(first, **of, failed=failed),
        call(first + 1, first, **of, attributes={"gen_ai.input.messages": asked}),
        span(
            first + 2,
            first,
            **of,
            attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look"},
        ),
    ]


def store_all(warehouse: Warehouse, project: ProjectId, count: int = 40) -> set[str]:
    """Stores traces of OpenTelemetry, calls and sessions of agents; returns which have errors."""
    at_us, failing = AT_US + HOUR_US, set()
    context, received = ProjectContext(project), {"timestamp_us": at_us, "received_at_us": at_us}
    spans, calls, agents = [], [], []
    for number in range(1, count + 1):
        failed = number % 5 == 0
        spans += otel_trace(number, failed=failed)
        status = "error" if failed else "success"
        calls.append(make_trace(project, f"call-{number}", status=status, **received))
        for event, told in enumerate((status, "success")):
            session = f"session-{number}"
            agents.append(
                make_span(project, f"{number}-{event}", session_id=session, status=told, **received)
            )
        if failed:
            failing |= {otel_id(number), f"call-{number}", f"session-{number}"}
    store_spans(warehouse, context, spans)
    warehouse.insert_now("traces", encode_traces(calls), uuid.uuid4().hex)
    warehouse.insert_now("spans", encode_spans(agents), uuid.uuid4().hex)
    return failing


def traces_in(warehouse: Warehouse, project: ProjectId) -> dict[str, dict[str, int]]:
    """Returns how many rows each trace has, by table."""
    found = {}
    for table, key in ROWS.items():
        sql = f"SELECT {key}, count() FROM {table} WHERE project_id = {{p:String}} GROUP BY 1"
        found[table] = {
            row[0]: int(row[1]) for row in warehouse.query_now(sql, {"p": project}, {}).rows
        }
    return found


def sums_in(warehouse: Warehouse, project: ProjectId) -> list[Any]:
    """Returns all that sums say."""
    found = []
    for table in SUMS:
        columns = "SELECT name FROM system.columns WHERE database = currentDatabase()"
        columns += " AND table = {t:String} AND startsWith(type, 'SimpleAggregateFunction(sum')"
        names = [row[0] for row in warehouse.query_now(columns, {"t": table}, {}).rows]
        added = ", ".join(f"sum({name})" for name in sorted(names))
        sql = f"SELECT {added} FROM {table} WHERE project_id = {{p:String}}"
        found += [(table, *row) for row in warehouse.query_now(sql, {"p": project}, {}).rows]
    return found


def names_in(found: dict[str, dict[str, int]]) -> set[str]:
    return set().union(*found.values())


def messages_in(warehouse: Warehouse, project: ProjectId) -> int:
    sql = "SELECT uniqExact(hash) FROM messages WHERE project_id = {p:String}"
    return int(warehouse.query_now(sql, {"p": project}, {}).rows[0][0])


def assert_whole(before: dict[str, dict[str, int]], after: dict[str, dict[str, int]]) -> None:
    """Each trace has all of its rows in every table, or none in any."""
    left = names_in(after)
    for table, rows in before.items():
        assert after[table] == {name: count for name, count in rows.items() if name in left}


async def test_whatever_breaks_off_the_next_run_ends_it_and_counts_it_once(
    warehouse: Warehouse, database: FusedDatabase
) -> None:
    chance = random.Random(SEED)
    whole = await make_project(database)
    store_all(warehouse, whole, 5)
    await thin(database, warehouse, keeping(whole, SAMPLE_AT + 1))
    expected = traces_in(warehouse, whole)
    lines = [(one.kind, one.rows) for one in await list_removed(database, whole, 9)]

    for number in chance.sample(range(2, 12), 2):
        project = await make_project(database)
        store_all(warehouse, project, 5)
        fuse = database.fuse = Fuse(number, Bug(), after=bool(number % 2))
        with pytest.raises(Bug):
            await thin(database, FusedStore(warehouse, fuse), keeping(project, SAMPLE_AT + 1))
        database.fuse = None
        await thin(database, warehouse, keeping(project, SAMPLE_AT + 1))

        assert traces_in(warehouse, project) == expected, number
        removed = await list_removed(database, project, 9)
        assert [(one.kind, one.rows) for one in removed] == lines, number


async def test_of_old_traces_a_sample_and_those_with_errors_are_left_as_a_whole(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    failing = store_all(warehouse, project)
    before, sums = traces_in(warehouse, project), sums_in(warehouse, project)

    await thin(database, warehouse, keeping(project, SAMPLE_AT))
    young = traces_in(warehouse, project)
    await thin(database, warehouse, keeping(project, SAMPLE_AT + 1))
    sampled = traces_in(warehouse, project)
    await thin(database, warehouse, keeping(project, END_AT + 1))
    ruled = traces_in(warehouse, project)

    assert young == before
    assert_whole(before, sampled)
    assert failing < names_in(sampled) < names_in(before)
    others = len(names_in(before)) - len(failing)
    assert 0.1 < (len(names_in(sampled)) - len(failing)) / others < 0.4
    assert_whole(before, ruled)
    assert names_in(ruled) == failing
    assert messages_in(warehouse, project) == len(ruled["otel_traces"]) == 8
    assert sums_in(warehouse, project) == sums


async def test_what_went_is_counted_once_by_its_rule_and_readers_are_told_since_when_rows_are_whole(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    store_all(warehouse, project)
    before = traces_in(warehouse, project)

    for _ in range(2):
        await thin(database, warehouse, keeping(project, SAMPLE_AT + 1))

    after = traces_in(warehouse, project)
    gone = {
        "calls": sum(before["traces"].values()) - sum(after["traces"].values()),
        "agent_spans": sum(before["spans"].values()) - sum(after["spans"].values()),
        "otel_spans": sum(before["otel_spans"].values()) - sum(after["otel_spans"].values()),
    }
    removed = await list_removed(database, project, 10)
    assert {one.kind: one.rows for one in removed} == gone
    assert {one.rule for one in removed} == {"sample"}
    assert await find_rows_from(database, project) == DAY + timedelta(days=2)
    assert rows_of(warehouse, "thinned_traces", project) == 0


def rows_of(warehouse: Warehouse, table: str, project: ProjectId) -> int:
    sql = f"SELECT count() FROM {table} WHERE project_id = {{p:String}}"
    return int(warehouse.query_now(sql, {"p": project}, {}).rows[0][0])


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        (KeepRule("error", 90), {"failed"}),
        (KeepRule("cost", 90, "0.5"), {"expensive"}),
        (KeepRule("latency", 90, "30000"), {"slow"}),
        (KeepRule("environment", 90, "prod"), {"prod"}),
        (KeepRule("scored", 90), {"scored"}),
        (KeepRule("error", END_AT), set()),
    ],
)
async def test_each_rule_keeps_what_it_says(
    warehouse: Warehouse,
    database: FusedDatabase,
    project: ProjectId,
    rule: KeepRule,
    kept: set[str],
) -> None:
    at_us = AT_US + HOUR_US
    received = {"timestamp_us": at_us, "received_at_us": at_us}
    rows = [
        make_trace(project, "plain", **received),
        make_trace(project, "failed", status="error", **received),
        make_trace(project, "expensive", computed_cost_pico=500_000_000_000, **received),
        make_trace(project, "cheap", computed_cost_pico=499_999_999_999, **received),
        make_trace(project, "slow", latency_ms=30_000.0, **received),
        make_trace(project, "prod", environment="prod", **received),
        make_trace(project, "scored", **received),
        make_trace(project, "unscored", **received),
    ]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)
    score = {"timestamp_us": at_us, "version_us": at_us}
    scores = [
        make_score("s1", trace_id="scored", **score),
        make_score("s2", trace_id="unscored", **score),
        make_score("s2", trace_id="unscored", deleted=True, **score | {"version_us": at_us + 1}),
    ]
    store_scores(warehouse, project, scores)
    policy = RetentionPolicy(
        kinds={"calls": END_AT}, rules=(rule, KeepRule("environment", 91, "-"))
    )

    await thin(database, warehouse, keeping(project, END_AT + 1, policy))

    assert set(traces_in(warehouse, project)["traces"]) == kept


async def test_a_trace_of_two_days_is_whole_until_it_goes_with_its_last_day(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    context, later_us = ProjectContext(project), AT_US + HOUR_US + 2 * DAY_US
    store_spans(warehouse, context, [span(1), span(2, 1), span(3, trace=2)])
    store_spans(warehouse, context, [span(4, 1), span(5, trace=3)], received_us=later_us)
    policy = RetentionPolicy(kinds={"otel_spans": END_AT}, rules=(KeepRule("error", 90),))

    await thin(database, warehouse, keeping(project, END_AT + 2, policy))
    first = traces_in(warehouse, project)["otel_spans"]
    await thin(database, warehouse, keeping(project, END_AT + 3, policy))

    assert first == {otel_id(1): 3, otel_id(3): 1}
    assert traces_in(warehouse, project)["otel_spans"] == {}


async def test_another_project_and_younger_days_lose_nothing(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    other = await make_project(database)
    for one in (project, other):
        store_all(warehouse, one, 5)
    store_spans(
        warehouse, ProjectContext(project), [span(1, trace=9)], received_us=AT_US + 25 * DAY_US
    )
    before = traces_in(warehouse, other)

    await thin(database, warehouse, keeping(project, END_AT + 1))

    assert traces_in(warehouse, other) == before
    assert otel_id(9) in traces_in(warehouse, project)["otel_spans"]
    assert await list_removed(database, other, 10) == []


async def test_rules_act_on_no_day_within_which_a_resent_id_is_known_by_its_row(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    store_all(warehouse, project, 5)
    before = traces_in(warehouse, project)
    strict = RetentionPolicy(sample_from_days=1, sample_percent=0, rules=(KeepRule("scored", 99),))

    await thin(database, warehouse, keeping(project, 7, strict))
    young = traces_in(warehouse, project)
    await thin(database, warehouse, keeping(project, 8, strict))

    assert young == before
    assert names_in(traces_in(warehouse, project)) == set()


async def test_two_processes_at_once_end_a_day_once(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    store_all(warehouse, project, 10)
    before = traces_in(warehouse, project)
    found = keeping(project, SAMPLE_AT + 1)

    await asyncio.gather(*(thin(database, warehouse, found) for _ in range(2)))

    after = traces_in(warehouse, project)
    assert_whole(before, after)
    removed = {one.kind: one.rows for one in await list_removed(database, project, 9)}
    gone = sum(before["traces"].values()) - sum(after["traces"].values())
    assert removed["calls"] == gone
    assert [one.is_done for one in (await list_thinned(database, project)).values()] == [True]


async def test_a_looser_rule_brings_nothing_back_and_a_stricter_one_goes_over_all_days_again(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    store_all(warehouse, project, 12)
    counts = []
    for percent in (50, 80, 10):
        policy = RetentionPolicy(sample_from_days=SAMPLE_AT, sample_percent=percent)
        await thin(database, warehouse, keeping(project, SAMPLE_AT + 1, policy))
        counts.append(len(names_in(traces_in(warehouse, project))))

    assert counts[0] == counts[1] > counts[2] > 0
    assert (await project_settings(database, project)).retention_days is None


async def test_a_preview_says_what_would_go(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    store_all(warehouse, project, 15)
    before = traces_in(warehouse, project)
    context, within = ProjectContext(project), Within(DAY + timedelta(days=11), 1_000_000, 7)
    stored = await stored_of(warehouse, context)

    found = await going_of(warehouse, context, stored, InForce((POLICY,)), within)
    short = RetentionPolicy(kinds={"calls": 5})
    by_days = await going_of(warehouse, context, stored, InForce((short,)), within)
    await thin(database, warehouse, keeping(project, 11))

    after = traces_in(warehouse, project)
    for kind, table in (
        ("calls", "traces"),
        ("agent_spans", "spans"),
        ("otel_spans", "otel_spans"),
    ):
        gone = sum(before[table].values()) - sum(after[table].values())
        assert found[kind].rows == gone > 0
    assert by_days["calls"].rows == sum(before["traces"].values())
    assert by_days["agent_spans"].rows == 0
