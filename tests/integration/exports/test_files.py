"""Files of rows: what stands in them is what lists show, in every format and however it is cut."""

import csv
import io
import json
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from litestar import Litestar

from api.exports.sending import MOST_OF_A_PROJECT, NEXT, ROWS
from clickhouse.client import Warehouse
from clickhouse.exports import reading
from clickhouse.exports.columns import FORMATS
from clickhouse.exports.registry import EXPORTED
from clickhouse.exports.statements import Wanted
from clickhouse.failures import QueryTooExpensive
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_spans, store_traces
from tests.integration.queries.error_rows import store_errors
from tests.integration.queries.otel_rows import span
from tests.integration.queries.otel_rows import store_spans as store_otel
from tests.integration.queries.rows import START_US, make_span, make_trace

DAY_US = 86_400_000_000
FORMULA = '=cmd|"/c calc"!A1'


def store_calls(warehouse: Warehouse, project: ProjectContext, count: int, **said: Any) -> None:
    rows = [
        make_trace(
            project.project_id,
            f"{number:08x}-0000-4000-8000-000000000000",
            **{
                "timestamp_us": START_US + number * 1_000_000,
                "received_at_us": START_US + number * DAY_US // 10,
                "computed_cost_pico": number * 1_234_567,
                "request_body": json.dumps({"n": number, "text": 'é\n"x"'}, indent=1),
                "session_id": "even" if number % 2 == 0 else "odd",
                "output_text": None if number % 3 else f"answer {number}",
            }
            | said,
        )
        for number in range(count)
    ]
    store_traces(warehouse, rows)


async def lines(client: httpx.AsyncClient, table: str, **params: str) -> list[dict[str, Any]]:
    answer = await client.get(f"/export/{table}", params=params)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.content.splitlines()]


@pytest.mark.usefixtures("small_parts")
async def test_a_file_has_the_rows_of_the_list_in_every_format(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 130)
    listed = (await client.get("/traces", params={"limit": "1000"})).json()["traces"]
    ids = [row["traceId"] for row in reversed(listed)]

    of_lines = await lines(client, "traces")
    parquet = await client.get("/export/traces", params={"format": "parquet"})
    cells = await client.get("/export/traces", params={"format": "csv"})

    assert [row["trace_id"] for row in of_lines] == ids
    assert [row["request_body"] for row in of_lines] == [
        row["requestBody"] for row in reversed(listed)
    ]
    assert of_lines[3]["timestamp"] == "2025-06-01T00:00:03.000000Z"
    assert (of_lines[0]["output_text"], of_lines[1]["output_text"]) == ("answer 0", None)
    read = pq.read_table(io.BytesIO(parquet.content))
    assert read.column("trace_id").to_pylist() == ids
    assert read.schema.field("timestamp").type == pa.timestamp("us", "UTC")
    assert read.column("timestamp")[3].as_py() == datetime(2025, 6, 1, 0, 0, 3, tzinfo=UTC)
    assert read.schema.field("computed_cost").type == pa.decimal128(38, 12)
    assert read.column("computed_cost")[129].as_py() == Decimal("0.000159259143")
    of_cells = list(csv.DictReader(io.StringIO(cells.text, newline="")))
    assert [row["trace_id"] for row in of_cells] == ids
    assert [json.loads(row["request_body"])["n"] for row in of_cells] == [*range(130)]
    assert of_cells[129]["computed_cost"] == "0.000159259143"


@pytest.mark.usefixtures("small_parts")
async def test_files_that_go_on_have_every_row_once(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 45)
    found, cursor, counts = [], "", []
    while True:
        params = {"rows": "20"} | ({"cursor": cursor} if cursor else {})
        answer = await client.get("/export/traces", params=params)
        found += [json.loads(line)["trace_id"] for line in answer.content.splitlines()]
        counts.append(answer.headers[ROWS])
        if NEXT not in answer.headers:
            break
        cursor = answer.headers[NEXT]

    assert counts == ["20", "20", "5"]
    assert found == [row["trace_id"] for row in await lines(client, "traces")]


