"""What can be analysed (contract 1.a.4 and 1.a.5) and the ledger of outcomes."""

from typing import Any

import pytest

from tests.e2e.payloads import span, trace
from tests.e2e.server import Project

INVALID = "Invalid query parameters"
RANGE = {"date_from": "2025-01-01T00:00:00Z", "date_to": "2025-01-31T23:59:59.999Z"}


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

        first = {"period": period, "provider": "openai", "costCents": 0.25}
        assert {name: entries[0][name] for name in first} == first
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
            "topTools": [
                {"name": "Bash", "count": 5, "calls": 5, "errorRate": 20},
                {"name": "Edit", "count": 5, "calls": 5, "errorRate": 0},
            ],
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
                {"period": "2025-01-01", "count": 12, "start": "2025-01-01T00:00:00+00:00"},
                {"period": "2025-01-02", "count": 1, "start": "2025-01-02T00:00:00+00:00"},
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
    def test_every_outcome_is_counted_by_kind_and_reason(self, project: Project) -> None:
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
