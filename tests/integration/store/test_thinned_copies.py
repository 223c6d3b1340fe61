"""What names a trace keeps it, and what is a copy of it goes with it."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickhouse.client import Warehouse
from clickhouse.retention_sizes import Within, going_of, stored_of
from clickhouse.thinning import Run, forget, mark
from controlplane.thinning import Thinned, begin_day, list_removed
from schemas.projects import ProjectContext, ProjectId
from schemas.retention import MOST_RULES, InForce, KeepRule, RetentionPolicy
from tests.integration.queries.otel_rows import AT_US, HOUR_US, call, span, store_spans
from tests.integration.queries.otel_rows import trace_id as otel_id
from tests.integration.queries.rows import (
    DAY_US,
    encode_spans,
    encode_traces,
    make_span,
    make_trace,
)
from tests.integration.queries.score_rows import make_score, store_scores
from tests.integration.store.reprice_breaks import FusedDatabase
from tests.integration.store.test_thinning import (
    DAY,
    END_AT,
    keeping,
    make_project,
    thin,
    traces_in,
)

AT: dict[str, Any] = {"timestamp_us": AT_US + HOUR_US, "received_at_us": AT_US + HOUR_US}
KINDS: Any = {"calls": END_AT, "agent_spans": END_AT, "otel_spans": END_AT}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[FusedDatabase]:
    file = tmp_path / "control.db"
    shutil.copy(migrated_file, file)
    database = FusedDatabase(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
async def project(database: FusedDatabase) -> ProjectId:
    return await make_project(database)


def put(warehouse: Warehouse, table: str, body: bytes) -> None:
    warehouse.insert_now(table, body, uuid.uuid4().hex)


async def test_a_score_keeps_the_trace_of_whatever_it_is_about(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    """Sessions of agents are traces; their calls and spans have ids of their own."""
    agents = [
        make_span(project, str(uuid.UUID(int=number)), session_id=session, **AT)
        for number, session in enumerate(("by-session", "by-span", "by-span", "none"), start=1)
    ]
    put(warehouse, "spans", encode_spans(agents))
    store_spans(
        warehouse,
        ProjectContext(project),
        [span(1, trace=1), call(2, 1, trace=1), span(3, trace=2), call(4, 3, trace=2)],
    )
    of_session = [make_trace(project, name, **AT) for name in ("by-call", "by-whole", "by-none")]
    put(warehouse, "traces", encode_traces(of_session))
    for one in of_session:
        sql = "ALTER TABLE traces UPDATE scope = concat('session:', {id:String})"
        where = " WHERE project_id = {p:String} AND trace_id = {id:String}"
        values = {"p": project, "id": one.trace_id}
        warehouse.command_now(sql + where, values, {"mutations_sync": 1})
    about = (
        {"session_id": "by-session"},
        {"span_id": str(uuid.UUID(int=2))},
        {"trace_id": otel_id(1), "span_id": f"{2:016x}"},
        {"trace_id": "by-call"},
        {"session_id": "by-whole"},
    )
    score = {"timestamp_us": AT_US + HOUR_US, "version_us": AT_US + HOUR_US}
    scores = [make_score(f"s{number}", **score, **one) for number, one in enumerate(about)]
    store_scores(warehouse, project, scores)
    policy = RetentionPolicy(kinds=KINDS, rules=(KeepRule("scored", 90),))

    await thin(database, warehouse, keeping(project, END_AT + 1, policy))

    left = traces_in(warehouse, project)
    assert left["spans"] == {"by-session": 1, "by-span": 2}
    assert left["otel_spans"] == {otel_id(1): 2}
    assert left["traces"] == {otel_id(1): 1, "by-call": 1, "by-whole": 1}


async def test_what_runs_of_datasets_say_of_a_call_goes_with_it(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    names = {"experiment.dataset": "questions", "experiment.run": "first"}
    rows = [
        make_trace(project, f"{status}-{number}", status=status, tags={**names, **item}, **AT)
        for number in range(3)
        for status in ("error", "success")
        for item in ({"experiment.item": f"q{number}"},)
    ]
    put(warehouse, "traces", encode_traces(rows))
    policy = RetentionPolicy(kinds=KINDS, rules=(KeepRule("error", 90),))

    await thin(database, warehouse, keeping(project, END_AT + 1, policy))

    sql = "SELECT trace_id FROM experiment_calls WHERE project_id = {p:String} ORDER BY trace_id"
    left = [row[0] for row in warehouse.query_now(sql, {"p": project}, {}).rows]
    assert left == ["error-0", "error-1", "error-2"]


async def test_a_preview_counts_what_goes_for_its_age_and_by_a_rule_once(
    warehouse: Warehouse, project: ProjectId
) -> None:
    """One trace of two days, of which the first goes for its age and the second by the rule."""
    context = ProjectContext(project)
    store_spans(warehouse, context, [span(1)])
    store_spans(warehouse, context, [span(2, 1)], received_us=AT_US + HOUR_US + DAY_US)
    policy = RetentionPolicy(kinds=KINDS, rules=(KeepRule("error", END_AT + 1),))
    within = Within(DAY + timedelta(days=END_AT + 2), 1_000_000, 7)
    stored = await stored_of(warehouse, context)

    found = await going_of(warehouse, context, stored, InForce((policy,)), within)

    assert found["otel_spans"].rows == stored["otel_spans"].rows == 2


async def test_a_preview_counts_every_stage(warehouse: Warehouse, project: ProjectId) -> None:
    """A day for each of as many rules as there may be, after the end of each kind's days."""
    context, ages = ProjectContext(project), range(19, 23 + MOST_RULES)
    for age in ages:
        received = AT_US + HOUR_US - age * DAY_US
        store_spans(warehouse, context, [span(age, trace=age)], received_us=received)
    kinds: Any = {"calls": 19, "agent_spans": 20, "otel_spans": 21}
    rules = tuple(KeepRule("error", 22 + number) for number in range(MOST_RULES))
    policy = RetentionPolicy(kinds, None, rules, 18, 0.0)
    stored = await stored_of(warehouse, context)

    within = Within(DAY, 1_000_000, 7)
    found = await going_of(warehouse, context, stored, InForce((policy,)), within)

    assert found["otel_spans"].rows == stored["otel_spans"].rows == len(ages)


async def test_a_day_that_was_broken_off_so_long_ago_that_its_notes_are_gone_is_ended(
    warehouse: Warehouse, database: FusedDatabase, project: ProjectId
) -> None:
    """They are deleted for their age, before the day's turn comes."""
    store_spans(warehouse, ProjectContext(project), [span(1), span(2, trace=2, failed=True)])
    policy = RetentionPolicy(kinds=KINDS, rules=(KeepRule("error", 90),))
    found = keeping(project, END_AT + 1, policy)
    stage = found.policy_of(project).stage_of(1_000_000, END_AT + 1)
    assert stage is not None
    run = Run(project, DAY, "broken-off", stage)
    counts = await mark(warehouse, run, DAY)
    await begin_day(database, project, Thinned(DAY, stage.text, run.run_id, counts, is_done=False))
    await forget(warehouse, run)

    await thin(database, warehouse, found)

    assert traces_in(warehouse, project)["otel_spans"] == {otel_id(2): 1}
    removed = await list_removed(database, project, 9)
    assert {one.kind: one.rows for one in removed} == {"otel_spans": 1}
