"""Averages of a score beside sessions and users: whose a score is, and which of it counts."""

from types import SimpleNamespace
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api.pages.llm import subjects_taken
from api.pages.llm.subject_scores import averages_of
from api.reads import Reader, Turns
from clickhouse.client import Warehouse
from clickhouse.llm.filters import TraceFilter
from clickhouse.llm.subjects import SESSION, Listing
from schemas.projects import ProjectContext
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import DAY_US, START_US, make_trace
from tests.integration.queries.score_rows import make_score, store_scores

TRACE = "0af7651916cd43dd8448eb211c80319c"
HOSTILE = "a') OR 1 --<é>"


@pytest.fixture(autouse=True)
def scored(warehouse: Warehouse, project: ProjectContext) -> None:
    """Stores calls of ann in two sessions, of bob in a trace of OpenTelemetry, and their scores."""
    own, other = project.project_id, "another"
    calls = (("t0", "s1", "ann"), ("t1", "s1", "ann"), ("t2", "s2", "ann"))
    calls += ((f"{TRACE}-b7ad6b7169203331", "s3", "bob"), ("t4", HOSTILE, HOSTILE))
    calls += ((f"{TRACE}-00f067aa0ba902b7", "s4", "eve"),)
    for project_id in (own, other):
        rows = [
            make_trace(
                project_id,
                trace_id,
                session_id=session,
                user_id=user,
                timestamp_us=START_US + number * DAY_US,
            )
            for number, (trace_id, session, user) in enumerate(calls)
        ]
        store_traces(warehouse, rows)
    store_scores(warehouse, other, [make_score("a", value=100.0, trace_id="t0")])
    store_scores(
        warehouse,
        own,
        [
            make_score("a", value=1.0, trace_id="t0"),
            make_score("b", value=0.9, trace_id="t1"),
            make_score("b", 60, value=0.5, trace_id="t1"),
            make_score("c", value=9.0, trace_id="t1"),
            make_score("c", 60, value=9.0, trace_id="t1", deleted=True),
            make_score("d", value=0.25, session_id="s2"),
            make_score("e", value=0.125, user_id="bob"),
            make_score("f", value=0.375, trace_id=TRACE),
            make_score("g", value=0.75, trace_id=TRACE, span_id="b7ad6b7169203331"),
            make_score("l", value=0.875, trace_id=TRACE, span_id="00f067aa0ba902b7"),
            make_score("h", value=7.0, trace_id="t0", name="other"),
            make_score("i", value=None, data_type="categorical", text="x", trace_id="t0"),
            make_score("j", value=7.0, trace_id="unknown"),
            make_score("k", value=1.0, data_type="boolean", trace_id="t4", name=HOSTILE),
        ],
    )


def averages(client: TestClient[Litestar], path: str, **params: Any) -> dict[str, Any]:
    answer = client.get(f"/{path}", params=params)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    found = body.get("sessions") or body.get("users")
    return {one.get("sessionId") or one["user"]: one["score"] for one in found}


def test_a_score_counts_for_what_it_names_and_else_for_whose_call_it_is_about(
    client: TestClient[Litestar],
) -> None:
    of_sessions = averages(client, "sessions", score="helpfulness")
    of_users = averages(client, "analytics/users", score="helpfulness")

    assert {key: (one["average"], one["count"]) for key, one in of_sessions.items()} == {
        "s1": (0.75, 2),
        "s2": (0.25, 1),
        "s3": (0.5625, 2),
        "s4": (0.875, 1),
        HOSTILE: (None, 0),
    }
    assert {key: (one["average"], one["count"]) for key, one in of_users.items()} == {
        "ann": (0.75, 2),
        "bob": (pytest.approx(1.25 / 3), 3),
        "eve": (0.875, 1),
        HOSTILE: (None, 0),
    }
    alone = averages(client, "sessions", score="helpfulness", sort="first", limit=1)
    assert alone == {"s4": of_sessions["s4"]}
    assert averages(client, "sessions", score=HOSTILE)[HOSTILE] == {
        "name": HOSTILE,
        "average": 1.0,
        "count": 1,
    }


def test_none_is_answered_where_none_is_asked_for_and_only_calls_that_fit_count(
    client: TestClient[Litestar],
) -> None:
    assert set(averages(client, "sessions").values()) == {None}
    found = averages(client, "analytics/users", score="helpfulness", session_id="s1")
    assert (list(found), found["ann"]["average"]) == (["ann"], 0.75)
    assert client.get("/sessions?score=").status_code == 400
    assert client.get(f"/sessions?score={'x' * 513}").status_code == 400


async def test_an_export_reads_scores_once_for_many_parts_of_the_list(
    warehouse: Warehouse, project: ProjectContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subjects_taken, "AT_ONCE", 1)
    monkeypatch.setattr(subjects_taken, "RANKED", {SESSION: 3})
    asked: list[int] = []

    async def counted(*args: Any) -> Any:
        asked.append(len(args[3]))
        return await averages_of(*args)

    monkeypatch.setattr(subjects_taken, "averages_of", counted)
    wanted: Any = SimpleNamespace(
        project=project,
        filter=TraceFilter(from_us=START_US - DAY_US, to_us=START_US + 9 * DAY_US),
        is_fine=False,
    )
    outgoing: Any = None
    reader = Reader(Turns(2), warehouse, outgoing, project)
    taken = subjects_taken._Taken(wanted, Listing(SESSION, "last", 1), "helpfulness")

    parts = [part async for part in subjects_taken._pages(reader, taken)]

    assert asked == [3, 2]
    assert [len(part) for part in parts] == [1, 1, 1, 1, 1]
    assert [row[0] for (row,) in parts] == ["s4", HOSTILE, "s3", "s2", "s1"]
    assert [row[-2:] for (row,) in parts][3:] == [(0.25, 1), (0.75, 2)]
