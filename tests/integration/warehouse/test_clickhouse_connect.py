"""The client of everybody, unmodified and as it comes: sessions, compression, Native."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.integration.warehouse.conftest import READER, Served

VALUES = [
    ("Int64", -(2**63)),
    ("UInt64", 2**64 - 1),
    ("Float64", 0.1),
    ("String", "a'b\t\n\\ü\0"),
    ("LowCardinality(String)", "low"),
    ("Nullable(String)", None),
    ("Bool", True),
    ("Decimal(38, 12)", Decimal("-12345678901234567890.123456789012")),
    ("Date", date(2024, 2, 29)),
    ("DateTime64(6, 'UTC')", datetime(2024, 2, 29, 12, 30, 0, 123456, tzinfo=UTC)),
    ("Array(String)", ["x", "y'"]),
    ("Map(String, String)", {"k": "v"}),
    ("UUID", uuid.UUID(int=7)),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[kind for kind, _ in VALUES])
def test_values_of_every_type_come_back(served: Served, kind: str, value: object) -> None:
    client = served.client(tz_mode="aware", compress="lz4")
    table = f"t{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {table} (n UInt8, v {kind}) ENGINE = MergeTree ORDER BY n")

    client.insert(table, [[1, value]])
    stored = client.query(f"SELECT v FROM {table}").result_rows

    assert stored == [(value,)]
    if not isinstance(value, dict):  # which the client writes as JSON, and no ClickHouse reads so
        bound = client.query(f"SELECT {{v:{kind}}}", parameters={"v": value}).result_rows
        assert bound == [(value,)]


@pytest.mark.parametrize("compress", ["lz4", "zstd", "br", "gzip", False])
def test_blocks_come_in_every_compression_both_ways(served: Served, compress: str | bool) -> None:
    client = served.client(compress=compress)
    table = f"c{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {table} (a UInt64, s String) ENGINE = MergeTree ORDER BY a")
    rows = [[n, "x" * 50] for n in range(20_000)]

    client.insert(table, rows)

    assert client.query(f"SELECT a, s FROM {table} ORDER BY a").result_rows == [
        tuple(row) for row in rows
    ]


@pytest.mark.parametrize("form", ["ArrowStream", "JSONEachRow", "Native", "Parquet"])
def test_raw_blocks_are_stored(served: Served, form: str) -> None:
    client = served.client()
    table = f"r{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY a")
    block = client.raw_query("SELECT number AS a FROM numbers(10000)", fmt=form)

    summary = client.raw_insert(table, insert_block=block, fmt=form)

    assert summary.written_rows == 10_000
    assert client.query(f"SELECT count(), sum(a) FROM {table}").result_rows == [(10000, 49995000)]


def test_arrow_tables_come_and_go(served: Served) -> None:
    client = served.client()
    table = f"a{uuid.uuid4().hex}"
    client.command(f"CREATE TABLE {table} (a UInt64) ENGINE = MergeTree ORDER BY a")

    client.insert_arrow(table, pa.table({"a": pa.array(range(1000), pa.uint64())}))

    assert client.query_arrow(f"SELECT sum(a) AS s FROM {table}").to_pylist() == [{"s": 499500}]


def test_a_long_answer_is_streamed(served: Served) -> None:
    client = served.client()

    with client.query_row_block_stream("SELECT number FROM numbers(2000000)") as blocks:
        total = sum(row[0] for block in blocks for row in block)

    assert total == 1_999_999_000_000


def test_parameters_too_long_for_a_url_come_in_a_form(served: Served) -> None:
    client = served.client()
    long = "ü'\\" * 100_000

    rows = client.query("SELECT {v:String}, {n:UInt8}", parameters={"v": long, "n": 1}).result_rows

    assert rows == [(long, 1)]


def test_commands_know_an_answer_from_none(served: Served) -> None:
    client = served.client()

    assert client.command("SELECT 7") == 7
    assert client.command("SELECT 1 WHERE 0") == ""
    assert client.query("SELECT 1 AS one LIMIT 0").column_names == ("one",)
    assert client.query("DESCRIBE TABLE schema_migrations").result_rows[0][:2] == (
        "number",
        "UInt32",
    )


def test_the_session_that_the_client_names_by_itself_is_passed_over(served: Served) -> None:
    client = served.client(autogenerate_session_id=True)

    client.command("SET max_threads = 1")

    assert client.get_client_setting("session_id")
    assert client.query("SELECT getSetting('max_threads') = 1").result_rows == [(False,)]


def test_a_setting_of_one_call_does_not_stay(served: Served) -> None:
    client = served.client(READER)
    sql = "SELECT getSetting('max_block_size'), getSetting('max_execution_time')"
    before = client.query(sql).result_rows

    during = client.query(sql, settings={"max_block_size": 7, "max_execution_time": 9}).result_rows

    assert during == [(7, 9)]
    assert client.query(sql).result_rows == before


def test_errors_carry_their_code(served: Served) -> None:
    with pytest.raises(DatabaseError) as raised:
        served.client(READER).query("SELECT nope")

    assert raised.value.code == 47


def test_an_answer_that_breaks_off_is_no_answer(served: Served) -> None:
    client = served.client()
    sql = "SELECT cityHash64(number), throwIf(number = 2900000) FROM numbers(3000000)"

    with (
        pytest.raises(StreamFailureError, match="Code: 395"),
        client.query_row_block_stream(sql, settings={"max_block_size": 65536}) as blocks,
    ):
        for _ in blocks:
            pass
