"""What no user may do, each tried on the real engine: readers write nothing, nobody reads files."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.warehouse.conftest import READER, USERS, WRITER, Served

SECRET = "top-secret-4711"
WRITES = [
    "INSERT INTO victim VALUES (2)",
    "INSERT INTO victim SELECT 2",
    "INSERT INTO victim FORMAT CSV\n2\n",
    "INSERT INTO victim SETTINGS readonly = 0 FORMAT CSV\n2\n",
    "INSERT INTO FUNCTION null('a UInt8') SELECT 1",
    "WITH 2 AS x INSERT INTO victim SELECT x",
    "/* SELECT */ INSERT INTO victim VALUES (2)",
    "-- SELECT\nINSERT INTO victim VALUES (2)",
    "; INSERT INTO victim VALUES (2)",
    "SELECT 1; INSERT INTO victim VALUES (2)",
    "SELECT 1;\n\nDROP TABLE victim",
    "EXPLAIN SELECT 1; DROP TABLE victim",
    "CREATE TABLE mine (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE mine (a UInt8)",
    "CREATE DATABASE mine",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine AS (x) -> x",
    "CREATE USER mine",
    "GRANT ALL ON *.* TO default",
    "ALTER TABLE victim DELETE WHERE 1",
    "ALTER TABLE victim ADD COLUMN b UInt8",
    "DELETE FROM victim WHERE 1",
    "UPDATE victim SET a = 2 WHERE 1",
    "TRUNCATE TABLE victim",
    "DROP TABLE victim",
    "DROP DATABASE default",
    "RENAME TABLE victim TO mine",
    "EXCHANGE TABLES victim AND traces",
    "DETACH TABLE victim",
    "ATTACH TABLE mine (a UInt8) ENGINE = MergeTree ORDER BY a",
    "OPTIMIZE TABLE victim",
    "SYSTEM STOP MERGES victim",
    "SYSTEM SHUTDOWN",
    "SYSTEM FLUSH LOGS",
    "KILL QUERY WHERE 1",
    "KILL MUTATION WHERE 1",
    "BACKUP TABLE victim TO Memory('b')",
    "SET readonly = 0",
    "SET allow_ddl = 1",
    "SET readonly = 0, allow_ddl = 1; INSERT INTO victim VALUES (2)",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT 1 SETTINGS allow_ddl = 1",
    "EXECUTE AS default SELECT 1",
]
READS_OF_FILES = [
    "SELECT file('{file}')",
    "SELECT `\\x66ile`('{file}')",
    "SELECT arrayMap(file, ['{file}'])",
    "SELECT * APPLY(file) FROM (SELECT '{file}')",
    "SELECT * FROM file('{file}', 'LineAsString')",
    "SELECT * FROM `{file}`",
    "SELECT * FROM '{file}'",
    "SELECT * FROM default.`{file}`",
    "DESCRIBE TABLE file('{file}')",
    "SELECT * FROM format(JSONEachRow, concat('a String, b String DEFAULT fi', 'le(a)'),"
    ' \'{{"a":"{file}"}}\')',
    "SELECT * FROM format(Values, 's String', '(file(\\'{file}\\'))')",
    "SELECT 'a' AS a FORMAT Template SETTINGS format_template_resultset = '{file}',"
    " format_template_row_format = '${{a:Raw}}'",
    "SELECT 'a' AS a FORMAT Template SETTINGS format_template_row = '{file}'",
    "SELECT 'a' AS a FORMAT Protobuf SETTINGS format_schema = '{file}:M'",
    "SELECT * FROM executable('../../../../../../bin/cat', 'TSV', 'a String', (SELECT 1))",
    "SELECT * FROM sqlite('{file}', 't')",
    "SELECT * FROM icebergLocal('{directory}')",
    "SELECT * FROM deltaLakeLocal('{directory}')",
    "SELECT * FROM filesystem('{directory}')",
    "SELECT * FROM fileCluster('default', '{file}', 'LineAsString')",
    "SELECT * FROM Python(call)",
    "SELECT * FROM Python(parameters)",
    "SELECT * FROM Python(self)",
    "SELECT * FROM eval('SELECT file(\\'{file}\\')') SETTINGS"
    " allow_experimental_eval_table_function = 1",
]
WRITERS_READS_OF_FILES = [
    "INSERT INTO lines FROM INFILE '{file}' FORMAT LineAsString",
    "INSERT INTO lines FROM INFILE '{file}' SELECT * FROM input('s String') FORMAT LineAsString",
    "INSERT INTO lines SELECT * FROM file('{file}', 'LineAsString')",
    "INSERT INTO lines VALUES (file('{file}'))",
    "INSERT INTO lines SELECT file('{file}')",
    "CREATE TABLE f1 (s String) ENGINE = File('LineAsString', '{file}')",
    "CREATE TABLE f2 AS file('{file}', 'LineAsString')",
    "CREATE TABLE f3 (a UInt8, s String DEFAULT file('{file}')) ENGINE = Memory",
    "CREATE VIEW f4 AS SELECT * FROM file('{file}', 'LineAsString')",
    "CREATE VIEW f5 SQL SECURITY NONE AS SELECT * FROM file('{file}', 'LineAsString')",
    "CREATE DATABASE f6 ENGINE = Filesystem('{directory}')",
    "CREATE DATABASE f7 ENGINE = SQLite('{file}')",
    "CREATE DICTIONARY f8 (a UInt64, s String) PRIMARY KEY a"
    " SOURCE(FILE(path '{file}' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE DICTIONARY f9 (a UInt64, s String) PRIMARY KEY a"
    " SOURCE(EXECUTABLE(command 'cat {file}' format 'TSV')) LAYOUT(FLAT()) LIFETIME(0)",
    "CREATE TABLE f10 (s String) ENGINE = Executable('cat', 'TSV')",
    "CREATE TABLE f11 (s String) ENGINE = MergeTree ORDER BY s"
    " SETTINGS disk = disk(type = local, path = '{directory}/')",
    "ATTACH TABLE f12 FROM '{directory}' (s String) ENGINE = MergeTree ORDER BY s",
    "RESTORE TABLE lines FROM File('{file}')",
    "BACKUP TABLE lines TO File('{directory}/backup')",
    "ALTER TABLE lines FETCH PARTITION ID 'all' FROM '{directory}'",
]
WRITES_OF_FILES = [
    "SELECT 1 INTO OUTFILE '{out}'",
    "SELECT 1 INTO/**/OUTFILE '{out}'",
    "SELECT 1 into\noutfile '{out}' TRUNCATE",
    "SHOW TABLES INTO OUTFILE '{out}'",
    "EXPLAIN SELECT 1 INTO OUTFILE '{out}'",
    "SELECT $$'$$ INTO OUTFILE '{out}'",
    "SELECT 1 INTO OUTFILE '{out}' FORMAT CSV",
    "INSERT INTO FUNCTION file('{out}', 'TSV', 'a UInt8') SELECT 1",
    "INSERT INTO FUNCTION file('{out}', 'TSV', 'a UInt8') VALUES (1)",
    "INSERT INTO FUNCTION file('{out}', 'TSV', 'a UInt8') FORMAT CSV\n1\n",
]
CALLS_OUT = [
    "SELECT * FROM url('http://127.0.0.1:{port}/', 'LineAsString')",
    "SELECT * FROM s3('http://127.0.0.1:{port}/bucket/key', 'LineAsString')",
    "SELECT * FROM remote('127.0.0.1:{port}', system.one)",
    "SELECT * FROM mysql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM postgresql('127.0.0.1:{port}', 'a', 'b', 'c', 'd')",
    "SELECT * FROM redis('127.0.0.1:{port}', 'k', 'k String')",
    "CREATE TABLE u (s String) ENGINE = URL('http://127.0.0.1:{port}/', 'LineAsString')",
]


@pytest.fixture(scope="module")
def victim(served: Served) -> Iterator[Served]:
    """A warehouse with a table to be harmed, and one to be written to."""
    served.ask("CREATE TABLE IF NOT EXISTS victim (a UInt8) ENGINE = MergeTree ORDER BY a")
    served.ask("INSERT INTO victim VALUES (1)")
    served.ask("CREATE TABLE IF NOT EXISTS lines (s String) ENGINE = MergeTree ORDER BY s")
    yield served
    served.ask("DROP TABLE IF EXISTS victim")
    served.ask("DROP TABLE IF EXISTS lines")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that this process may read, and the warehouse's user of the system too."""
    path = tmp_path / "secret.txt"
    path.write_text(SECRET + "\n")
    return path


