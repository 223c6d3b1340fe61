"""A reprice run that breaks off at any of its calls goes on, and changes each cost once."""

import shutil
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.llm import reprice as rows
from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.llm.prices import read_prices, set_price
from controlplane.llm.reprices import cancel_run, find_run, request_run
from controlplane.projects import insert_project
from eventlog.log import PartitionState, TopicPartition
from processors.llm.cost.cache import load_book
from processors.llm.pricing import Pricing
from processors.llm.reprice import TOPICS, Repricing
from schemas.checkpoints import Progress
from schemas.llm.prices import OwnPrice, Rates
from schemas.llm.reprices import Run
from schemas.projects import ProjectId
from schemas.rows import Position
from tests.integration.queries.rows import encode_spans, encode_traces, make_span, make_trace
from tests.integration.store.reprice_breaks import Behind, Bug, Fuse, FusedDatabase, FusedStore

ALL_TIMES = (-(2**60), 2**60)
COSTS = ("computed_cost", "reported_first_cost", "computed_first_cost", "unpriced")
OF_ROWS = """
SELECT
    sum(ifNull(t.computed_cost, 0)),
    sum(coalesce(t.reported_cost, t.computed_cost, 0)),
    sum(coalesce(t.computed_cost, t.reported_cost, 0)),
    countIf(t.computed_cost IS NULL AND t.reported_cost IS NULL)
FROM {table:Identifier} AS t
WHERE project_id = {project:String}
"""
MUTATIONS = """
SELECT command
FROM system.mutations
WHERE position(command, {project:String}) > 0
"""
OF_ROLLUP = """
SELECT sum(computed_cost), sum(reported_first_cost), sum(computed_first_cost), sum(unpriced)
FROM {table:Identifier}
WHERE project_id = {project:String}
"""


