"""The four ways in (contract 1.a.1): refusals first, then what is answered and readable."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.payloads import full_span, full_trace, new_id, span, trace
from tests.e2e.server import Project, wait_for

Make = Callable[..., dict[str, Any]]
ENDPOINTS = [
    pytest.param("/v1/traces/async", trace, id="traces-async"),
    pytest.param("/v1/traces/batch", trace, id="traces-batch"),
    pytest.param("/v1/spans/async", span, id="spans-async"),
    pytest.param("/v1/spans/batch", span, id="spans-batch"),
]


@pytest.mark.parametrize(("path", "make"), ENDPOINTS)
class TestEveryIngestEndpoint:
    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not JSON",
            b"[",
            b"[{}",
            b"{]",
            b'{"a":',
            b"[NaN]",
            b"[] x",
            b'["\xff\xfe"]',
            b"[\xff]",
        ],
    )
    def test_what_is_no_json_is_refused(
        self, project: Project, path: str, make: Make, body: bytes
    ) -> None:
        answer = project.http.post(path, content=body)

        assert answer.status_code == 400
        assert answer.json() == {"error": "Invalid JSON body"}

    @pytest.mark.parametrize("body", [{}, "x", 1, None, True, {"traces": []}])
    def test_what_is_no_array_is_refused(
        self, project: Project, path: str, make: Make, body: Any
    ) -> None:
        answer = project.http.post(path, content=json.dumps(body))

        assert_refused(answer, [])
        assert "Expected `array`" in answer.json()["details"][0]["message"]

    @pytest.mark.parametrize("item", [None, 1, "x", [], True])
    def test_an_item_that_is_no_object_is_refused(
        self, project: Project, path: str, make: Make, item: Any
    ) -> None:
        answer = project.post(path, [make(), item])

        assert_refused(answer, [1])

    def test_an_empty_object_names_its_first_missing_field(
        self, project: Project, path: str, make: Make
    ) -> None:
        answer = project.post(path, [{}])

        assert_refused(answer, [0, next(iter(make()))])
        assert answer.json()["details"][0]["message"] == "Required"

    def test_101_items_are_refused(self, project: Project, path: str, make: Make) -> None:
        answer = project.post(path, [make() for _ in range(101)])

        assert_refused(answer, [])
        assert answer.json()["details"] == [
            {"path": [], "message": "Expected `array` of at most 100 items"}
        ]

    def test_one_bad_item_refuses_its_whole_array(
        self, project: Project, path: str, make: Make
    ) -> None:
        good = make()

        answer = project.post(path, [good, make(status="neither"), make()])

        assert_refused(answer, [1, "status"])
        assert waited_outcomes(project, 3) == {"received": 3, "invalid": 3}

    def test_100_items_are_accepted(self, project: Project, path: str, make: Make) -> None:
        answer = project.post(path, [make() for _ in range(100)])

        assert (answer.status_code, answer.json()["count"]) == (202, 100)

    def test_no_items_are_accepted(self, project: Project, path: str, make: Make) -> None:
        answer = project.post(path, [])

        assert (answer.status_code, answer.json()["count"]) == (202, 0)

    def test_the_content_type_does_not_matter(
        self, project: Project, path: str, make: Make
    ) -> None:
        body = json.dumps([make()]).encode()

        for content_type in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = project.http.post(path, content=body, headers={"Content-Type": content_type})
            assert answer.status_code == 202, content_type

    def test_blanks_around_the_array_do_not_matter(
        self, project: Project, path: str, make: Make
    ) -> None:
        answer = project.http.post(path, content=b" \r\n\t[ ] \n")

        assert answer.status_code == 202


class TestTracesAsync:
    def test_the_answer_is_the_contracts(self, project: Project) -> None:
        answer = project.post("/v1/traces/async", [trace(), trace()])

        assert (answer.status_code, answer.json()) == (202, {"status": "queued", "count": 2})

    def test_an_accepted_trace_is_visible_within_a_second(self, project: Project) -> None:
        item = trace(session_id="conv-abc-123")

        assert quickest(project, "traces", lambda session: trace(session_id=session)) < 1
        project.post("/v1/traces/batch", [item])
        row = project.get(f"/v1/traces/{item['trace_id']}").json()
        assert (row["traceId"], row["sessionId"]) == (item["trace_id"], "conv-abc-123")

    def test_a_resend_is_one_duplicate_and_the_first_write_wins(self, project: Project) -> None:
        item = trace(output_text="first")

        project.post("/v1/traces/batch", [item])
        answer = project.post("/v1/traces/async", [item | {"output_text": "second"}])

        assert answer.status_code == 202
        expected = {"received": 2, "accepted": 1, "duplicate": 1}
        wait_for(lambda: project.outcomes() == expected, "both outcomes")
        assert project.get("/v1/traces").json()["total"] == 1
        assert project.get(f"/v1/traces/{item['trace_id']}").json()["outputText"] == "first"


class TestTracesBatch:
    def test_the_rows_come_back_in_the_order_sent(self, project: Project) -> None:
        items = [trace(timestamp=f"2026-11-01T12:00:{59 - n:02d}Z") for n in range(20)]

        answer = project.post("/v1/traces/batch", items)

        assert answer.status_code == 202
        assert answer.json()["count"] == 20
        sent = [item["trace_id"] for item in items]
        assert [row["traceId"] for row in answer.json()["traces"]] == sent

    def test_a_row_has_every_key_of_the_contract(self, project: Project) -> None:
        item = full_trace()

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        expected = {
            "traceId": item["trace_id"],
            "projectId": project.project_id,
            "sessionId": "304b96da-3805-4420-89d7-5c3b81221f36",
            "timestamp": "2026-11-01T12:00:00.123Z",
            "latencyMs": 1200,
            "provider": "openai",
            "modelRequested": "gpt-4o",
            "modelUsed": "gpt-4o-2024-11-20",
            "providerRequestId": "chatcmpl-1",
            "requestBody": {"model": "gpt-4o", "messages": []},
            "responseBody": {"content": "hi", "a": 1},
            "inputTokens": 50,
            "outputTokens": 100,
            "outputText": "hi",
            "finishReason": "stop",
            "status": "success",
            "error": {"name": "None"},
            "costCents": 0.18,
            "metadata": {"userId": "user-123", "turn": 1},
        }
        assert {key: row[key] for key in expected} == expected

    def test_a_row_has_what_newer_versions_add(self, project: Project) -> None:
        row = project.post("/v1/traces/batch", [trace()]).json()["traces"][0]

        expected = {
            "source": "sdk",
            "services": [],
            "spanCount": 1,
            "summary": row["modelRequested"],
            "toolCallCount": 0,
            "filesEdited": 0,
            "errorService": None,
        }
        assert {key: row[key] for key in expected} == expected
        assert project.get("/v1/traces", source="sdk").json()["total"] == 1
        assert project.get("/v1/traces", source="codex").json()["total"] == 0

    def test_what_was_not_sent_is_null(self, project: Project) -> None:
        row = project.post("/v1/traces/batch", [trace()]).json()["traces"][0]

        absent = (
            "sessionId modelUsed providerRequestId responseBody inputTokens outputTokens"
            " outputText finishReason error costCents metadata"
        )
        assert {key: row[key] for key in absent.split()} == dict.fromkeys(absent.split())

    def test_rows_are_readable_at_once(self, project: Project) -> None:
        items = [trace(session_id="s") for _ in range(3)]

        project.post("/v1/traces/batch", items)

        assert project.get("/v1/traces").json()["total"] == 3
        assert project.get(f"/v1/traces/{items[1]['trace_id']}").status_code == 200
        assert len(project.get("/v1/sessions/s").json()["traces"]) == 3

    @pytest.mark.parametrize(
        ("session_id", "path"),
        [
            ("team/7/chat é", "team%2F7%2fchat%20%C3%A9"),
            ("a%2Fb", "a%252Fb"),
            ("spans", "spans"),
            ("x/spans", "x%2Fspans"),
        ],
    )
    def test_a_session_id_of_any_text_can_be_asked_for(
        self, project: Project, session_id: str, path: str
    ) -> None:
        project.post("/v1/traces/batch", [trace(session_id=session_id)])
        project.post("/v1/spans/batch", [span(session_id=session_id)])

        traces = project.get(f"/v1/sessions/{path}").json()
        spans = project.get(f"/v1/sessions/{path}/spans").json()

        assert (traces["sessionId"], len(traces["traces"])) == (session_id, 1)
        assert (spans["sessionId"], len(spans["spans"])) == (session_id, 1)

    def test_a_resend_is_answered_202_with_the_first_writes_row(self, project: Project) -> None:
        item = trace(output_text="first")
        first = project.post("/v1/traces/batch", [item])

        again = project.post("/v1/traces/batch", [item | {"output_text": "second"}])

        assert again.status_code == 202
        assert again.json() == first.json()

    def test_an_id_twice_in_one_array_is_stored_once(self, project: Project) -> None:
        item = trace(output_text="first")

        answer = project.post("/v1/traces/batch", [item, item | {"output_text": "second"}])

        rows = answer.json()["traces"]
        assert answer.status_code == 202
        assert [row["outputText"] for row in rows] == ["first", "first"]
        assert project.get("/v1/traces").json()["total"] == 1
        assert project.outcomes() == {"received": 2, "accepted": 1, "duplicate": 1}


class TestSpansAsync:
    def test_the_answer_is_the_contracts(self, project: Project) -> None:
        answer = project.post("/v1/spans/async", [span()])

        assert (answer.status_code, answer.json()) == (202, {"status": "queued", "count": 1})

    def test_an_accepted_span_is_visible_within_a_second(self, project: Project) -> None:
        assert quickest(project, "spans", lambda session: span(session_id=session)) < 1

    def test_a_resend_is_one_duplicate_and_the_first_write_wins(self, project: Project) -> None:
        item = span(tool_name="Bash")

        project.post("/v1/spans/batch", [item])
        project.post("/v1/spans/async", [item | {"tool_name": "Edit"}])

        expected = {"received": 2, "accepted": 1, "duplicate": 1}
        wait_for(lambda: project.outcomes() == expected, "both outcomes")
        assert project.get(f"/v1/spans/{item['span_id']}").json()["toolName"] == "Bash"

    def test_the_cli_of_the_original_is_understood(self, project: Project) -> None:
        item = span(
            timestamp="2025-01-01T00:00:00.123456789+00:00",
            tool_use_id="tu_1",
            tool_name="Bash",
            tool_input={"command": "ls"},
            tool_response="…",
            cwd="/tmp",
            metadata={"cli_version": "0.1", "raw": {"tool_use_id": "tu_1"}},
        )
        headers = {"X-Project-Id": new_id(), "User-Agent": "pulse-cli/0.1"}

        answer = project.http.post("/v1/spans/async", json=[item], headers=headers)

        assert answer.status_code == 202
        row = wait_for(
            lambda: project.get("/v1/spans", tool_name="Bash").json()["spans"], "the span"
        )[0]
        assert (row["projectId"], row["timestamp"]) == (
            project.project_id,
            "2025-01-01T00:00:00.123Z",
        )


class TestSpansBatch:
    def test_a_row_has_every_key_of_the_contract(self, project: Project) -> None:
        item = full_span()

        answer = project.post("/v1/spans/batch", [item])

        expected = {
            "spanId": item["span_id"],
            "projectId": project.project_id,
            "sessionId": "sess_1",
            "parentSpanId": item["parent_span_id"],
            "timestamp": "2026-11-01T12:00:00.123Z",
            "durationMs": 12.5,
            "source": "claude_code",
            "kind": "tool_use",
            "eventType": "post_tool_use",
            "status": "success",
            "toolUseId": "tu_1",
            "toolName": "Bash",
            "toolInput": {"command": "ls"},
            "toolResponse": "ok",
            "error": ["any", "JSON"],
            "isInterrupt": False,
            "cwd": "/tmp",
            "model": "claude-sonnet-4-5",
            "agentName": "explorer",
            "metadata": {"a": 1},
        }
        row = answer.json()["spans"][0]
        assert (answer.status_code, answer.json()["count"]) == (202, 1)
        assert {key: row[key] for key in expected} == expected

    def test_what_was_not_sent_is_null(self, project: Project) -> None:
        row = project.post("/v1/spans/batch", [span()]).json()["spans"][0]

        absent = (
            "parentSpanId durationMs toolUseId toolName toolInput toolResponse error isInterrupt"
            " cwd model agentName metadata"
        )
        assert {key: row[key] for key in absent.split()} == dict.fromkeys(absent.split())

    def test_a_resend_is_answered_202_with_the_first_writes_row(self, project: Project) -> None:
        item = span(tool_name="Bash")
        first = project.post("/v1/spans/batch", [item])

        again = project.post("/v1/spans/batch", [item | {"tool_name": "Edit"}])

        assert again.status_code == 202
        assert again.json() == first.json()

    @pytest.mark.parametrize("start_first", [True, False], ids=["in order", "in reverse"])
    def test_a_tool_calls_duration_comes_from_its_pair(
        self, project: Project, start_first: bool
    ) -> None:
        start = span(event_type="pre_tool_use", timestamp="2026-11-01T12:00:00Z", tool_use_id="t")
        end = span(event_type="post_tool_use", timestamp="2026-11-01T12:00:02.5Z", tool_use_id="t")
        order = [start, end] if start_first else [end, start]

        for item in order:
            project.post("/v1/spans/batch", [item])

        assert project.get(f"/v1/spans/{end['span_id']}").json()["durationMs"] == 2500


def assert_refused(answer: Any, path: list[Any]) -> None:
    """Asserts a 400 of the contract whose first issue is at `path`."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert body["error"] == "Validation failed"
    assert body["details"][0]["path"] == path
    assert all(isinstance(issue["message"], str) for issue in body["details"])


def waited_outcomes(project: Project, received: int) -> dict[str, int]:
    """Returns the outcomes as soon as that many items are counted."""
    wait_for(lambda: project.outcomes().get("received") == received, "the outcomes")
    return project.outcomes()


def quickest(project: Project, name: str, make: Callable[[str], dict[str, Any]]) -> float:
    """Returns the shortest of a few times from an answer of `/async` to the item's first reading.

    The shortest, because a busy machine may delay any one of them; what they usually are is what
    the benchmarks say.
    """
    waits = []
    for number in range(5):
        session = f"conversation {number}"
        assert project.post(f"/v1/{name}/async", [make(session)]).status_code == 202
        started = time.monotonic()
        path = f"/v1/{name}"
        wait_for(lambda path=path, s=session: project.get(path, session_id=s).json()[name], "a row")
        waits.append(time.monotonic() - started)
        if waits[-1] < 1:
            break
    return min(waits)
