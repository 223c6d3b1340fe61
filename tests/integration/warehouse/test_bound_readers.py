"""A user of the warehouse who is bound to projects sees their rows, and nothing of the others."""

import uuid
from collections.abc import Iterator

import pytest

from clickhouse.grants import TABLES
from grafana.boards import Query, queries
from grafana.plugin import View, expand
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import store_errors
from tests.integration.queries.rows import (
    START_US,
    encode_spans,
    encode_traces,
    make_span,
    make_trace,
)
from tests.integration.queries.transaction_rows import (
    Span,
    Transaction,
    store_streamed,
    store_transactions,
)
from tests.integration.queries.transaction_rows import store_spans as store_transaction_spans
from tests.integration.warehouse.conftest import READER, USERS, WRITER, Served

pytestmark = pytest.mark.slow

MINE, ALSO_MINE, THEIRS = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
TEAM = ("team", "team-password")
BOUND = f"{USERS}{TEAM[0]}:{TEAM[1]}:readonly={MINE}+{ALSO_MINE}\n"
COMPARED = [table for table in TABLES if table not in ("outcomes", "cost_changes")]
VIEW = View(1_748_736_000_000, 1_748_822_400_000, "Europe/Berlin")
FOR_OPERATORS = "operations: Parts of the store"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("bound"), SLUICE_WAREHOUSE_USERS=BOUND)
    try:
        served.start()
        fill(served)
        yield served
    finally:
        served.kill_if_running()


def fill(served: Served) -> None:
    ours = served.ours()
    for project in (MINE, ALSO_MINE, THEIRS):
        call = make_trace(project, "t", user_id=f"user of {project}", session_id="s")
        ours.insert_now("traces", encode_traces([call]), uuid.uuid4().hex)
        span = make_span(project, "s", pair_role="start", pair_key="k", tool_name="Bash")
        ours.insert_now("spans", encode_spans([span]), uuid.uuid4().hex)
        store_errors(ours, ProjectContext(ProjectId(project)), [{"user_key": project}])
        store_transactions(ours, [Transaction(project_id=project, event_id="t")])
        one = {"event_id": "t", "timestamp_us": START_US, "transaction": "/", "span_id": "s"}
        store_transaction_spans(ours, [Span(project_id=project, **one)])
        store_streamed(ours, [Span(project_id=project, **one)])
        sql = f"INSERT INTO projects SELECT '{project}', 'name', 'reported', 'UTC', now()"
        assert served.ask(sql).status_code == 200
    fill_the_rest(served)
    ours.close()


def fill_the_rest(served: Served) -> None:
    """Gives a table that nothing above has filled a row of each project: new kinds are seen too."""
    for table in COMPARED:
        if served.value(f"SELECT count() FROM {table}") != "0":
            continue
        for project in (MINE, ALSO_MINE, THEIRS):
            sql = f"INSERT INTO {table} (project_id) SELECT '{project}'"
            assert served.ask(sql).status_code == 200


def test_every_table_of_projects_is_listed(place: Served) -> None:
    sql = """
        SELECT table FROM system.columns
        WHERE database = 'default' AND name = 'project_id' AND table IN (
            SELECT name FROM system.tables WHERE database = 'default' AND engine NOT LIKE '%View')
        ORDER BY table"""

    assert tuple(place.value(sql).split("\n")) == TABLES


@pytest.mark.parametrize("table", COMPARED)
def test_a_bound_user_sees_the_rows_of_its_projects_in_every_table(
    place: Served, table: str
) -> None:
    sql = f"SELECT DISTINCT toString(project_id) AS id FROM {table} ORDER BY id"

    assert place.value(sql, user=TEAM).split("\n") == [MINE, ALSO_MINE]
    assert place.value(sql, user=READER).split("\n") == [MINE, ALSO_MINE, THEIRS]
    counted = f"SELECT count() < (SELECT countIf(1) FROM {table}) FROM {table}"
    assert place.value(counted, user=TEAM) == "0"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT user_id FROM default.traces",
        "SELECT project_id FROM projects FINAL",
        "SELECT a.user_id FROM spans AS s RIGHT JOIN traces AS a ON 0",
        "SELECT user_id FROM (SELECT * FROM traces) UNION ALL SELECT 'x'",
        "WITH t AS (SELECT * FROM traces) SELECT user_id FROM t",
        "SELECT arrayJoin(groupUniqArray(user_id)) FROM traces",
        "SELECT (SELECT max(user_id) FROM traces)",
        f"SELECT user_id FROM traces WHERE project_id = '{THEIRS}'",
        f"SELECT user_id FROM traces PREWHERE project_id = '{THEIRS}'",
        f"SELECT user_id FROM traces WHERE throwIf(project_id = '{THEIRS}', 'it is there') = 0",
        f"SELECT user_id FROM traces PREWHERE throwIf(project_id = '{THEIRS}', 'it is there') = 0",
        f"SELECT DISTINCT user_id FROM session_sums WHERE project_id = '{THEIRS}'",
        "SELECT _part, user_id FROM traces",
    ],
)
def test_no_statement_shows_what_is_of_others(place: Served, sql: str) -> None:
    answer = place.ask(sql, user=TEAM)

    assert answer.status_code == 200, answer.text
    assert THEIRS not in answer.text


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM system.parts",
        "SELECT * FROM `system`.`processes`",
        'SELECT * FROM "system".query_log',
        "SELECT * FROM information_schema.tables",
        "SELECT query FROM system /* */ . processes",
        "SHOW PROCESSLIST",
        "SHOW CREATE TABLE traces",
        "EXPLAIN ESTIMATE SELECT * FROM traces",
        "EXPLAIN indexes = 1 SELECT * FROM traces",
        "SELECT * FROM merge('default', 'tra.*')",
        "SELECT * FROM merge('system', 'processes')",
        "SELECT * FROM mergeTreeIndex('default', 'traces')",
        "SELECT * FROM view(SELECT * FROM system.processes)",
        "SELECT * FROM loop('default', 'traces') LIMIT 1",
        "SELECT * FROM trace_sums_feed",
        "SELECT * FROM schema_migrations",
        "SELECT file('/etc/passwd')",
        "SELECT * APPLY(file) FROM (SELECT '/etc/passwd')",
        "SELECT * FROM format(TSV, 'x String', '1')",
        "SELECT 1 SETTINGS query_cache_tag = ''",
        "SELECT user_id FROM (SELECT * FROM traces SETTINGS query_cache_tag = '')",
        "SET query_cache_tag = ''",
        "USE system",
        "INSERT INTO traces (project_id) VALUES ('x')",
        "INSERT INTO traces SELECT * FROM traces",
        "DELETE FROM traces WHERE 1",
        "ALTER TABLE traces DELETE WHERE 1",
        "CREATE TABLE mine (x Int8) ENGINE = MergeTree ORDER BY x",
        "DROP TABLE traces",
        "TRUNCATE TABLE traces",
        "CREATE ROW POLICY p ON traces USING 1 TO default",
    ],
)
def test_a_bound_user_may_neither_look_beside_the_rows_nor_write(place: Served, sql: str) -> None:
    answer = place.ask(sql, user=TEAM)

    assert answer.status_code in (400, 403, 404, 500), answer.text
    assert answer.headers["X-ClickHouse-Exception-Code"]


