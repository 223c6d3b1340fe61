"""What can be asked (contract 1.a.3 to 1.a.5, and the original's own acceptance list 1.g)."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.payloads import new_id, span, trace
from tests.e2e.server import Project, Server, create_project

INVALID = "Invalid query parameters"
RANGE = {"date_from": "2025-01-01T00:00:00Z", "date_to": "2025-01-31T23:59:59.999Z"}
MODELS = ("gpt-4o", "gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5")


@pytest.fixture(scope="module")
def traces(server: Server) -> Iterator[Project]:
    """20 traces, one a day, one of them an error; 10 of them in one session."""
    project = create_project(server)
    items = [
        trace(
            timestamp=f"2025-01-{day:02d}T10:30:00.123Z",
            provider="anthropic" if day % 4 == 3 else "openai",
            model_requested=MODELS[day % 4],
            input_tokens=100,
            output_tokens=200,
            latency_ms=600 + day / 2,
            status="error" if day == 20 else "success",
            session_id="conv-abc-123" if day <= 10 else None,
            cost_cents=0.25,
            metadata={"userId": f"user-{day % 2}", "environment": "prod", "team": "a"},
        )
        for day in range(1, 21)
    ]
    assert project.post("/v1/traces/batch", items).status_code == 202
    yield project
    project.http.close()


@pytest.fixture(scope="module")
def spans(server: Server) -> Iterator[Project]:
    """12 spans of one session and one of another."""
    project = create_project(server)
    items = [
        span(
            session_id="sess_1",
            timestamp=f"2025-01-01T00:{minute:02d}:00Z",
            kind="agent_run" if minute < 2 else "tool_use",
            tool_name=None if minute < 2 else ("Bash" if minute % 2 else "Edit"),
            source="codex" if minute == 11 else "claude_code",
            status="error" if minute == 5 else "success",
            duration_ms=100 if minute % 2 else None,
        )
        for minute in range(12)
    ]
    items.append(span(session_id="sess_2", timestamp="2025-01-02T00:00:00Z", kind="llm_response"))
    assert project.post("/v1/spans/batch", items).status_code == 202
    yield project
    project.http.close()


class TestListParameters:
    @pytest.mark.parametrize("path", ["/v1/traces", "/v1/spans"])
    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("limit", value) for value in ("0", "-1", "1001", "abc", "1.5", "", "1e2", "١")),
            *(("offset", value) for value in ("-1", "abc", "1.5", "")),
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
    @pytest.mark.parametrize("trace_id", [new_id(), "nonsense", "0", "ü"])
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


@pytest.mark.parametrize("path", ["/v1/analytics", "/v1/analytics/spans"])
class TestAnalyticsParameters:
    @pytest.mark.parametrize("name", ["date_from", "date_to"])
    @pytest.mark.parametrize(
        "value",
        [None, "", "2025-01-01", "2025-01-01T00:00:00", "1735689600", "yesterday"],
    )
    def test_a_date_without_time_and_zone_is_refused(
        self, traces: Project, path: str, name: str, value: str | None
    ) -> None:
        params = {key: text for key, text in {**RANGE, name: value}.items() if text is not None}

        answer = traces.get(path, **params)

        assert (answer.status_code, answer.json()["error"]) == (400, INVALID)
        assert answer.json()["details"][0]["path"] == [name]

    @pytest.mark.parametrize("group_by", ["", "week!", "nobody"])
    def test_an_unknown_grouping_is_refused(
        self, traces: Project, path: str, group_by: str
    ) -> None:
        answer = traces.get(path, group_by=group_by, **RANGE)

        assert (answer.status_code, answer.json()["error"]) == (400, INVALID)


class TestAnalytics:
    def test_the_body_is_the_contracts(self, traces: Project) -> None:
        body = traces.get("/v1/analytics", **RANGE).json()

        expected = {
            "totalCost": 5,
            "totalRequests": 20,
            "totalSessions": 1,
            "totalTokens": {"input": 2000, "output": 4000, "total": 6000},
            "avgLatency": 605.25,
            "errorRate": 5,
            "costByProvider": [
                {"provider": "openai", "costCents": 3.75, "requests": 15},
                {"provider": "anthropic", "costCents": 1.25, "requests": 5},
            ],
            "computed": {
                "costPerRequest": 0.25,
                "tokensPerRequest": 300,
                "costPer1kTokens": 5 / 6,
                "tracesPerSession": 20,
                "avgInputTokens": 100,
                "avgOutputTokens": 200,
            },
        }
        assert {key: body[key] for key in expected} == expected
        assert body["topModels"][0] == {
            "provider": "openai",
            "model": "gpt-4o",
            "requests": 10,
            "costCents": 2.5,
            "avgLatency": 605.25,
            "totalTokens": 3000,
            "errorRate": 10,
        }

    @pytest.mark.parametrize(
        ("group_by", "period"),
        [(None, "2025-01-01"), ("day", "2025-01-01"), ("hour", "2025-01-01 10:00:00")],
    )
    def test_costs_over_time_have_one_entry_a_period_and_provider(
        self, traces: Project, group_by: str | None, period: str
    ) -> None:
        params = RANGE | ({"group_by": group_by} if group_by else {})

        entries = traces.get("/v1/analytics", **params).json()["costOverTime"]

        assert entries[0] == {"period": period, "provider": "openai", "costCents": 0.25}
        assert len(entries) == 20
        assert entries == sorted(entries, key=lambda entry: (entry["period"], entry["provider"]))

    def test_an_empty_range_is_all_zeros(self, traces: Project) -> None:
        bounds = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2020-01-02T00:00:00Z"}

        body = traces.get("/v1/analytics", **bounds).json()

        assert body["totalTokens"] == {"input": 0, "output": 0, "total": 0}
        assert set(body["computed"].values()) == {0}
        lists = ("costOverTime", "costByProvider", "topModels")
        zeros = ("totalCost", "totalRequests", "totalSessions", "avgLatency", "errorRate")
        assert [body[name] for name in lists] == [[], [], []]
        assert [body[name] for name in zeros] == [0] * 5

    @pytest.mark.parametrize(
        ("group_by", "groups"),
        [
            ("model", 3),
            ("provider", 2),
            ("status", 2),
            ("session_id", 2),
            ("user", 2),
            ("environment", 1),
            ("metadata.team", 1),
            ("model,status", 4),
        ],
    )
    def test_a_grouping_really_groups_and_adds_up(
        self, traces: Project, group_by: str, groups: int
    ) -> None:
        body = traces.get("/v1/analytics", group_by=group_by, **RANGE).json()

        assert len(body["groups"]) == groups
        assert sum(group["requests"] for group in body["groups"]) == 20
        assert sum(group["costCents"] for group in body["groups"]) == 5
        for group in body["groups"]:
            assert list(group["key"]) == group_by.split(",")
            assert 0.99 * 600 <= group["p50"] <= group["p90"] <= group["p99"] <= 1.01 * 610


class TestSpanAnalytics:
    def test_the_body_is_the_contracts(self, spans: Project) -> None:
        body = spans.get("/v1/analytics/spans", **RANGE).json()

        expected: dict[str, Any] = {
            "agentRuns": 2,
            "toolCalls": 10,
            "avgSessionDurationMs": 0,
            "topTools": [{"name": "Bash", "count": 5}, {"name": "Edit", "count": 5}],
            "totalSpans": 13,
            "avgDurationMs": 100,
            "spansByKind": [
                {"kind": "tool_use", "count": 10},
                {"kind": "agent_run", "count": 2},
                {"kind": "llm_response", "count": 1},
            ],
            "spansBySource": [
                {"source": "claude_code", "count": 12},
                {"source": "codex", "count": 1},
            ],
            "spansOverTime": [
                {"period": "2025-01-01", "count": 12},
                {"period": "2025-01-02", "count": 1},
            ],
        }
        assert {key: body[key] for key in expected} == expected
        assert body["errorRate"] == pytest.approx(100 / 13)
        assert body["successRate"] == pytest.approx(1200 / 13)

    def test_an_empty_range_is_all_zeros(self, spans: Project) -> None:
        bounds = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2020-01-02T00:00:00Z"}

        body = spans.get("/v1/analytics/spans", **bounds).json()

        assert (body["totalSpans"], body["successRate"], body["errorRate"]) == (0, 0, 0)
        assert body["spansByKind"] == body["spansOverTime"] == body["topTools"] == []


class TestOutcomes:
    def test_every_fate_is_counted_by_kind_and_reason(self, project: Project) -> None:
        item = trace()
        project.post("/v1/traces/batch", [item, trace()])
        project.post("/v1/traces/batch", [item])
        project.post("/v1/spans/batch", [span()])

        body = project.get("/v1/outcomes").json()

        assert body["balanced"] is True
        rows = {
            (row["kind"], row["outcome"], row["reason"]): row["count"] for row in body["outcomes"]
        }
        assert rows == {
            ("trace", "received", ""): 3,
            ("trace", "accepted", ""): 2,
            ("trace", "duplicate", "resent_id"): 1,
            ("span", "received", ""): 1,
            ("span", "accepted", ""): 1,
        }
