"""The format Native as Go's client reads it, which is that of Grafana's data source."""

import pytest

from tests.integration.warehouse.conftest import READER, Served

REVISION = "54460"
INFORMATION = b"\x01\x00\x02\xff\xff\xff\xff\x00"
COLUMNS = (
    "number",
    "toString(number) AS s",
    "repeat('x', 300) AS long",
    "CAST(NULL, 'Nullable(String)') AS n",
    "toNullable(toString(number)) AS sn",
    "toLowCardinality(toString(number % 2)) AS l",
    "toLowCardinality(toNullable(if(number = 1, NULL, 'v'))) AS ln",
    "arrayMap(v -> toString(v), range(number)) AS a",
    "[toLowCardinality('p'), toString(number)] AS al",
    "[[number], range(number)] AS aa",
    "map('k', toNullable(number)) AS m",
    "tuple(number, toString(number), toLowCardinality('q')) AS t",
    "CAST((number, 'z'), 'Tuple(`a b` UInt64, c String)') AS nt",
    "[(number, 'z')] AS at",
    "CAST('b, (c', 'Enum8(\\'a\\' = 1, \\'b, (c\\' = 2)') AS e",
    "toDecimal32(1, 2) AS d4",
    "toDecimal64(1, 2) AS d8",
    "toDecimal128(1, 12) AS d16",
    "toDecimal256(1, 2) AS d32",
    "now() AS dt",
    "now64(6, 'Asia/Kolkata') AS dt64",
    "today() AS day",
    "toUUID('6b1f0e9c-0d43-4c1e-8f0a-5f2f3c4d5e6f') AS u",
    "toUInt128(number) AS u128",
    "toFloat64(number) AS f",
    "toFixedString('abc', 3) AS fs",
    "true AS b",
    "toIntervalHour(1) AS i",
    "NULL AS nothing",
    "CAST([], 'Array(String)') AS none",
    "tuple() AS nt0",
)


def native(served: Served, sql: str, **fields: str) -> bytes:
    answer = served.ask(sql, user=READER, default_format="Native", **fields)
    assert answer.status_code == 200, answer.text
    return answer.content


def behind_type(block: bytes) -> int:
    """Returns where the type of the first column ends: all these texts are short."""
    name = 3 + block[2]
    return name + 1 + block[name]


@pytest.mark.parametrize("rows", [0, 1, 7])
def test_each_block_has_its_information_and_each_type_its_byte(served: Served, rows: int) -> None:
    """What one column is alone is what it is beside others."""
    columns = [one for one in COLUMNS if "now" not in one]
    wanted = INFORMATION + bytes((len(columns), rows))
    for column in columns:
        alone = native(served, f"SELECT {column} FROM numbers({rows})")
        end = behind_type(alone) if alone else 0
        wanted += alone[2:end] + b"\x00" + alone[end:]

    sql = f"SELECT {', '.join(columns)} FROM numbers({rows})"
    given = native(served, sql, client_protocol_version=REVISION)

    assert given == (wanted if rows else given)
    assert rows or given in (b"", wanted)


def test_every_block_of_an_answer_is_read_to_its_end(served: Served) -> None:
    sql = f"SELECT {', '.join(COLUMNS)} FROM numbers(3000)"

    plain = native(served, sql, max_block_size="1000")
    given = native(served, sql, max_block_size="1000", client_protocol_version=REVISION)

    blocks = given.count(INFORMATION)
    assert blocks == 3
    assert len(given) == len(plain) + blocks * (len(INFORMATION) + len(COLUMNS))


def test_what_go_asks_at_its_first_connection_is_answered(served: Served) -> None:
    hello = "SELECT displayName(), version(), revision(), timezone()"

    answer = native(served, hello, client_protocol_version=REVISION, database="default")

    assert answer.startswith(INFORMATION + b"\x04\x01")


def test_a_type_whose_end_is_not_known_is_rejected_with_a_way_out(served: Served) -> None:
    sql = "SELECT CAST('{\"a\": 1}', 'JSON') AS j"

    answer = served.ask(sql, user=READER, default_format="Native", client_protocol_version=REVISION)

    assert answer.status_code == 501
    assert "JSON is not sent in this form" in answer.text
    assert native(served, sql)


def test_an_answer_of_too_many_rows_is_rejected_with_a_way_out(served: Served) -> None:
    sql = "SELECT number FROM numbers(1000001)"

    answer = served.ask(
        sql,
        user=READER,
        default_format="Native",
        client_protocol_version=REVISION,
        wait_end_of_query="1",
    )

    assert "Over 1000000 rows in this form: give a LIMIT" in answer.text
