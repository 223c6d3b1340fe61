"""What can be listed and read (contract 1.a.3 and the original's own acceptance list 1.g)."""

import pytest

from tests.e2e.payloads import UNKNOWN_ID, new_id, trace
from tests.e2e.server import Project

INVALID = "Invalid query parameters"


class TestListParameters:
    @pytest.mark.parametrize("path", ["/v1/traces", "/v1/spans"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("limit", value) for value in ("0", "-1", "1001", "abc", "1.5", "", "١")),
            *(("offset", value) for value in ("-1", "abc", "1.5")),
            ("status", "ok"),
            ("status", ""),
        ],
    )
    def test_a_wrong_parameter_is_refused_and_named(
        self, traces: Project, path: str, name: str, value: str
    ) -> None:
        answer = traces.get(path, **{name: value})

        assert answer.status_code == 400
        assert answer.json()["error"] == INVALID
        assert answer.json()["details"][0]["path"] == [name]
        assert answer.json()["details"][0]["message"]

    @pytest.mark.parametrize(
        ("path", "name"),
        [("/v1/traces", "provider"), ("/v1/spans", "source"), ("/v1/spans", "kind")],
    )
    def test_an_unknown_choice_is_refused(self, traces: Project, path: str, name: str) -> None:
        answer = traces.get(path, **{name: "nobody"})

        assert (answer.status_code, answer.json()["error"]) == (400, INVALID)
        assert answer.json()["details"][0]["path"] == [name]

    @pytest.mark.parametrize("path", ["/v1/traces", "/v1/spans"])
    @pytest.mark.parametrize("name", ["date_from", "date_to"])
    @pytest.mark.parametrize("value", ["", "yesterday", "2025-13-01", "2025-02-30T00:00:00Z", "-"])
    def test_a_date_that_is_none_is_refused_without_details(
        self, traces: Project, path: str, name: str, value: str
    ) -> None:
        answer = traces.get(path, **{name: value})

        assert (answer.status_code, answer.json()) == (400, {"error": f"Invalid {name} parameter"})


class TestListTraces:
    def test_all_are_counted_and_the_latest_come_first(self, traces: Project) -> None:
        body = traces.get("/v1/traces").json()

        assert (body["total"], body["limit"], body["offset"]) == (20, 100, 0)
        times = [row["timestamp"] for row in body["traces"]]
        assert times == sorted(times, reverse=True)
        assert len(times) == 20

    def test_a_page_is_cut_out_and_its_bounds_are_echoed(self, traces: Project) -> None:
        everything = traces.get("/v1/traces").json()["traces"]

        body = traces.get("/v1/traces", limit=5, offset=10).json()

        assert (body["total"], body["limit"], body["offset"]) == (20, 5, 10)
        assert body["traces"] == everything[10:15]

    def test_an_offset_beyond_the_end_is_empty(self, traces: Project) -> None:
        body = traces.get("/v1/traces", offset=1000, limit=1000).json()

        assert (body["total"], body["traces"]) == (20, [])

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({"provider": "openai"}, 15),
            ({"provider": "openrouter"}, 0),
            ({"status": "error"}, 1),
            ({"status": "success"}, 19),
            ({"model": "gpt-4o"}, 10),
            ({"model": "gpt"}, 0),
            ({"session_id": "conv-abc-123"}, 10),
            ({"session_id": "conv-abc"}, 0),
            ({"status": "success", "model": "gpt-4o", "session_id": "conv-abc-123"}, 5),
            ({"user": "user-1"}, 10),
            ({"metadata.team": "a"}, 20),
        ],
    )
    def test_filters_narrow_it_and_are_counted(
        self, traces: Project, filters: dict[str, str], count: int
    ) -> None:
        body = traces.get("/v1/traces", limit=3, **filters).json()

        assert (body["total"], len(body["traces"])) == (count, min(count, 3))

    @pytest.mark.parametrize(
        ("bounds", "count"),
        [
            ({"date_from": "2025-01-11"}, 10),
            ({"date_to": "2025-01-10"}, 10),
            ({"date_from": "2025-01-10", "date_to": "2025-01-10"}, 1),
            ({"date_from": "2025-01-20T10:30:00.123Z"}, 1),
            ({"date_from": "2025-01-20T10:30:00.124Z"}, 0),
            ({"date_to": "2025-01-01T10:30:00.123Z"}, 1),
            ({"date_to": "2025-01-01T10:30:00.122Z"}, 0),
            ({"date_from": "2025-01-20T12:30:00.123+02:00"}, 1),
            ({"date_from": "1737369000"}, 1),
            ({"date_from": "1737369000123"}, 1),
            ({"date_from": "1737369000124"}, 0),
            ({"date_from": "2025-01-20T10:30:00"}, 1),
        ],
    )
    def test_dates_come_in_every_form_and_include_both_ends(
        self, traces: Project, bounds: dict[str, str], count: int
    ) -> None:
        assert traces.get("/v1/traces", **bounds).json()["total"] == count

    def test_every_provider_that_is_taken_can_be_filtered_by(self, project: Project) -> None:
        project.post("/v1/traces/batch", [trace(provider="google"), trace()])

        answer = project.get("/v1/traces", provider="google")

        assert (answer.status_code, answer.json().get("total")) == (200, 1)


