"""Scores over HTTP: as they are now, narrowed, in pages."""

import random
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.llm import scores as queries
from schemas.llm.score_rows import ScoreRow
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import make_trace
from tests.integration.queries.score_rows import make_score, store_scores

Client = TestClient[Litestar]
OTEL_TRACE, OTEL_SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"


def listed(client: Client, query: str = "") -> list[str]:
    answer = client.get(f"/scores?{query}")
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["scores"]]


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("limit=0", "limit"),
        ("data_type=stars", "data_type"),
        ("min_value=nan", "min_value"),
        ("max_value=much", "max_value"),
        ("cursor=x", "cursor"),
    ],
)
def test_a_bad_parameter_is_rejected_with_its_name(client: Client, query: str, name: str) -> None:
    answer = client.get(f"/scores?{query}")

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_scores_of_another_project_are_not_there(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_scores(warehouse, f"{project.project_id}-other", [make_score("a", trace_id="t")])

    assert listed(client) == []
    assert client.get("/scores/a").status_code == 404
    assert client.get("/traces/t/scores").status_code == 404


def test_a_score_is_answered_with_all_that_was_said(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    row = make_score("a", data_type="boolean", value=0.0, text="false", metadata=b'{"a":1}')
    store_scores(warehouse, project.project_id, [row])

    (found,) = client.get("/scores").json()["scores"]

    assert (found["value"], found["dataType"], found["metadata"]) == (False, "boolean", {"a": 1})
    assert found["traceId"] is None
    assert client.get("/scores/a").json() == found


def test_of_a_score_the_newest_sending_counts_whichever_came_first(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    new = make_score("a", 60, value=0.9, timestamp_us=make_score("x").timestamp_us)
    store_scores(warehouse, project.project_id, [new])
    store_scores(warehouse, project.project_id, [make_score("a", 0, value=0.1)])

    (found,) = client.get("/scores").json()["scores"]

    assert found["value"] == 0.9
    assert listed(client, "max_value=0.5") == []


def test_a_score_that_was_moved_is_found_under_its_new_time_alone(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_scores(warehouse, project.project_id, [make_score("a", 0), make_score("a", 7200)])
    before, now = (iso_ms(make_score("a", at_s).timestamp_us) for at_s in (0, 7200))

    assert listed(client) == ["a"]
    assert listed(client, f"date_from={now}&date_to={now}") == ["a"]
    assert listed(client, f"date_from={before}&date_to={before}") == []


def test_what_was_taken_away_is_gone_and_may_come_back(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_scores(warehouse, project.project_id, [make_score("a", 0)])
    store_scores(warehouse, project.project_id, [make_score("a", 10, deleted=True, name="")])
    assert (listed(client), client.get("/scores/a").status_code) == ([], 404)

    store_scores(warehouse, project.project_id, [make_score("a", 20)])

    assert listed(client) == ["a"]


def test_scores_of_a_trace_are_those_of_its_call_and_of_all_of_it(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [
        make_score("whole", 1, trace_id=OTEL_TRACE),
        make_score("call", 2, trace_id=OTEL_TRACE, span_id=OTEL_SPAN),
        make_score("beside", 3, trace_id=OTEL_TRACE, span_id="0" * 16),
        make_score("other", 4, trace_id="t"),
    ]
    store_scores(warehouse, project.project_id, rows)

    def of(trace_id: str) -> list[str]:
        answer = client.get(f"/traces/{trace_id}/scores").json()
        return [one["id"] for one in answer["scores"]]

    assert of(OTEL_TRACE.upper()) == ["beside", "call", "whole"]
    assert of(f"{OTEL_TRACE}-{OTEL_SPAN}") == ["call", "whole"]
    assert of("t") == ["other"]


def test_a_trace_without_scores_has_none_and_an_unknown_one_is_not_found(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_traces(warehouse, [make_trace(project.project_id, "known")])

    assert client.get("/traces/known/scores").json() == {"scores": [], "nextCursor": None}
    assert client.get("/traces/nobody/scores").status_code == 404


@pytest.mark.parametrize("seed", [20_261_130])
def test_every_filter_and_every_page_says_what_python_says(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
    seed: int,
) -> None:
    monkeypatch.setattr(queries, "LEAST_CANDIDATES", 7)
    rows = sendings(random.Random(seed), 400)
    store_scores(warehouse, project.project_id, rows)
    now = newest(rows)

    for query, fits in (
        ("", lambda row: True),
        ("name=tone", lambda row: row.name == "tone"),
        ("data_type=boolean", lambda row: row.data_type == "boolean"),
        ("value=rude", lambda row: row.text == "rude"),
        ("value=true", lambda row: row.text == "true"),
        ("min_value=0.25&max_value=0.75", lambda row: 0.25 <= (row.value or 0) <= 0.75),
        ("source=eval&environment=test", lambda row: row.source + row.environment == "evaltest"),
        ("session_id=s1", lambda row: row.session_id == "s1"),
        ("user_id=u1&author=judge", lambda row: row.user_id + row.author == "u1judge"),
    ):
        expected = [row.score_id for row in now if fits(row)]

        assert listed(client, f"limit=1000&{query}") == expected, query
        assert paged(client, query) == expected, query


def test_scores_that_were_sent_again_and_again_are_found_in_few_statements(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "LEAST_CANDIDATES", 1)
    monkeypatch.setattr(queries, "MOST_ROUNDS", 2)
    rows = [make_score(f"score-{n % 3}", n) for n in range(60)]
    last = make_score("deleted", 70)
    gone = make_score("deleted", 71, deleted=True, timestamp_us=last.timestamp_us)
    # What counts stands behind: newer rows are of scores that were moved there and back.
    moved = [make_score("moved", n, version_us=make_score("x", -n).timestamp_us) for n in range(99)]
    store_scores(warehouse, project.project_id, [*rows, last, gone, *moved])

    assert listed(client) == ["score-2", "score-1", "score-0", "moved"]
    assert paged(client, "") == ["score-2", "score-1", "score-0", "moved"]


def test_a_page_of_large_scores_ends_before_and_the_next_one_goes_on(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queries, "MOST_BYTES", 1_000)
    rows = [make_score(f"s{n}", n, comment="x" * 400) for n in range(5)]
    store_scores(warehouse, project.project_id, rows)

    assert listed(client) == ["s4", "s3"]
    assert paged(client, "") == ["s4", "s3", "s2", "s1", "s0"]


def paged(client: Client, query: str) -> list[str]:
    """Returns what pages of nine say one after the other."""
    found: list[str] = []
    cursor = ""
    while True:
        answer = client.get(f"/scores?limit=9&{query}{cursor}").json()
        found += [one["id"] for one in answer["scores"]]
        if answer["nextCursor"] is None:
            return found
        cursor = f"&cursor={answer['nextCursor']}"


def sendings(chance: random.Random, count: int) -> list[ScoreRow]:
    """Returns sendings of fewer scores, some of them taken away."""
    return [_sending(chance, number) for number in range(count)]


def newest(rows: list[ScoreRow]) -> list[ScoreRow]:
    """Returns what counts, newest first."""
    counts: dict[str, ScoreRow] = {}
    for row in sorted(rows, key=lambda row: (row.version_us, row.item_id)):
        counts[row.score_id] = row
    left = [row for row in counts.values() if not row.deleted]
    return sorted(left, key=lambda row: (row.timestamp_us, row.score_id), reverse=True)


def _sending(chance: random.Random, number: int) -> ScoreRow:
    name, data_type, value, text = chance.choice(
        [
            ("helpfulness", "numeric", chance.random(), ""),
            ("thumbs", "boolean", 1.0, "true"),
            ("thumbs", "boolean", 0.0, "false"),
            ("tone", "categorical", None, chance.choice(("rude", "kind"))),
        ]
    )
    values: dict[str, Any] = {
        "item_id": f"i{number:04d}",
        "name": name,
        "data_type": data_type,
        "value": value,
        "text": text,
        "deleted": chance.random() < 0.1,
        "source": chance.choice(("api", "eval")),
        "environment": chance.choice(("", "test")),
        "session_id": chance.choice(("", "s1", "s2")),
        "user_id": chance.choice(("", "u1")),
        "author": chance.choice(("", "judge")),
    }
    return make_score(f"score-{chance.randrange(250):03d}", chance.randrange(100), **values)
