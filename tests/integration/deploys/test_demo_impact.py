"""The demo's deployments: one is bad, and the answer says so of that one alone."""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import pytest
from msgspec import Raw

from api.pages.deploys.phases import course_of
from clickhouse.client import Warehouse
from clickhouse.tables import encode
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.deploys.deployments import get_history, list_deployments
from controlplane.deploys.rows import Reach
from controlplane.projects import insert_project
from ingest.errors.demo import Event, Failures
from ingest.errors.demo_switch import busy_events
from ingest.errors.demo_visits import Visits
from ingest.llm.demo_switch import busy_calls
from schemas.errors.sent import Head, SentItem, encode_sent
from schemas.projects import ProjectId
from sluice.demo_deploys import (
    BAD,
    busy_of,
    deployments_of,
    has_deployments,
    set_deployments,
)
from sluice.demo_lines import lines_of
from sluice.impacts import Impacts
from tests.integration.errors.conftest import batch_of
from tests.integration.queries.rows import encode_traces, make_trace

UNTIL = datetime(2026, 11, 18, 15, tzinfo=UTC)
UNTIL_US = int(UNTIL.timestamp()) * 1_000_000
SEED = 7
PICO_A_TOKEN = 150_000


def store_events(warehouse: Warehouse, project_id: ProjectId, events: Iterable[Event]) -> None:
    """Stores what the errors' steps make of events."""
    bodies: dict[str, list[bytes]] = {"transaction": [], "error": []}
    for event in events:
        kind = "transaction" if event.get("type") == "transaction" else "error"
        sent = SentItem("sentry", Head(), Raw(msgspec.json.encode(event)))
        bodies[kind].append(encode_sent(sent))
    for kind, some in ((kind, some) for kind, some in bodies.items() if some):
        ids = [uuid.uuid4().hex for _ in some]
        batch = batch_of(kind, project_id, some, ids, UNTIL_US * 1000)
        for table in reversed(batch.kind.tables):
            rows = batch.tables[table.name].rows
            warehouse.insert_now(table.name, encode(rows), uuid.uuid4().hex)


def store_calls(warehouse: Warehouse, project_id: ProjectId) -> None:
    busy = busy_of(UNTIL)
    rows = [
        make_trace(
            project_id,
            item["trace_id"],
            timestamp_us=int(datetime.fromisoformat(item["timestamp"]).timestamp() * 1e6),
            received_at_us=UNTIL_US,
            computed_cost_pico=item["input_tokens"] * PICO_A_TOKEN,
            environment="production",
        )
        for item in busy_calls(SEED, busy.began, busy.ended, busy.is_bad)
    ]
    warehouse.insert_now("traces", encode_traces(rows), uuid.uuid4().hex)


@pytest.fixture
async def demo(database: Database, vault: Vault, warehouse: Warehouse) -> ProjectId:
    async with database.session() as session:
        project, _ = await insert_project(session, vault, "demo", admin_id=None)
    project_id = ProjectId(str(project.id))
    store_events(warehouse, project_id, busy_events(SEED, busy_of(UNTIL)))
    store_events(warehouse, project_id, Failures(SEED, UNTIL, 7).events(1500))
    store_events(warehouse, project_id, Visits(SEED, UNTIL, 7).events(1500))
    store_calls(warehouse, project_id)
    await set_deployments(database, vault, project_id, UNTIL)
    return project_id


async def test_the_bad_one_is_worse_going_back_is_better_and_no_other_is_worse(
    database: Database, warehouse: Warehouse, demo: ProjectId
) -> None:
    reach = Reach(project_id=demo)
    rows = await list_deployments(database, reach, limit=50)
    impacts = Impacts(database, clock=lambda: UNTIL.timestamp())

    found = {row.id: await impacts.read(warehouse, reach, row.id, 60) for row in rows}

    worse = [row for row in rows if found[row.id].verdict == "worse"]
    assert [row.commit_msg for row in worse] == [BAD]
    bad = found[worse[0].id]
    assert bad.confidence > 0.999
    assert {one.name for one in bad.measures if one.verdict == "worse"} == {
        *("error_rate", "failure_rate", "latency_p95", "cost_per_request", "cost_per_call")
    }
    assert bad.after is not None
    assert bad.after.minutes == 25
    (back,) = (row for row in rows if row.kind == "rollback")
    assert bad.after.cut_by == back.id
    assert found[back.id].verdict == "better"


async def test_their_histories_tell_what_happened_and_a_second_call_changes_nothing(
    database: Database, vault: Vault, demo: ProjectId
) -> None:
    reach = Reach(project_id=demo)
    assert await has_deployments(database, demo, UNTIL)
    rows = await list_deployments(database, reach, limit=50)

    await set_deployments(database, vault, demo, UNTIL)

    assert await list_deployments(database, reach, limit=50) == rows
    assert {row.status for row in rows} == {"running", "stopped", "failed"}
    assert len({row.environment for row in rows if row.status == "running"}) == 2
    for row in rows:
        history = await get_history(database, reach, row.id)
        assert course_of(row, history, UNTIL_US).steps, "its page has its phases"
        moments = [one.at_us for one in history]
        assert moments == sorted(moments)
        assert history[-1].status == row.status
        assert moments[-1] <= UNTIL_US


def test_their_logs_tell_what_their_histories_do() -> None:
    for one in deployments_of(ProjectId(str(uuid.uuid4())), UNTIL):
        is_bad = one.commit_msg == BAD
        lines = lines_of(one, is_bad=is_bad)
        moments = [line.at_us for line in lines]

        assert [line.seq for line in lines] == list(range(1, len(lines) + 1))
        assert moments == sorted(moments)
        assert one.events[0].at_us <= moments[0]
        assert moments[-1] <= max(one.events[-1].at_us, UNTIL_US)
        served = [line.at_us for line in lines if line.message.startswith("Serving ")]
        assert served == [event.at_us for event in one.events if event.status == "running"][:1]
        printed = {line.message for line in lines if line.level == "error"}
        assert one.events[-1].status != "failed" or lines[-1].level == "error"
        assert bool(printed) == (is_bad or one.events[-1].status == "failed")
        assert set(one.error_msg.splitlines()[:1]) <= printed
