"""Which words of a store mean what: rows at fault, a statement of ours, or "not now"."""

import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow as pa
import pytest

from clickhouse.client import Warehouse
from clickhouse.failures import (
    AccessRefused,
    RowsRefused,
    StatementRefused,
    WarehouseError,
    WarehouseUnavailable,
)
from processors.llm.fields import MAX_COST_PICO
from schemas.llm.wire import MAX_DURATION_MS
from schemas.numbers import SAFE_INTEGER
from schemas.times import EARLIEST, EPOCH, LATEST, MICROSECOND
from tests.integration.queries.rows import encode_spans, encode_traces, make_span, make_trace

OUTAGES = (
    1, 16, 32, 33, 43, 49, 53, 60, 62, 75, 76, 79, 81, 158, 159, 173, 202, 203, 209, 210, 225, 236,
    241, 243, 244, 252, 271,
    286, 394, 395, 425, 439, 598, 668, 722, 1000, 1001, 1002, 4242,
)  # fmt: skip
AT_FAULT = (6, 26, 27, 38, 41, 69, 70, 72, 117, 131, 349, 407, 469)
LONGEST_S = 30
MIN_US, MAX_US = (EARLIEST - EPOCH) // MICROSECOND, (LATEST - EPOCH) // MICROSECOND


@contextmanager
def answering(code: int) -> Iterator[Warehouse]:
    """A store whose every answer is this error."""

    class Refuse(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = f"Code: {code}. DB::Exception: no. (NAME)".encode()
            self.send_response(500)
            self.send_header("X-ClickHouse-Exception-Code", str(code))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with closing(Warehouse(f"http://127.0.0.1:{server.server_port}")) as warehouse:
            yield warehouse
        server.shutdown()


def insert(warehouse: Warehouse) -> None:
    warehouse.insert_now("traces", b"rows", "token")


def query(warehouse: Warehouse) -> None:
    warehouse.query_now("SELECT 1", None, {})


@pytest.mark.parametrize("code", OUTAGES)
def test_an_insert_that_fails_for_whatever_reason_may_come_again(code: int) -> None:
    with answering(code) as warehouse, pytest.raises(WarehouseUnavailable):
        insert(warehouse)


@pytest.mark.parametrize("code", AT_FAULT)
def test_an_insert_is_refused_for_its_rows_where_the_store_names_them(code: int) -> None:
    with answering(code) as warehouse, pytest.raises(RowsRefused):
        insert(warehouse)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        *((code, StatementRefused) for code in (47, 60, 62, 117)),
        *((code, WarehouseUnavailable) for code in (202, 394, 439, 745)),
    ],
)
def test_a_query_that_is_wrong_is_our_bug_and_says_nothing_of_rows(
    code: int, kind: type[WarehouseError]
) -> None:
    with answering(code) as warehouse, pytest.raises(WarehouseError) as raised:
        query(warehouse)

    assert type(raised.value) is kind


@pytest.mark.parametrize("call", [insert, query])
def test_a_wrong_password_is_neither_the_rows_fault_nor_the_querys(
    call: Callable[[Warehouse], None],
) -> None:
    with answering(516) as warehouse, pytest.raises(AccessRefused):
        call(warehouse)


@pytest.mark.parametrize("call", [insert, query])
def test_a_store_that_takes_a_call_and_never_answers_holds_nobody_for_long(
    call: Callable[[Warehouse], None],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with closing(Warehouse(f"http://127.0.0.1:{port}", answer_timeout_s=1)) as warehouse:
            started = time.monotonic()
            with pytest.raises(WarehouseUnavailable):
                call(warehouse)

    assert time.monotonic() - started < LONGEST_S


def block_with(name: str, values: pa.Array) -> bytes:
    table = pa.ipc.open_stream(encode_traces([make_trace("refused", "t")])).read_all()
    table = table.set_column(table.schema.get_field_index(name), name, values)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tags", pa.array(["{not json"])),
        ("tags", pa.array(['{"a":1,"a":2}'])),
        ("latency_ms", pa.array(["a text"])),
        ("timestamp", pa.array(["yesterday"])),
        ("computed_cost", pa.array([10**60], pa.decimal256(76, 12))),
    ],
)
def test_the_engine_names_rows_that_it_cannot_take(
    warehouse: Warehouse, name: str, values: pa.Array
) -> None:
    with pytest.raises(RowsRefused):
        warehouse.insert_now("traces", block_with(name, values), "refused")


def test_no_value_that_the_edge_lets_in_makes_a_view_fail(warehouse: Warehouse) -> None:
    """A view that fails has let its rows into the table: they could be neither parked nor done."""
    largest: dict[str, Any] = {
        "input_tokens": SAFE_INTEGER, "output_tokens": SAFE_INTEGER,
        "computed_cost_pico": MAX_COST_PICO, "reported_cost_pico": MAX_COST_PICO,
    }  # fmt: skip
    project = uuid.uuid4().hex
    traces = [
        make_trace(project, f"t{n}", latency_ms=MAX_DURATION_MS, timestamp_us=at, **largest)
        for n, at in enumerate((MIN_US, MAX_US))
    ]
    spans = [
        make_span(project, f"s{n}", duration_ms=MAX_DURATION_MS, timestamp_us=at, **largest)
        for n, at in enumerate((MIN_US, MAX_US))
    ]

    warehouse.insert_now("traces", encode_traces(traces), project)
    warehouse.insert_now("spans", encode_spans(spans), project)

    for sums in ("sum(requests) FROM trace_sums", "sum(spans) FROM spans_hourly"):
        sql = f"SELECT {sums} WHERE project_id = {{project:String}}"
        assert warehouse.query_now(sql, {"project": project}, {}).rows[0][0] >= 2


def test_a_view_that_fails_is_not_the_rows_fault(warehouse: Warehouse) -> None:
    """The table has the rows then: by parts they would go in a second time."""
    names = ["refusing_feed", "refusing", "refused_sums"]
    settings = "SETTINGS non_replicated_deduplication_window = 10"
    for statement in (
        f"CREATE TABLE refusing (k UInt32) ENGINE = MergeTree ORDER BY k {settings}",
        f"CREATE TABLE refused_sums (k UInt32) ENGINE = MergeTree ORDER BY k {settings}",
        "CREATE MATERIALIZED VIEW refusing_feed TO refused_sums AS"
        " SELECT k + throwIf(k = 13) AS k FROM refusing",
    ):
        warehouse.command_now(statement, None, {})
    batch = pa.record_batch([pa.array([1, 13], pa.uint32())], ["k"])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)

    for _ in range(2):
        with pytest.raises(WarehouseUnavailable):
            warehouse.insert_now("refusing", bytes(sink.getvalue()), "one")

    assert warehouse.query_now("SELECT count() FROM refusing", None, {}).rows[0][0] == 2
    for name in names:
        warehouse.command_now(f"DROP TABLE {name}", None, {})