@pytest.mark.parametrize(
    "fields", [{"query_cache_tag": ""}, {"database": "system"}, {"query_cache_tag": THEIRS}]
)
def test_no_field_of_a_request_sets_a_bound_user_free(
    place: Served, fields: dict[str, str]
) -> None:
    answer = place.ask("SELECT 1 FROM traces", user=TEAM, **fields)

    assert answer.status_code in (400, 403, 500), answer.text


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT query FROM {d:Identifier}.processes", {"param_d": "system"}),
        (
            "SELECT * FROM {d : Identifier}.{t:Identifier}",
            {"param_d": "system", "param_t": "parts"},
        ),
        ("SELECT * FROM {t:Identifier}", {"param_t": "trace_sums_feed"}),
    ],
)
def test_no_name_comes_as_a_parameter(place: Served, sql: str, names: dict[str, str]) -> None:
    answer = place.ask(sql, user=TEAM, **names)

    assert answer.status_code in (400, 403, 500), answer.text
    assert "no name as a parameter" in answer.text


def test_a_table_that_a_writer_makes_is_closed_to_bound_users(place: Served) -> None:
    made = "CREATE TABLE copied ENGINE = MergeTree ORDER BY project_id AS SELECT * FROM projects"
    assert place.ask(made, user=WRITER).status_code == 200

    assert place.ask("SELECT * FROM copied", user=TEAM).status_code == 403
    assert place.ask("SELECT * FROM default.`copied`", user=TEAM).status_code == 403
    assert place.ask("SELECT * FROM copied", user=READER).status_code == 200
    place.ask("DROP TABLE copied SYNC", user=WRITER)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT version()",
        "SHOW DATABASES",
        "SHOW TABLES",
        "SELECT name FROM system.tables WHERE database = 'default' ORDER BY name",
        "SELECT name, type FROM system.columns WHERE database = 'default' AND table = 'traces'",
        "SELECT name FROM system.databases",
        "SELECT name FROM system.functions",
        "DESC TABLE traces",
        'DESC TABLE "default"."traces"',
        "SELECT value FROM system.settings WHERE name = 'readonly'",
    ],
)
def test_what_a_data_source_asks_before_any_query_is_answered(place: Served, sql: str) -> None:
    answer = place.ask(sql, user=TEAM, default_format="Native", client_protocol_version="54454")

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "query", [q for q in queries() if q.name != FOR_OPERATORS], ids=lambda query: query.name
)
def test_every_statement_of_a_dashboard_runs_for_a_bound_user(place: Served, query: Query) -> None:
    """As Grafana's data source asks: by HTTP, in the format Native."""
    answer = place.ask(
        expand(query.sql, VIEW),
        user=TEAM,
        default_format="Native",
        max_execution_time="60",
        client_protocol_version="54454",
        database="default",
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["X-ClickHouse-Format"] == "Native"
    assert THEIRS.encode() not in answer.content


def test_a_writer_beside_bound_users_writes_and_deletes_as_ever(place: Served) -> None:
    count = "SELECT count() FROM projects"
    before = int(place.value(count))
    for project in (THEIRS, "another"):
        sql = f"INSERT INTO projects SELECT '{project}', 'twice', 'reported', 'UTC', now()"
        assert place.ask(sql, user=WRITER).status_code == 200

    assert int(place.value(count)) == before + 2
    assert place.ask("DELETE FROM projects WHERE name = 'twice'", user=WRITER).status_code == 200
    assert int(place.value(count)) == before
