"""The dashboards of grafana/: every query runs on the store as migrations make it, and says what is
in it. And the server's own settings in deploy/clickhouse, which the engine must know."""

import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest

from clickhouse.client import Warehouse
from schemas.projects import ProjectId
from schemas.rows import OutcomeRow
from tests.integration.queries.conftest import store_outcomes, store_spans, store_traces
from tests.integration.queries.rows import START_US, make_span, make_trace

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "deploy" / "clickhouse"
FILES = sorted((ROOT / "grafana").glob("*.json"))
START_S = START_US // 1_000_000
FROM, TO = f"toDateTime({START_S - 3600})", f"toDateTime({START_S + 86_400})"
# What the data source puts in their place, as its documentation says.
MACROS = (
    (r"\$__timeFilter\((\w+)\)", rf"\1 >= {FROM} AND \1 <= {TO}"),
    (r"\$__timeInterval\((\w+)\)", r"toStartOfInterval(toDateTime(\1), INTERVAL 60 second)"),
    (r"\$__fromTime\b", FROM),
    (r"\$__toTime\b", TO),
)
CHOICE = r"\$__conditionalAll\((.*? IN \(\$\{(\w+):singlequote\}\)), \$\2\)"


CHOSEN = {"model": "gpt-4o", "environment": "production", "user": "u1", "source": "claude_code"}


class Query(NamedTuple):
    """One query of a dashboard."""

    name: str
    kind: str
    sql: str


def read(file: Path) -> dict[str, Any]:
    board: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return board


def queries() -> list[Query]:
    found = []
    for file in FILES:
        board = read(file)
        for variable in board["templating"]["list"]:
            if variable["type"] == "custom":
                continue
            name = f"{file.stem}: ${variable['name']}"
            found.append(Query(name, "variable", variable["query"]))
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                name = f"{file.stem}: {panel['title']}"
                found.append(Query(name, panel["type"], target["rawSql"]))
    return found


def filled(sql: str, project: str | None, cost: str = "reported") -> str:
    """Does what the data source does, for one chosen project or for all."""
    for pattern, text in MACROS:
        sql = re.sub(pattern, text, sql)
    sql = sql.replace("${cost:raw}", cost)
    sql = re.sub(CHOICE, lambda choice: choice[1] if project else "1=1", sql)
    for name, value in ({"project": project} | CHOSEN).items():
        sql = sql.replace(f"${{{name}:singlequote}}", f"'{value}'")
    assert "$" not in sql, f"a macro that the test does not know: {sql}"
    return sql


@pytest.fixture(scope="module")
def project(warehouse: Warehouse) -> str:
    """A project that has one of everything: a failed call, a span of a tool, three outcomes."""
    name = uuid.uuid4().hex
    call = make_trace(
        name,
        "t1",
        session_id="s1",
        status="error",
        error="boom",
        computed_cost_pico=1_500_000_000_000,
        reported_cost_pico=2_000_000_000_000,
        environment=CHOSEN["environment"],
        user_id=CHOSEN["user"],
    )
    store_traces(warehouse, [call])
    tool = {"pair_key": "use1", "tool_name": "Bash"}
    later = {"timestamp_us": START_US + 250_000}
    store_spans(
        warehouse,
        [
            make_span(name, "s1", pair_role="start", **tool),
            make_span(name, "s2", pair_role="end", **tool, **later),
        ],
    )
    counts = (("received", 3), ("accepted", 2), ("dead", 1))
    rows = [
        OutcomeRow(
            project_id=ProjectId(name),
            kind="trace",
            outcome=outcome,
            reason="",
            minute_us=START_US,
            count=count,
        )
        for outcome, count in counts
    ]
    store_outcomes(warehouse, rows)
    return name


def ask(warehouse: Warehouse, name: str, project: str) -> Sequence[Sequence[Any]]:
    query = next(query for query in queries() if query.name == name)
    return warehouse.query_now(filled(query.sql, project), None, {}).rows