class Log:
    """A log whose every record is stored, but for what comes after its end."""

    log_ids = dict.fromkeys(TOPICS.values(), "log")

    def __init__(self, end: int = 1 << 40) -> None:
        self._end = end

    async def places(self) -> dict[TopicPartition, PartitionState]:
        return {
            TopicPartition(topic, 3): PartitionState(Progress(self._end - 1, None), self._end)
            for topic in self.log_ids
        }


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Tracebacks with all that is in them cost more than the runs."""
    with capture_logs():
        yield


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    file = shutil.copy(migrated_file, tmp_path / "control.db")
    database = Database(f"sqlite:///{file}")
    yield database
    await database.close()


@pytest.fixture
def pricing(database: Database, tmp_path: Path) -> Pricing:
    return Pricing(load_book(tmp_path), database)


async def filled(database: Database, warehouse: Warehouse, spans: int = 10) -> ProjectId:
    """Makes a project with calls of before it set a price."""
    async with database.session() as session:
        vault = Vault("a secret of the tests, longer than 32 characters")
        project, _ = await insert_project(session, vault, "Shop", admin_id=None)
    project_id = ProjectId(str(project.id))
    old: dict[str, Any] = {"computed_cost_pico": 5_000_000, "price_id": "old/openai/gpt-4o#0.0"}
    traces = [
        make_trace(
            project_id,
            uuid.uuid4().hex,
            session_id=f"s{number % 3}",
            input_tokens=1000,
            output_tokens=100 + number,
            position=Position("log", 3, number),
            reported_cost_pico=7_000_000 if number % 4 == 0 else None,
            **(old if number % 3 else {}),
        )
        for number in range(20)
    ]
    usage = '{"usage":{"input_tokens":1000,"output_tokens":100}}'
    answers = [
        make_span(
            project_id,
            uuid.uuid4().hex,
            kind="llm_response",
            model="gpt-4o",
            metadata=usage,
            position=Position("log", 3, number),
        )
        for number in range(spans)
    ]
    warehouse.insert_now("traces", encode_traces(traces), uuid.uuid4().hex)
    if answers:
        warehouse.insert_now("spans", encode_spans(answers), uuid.uuid4().hex)
    rates = Rates(input=Decimal(1), output=Decimal(2))
    await set_price(database, project_id, OwnPrice(0, "gpt-4o", rates=rates))
    return project_id


async def set_rate(database: Database, project_id: ProjectId, dollars: int) -> None:
    """Lets a million tokens cost so much."""
    (held,) = (await read_prices(database, project_id)).prices
    rates = Rates(input=Decimal(dollars), output=Decimal(dollars))
    price = OwnPrice(0, "gpt-4o", rates=rates)
    await set_price(database, project_id, price, instead_of=held.number)


async def repriced(repricing: Repricing, database: Database, project_id: ProjectId) -> Run:
    run_id = await request_run(database, project_id, *ALL_TIMES)
    await repricing.work()
    return await find_run(database, run_id)


def sums(warehouse: Warehouse, project_id: ProjectId, table: str) -> tuple[Any, ...]:
    sql = OF_ROWS if table in ("traces", "spans") else OF_ROLLUP
    if table == "trace_sums":
        sql += " AND grain = 'hour'"
    values = {"project": project_id, "table": table}
    return tuple(warehouse.query_now(sql, values, {}).rows[0])


def cost_at(dollars: int) -> Decimal:
    return dollars * sum(1100 + number for number in range(20)) / Decimal(10**6)


def assert_whole(warehouse: Warehouse, project_id: ProjectId) -> None:
    """Asserts that every sum of traces is what the rows add up to."""
    rows = sums(warehouse, project_id, "traces")
    assert sums(warehouse, project_id, "trace_sums") == rows
    assert sums(warehouse, project_id, "session_sums") == rows


def assert_priced_once(warehouse: Warehouse, project_id: ProjectId, answers: int = 10) -> None:
    """Asserts that the rows cost what the price says, and every sum what the rows do."""
    rows = sums(warehouse, project_id, "traces")
    assert rows[0] == sum(1000 + 2 * (100 + n) for n in range(20)) / Decimal(10**6)
    assert rows[3] == 0
    assert_whole(warehouse, project_id)
    spans = sums(warehouse, project_id, "spans")
    assert spans[0] == answers * Decimal(1200) / 10**6
    assert sums(warehouse, project_id, "spans_hourly") == spans


BREAKS: list[tuple[Exception, bool]] = [
    (Bug("made to fail"), True),
    (WarehouseUnavailable("made to fail"), False),
]


@pytest.mark.slow
async def test_a_run_that_breaks_off_at_any_step_changes_each_cost_once(
    warehouse: Warehouse, database: Database, pricing: Pricing, tmp_path: Path
) -> None:
    project_id = await filled(database, warehouse, spans=0)
    fused = FusedDatabase(f"sqlite:///{tmp_path / 'control.db'}")
    number, broken, dollars = 1, True, 1
    while broken:
        broken = False
        for error, after in BREAKS:
            dollars += 1
            await set_rate(database, project_id, dollars)
            fused.fuse = fuse = Fuse(number, error, after=after)
            store: Any = FusedStore(warehouse, fuse)
            run_id = await request_run(database, project_id, *ALL_TIMES)
            with suppress(Bug, WarehouseUnavailable):
                await Repricing(fused, store, Log(), pricing, settle_s=0.0).work()
            broken |= fuse.has_failed
            await Repricing(database, warehouse, Log(), pricing, settle_s=0.0).work()

            run = await find_run(database, run_id)
            assert run.state in ("done", "failed"), (number, error)
            assert run.progress.pending is None
            assert_whole(warehouse, project_id)
            if run.state == "failed":
                run = await repriced(
                    Repricing(database, warehouse, Log(), pricing, settle_s=0.0),
                    database,
                    project_id,
                )
            else:
                totals = run.progress.totals
                assert (totals.looked_at, totals.changed) == (20, 20), (number, error)
            assert sums(warehouse, project_id, "traces")[0] == cost_at(dollars)
            if not fuse.is_store:
                break  # to fail before a call is to fail after the one before
        number += 1
    await fused.close()
    assert number > 10


async def test_a_second_run_and_other_projects_change_nothing(
    warehouse: Warehouse, database: Database, pricing: Pricing
) -> None:
    project_id, other = await filled(database, warehouse), await filled(database, warehouse)
    before = sums(warehouse, other, "traces")
    work = Repricing(database, warehouse, Log(), pricing, settle_s=0.0)

    first = (await repriced(work, database, project_id)).progress.totals
    second = (await repriced(work, database, project_id)).progress.totals

    assert (first.changed, first.unpriced_before, first.unpriced_after) == (30, 17, 0)
    assert (second.changed, second.before_pico) == (0, first.after_pico)
    assert_priced_once(warehouse, project_id)
    assert sums(warehouse, other, "traces") == before == sums(warehouse, other, "trace_sums")


async def test_where_each_server_mutates_for_itself_the_mutation_carries_the_costs(
    warehouse: Warehouse, database: Database, pricing: Pricing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def replicated(_: Warehouse) -> bool:
        return True

    monkeypatch.setattr(rows, "is_replicated", replicated)
    project_id = await filled(database, warehouse)

    await repriced(
        Repricing(database, warehouse, Log(), pricing, settle_s=0.0), database, project_id
    )

    assert_priced_once(warehouse, project_id)
    found = warehouse.query_now(MUTATIONS, {"project": project_id}, {}).rows
    assert len(found) == 2
    assert not any("cost_changes" in text for (text,) in found)


@pytest.mark.slow
async def test_a_copy_that_lacks_the_changes_is_waited_for(
    warehouse: Warehouse, database: Database, pricing: Pricing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def replicated(_: Warehouse) -> bool:
        return True

    async def nothing(*_: object) -> None:
        """As past the views of replicated tables."""

    monkeypatch.setattr(rows, "is_replicated", replicated)
    monkeypatch.setattr(rows, "READ_BACK_PAUSES_S", (0.0, 0.0))
    project_id = await filled(database, warehouse, spans=0)
    behind: Any = Behind(warehouse)
    behind.insert_past_views = nothing
    work = Repricing(database, behind, Log(), pricing, settle_s=0.0)

    run = await repriced(work, database, project_id)
    assert run.state == "running"
    assert run.progress.totals.changed == 0
    assert "does not show them" in run.progress.failure

    await Repricing(database, warehouse, Log(), pricing, settle_s=0.0).work()
    run = await find_run(database, run.run_id)
    assert (run.state, run.progress.totals.changed) == ("done", 20)
    assert_priced_once(warehouse, project_id, answers=0)


@pytest.mark.slow
async def test_a_run_that_is_cancelled_in_the_middle_of_a_chunk_finishes_it(
    warehouse: Warehouse, database: Database, pricing: Pricing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_CHANGES", 5)
    monkeypatch.setattr(rows, "PAGE_ROWS", 5)
    project_id = await filled(database, warehouse)
    fuse = Fuse(6, WarehouseUnavailable("made to fail"), after=True)
    store: Any = FusedStore(warehouse, fuse)
    work = Repricing(database, store, Log(), pricing, settle_s=0.0)
    run = await repriced(work, database, project_id)
    assert run.progress.pending is not None

    assert (await cancel_run(database, run.run_id)).state == "cancelling"
    await Repricing(database, warehouse, Log(), pricing, settle_s=0.0).work()

    run = await find_run(database, run.run_id)
    assert (run.state, run.progress.pending) == ("cancelled", None)
    assert run.progress.totals.changed == 15
    assert_whole(warehouse, project_id)
    left = await repriced(
        Repricing(database, warehouse, Log(), pricing, settle_s=0.0), database, project_id
    )
    assert left.progress.totals.changed == 15
    assert_priced_once(warehouse, project_id)


async def test_rows_of_records_behind_the_end_that_the_run_waits_for_are_left(
    warehouse: Warehouse, database: Database, pricing: Pricing
) -> None:
    project_id = await filled(database, warehouse)
    work = Repricing(database, warehouse, Log(end=5), pricing, settle_s=0.0)

    totals = (await repriced(work, database, project_id)).progress.totals

    assert (totals.looked_at, totals.changed) == (30, 10)
    rows = sums(warehouse, project_id, "traces")
    assert sums(warehouse, project_id, "trace_sums") == rows
