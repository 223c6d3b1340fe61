"""Another process of Sluice on the warehouse: blocks exactly once, over kill and restart."""

import asyncio
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from api.reads import Turns
from clickhouse.client import Warehouse
from clickhouse.failures import (
    AccessRefused,
    QueryTooExpensive,
    RowsRefused,
    StatementRefused,
    WarehouseUnavailable,
)
from clickhouse.llm import reprice, traces
from clickhouse.migrate import migrate, read_migrations
from clickhouse.queries.parts import Bounds, find_parts, read_part, read_whole
from clickhouse.retention import Expiry, Keeping, purge_projects
from clickhouse.tables import encode_outcomes
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.rows import (
    encode_spans,
    encode_traces,
    make_outcome,
    make_span,
    make_trace,
)
from tests.integration.store.test_dedup_log import parts_of
from tests.integration.warehouse.conftest import WRITER, Served

COUNTS = {
    "traces": "SELECT count() FROM traces",
    "trace_sums": "SELECT sum(requests) FROM trace_sums WHERE grain = 'hour'",
    "session_sums": "SELECT sum(requests) FROM session_sums",
}
BLOCK = encode_traces([make_trace("p", f"t{n}", session_id="s") for n in range(500)])
STORED_ONCE = dict.fromkeys(COUNTS, 500)
# chDB has one path a process, and the one of this process is another test's.
READ_EMBEDDED = """
import sys
from clickhouse.client import Warehouse
warehouse = Warehouse(f"chdb://{sys.argv[1]}")
print(warehouse.query_now("SELECT count() FROM traces", None, {}).rows[0][0])
warehouse.close()
"""


def counts(warehouse: Warehouse) -> dict[str, int]:
    return {name: warehouse.query_now(sql, None, {}).rows[0][0] for name, sql in COUNTS.items()}


def test_a_store_is_migrated_once_whoever_asks(alone: Served) -> None:
    alone.start()

    with closing(alone.ours()) as ours:
        assert migrate(ours) == []
        answer = ours.query_now("SELECT count() FROM schema_migrations", None, {})

    assert answer.rows[0][0] == len(read_migrations())


@pytest.mark.slow
def test_migrations_can_be_applied_over_http(alone: Served) -> None:
    alone.start()
    tables = alone.value("SHOW TABLES").split("\n")

    # Those that feed others first.
    for table in sorted(tables, key=lambda name: not name.endswith("_feed")):
        assert alone.ask(f"DROP TABLE {table} SYNC").status_code == 200

    with closing(alone.ours()) as ours:
        applied = migrate(ours)
        ours.insert_now("traces", BLOCK, "one")

        assert applied == [migration.name for migration in read_migrations()]
        assert counts(ours) == STORED_ONCE


async def test_rows_are_read_in_parts_within_a_users_bounds_over_http(alone: Served) -> None:
    alone.start()
    project = ProjectContext(ProjectId("p"))
    rows = [make_trace("p", f"t{n:04d}", session_id="s", timestamp_us=n) for n in range(2500)]
    turns = Turns(3)

    with closing(alone.ours()) as ours:
        ours.insert_now("traces", encode_traces(rows), "one")
        async with turns.taken(project.project_id, ours) as bounded:
            selection = traces.of_session(project, "s")
            assert await read_whole(bounded, project, selection, Bounds()) is None
            parts = await find_parts(bounded, project, selection, Bounds())
            found = [row for part in parts for row in await read_part(bounded, project, part)]

    assert len(parts.runs) == 3
    assert [row.trace_id for row in found] == [row.trace_id for row in rows]


def test_every_table_takes_its_block_and_each_token_once(alone: Served) -> None:
    alone.start()
    blocks = {
        "traces": BLOCK,
        "spans": encode_spans([make_span("p", f"s{n}") for n in range(100)]),
        "outcomes": encode_outcomes([make_outcome("p", "accepted", 7)]),
    }

    with closing(alone.ours()) as ours:
        for _ in range(2):
            for table, block in blocks.items():
                ours.insert_now(table, block, f"token-{table}")

        found = {
            table: ours.query_now(f"SELECT count() FROM {table}", None, {}).rows[0][0]
            for table in blocks
        }
        assert found == {"traces": 500, "spans": 100, "outcomes": 1}
        assert counts(ours) == STORED_ONCE


@pytest.mark.slow
def test_a_token_holds_over_kill_and_restart(alone: Served) -> None:
    alone.start()
    with closing(alone.ours()) as ours:
        ours.insert_now("traces", BLOCK, "one")

    alone.end(signal.SIGKILL)
    alone.start()

    with closing(alone.ours()) as ours:
        ours.insert_now("traces", BLOCK, "one")
        assert counts(ours) == STORED_ONCE
        ours.insert_now("traces", BLOCK, "another")
        assert counts(ours) == dict.fromkeys(COUNTS, 1000)


@pytest.mark.slow
def test_a_block_that_lost_its_rows_ends_the_warehouse_and_is_taken_by_the_next(
    alone: Served,
) -> None:
    """As an embedded engine ends whose rename of a part has failed: tests/integration/store."""
    alone.start()
    with closing(alone.ours()) as ours:
        ours.insert_now("traces", BLOCK, "one")
        for part in parts_of(alone.store):
            shutil.rmtree(part)

        with pytest.raises(WarehouseUnavailable):
            ours.insert_now("traces", b"no Arrow at all", "another")
        assert alone.wait_end() == 1

        alone.start()
        ours.insert_now("traces", BLOCK, "one")
        assert counts(ours) == STORED_ONCE