@pytest.mark.parametrize("sql", WRITES)
def test_a_reader_changes_nothing(victim: Served, sql: str) -> None:
    before = _state(victim)

    answer = victim.ask(sql, user=READER)

    assert answer.status_code >= 400, answer.text
    assert _state(victim) == before


@pytest.mark.parametrize(
    "fields", [{"readonly": "0"}, {"allow_ddl": "1"}, {"readonly": "0", "allow_ddl": "1"}]
)
def test_a_reader_sets_no_rights_by_the_url(victim: Served, fields: dict[str, str]) -> None:
    answer = victim.ask("INSERT INTO victim VALUES (2)", user=READER, **fields)
    query = victim.ask("SELECT 1", user=READER, **fields)

    assert answer.status_code >= 400
    assert query.status_code >= 400


@pytest.mark.parametrize(
    "sql",
    ["DROP DATABASE default", "DETACH DATABASE default", "SYSTEM SHUTDOWN",
     "SYSTEM STOP MERGES victim", "CREATE USER u", "GRANT ALL ON *.* TO default",
     "CREATE FUNCTION f AS x -> x", "CREATE NAMED COLLECTION n AS a = 1", "SET dialect = 'kusto'"],
)  # fmt: skip
def test_a_writer_is_no_owner(victim: Served, sql: str) -> None:
    assert victim.ask(sql).status_code >= 400
    assert victim.value("SELECT count() FROM victim") == "1"


