"""Lists of calls that are narrowed by scores, over HTTP: as the scores are now, in pages."""

from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.llm.scored import EARLY_US
from schemas.projects import ProjectContext
from schemas.times import iso_ms
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.rows import START_US, make_trace
from tests.integration.queries.score_rows import SECOND_US, make_score, store_scores

Client = TestClient[Litestar]
CALLS = [f"5150a94d-0001-4000-8000-00000000000{n}" for n in range(6)]
TRACE, SPAN, OTHER_SPAN = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "a" * 16


@pytest.fixture(autouse=True)
def calls(warehouse: Warehouse, project: ProjectContext) -> None:
    rows = [
        make_trace(project.project_id, one, timestamp_us=START_US + n * SECOND_US)
        for n, one in enumerate(CALLS)
    ]
    told = [
        make_trace(project.project_id, f"{TRACE}-{one}", timestamp_us=START_US - SECOND_US)
        for one in (SPAN, OTHER_SPAN)
    ]
    store_traces(warehouse, [*rows, *told])


def listed(client: Client, query: str) -> list[str]:
    answer = client.get(f"/traces?{query}")
    assert answer.status_code == 200, answer.text
    found = [one["traceId"] for one in answer.json()["traces"]]
    if "cursor" not in query and "limit" not in query:
        assert answer.json()["total"] == len(found)
    return found


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("score=a&score_min=nan", "score_min"),
        ("score=a&score_max=much", "score_max"),
    ],
)
def test_a_bad_parameter_is_rejected_with_its_name(client: Client, query: str, name: str) -> None:
    answer = client.get(f"/traces?{query}")

    assert answer.status_code == 400
    assert [issue["path"] for issue in answer.json()["details"]] == [[name]]


def test_calls_are_found_by_name_number_and_words(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    words: dict[str, Any] = {"value": None, "data_type": "categorical"}
    rows = [
        make_score("a", trace_id=CALLS[0], value=0.2),
        make_score("b", trace_id=CALLS[1], value=0.8, span_id="a-span-of-it"),
        make_score("c", trace_id=CALLS[2], name="tone", text="rude", **words),
        make_score("d", trace_id=CALLS[3], name="ok", data_type="boolean", value=0.0, text="false"),
        make_score("e", session_id="s"),
    ]
    store_scores(warehouse, project.project_id, rows)
    store_scores(warehouse, f"{project.project_id}-other", [make_score("a", trace_id=CALLS[4])])

    assert listed(client, "score=helpfulness") == [CALLS[1], CALLS[0]]
    assert listed(client, "score=helpfulness&score_min=0.5") == [CALLS[1]]
    assert listed(client, "score=helpfulness&score_min=0.2&score_max=0.5") == [CALLS[0]]
    assert listed(client, "score=tone&score_value=rude") == [CALLS[2]]
    assert listed(client, "score=tone&score_value=kind") == []
    assert listed(client, "score=ok&score_value=false") == [CALLS[3]]
    assert listed(client, "score_value=rude") == [CALLS[2]]
    assert listed(client, "score_min=0.1") == [CALLS[1], CALLS[0]]
    assert listed(client, "score=helpfulness&model=other") == []


def test_what_is_said_of_a_whole_trace_is_said_of_its_calls_and_of_a_call_of_it_alone(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    whole = make_score("a", trace_id=TRACE, name="whole")
    one = make_score("b", trace_id=TRACE, span_id=SPAN, name="one")
    store_scores(warehouse, project.project_id, [whole, one])

    assert listed(client, "score=whole") == [f"{TRACE}-{SPAN}", f"{TRACE}-{OTHER_SPAN}"]
    assert listed(client, "score=one") == [f"{TRACE}-{SPAN}"]


def test_a_score_that_was_changed_counts_as_it_is_now_and_one_taken_away_does_not(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    new = make_score("a", 60, trace_id=CALLS[0], value=0.9)
    old = make_score("a", 0, trace_id=CALLS[0], value=0.1)
    store_scores(warehouse, project.project_id, [new])
    store_scores(warehouse, project.project_id, [old])
    store_scores(warehouse, project.project_id, [make_score("b", 0, trace_id=CALLS[1], value=0.1)])
    assert listed(client, "score=helpfulness&score_max=0.5") == [CALLS[1]]

    store_scores(warehouse, project.project_id, [make_score("b", 90, deleted=True)])

    assert listed(client, "score=helpfulness&score_max=0.5") == []
    assert listed(client, "score=helpfulness") == [CALLS[0]]


def test_pages_go_on_where_the_one_before_ended(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    rows = [make_score(f"s{n}", trace_id=CALLS[n]) for n in (0, 2, 3, 5)]
    store_scores(warehouse, project.project_id, rows)
    found, cursor = [], ""

    while True:
        answer = client.get(f"/traces?score=helpfulness&limit=1{cursor}").json()
        found += [one["traceId"] for one in answer["traces"]]
        if answer["nextCursor"] is None:
            break
        cursor = f"&cursor={answer['nextCursor']}"

    assert found == [CALLS[n] for n in (5, 3, 2, 0)]


def test_scores_long_before_the_time_that_is_asked_for_are_not_looked_at(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    early = make_score("a", trace_id=CALLS[0], timestamp_us=START_US - EARLY_US)
    earlier = make_score("b", trace_id=CALLS[1], timestamp_us=START_US - EARLY_US - 1)
    store_scores(warehouse, project.project_id, [early, earlier])

    since = f"date_from={iso_ms(START_US)}&score=helpfulness"

    assert listed(client, since) == [CALLS[0]]
    assert listed(client, "score=helpfulness") == [CALLS[1], CALLS[0]]
