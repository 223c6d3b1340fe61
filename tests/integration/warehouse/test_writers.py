"""What a writer over the network has, and no more: tables that keep their rows in the store."""

import httpx
import pytest

from clickhouse.served.rights import TABLE_ENGINES
from tests.integration.warehouse.conftest import WRITER, Served

REFUSED = [
    "CREATE DATABASE mine",
    "DROP DATABASE system",
    "DROP DATABASE default",
    "DROP TABLE system.one",
    "DROP VIEW system.one",
    "INSERT INTO system.one VALUES (1)",
    "ALTER TABLE system.one DELETE WHERE 1",
    "CREATE TABLE system.mine (a UInt8) ENGINE = MergeTree ORDER BY a",
    "CREATE TEMPORARY TABLE mine (a UInt8)",
    "CREATE OR REPLACE TABLE kept (a UInt8) ENGINE = MergeTree ORDER BY a",
    "CREATE TABLE mine AS numbers(3)",
    "CREATE TABLE mine AS file('x', 'CSV', 'a UInt8')",
    "CREATE TABLE mine ENGINE = Memory AS SELECT 1 AS a",
    "CREATE TABLE mine (a UInt8) ENGINE = `Memory`",
    "CREATE MATERIALIZED VIEW mine ENGINE = Memory AS SELECT a FROM kept",
    "CREATE TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS storage_policy = 'other'",
    "CREATE TABLE mine (a UInt8 SETTINGS (min_compress_block_size = 1))"
    " ENGINE = MergeTree ORDER BY a",
    "ALTER TABLE kept MODIFY SETTING storage_policy = 'other'",
    "ALTER TABLE kept RESET SETTING storage_policy",
    "DROP TABLE kept PARALLEL WITH DROP DATABASE system",
    "SELECT 1 PARALLEL WITH DROP TABLE kept",
    "KILL QUERY WHERE 1",
    "RENAME TABLE kept TO mine",
    "DETACH TABLE kept",
    "ATTACH TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a",
    "INSERT INTO kept VALUES (2); DROP TABLE kept",
    "INSERT INTO kept VALUES (2)\nDROP TABLE kept",
    "INSERT INTO kept SELECT 2; DROP TABLE kept",
    "INSERT INTO kept SETTINGS input_format_allow_errors_num = 9 FORMAT CSV\n2\n",
    "INSERT INTO FUNCTION file('x', 'CSV', 'a UInt8') VALUES (2)",
    "INSERT INTO kept SELECT a FROM (SELECT 2 AS a SETTINGS input_format_csv_delimiter = ';')",
]


@pytest.fixture(scope="module")
def kept(served: Served) -> Served:
    served.ask("CREATE TABLE IF NOT EXISTS kept (a UInt8) ENGINE = MergeTree ORDER BY a")
    served.ask("INSERT INTO kept VALUES (1)")
    return served


@pytest.mark.parametrize("sql", REFUSED)
def test_a_writer_does_nothing_but_write(kept: Served, sql: str) -> None:
    answer = kept.ask(sql)

    assert answer.status_code >= 400, answer.text
    assert kept.value("SELECT groupArray(a) FROM kept") == "[1]"
    assert kept.value("SELECT count() FROM system.tables WHERE name = 'mine'") == "0"


@pytest.mark.parametrize("start", ["INSERT INTO kept VALUES", "INSERT INTO kept FORMAT Values"])
def test_rows_of_values_are_no_expressions(kept: Served, start: str) -> None:
    """In them the engine asks for no grant: SQLite's function makes the file that it names."""
    new = kept.store / "new.db"

    for row in ("(2 + 3)", f"((SELECT count() FROM `sqlite` /* */ ('{new}', 't')))"):
        answer = kept.ask(f"{start} {row}")
        assert answer.status_code == 400, answer.text
        assert "Interpreting expressions is disabled" in answer.text

    assert not new.exists()
    assert kept.value("SELECT groupArray(a) FROM kept") == "[1]"


def test_rows_take_no_parameters_and_insert_select_does(kept: Served) -> None:
    kept.ask("CREATE TABLE bound (a UInt8) ENGINE = MergeTree ORDER BY a")

    refused = kept.ask("INSERT INTO bound VALUES ({a:UInt8})", param_a="7")
    taken = kept.ask("INSERT INTO bound SELECT {a:UInt8} + 1", param_a="7")

    assert (refused.status_code, taken.status_code) == (501, 200)
    assert "INSERT … SELECT" in refused.text
    assert kept.value("SELECT groupArray(a) FROM bound") == "[8]"
    kept.ask("DROP TABLE bound SYNC")


def test_no_other_table_engine_is_taken(kept: Served) -> None:
    """Grants on table engines hold none back (26.9)."""
    engines = kept.value("SELECT name FROM system.table_engines").split("\n")
    others = sorted(set(engines) - set(TABLE_ENGINES))

    assert len(others) > 40
    with httpx.Client(auth=WRITER, trust_env=False, verify=False, timeout=60) as client:
        for engine in others:
            sql = f"CREATE TABLE mine (a UInt8) ENGINE = {engine}('x', 'CSV') ORDER BY a"
            answer = client.post(kept.url, content=sql)
            assert answer.headers["X-ClickHouse-Exception-Code"] == "497", answer.text


@pytest.mark.parametrize("engine", TABLE_ENGINES)
def test_tables_that_keep_their_rows_in_the_store_are_made(kept: Served, engine: str) -> None:
    of = {"CollapsingMergeTree": "(s)", "VersionedCollapsingMergeTree": "(s, v)"}.get(engine, "")
    made = kept.ask(
        f"CREATE TABLE made (a UInt8, s Int8, v UInt8) ENGINE = {engine}{of} ORDER BY a"
        " SETTINGS non_replicated_deduplication_window = 10, fsync_after_insert = 1"
    )

    assert made.status_code == 200, made.text
    assert kept.ask("INSERT INTO made VALUES (1, 1, 5)").status_code == 200
    assert kept.value("SELECT v FROM made") == "5"
    assert kept.ask("ALTER TABLE made ADD COLUMN b String").status_code == 200
    assert kept.ask("DELETE FROM made WHERE a = 1").status_code in {200, 501}
    assert kept.ask("TRUNCATE TABLE made").status_code == 200
    assert kept.ask("DROP TABLE made SYNC").status_code == 200


def test_rows_of_values_may_hold_semicolons_in_texts(served: Served) -> None:
    served.ask("CREATE TABLE texts (s String) ENGINE = MergeTree ORDER BY s")

    served.ask("INSERT INTO texts VALUES ('a;b'), ('it''s; \\'; DROP TABLE texts') ;\n")

    assert served.value("SELECT s FROM texts ORDER BY s") == "a;b\nit\\'s; \\'; DROP TABLE texts"
    served.ask("DROP TABLE texts SYNC")
