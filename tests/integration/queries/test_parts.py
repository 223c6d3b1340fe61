"""Answers in parts: the same rows in the same order, wherever they are cut."""

import json
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient
from msgspec.structs import replace

from api import outcomes as outcomes_api
from api.app import exception_handlers
from api.outgoing import Outgoing
from api.reads import Reader, Turns
from api.rows import begin_rows
from clickhouse.client import READ_BACK_READERS, URGENT_READERS, Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.llm import spans, traces
from clickhouse.llm.filters import TraceFilter
from clickhouse.queries.parts import Bounds, Selection, find_parts, of_ids, read_part, read_whole
from schemas import metrics
from schemas.llm.answers import TraceAnswer
from schemas.projects import ProjectContext, ProjectId
from sluice.systems import queries
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import (
    DAY_US,
    START_US,
    SpanRow,
    TraceRow,
    make_span,
    make_trace,
    random_spans,
)

MIB = 1 << 20
SMALL = Bounds(bytes=5_000, rows=7)
# Of a month that no other file has: rows of other tests make what is read with ours too large.
RECEIVED_US = START_US + 250 * DAY_US


def rows_of(project: ProjectContext, count: int, **fields: Any) -> list[TraceRow]:
    """Returns traces of one session, some of them at one moment, of very different sizes."""
    own = {"received_at_us": RECEIVED_US} | fields
    return [
        make_trace(
            project.project_id,
            str(uuid.UUID(int=number)),
            session_id="s",
            timestamp_us=START_US + number // 3,
            request_body=json.dumps({"text": "é" * (number % 5) ** 4}),
            **own,
        )
        for number in range(count)
    ]


async def in_parts(
    warehouse: Warehouse, project: ProjectContext, selection: Selection
) -> list[list[Any]]:
    assert await read_whole(warehouse, project, selection, SMALL) is None
    parts = await find_parts(warehouse, project, selection, SMALL)
    found = [(part, await read_part(warehouse, project, part)) for part in parts]
    for part, rows in found:
        assert part.rows == 1 or part.size <= SMALL.bytes
        assert len(rows) <= SMALL.rows
    return [rows for _, rows in found]


def in_hand() -> float | None:
    return metrics.REGISTRY.get_sample_value("sluice_answer_bytes")


def ids(rows: Sequence[Any]) -> list[str]:
    return [row.trace_id if isinstance(row, TraceAnswer) else row.span_id for row in rows]


@pytest.mark.parametrize("offset", [0, 4])
@pytest.mark.parametrize("latest_first", [True, False], ids=["list", "session"])
async def test_traces_in_parts_are_those_of_the_whole(
    warehouse: Warehouse, project: ProjectContext, latest_first: bool, offset: int
) -> None:
    for rows in (rows_of(project, 40)[::2], rows_of(project, 40)[1::2]):
        store_traces(warehouse, rows)
    selection = traces.matching(project, TraceFilter(session_id="s"), limit=30, offset=offset)
    if not latest_first:
        selection = traces.of_session(project, "s", limit=30, offset=offset)

    whole = await read_whole(warehouse, project, selection, Bounds())
    parts = await in_parts(warehouse, project, selection)

    assert whole is not None
    assert len(whole) == 30
    assert len(parts) > 4
    assert [row for part in parts for row in part] == whole