async def test_a_part_that_the_engine_finds_too_large_is_read_in_smaller_ones(
    client: httpx.AsyncClient,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_calls(warehouse, project, 45)
    whole = await client.get("/export/traces", params={"format": "csv"})
    read, sizes = reading._read, []

    async def read_few(
        store: Warehouse, wanted: Wanted, part: reading.Part | None, *, is_first: bool
    ) -> bytes:
        if part is not None and part.rows > 4:
            raise QueryTooExpensive("too large")
        sizes.append(0 if part is None else part.rows)
        return await read(store, wanted, part, is_first=is_first)

    monkeypatch.setattr(reading, "_read", read_few)
    again = await client.get("/export/traces", params={"format": "csv"})

    assert again.content == whole.content
    assert sum(sizes) == 45
    assert max(sizes) <= 4


async def test_a_file_keeps_the_filters_of_its_list(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 20)
    store_spans(
        warehouse,
        [
            make_span(project.project_id, "a", tool_name="Bash"),
            make_span(project.project_id, "b", tool_name="Read"),
        ],
    )
    store_errors(warehouse, project, [{"level": "error"}, {"level": "fatal"}])

    odd = await lines(client, "traces", session_id="odd", date_to="2025-06-01T00:00:09Z")
    bash = await lines(client, "spans", tool_name="Bash")
    fatal = await lines(client, "errors", level="fatal")
    wrong = await client.get("/export/errors", params={"tool_name": "Bash"})

    assert [row["trace_id"][:8] for row in odd] == [f"{n:08x}" for n in (1, 3, 5, 7, 9)]
    assert [row["span_id"] for row in bash] == ["a"]
    assert [row["level"] for row in fatal] == ["fatal"]
    assert (wrong.status_code, wrong.json()["details"][0]["path"]) == (400, ["tool_name"])


async def test_a_day_of_receipt_has_its_rows_whatever_came_later(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 25)

    days = (await client.get("/export", params={"tables": "traces"})).json()["tables"][0]["days"]
    before = await lines(client, "traces", received_from="2025-06-02", received_before="2025-06-03")
    late = make_trace(project.project_id, uuid.uuid4().hex, received_at_us=START_US + 40 * DAY_US)
    store_traces(warehouse, [late])
    after = await lines(client, "traces", received_from="2025-06-02", received_before="2025-06-03")

    assert days == {"2025-06-01": 10, "2025-06-02": 10, "2025-06-03": 5}
    assert len(before) == 10
    assert before == after


async def test_a_call_that_is_stored_twice_is_one_row(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    for _ in range(2):
        store_calls(warehouse, project, 3)

    assert len(await lines(client, "traces")) == 3


@pytest.mark.parametrize(
    "text", [FORMULA, "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\n=1", "|x", "%x"]
)
async def test_no_cell_begins_with_what_a_spreadsheet_may_run(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext, text: str
) -> None:
    said = {"user_id": text, "output_text": text, "environment": f"a{text}"}
    store_calls(warehouse, project, 1, **said)

    safe = await client.get("/export/traces", params={"format": "csv"})
    raw = await client.get("/export/traces", params={"format": "csv", "cells": "raw"})
    whole = await lines(client, "traces")

    row = next(csv.DictReader(io.StringIO(safe.text, newline="")))
    assert (row["user_id"], row["output_text"]) == (f"'{text}", f"'{text}")
    assert row["environment"] == f"a{text}"
    plain = next(csv.DictReader(io.StringIO(raw.text, newline="")))
    assert plain["user_id"] == whole[0]["user_id"] == text


async def test_attributes_are_an_object_again(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    said = {"http.route": '/é"', "n": 3, "yes": True, "a=b%": "x", "like": "#1"}
    store_otel(warehouse, project, [span(1, attributes=said)])

    [row] = await lines(client, "otel_spans")
    [cell] = csv.DictReader(
        io.StringIO((await client.get("/export/otel_spans", params={"format": "csv"})).text)
    )

    assert {key: row["attributes"].get(key) for key in said} == said
    assert json.loads(cell["attributes"]) == row["attributes"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("table", EXPORTED)
async def test_a_table_without_rows_is_a_file_with_its_columns(
    client: httpx.AsyncClient, table: str, format: str
) -> None:
    answer = await client.get(f"/export/{table}", params={"format": format})

    names = [column.name for column in EXPORTED[table].columns]
    assert answer.status_code == 200
    if format == "jsonl":
        assert answer.content == b""
    elif format == "csv":
        assert next(csv.reader(io.StringIO(answer.text))) == names
    else:
        assert pq.read_schema(io.BytesIO(answer.content)).names == names


async def test_another_projects_rows_are_in_no_file_and_behind_no_cursor(
    client: httpx.AsyncClient, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 3)
    store_calls(warehouse, ProjectContext(ProjectId(uuid.uuid4().hex)), 9)
    first = await client.get("/export/traces", params={"rows": "1"})

    rest = await lines(client, "traces", cursor=first.headers[NEXT])
    [counted] = (await client.get("/export", params={"tables": "traces"})).json()["tables"]

    assert len(rest) == 2
    assert sum(counted["days"].values()) == 3


@pytest.mark.parametrize(
    "cursor", ["x", "WzFd", "WyJzcGFucyIsMCwiIl0=", "WyJ0cmFjZXMiLCJhIiwiYiJd"]
)
async def test_a_cursor_that_nobody_has_given_is_rejected(
    client: httpx.AsyncClient, cursor: str
) -> None:
    answer = await client.get("/export/traces", params={"cursor": cursor})

    assert (answer.status_code, answer.json()["details"][0]["path"]) == (400, ["cursor"])


async def test_an_unknown_table_and_too_many_rows_are_rejected(client: httpx.AsyncClient) -> None:
    assert (await client.get("/export/users")).status_code == 404
    assert (await client.get("/export/traces", params={"rows": "0"})).status_code == 400
    assert (await client.get("/export/traces", params={"rows": "200001"})).status_code == 400
    assert (await client.get("/export", params={"tables": "users"})).status_code == 400


async def test_one_more_file_of_a_project_is_put_off(
    client: httpx.AsyncClient, app: Litestar, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_calls(warehouse, project, 1)
    await lines(client, "traces")  # makes what is counted
    running = app.state.exports
    for _ in range(MOST_OF_A_PROJECT):
        running.begin(project.project_id)

    put_off = await client.get("/export/traces")
    running.end(project.project_id)

    assert (put_off.status_code, put_off.headers["Retry-After"]) == (429, "2")
    assert len(await lines(client, "traces")) == 1
