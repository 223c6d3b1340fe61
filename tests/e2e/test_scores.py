"""Scores end to end: sent, changed, taken away; from pages; told by OpenTelemetry; escaped."""

import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, create_project, wait_for

pytestmark = pytest.mark.slow
HOSTILE = "<script>alert(1)</script>"
PAGE_ORIGIN = {"Origin": "https://shop.example"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(tmp_path_factory.mktemp("scores") / "data") as running:
        yield running


@pytest.fixture
def project(server: Server) -> Project:
    return create_project(server, "Scored")


def values(project: Project) -> dict[str, object]:
    return {one["name"]: one["value"] for one in project.get("/v1/scores").json()["scores"]}


def test_a_score_comes_before_its_call_is_changed_and_is_taken_away(project: Project) -> None:
    call = new_id()
    score = {"id": "one", "name": "helpful", "value": 0.1, "trace_id": call}
    assert project.post("/v1/scores", score).status_code == 202
    wait_for(lambda: values(project) == {"helpful": 0.1}, "the score")

    assert project.post("/v1/traces/batch", [trace(trace_id=call)]).status_code == 202
    # Up, down and up again: the last sending counts, though it says what the first one said.
    for value in (0.9, 0.1, 0.9):
        assert project.post("/v1/scores", {**score, "value": value}).status_code == 202
        wait_for(lambda wanted=value: values(project) == {"helpful": wanted}, "the change")
    found = project.get(f"/v1/traces/{call}/scores").json()["scores"]
    assert [one["value"] for one in found] == [0.9]

    assert project.http.delete("/v1/scores/%3Cone%3E").status_code == 400
    assert project.http.delete("/v1/scores/one").status_code == 202
    wait_for(lambda: values(project) == {}, "that it is gone")


def test_a_request_that_is_repeated_by_its_name_is_counted_once(project: Project) -> None:
    name = {"Idempotency-Key": uuid.uuid4().hex}
    sent = [
        {"name": "a", "value": 1, "session_id": "s"},
        {"name": "b", "value": [], "user_id": "u"},
    ]

    answers = [project.http.post("/v1/scores", json=sent, headers=name).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert [one["path"] for one in answers[0]["rejected"]] == [[1, "value"]]
    expected = {"received": 4, "accepted": 1, "duplicate": 1, "invalid": 2}
    wait_for(lambda: project.outcomes(kind="score") == expected, "the outcomes")


def test_a_page_of_any_origin_sends_with_the_public_key_and_reads_nothing(
    server: Server, project: Project
) -> None:
    dsn = server.run("key", "dsn", "create", "--project", project.project_id).strip()
    key = urlsplit(dsn).username or ""
    thumbs = {"id": "visitor", "name": "thumbs", "value": True, "trace_id": new_id()}
    with server.client(None) as page:
        asked = page.options(
            "/v1/scores/public",
            headers={**PAGE_ORIGIN, "Access-Control-Request-Method": "POST"},
        )
        assert asked.headers["access-control-allow-origin"] in ("*", PAGE_ORIGIN["Origin"])

        def sent(value: object) -> int:
            body = {**thumbs, "value": value}
            path = f"/v1/scores/public?key={key}"
            return page.post(path, json=body, headers=PAGE_ORIGIN).status_code

        assert [sent(True), sent(False)] == [202, 202]
        wait_for(lambda: values(project) == {"thumbs": False}, "the changed mind")
        as_key = {"Authorization": f"Bearer {key}"}
        assert page.get("/v1/scores", headers=as_key).status_code == 401
        assert page.delete("/v1/scores/x", headers=as_key).status_code == 401
        found = project.get("/v1/scores").json()["scores"][0]
        assert (found["source"], found["id"] != "visitor") == ("user", True)

        too_many = [sent(True) for _ in range(60)]

    assert too_many[-1] == 429


def test_an_evaluation_of_opentelemetry_is_a_score_of_its_span(project: Project) -> None:
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    said = [
        {"key": "gen_ai.evaluation.name", "value": {"stringValue": "Relevance"}},
        {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.25}},
    ]
    at = "1795226990809000000"
    told = {"traceId": trace_id, "spanId": span_id, "timeUnixNano": at, "attributes": said}
    record = {**told, "eventName": "gen_ai.evaluation.result"}
    event = {"name": "gen_ai.evaluation.result", "timeUnixNano": at, "attributes": said}
    moments = {"startTimeUnixNano": at, "endTimeUnixNano": at}
    span = {"traceId": trace_id, "spanId": span_id, "name": "chat", **moments, "events": [event]}

    sent = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    assert project.post("/v1/logs", sent).status_code == 200
    sent = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    assert project.post("/v1/traces", sent).status_code == 200

    wait_for(lambda: project.get(f"/v1/traces/{trace_id}/tree").status_code == 200, "the span")
    (found,) = wait_for(lambda: project.get("/v1/scores").json()["scores"], "the score")
    assert (found["name"], found["value"], found["source"]) == ("Relevance", 0.25, "otel")
    assert (found["traceId"], found["spanId"]) == (trace_id, span_id)


def test_langfuse_sends_with_basic_credentials(server: Server, project: Project) -> None:
    sent = {"name": "correct", "value": "yes", "traceId": new_id(), "dataType": "CATEGORICAL"}
    with server.client(None) as client:
        answer = client.post("/api/public/scores", json=sent, auth=("pk-lf-1", project.key))
        wrong = client.post("/api/public/scores", json=sent, auth=("pk-lf-1", "no-key"))

    assert (answer.status_code, wrong.status_code) == (200, 401)
    wait_for(lambda: values(project) == {"correct": "yes"}, "the score")
    assert project.get(f"/v1/scores/{answer.json()['id']}").json()["value"] == "yes"


def test_langfuse_sends_lists_and_is_told_what_was_rejected(
    server: Server, project: Project
) -> None:
    good = [{"id": new_id(), "name": one, "value": 0.5, "traceId": new_id()} for one in "abc"]
    credentials = ("pk-lf-1", project.key)
    with server.client(None) as client:
        all_good = client.post("/api/public/scores", json=good[:2], auth=credentials)
        some_good = client.post(
            "/api/public/scores", json=[good[2], {"name": "d", "value": 1}], auth=credentials
        )

    assert (all_good.status_code, all_good.json()) == (202, {"message": "Accepted"})
    results = some_good.json()
    assert (some_good.status_code, results["accepted"], results["rejected"]) == (207, 1, 1)
    assert results["errors"][0]["message"].startswith("1: Expected")
    wait_for(lambda: values(project) == dict.fromkeys("abc", 0.5), "the scores")


def test_pages_show_texts_of_senders_as_texts(server: Server, project: Project) -> None:
    call = new_id()
    assert project.post("/v1/traces/batch", [trace(trace_id=call)]).status_code == 202
    texts = {"value": HOSTILE, "comment": HOSTILE, "author": HOSTILE, "trace_id": call}
    about = {"value": HOSTILE, "user_id": HOSTILE}
    for sent in ({"name": "tone", **texts}, {"name": "tone", **about}):
        assert project.post("/v1/scores", sent).status_code == 202
    wait_for(lambda: len(project.get("/v1/scores").json()["scores"]) == 2, "the scores")

    for path in ("llm/scores", "llm/scores?name=tone", f"llm/traces/{call}"):
        page = server.admin.get(f"/p/{project.project_id}/{path}").text

        assert HOSTILE not in page, path
        assert "tone" in page, path