class TestOneTrace:
    @pytest.mark.parametrize("trace_id", [UNKNOWN_ID, "nonsense", "0", "ü"])
    def test_an_unknown_id_is_404(self, traces: Project, trace_id: str) -> None:
        answer = traces.get(f"/v1/traces/{trace_id}")

        assert (answer.status_code, answer.json()) == (404, {"error": "Trace not found"})

    def test_a_trace_is_a_bare_row(self, traces: Project) -> None:
        row = traces.get("/v1/traces", limit=1).json()["traces"][0]

        assert traces.get(f"/v1/traces/{row['traceId']}").json() == row


class TestSessions:
    @pytest.mark.parametrize("path", ["/v1/sessions/none", "/v1/sessions/none/spans"])
    def test_an_unknown_session_is_404(self, traces: Project, path: str) -> None:
        answer = traces.get(path)

        assert (answer.status_code, answer.json()) == (404, {"error": "Session not found"})

    def test_a_sessions_traces_come_oldest_first(self, traces: Project) -> None:
        body = traces.get("/v1/sessions/conv-abc-123").json()

        assert body["sessionId"] == "conv-abc-123"
        times = [row["timestamp"] for row in body["traces"]]
        assert (len(times), times) == (10, sorted(times))

    def test_a_sessions_spans_come_oldest_first(self, spans: Project) -> None:
        body = spans.get("/v1/sessions/sess_1/spans").json()

        assert body["sessionId"] == "sess_1"
        times = [row["timestamp"] for row in body["spans"]]
        assert (len(times), times) == (12, sorted(times))

    def test_a_session_of_spans_alone_has_no_traces(self, spans: Project) -> None:
        assert spans.get("/v1/sessions/sess_1").status_code == 404


class TestListSpans:
    def test_all_are_counted_and_the_latest_come_first(self, spans: Project) -> None:
        body = spans.get("/v1/spans").json()

        assert (body["total"], body["limit"], body["offset"]) == (13, 100, 0)
        times = [row["timestamp"] for row in body["spans"]]
        assert times == sorted(times, reverse=True)

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({"session_id": "sess_1"}, 12),
            ({"kind": "agent_run"}, 2),
            ({"kind": "llm_response"}, 1),
            ({"source": "codex"}, 1),
            ({"tool_name": "Bash"}, 5),
            ({"status": "error"}, 1),
            ({"date_to": "2025-01-01"}, 12),
            ({"date_from": "2025-01-01T00:11:00Z"}, 2),
            ({"kind": "tool_use", "source": "claude_code", "status": "success"}, 8),
        ],
    )
    def test_filters_narrow_it_and_are_counted(
        self, spans: Project, filters: dict[str, str], count: int
    ) -> None:
        body = spans.get("/v1/spans", limit=2, **filters).json()

        assert (body["total"], len(body["spans"])) == (count, min(count, 2))


class TestOneSpan:
    def test_an_unknown_id_is_404(self, spans: Project) -> None:
        answer = spans.get(f"/v1/spans/{new_id()}")

        assert (answer.status_code, answer.json()) == (404, {"error": "Span not found"})

    def test_a_span_is_a_bare_row(self, spans: Project) -> None:
        row = spans.get("/v1/spans", limit=1).json()["spans"][0]

        assert spans.get(f"/v1/spans/{row['spanId']}").json() == row