def test_there_is_a_dashboard_of_calls_of_agents_and_of_operations() -> None:
    assert [file.stem for file in FILES] == ["operations", "spans", "traces"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_panel_asks_the_data_source_that_is_provisioned(file: Path) -> None:
    board = read(file)
    numbers = [panel["id"] for panel in board["panels"]]

    assert board["uid"].startswith("sluice-")
    assert len(set(numbers)) == len(numbers)
    for panel in board["panels"]:
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"]["uid"] == "sluice"


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_finds_what_one_project_has(
    warehouse: Warehouse, project: str, query: Query
) -> None:
    answer = warehouse.query_now(filled(query.sql, project), None, {})

    assert answer.rows
    if query.kind == "timeseries":
        assert answer.columns[0] == "time"


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_runs_for_all_projects(
    warehouse: Warehouse, project: str, query: Query
) -> None:
    assert warehouse.query_now(filled(query.sql, None), None, {}).rows


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_runs_where_there_is_nothing(warehouse: Warehouse, query: Query) -> None:
    warehouse.query_now(filled(query.sql, "nobody"), None, {})


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_is_bounded_in_rows(query: Query) -> None:
    assert " LIMIT " in query.sql or query.kind == "stat"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("traces: Calls", 1),
        ("traces: Cost", 2),
        ("traces: Errors", 1.0),
        ("spans: Spans", 2),
        ("operations: Received", 3),
        ("operations: Not accounted for", 0),
        ("operations: Dead", 1),
    ],
)
def test_a_number_is_what_is_stored(
    warehouse: Warehouse, project: str, name: str, shown: float
) -> None:
    assert ask(warehouse, name, project)[0][0] == shown


def test_times_are_shown_in_seconds(warehouse: Warehouse, project: str) -> None:
    [(_, p50, p95, p99)] = ask(warehouse, "traces: Latency", project)
    [(tool, calls, errors, tool_p95)] = ask(warehouse, "spans: Tools", project)

    assert [p50, p95, p99] == pytest.approx([1.2] * 3, rel=0.01)
    assert (tool, calls, errors) == ("Bash", 1, 0)
    assert tool_p95 == pytest.approx(0.25)


@pytest.mark.parametrize(("cost", "shown"), [("reported", 2.0), ("computed", 1.5)])
def test_the_cost_shown_is_the_one_chosen(
    warehouse: Warehouse, project: str, cost: str, shown: float
) -> None:
    query = next(query for query in queries() if query.name == "traces: Cost")

    assert warehouse.query_now(filled(query.sql, project, cost), None, {}).rows == [(shown,)]


def test_users_are_shown_with_their_sessions_and_cost(warehouse: Warehouse, project: str) -> None:
    [(user, calls, errors, sessions, _, cost)] = ask(warehouse, "traces: Users", project)

    assert (user, calls, errors, sessions, cost) == ("u1", 1, 1, 1, 2)


@pytest.mark.parametrize("name", ["traces: Calls", "traces: Latency", "spans: Spans"])
def test_the_hour_that_a_range_begins_in_is_shown(
    warehouse: Warehouse, project: str, name: str
) -> None:
    query = next(query for query in queries() if query.name == name)
    half_past = query.sql.replace("$__fromTime", f"toDateTime({START_S + 1800})")

    assert warehouse.query_now(filled(half_past, project), None, {}).rows[0][0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_value_is_red_for_being_greater_than_80(file: Path) -> None:
    for panel in read(file)["panels"]:
        first, *higher = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert first["value"] is None
        assert first["color"] in ("text", "green")
        assert all(step["value"] is not None for step in higher)


@pytest.mark.parametrize(
    ("file", "path", "known"),
    [
        ("config.xml", ".", "system.server_settings"),
        ("config.xml", "merge_tree", "system.merge_tree_settings"),
        ("users.xml", "profiles/dashboards", "system.settings"),
    ],
)
def test_every_setting_of_the_server_is_one_that_the_engine_knows(
    warehouse: Warehouse, file: str, path: str, known: str
) -> None:
    section = ElementTree.parse(SERVER / file).find(path)
    assert section is not None
    # What has parts of its own is a section: of logs, of bounds, of users.
    named = {one.tag for one in section if not len(one) and "remove" not in one.attrib}

    rows = warehouse.query_now(f"SELECT name FROM {known}", None, {}).rows

    assert named
    assert named - {row[0] for row in rows} == set()
