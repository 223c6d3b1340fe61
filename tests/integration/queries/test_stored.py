"""What the sink asks: which ids are stored, and the hashes that warm its filter."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from clickhouse.client import Warehouse
from clickhouse.llm.traces import TRACES, fetch_trace
from clickhouse.queries.parts import Bounds, of_ids, read_whole
from clickhouse.queries.stored import Pair, recent_hashes, stored_rows
from schemas.ids import event_hash
from schemas.kinds import SPAN, TRACE
from schemas.projects import ProjectContext, ProjectId
from schemas.rows import Position, Source
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_span, make_trace

LARGE = "5B1A3C2E-7F4D-4E6A-9B8C-0D1E2F3A4B5C"
TABLES = {table.name: table for kind in (TRACE, SPAN) for table in kind.tables}


def of_these(hashes: set[int], blocks: Sequence[npt.NDArray[np.uint64]]) -> set[int]:
    """Returns those that the blocks have: rows of other tests may be received later than these."""
    return hashes & {int(value) for value in np.concatenate(blocks)}


async def test_stored_ids_tell_where_each_row_came_from(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    mine, other = project.project_id, ProjectId(project.project_id + "-other")
    place = Position("log-7", 2, 99)
    store_traces(warehouse, [make_trace(mine, "t1", position=place), make_trace(mine, "t2")])
    store_traces(warehouse, [make_trace(other, "t1")])

    asked = [Pair(mine, "t1"), Pair(mine, "none"), Pair(other, "t2"), Pair(other, "t1")]
    found = await stored_rows(warehouse, TABLES["traces"], asked)

    places = {pair: Position(*values) for pair, values in found.items()}
    assert places == {Pair(mine, "t1"): place, Pair(other, "t1"): Position("log", 3, 42)}


async def test_stored_ids_of_spans_are_told_as_well(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, [make_span(project.project_id, "p1")])
    asked = [Pair(project.project_id, "p1"), Pair(project.project_id, "p2")]

    found = await stored_rows(warehouse, TABLES["spans"], asked)

    assert set(found) == {asked[0]}
    assert await stored_rows(warehouse, TABLES["spans"], []) == {}


@pytest.mark.parametrize("kind", ["traces", "spans"])
async def test_hashes_of_recent_rows_are_those_that_python_computes(
    warehouse: Warehouse, project: ProjectContext, kind: str
) -> None:
    ids = ["plain", "ünïcode ✓", "", "x" * 300, "with\ttab", "nul\0inside"]
    since = START_US + 900 * 86_400_000_000
    if kind == "traces":
        received = {"received_at_us": since + 7}
        store_traces(warehouse, [make_trace(project.project_id, i, **received) for i in ids])
        store_traces(warehouse, [make_trace(project.project_id, "old")])
    else:
        received = {"received_at_us": since + 7}
        store_spans(warehouse, [make_span(project.project_id, i, **received) for i in ids])
        store_spans(warehouse, [make_span(project.project_id, "old")])

    blocks = [
        block
        async for block in recent_hashes(warehouse, TABLES[kind], now_us=since + 1, window_us=1)
    ]

    old = event_hash(project.project_id, "old")
    expected = {event_hash(project.project_id, item) for item in ids}
    assert of_these({old, *expected}, blocks) == expected


@pytest.mark.parametrize("kind", ["traces", "spans"])
async def test_hashes_of_a_partition_are_of_its_rows_and_of_every_other_logs(
    warehouse: Warehouse, project: ProjectContext, kind: str
) -> None:
    since = START_US + 901 * 86_400_000_000
    places = {
        "mine": Position("kafka:c/now", 1, 5),
        "neighbour": Position("kafka:c/now", 2, 5),
        "of another topic": Position("kafka:c/before", 2, 5),
        "embedded": Position("f00", 0, 5),
    }
    store, make = (store_traces, make_trace) if kind == "traces" else (store_spans, make_span)
    rows = [
        make(project.project_id, name, position=place, received_at_us=since + 7)
        for name, place in places.items()
    ]
    store(warehouse, rows)  # type: ignore[arg-type]

    blocks = [
        block
        async for block in recent_hashes(
            warehouse,
            TABLES[kind],
            now_us=since + 1,
            window_us=1,
            source=Source("kafka:c/now", 1),
        )
    ]

    expected = {event_hash(project.project_id, name) for name in places if name != "neighbour"}
    every = {event_hash(project.project_id, name) for name in places}
    assert of_these(every, blocks) == expected


@pytest.mark.parametrize("kind", ["traces", "spans"])
async def test_ids_stay_known_when_the_clock_jumps_beyond_the_window(
    warehouse: Warehouse, project: ProjectContext, kind: str
) -> None:
    """Else a resend of what was stored a minute ago would be stored a second time."""
    newest = START_US + 9_000 * DAY_US
    store, make = (store_traces, make_trace) if kind == "traces" else (store_spans, make_span)
    places = {"last": newest, "within": newest - 6 * DAY_US, "before": newest - 8 * DAY_US}
    rows = [make(project.project_id, name, received_at_us=at_us) for name, at_us in places.items()]
    store(warehouse, rows)  # type: ignore[arg-type]

    blocks = [
        block
        async for block in recent_hashes(
            warehouse,
            TABLES[kind],
            now_us=newest + 400 * DAY_US,
            window_us=7 * DAY_US,
        )
    ]

    expected = {event_hash(project.project_id, name) for name in ("last", "within")}
    assert {int(value) for value in np.concatenate(blocks)} == expected


async def test_an_id_stored_in_upper_case_is_the_one_in_lower_case(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    """As version b92ec30 stored it; what is no UUID stays another id in capitals."""
    rows = [make_trace(project.project_id, LARGE), make_trace(project.project_id, "T1")]
    store_traces(warehouse, rows)
    small, other = Pair(project.project_id, LARGE.lower()), Pair(project.project_id, "t1")

    found = await stored_rows(warehouse, TABLES["traces"], [small, other])
    by_id = [await fetch_trace(warehouse, project, one) for one in (small.item_id, LARGE, "t1")]
    selected = of_ids(TRACES, project, [small.item_id])
    listed = await read_whole(warehouse, project, selected, Bounds())

    assert set(found) == {small}
    assert [row and row.trace_id for row in by_id] == [LARGE, LARGE, None]
    assert [row.trace_id for row in listed or ()] == [LARGE]


async def test_every_partition_knows_an_id_in_upper_case_by_its_lower_case(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    since = START_US + 902 * DAY_US
    place = Position("kafka:c/now", 2, 5)
    row = make_trace(project.project_id, LARGE, position=place, received_at_us=since + 7)
    store_traces(warehouse, [row])

    source = Source("kafka:c/now", 1)
    asked = recent_hashes(warehouse, TABLES["traces"], now_us=since + 1, window_us=1, source=source)
    hashes = np.concatenate([block async for block in asked])

    assert event_hash(project.project_id, LARGE.lower()) in hashes