def test_a_get_changes_nothing_whoever_asks(victim: Served) -> None:
    answer = victim.curl(
        "-u", ":".join(WRITER), f"{victim.url}/?query=INSERT%20INTO%20victim%20VALUES%20(2)"
    )

    assert answer.startswith(b"Code: 497.")
    assert victim.value("SELECT count() FROM victim") == "1"


@pytest.mark.parametrize("user", [READER, WRITER], ids=["reader", "writer"])
@pytest.mark.parametrize("sql", READS_OF_FILES)
def test_nobody_reads_a_file_of_the_machine(
    victim: Served, secret: Path, user: tuple[str, str], sql: str
) -> None:
    answer = victim.ask(sql.format(file=secret, directory=secret.parent), user=user)

    assert SECRET not in answer.text
    assert answer.status_code >= 400, answer.text


@pytest.mark.parametrize("sql", WRITERS_READS_OF_FILES)
def test_a_writer_brings_no_file_into_the_store(victim: Served, secret: Path, sql: str) -> None:
    answer = victim.ask(sql.format(file=secret, directory=secret.parent))

    assert SECRET not in answer.text
    assert SECRET not in victim.value("SELECT * FROM lines")
    assert sorted(entry.name for entry in secret.parent.iterdir()) == ["secret.txt"]


def test_a_default_of_a_column_reads_no_file_either(victim: Served, secret: Path) -> None:
    victim.ask(f"CREATE TABLE sly (a UInt8, s String DEFAULT file('{secret}')) ENGINE = Memory")
    victim.ask("INSERT INTO sly (a) VALUES (1)")

    assert SECRET not in victim.ask("SELECT * FROM sly").text


@pytest.mark.parametrize("user", [READER, WRITER], ids=["reader", "writer"])
@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/environ", "{data}/warehouse.lock"])
def test_nobody_reads_what_holds_secrets(victim: Served, user: tuple[str, str], path: str) -> None:
    name = path.format(data=victim.data_dir)

    answer = victim.ask(f"SELECT file('{name}')", user=user)

    assert answer.headers["X-ClickHouse-Exception-Code"] == "76"
    assert all(line not in answer.text for line in USERS.splitlines())


@pytest.mark.parametrize("user", [READER, WRITER], ids=["reader", "writer"])
@pytest.mark.parametrize("where", ["outside", "inside"])
@pytest.mark.parametrize("sql", WRITES_OF_FILES)
def test_nobody_writes_a_file(
    victim: Served, tmp_path: Path, user: tuple[str, str], where: str, sql: str
) -> None:
    out = tmp_path / "out" if where == "outside" else victim.store / "metadata" / "out.sql"

    answer = victim.ask(sql.format(out=out), user=user)

    assert not out.exists()
    assert answer.status_code >= 400, answer.text


@pytest.mark.parametrize("user", [READER, WRITER], ids=["reader", "writer"])
def test_a_text_that_only_speaks_of_files_is_a_text(victim: Served, user: tuple[str, str]) -> None:
    sql = "SELECT ' INTO OUTFILE ', 'FROM INFILE' AS `into outfile`"

    assert victim.value(sql, user=user) == " INTO OUTFILE \tFROM INFILE"


@pytest.mark.parametrize("sql", CALLS_OUT)
def test_nobody_calls_out(victim: Served, sql: str) -> None:
    answer = victim.ask(sql.format(port=victim.port))

    assert answer.status_code >= 400, answer.text


def test_the_process_cannot_be_told_to_read_its_environment(victim: Served) -> None:
    assert "SLUICE_WAREHOUSE_USERS" in victim.environ()
    assert victim.ask("SELECT getenv('SLUICE_WAREHOUSE_USERS')").status_code == 404
    for pid in ("self", os.getpid()):
        assert victim.ask(f"SELECT file('/proc/{pid}/cmdline')").status_code == 503


def test_every_thread_is_confined(tmp_path: Path) -> None:
    """The engine starts threads as it is loaded, and lends them to any query."""
    served = Served(tmp_path, OPENBLAS_NUM_THREADS="1")
    try:
        served.start()
        served.value("SELECT max(number) FROM numbers_mt(10000000)")

        # Set with the confinement, and like it for a thread and those that it begins.
        bound = {
            "NoNewPrivs:\t1" in (task / "status").read_text()
            for task in Path(f"/proc/{served.pid}/task").iterdir()
        }
        assert bound == {True}
        assert served.end() == 0
    finally:
        served.kill_if_running()


def _state(served: Served) -> tuple[str, str]:
    return (
        served.value("SELECT groupArray(a) FROM (SELECT a FROM victim ORDER BY a)"),
        served.value(
            "SELECT groupArray((name, create_table_query)) FROM"
            " (SELECT name, create_table_query FROM system.tables"
            " WHERE database NOT IN ('system', 'INFORMATION_SCHEMA', 'information_schema')"
            " ORDER BY name)"
        ),
    )