@pytest.mark.slow
def test_a_client_outlives_a_kill_of_the_warehouse(alone: Served) -> None:
    alone.start()
    with closing(alone.ours()) as ours:
        ours.insert_now("traces", BLOCK, "one")
        alone.end(signal.SIGKILL)

        with pytest.raises(WarehouseUnavailable):
            ours.insert_now("traces", BLOCK, "two")
        alone.start()
        ours.insert_now("traces", BLOCK, "one")

        assert counts(ours) == STORED_ONCE


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_it_stored_is_there_when_the_store_is_embedded_again(
    alone: Served, how: signal.Signals
) -> None:
    alone.start()
    with closing(alone.ours()) as ours:
        ours.insert_now("traces", BLOCK, "one")

    alone.end(how)

    assert _count_embedded(alone.store) == 500
    alone.start()
    with closing(alone.ours()) as ours:
        assert counts(ours) == STORED_ONCE


def test_rows_are_put_back_expire_and_are_purged_over_http(served: Served) -> None:
    """All that a worker does besides: rows past the views, retention, the end of a project."""
    project = ProjectId("moved-and-purged")
    rows = encode_traces([make_trace(project, f"m{n}") for n in range(10)])
    sql = "SELECT count() FROM {table:Identifier} WHERE project_id = {project:String}"

    with closing(served.ours()) as ours:

        def stored(table: str) -> int:
            values = {"table": table, "project": project}
            return int(ours.query_now(sql, values, {}).rows[0][0])

        ours.insert_past_views_now("traces", rows, "past")
        assert (stored("traces"), stored("trace_sums")) == (10, 0)
        day = date(2290, 1, 1)
        keeping = Keeping(day, default_days=10**6, own_days={project: 1})
        assert asyncio.run(Expiry(ours).run(keeping, limit_s=60))
        assert stored("traces") == 0
        ours.insert_now("traces", rows, "again")
        assert stored("traces") == 10
        asyncio.run(purge_projects(ours, [project]))
        assert (stored("traces"), stored("trace_sums")) == (0, 0)


def test_stored_calls_are_priced_anew_over_http(served: Served) -> None:
    project = ProjectId("priced-anew")
    sql = "SELECT sum(computed_cost) FROM traces WHERE project_id = {project:String}"

    async def price_anew(store: Warehouse) -> None:
        span = reprice.RowRange(project, "trace", 0, 10**16)
        rows = await reprice.read_page(store, span, reprice.Place(0, ""))
        of_all = {"status": "success", "old_price_id": "", "new_price_id": "own/openai/gpt-4o#1"}
        none = ["session_id", "user_id", "provider", "model", "environment", "source", "span_kind"]
        texts = dict.fromkeys([*none, "tool"], "") | of_all
        changes = [
            reprice.Change(
                item_id=row.item_id,
                at_us=row.at_us,
                received_day=row.received_day,
                reported_pico=None,
                old_pico=row.old_pico,
                new_pico=70_000,
                **texts,
            )
            for row in rows
        ]
        chunk = reprice.Chunk(span, "run", 1)
        await reprice.store_changes(store, chunk, changes)
        await reprice.set_costs(store, chunk, changes)

    with closing(served.ours()) as ours:
        traces_of_before = [make_trace(project, f"r{n}") for n in range(10)]
        ours.insert_now("traces", encode_traces(traces_of_before), "before")
        asyncio.run(price_anew(ours))

        found = ours.query_now(sql, {"project": project}, {}).rows[0][0]

    assert found == Decimal("0.0000007")


def test_a_view_that_fails_is_an_error_and_is_fed_by_the_next_try(served: Served) -> None:
    settings = "ENGINE = MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 10"
    batch = pa.record_batch([pa.array([1, 13], pa.uint32())], ["k"])
    rows = pa.BufferOutputStream()
    with pa.ipc.new_stream(rows, batch.schema) as writer:
        writer.write_batch(batch)
    refusing = "SELECT k + throwIf(k = 13 AND (SELECT count() FROM allowed) = 0) AS k FROM fed"
    sql = "SELECT (SELECT count() FROM fed), (SELECT count() FROM from_fed)"

    with closing(served.ours()) as ours:
        for name in ("fed", "from_fed", "allowed"):
            ours.command_now(f"CREATE TABLE {name} (k UInt32) {settings}", None, {})
        ours.command_now(f"CREATE MATERIALIZED VIEW feed TO from_fed AS {refusing}", None, {})
        for _ in range(2):
            with pytest.raises(WarehouseUnavailable, match="395"):
                ours.insert_now("fed", bytes(rows.getvalue()), "one")
        ours.insert_now("allowed", bytes(rows.getvalue()), "other")
        ours.insert_now("fed", bytes(rows.getvalue()), "one")

        assert tuple(ours.query_now(sql, None, {}).rows[0]) == (2, 2)


def test_errors_keep_their_kinds_over_http_too(served: Served) -> None:
    with closing(served.ours()) as ours:
        with pytest.raises(StatementRefused):
            ours.query_now("SELECT nope", None, {})
        with pytest.raises(QueryTooExpensive):
            ours.query_now("SELECT number FROM numbers(10)", None, {"max_result_rows": 5})
        with pytest.raises(RowsRefused):
            ours.insert_now("traces", b"no Arrow at all", "broken")


def test_a_wrong_password_is_refused_at_the_first_call(served: Served) -> None:
    with (
        closing(Warehouse(f"http://{WRITER[0]}:wrong@127.0.0.1:{served.port}")) as ours,
        pytest.raises(AccessRefused, match="516"),
    ):
        ours.query_now("SELECT 1", None, {})


def _count_embedded(store: Path) -> int:
    command = [sys.executable, "-c", READ_EMBEDDED, str(store)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)