async def test_spans_in_parts_are_those_of_the_whole_with_the_durations_of_their_pairs(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = random_spans(project.project_id, 5, 300)
    store_spans(warehouse, [replace(row, received_at_us=RECEIVED_US) for row in rows])
    selection = spans.of_session(project, "s3")

    whole = await read_whole(warehouse, project, selection, Bounds())
    parts = await in_parts(warehouse, project, selection)

    assert whole is not None
    assert sum(row.duration_ms is not None for row in whole) > 5
    assert [row for part in parts for row in part] == whole


async def test_a_row_that_is_stored_twice_costs_no_other_row(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = rows_of(project, 30)
    store_traces(warehouse, rows)
    store_traces(warehouse, rows[5:25])
    selection = traces.of_session(project, "s")

    parts = await in_parts(warehouse, project, selection)

    assert set(ids([row for part in parts for row in part])) == {row.trace_id for row in rows}


async def test_rows_by_id_come_in_the_order_of_the_ids_whole_and_in_parts(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = rows_of(project, 20)
    store_traces(warehouse, rows)
    wanted = [row.trace_id for row in reversed(rows)] + [str(uuid.uuid4()), rows[3].trace_id]
    selection = of_ids(traces.TRACES, project, wanted)
    stored = [*wanted[:20], rows[3].trace_id]

    whole = await read_whole(warehouse, project, selection, Bounds())
    parts = await in_parts(warehouse, project, selection)

    assert whole is not None
    assert ids(whole) == stored
    assert ids([row for part in parts for row in part]) == stored


async def test_parts_of_a_project_have_no_rows_of_another(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    other = ProjectContext(type(project.project_id)(project.project_id + "-other"))
    for owner in (project, other):
        store_traces(warehouse, rows_of(owner, 20))

    parts = await in_parts(warehouse, project, traces.of_session(project, "s"))

    assert {row.project_id for part in parts for row in part} == {project.project_id}
    assert sum(map(len, parts)) == 20


async def test_names_of_another_project_are_no_part_of_an_answer(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    """They share dictionaries in the store: here of 16 MiB, four times what a page may take."""
    other = f"{project.project_id}-other"
    names = [f"{number:04d}" + "\N{OWL}" * 252 for number in range(4096)]
    # A month of their own: these names must not come into parts of other tests.
    then: Any = {"received_at_us": START_US + 90 * DAY_US}
    theirs: list[TraceRow] = []
    their_spans: list[SpanRow] = []
    for number, name in enumerate(names):
        named: Any = dict.fromkeys(("model_requested", "model_used", "environment"), name)
        theirs.append(make_trace(other, f"t{number}", finish_reason=name, **named, **then))
        named = dict.fromkeys(("source", "kind", "tool_name", "model"), name)
        their_spans.append(make_span(other, f"s{number}", **named, **then))
    store_traces(warehouse, [*theirs, *rows_of(project, 10, **then)])
    ours = [make_span(project.project_id, f"s{n}", session_id="s", **then) for n in range(10)]
    store_spans(warehouse, [*their_spans, *ours])

    for selection in (traces.of_session(project, "s"), spans.of_session(project, "s")):
        found = await read_whole(warehouse, project, selection, Bounds())
        assert len(found or ()) == 10


async def test_where_rows_are_is_found_without_reading_their_bodies(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    # A month of their own: parts of other tests may have large dictionaries of names.
    same: Any = {
        "session_id": "large",
        "request_body": json.dumps({"text": "x" * MIB}),
        "received_at_us": START_US + 400 * DAY_US,
    }
    for first in range(0, 48, 8):
        rows = [make_trace(project.project_id, f"t{n}", **same) for n in range(first, first + 8)]
        store_traces(warehouse, rows)
    selection = traces.of_session(project, "large")
    turns = Turns(3, max_memory_bytes=24 * MIB)

    async with turns.taken(project.project_id, warehouse) as bounded:
        parts = await find_parts(bounded, project, selection, Bounds())
        with pytest.raises(QueryTooExpensive):
            await bounded.query(
                "SELECT max(request_body) FROM traces WHERE project_id = {project_id:String}",
                {"project_id": project.project_id},
            )

    assert sum(run.end - run.first for run in parts.runs) == 48
    assert parts.largest < 4 * MIB


async def test_what_is_read_is_counted_before_and_given_back_at_the_end(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, rows_of(project, 40))
    before = in_hand()
    reader = Reader(Turns(3), warehouse, Outgoing(64 * MIB), project)
    selection = traces.of_session(project, "s")

    rows, _ = await begin_rows(reader, selection, bounds=SMALL)
    texts = []
    while not texts or not rows.is_last:
        texts.append(await rows.take())
        assert (in_hand() == before) == rows.is_last
    rows.close()

    assert len(json.loads(b"[" + b"".join(texts) + b"]")) == 40
    assert in_hand() == before


@pytest.fixture
def narrow(warehouse: Warehouse, project: ProjectContext) -> Iterator[TestClient[Litestar]]:
    """The routes, with bytes for one small part alone."""
    app = Litestar(
        [*queries(), *outcomes_api.HANDLERS],
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State(
            {
                "warehouse": warehouse,
                "outgoing": Outgoing(MIB, wait_s=0.01),
            }
        ),
        exception_handlers=exception_handlers(),
    )
    with TestClient(app) as opened:
        yield opened


def test_an_answer_for_which_there_are_no_bytes_is_put_off(
    narrow: TestClient[Litestar], warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, rows_of(project, 2))
    outgoing: Outgoing = narrow.app.state.outgoing
    outgoing.add(project.project_id, MIB)

    refused = narrow.get("/traces")
    outgoing.add(project.project_id, -MIB)
    served = narrow.get("/traces")

    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    assert "fewer rows" in refused.json()["error"]
    assert served.json()["total"] == 2


def test_a_page_far_behind_is_read_without_the_bodies_before_it(
    narrow: TestClient[Litestar], warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, rows_of(project, 5))

    found = narrow.get("/traces?offset=100000").json()

    assert found == {"traces": [], "total": 5, "limit": 100, "offset": 100_000, "nextCursor": None}


async def test_readers_of_the_stream_are_no_others(warehouse: Warehouse) -> None:
    pools = {
        id(view._readers): view._readers._max_workers
        for view in (warehouse, warehouse.urgent, warehouse.read_backs)
    }

    assert len(pools) == 3
    assert pools[id(warehouse.urgent._readers)] == URGENT_READERS
    assert pools[id(warehouse.read_backs._readers)] == READ_BACK_READERS


async def test_small_rows_are_read_separately_from_large_ones_beside_them(
    warehouse: Warehouse,
) -> None:
    small = ProjectContext(ProjectId("0" + uuid.uuid4().hex))
    large = ProjectContext(ProjectId("z" + uuid.uuid4().hex))
    body = json.dumps({"text": "x" * MIB})
    fields = {"received_at_us": START_US + 700 * DAY_US}  # a partition of their own
    for first in range(0, 80, 8):
        numbers = range(first, first + 8)
        rows = [make_trace(large.project_id, f"t{n}", request_body=body, **fields) for n in numbers]
        store_traces(warehouse, rows)
    await warehouse.command("OPTIMIZE TABLE traces FINAL")
    store_traces(warehouse, [make_trace(small.project_id, "one", **fields)])
    await warehouse.command("OPTIMIZE TABLE traces FINAL")

    found = await read_whole(
        warehouse, small, traces.matching(small, TraceFilter(), limit=100), Bounds()
    )

    assert found is not None, "one small row took more than 64 MB of memory to read"
    assert ids(found) == ["one"]
