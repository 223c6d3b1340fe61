"""Every field of traces and spans (contract 1.a.2): what is refused, then what is accepted."""

import json
from typing import Any

import pytest

from tests.e2e.payloads import full_span, full_trace, new_id, span, trace
from tests.e2e.server import Project

WRONG_UUIDS = [
    None,
    42,
    True,
    [],
    {},
    "",
    "not-a-uuid",
    "conv-abc-123",
    "{304b96da-3805-4420-89d7-5c3b81221f36}",
    "304b96da3805442089d75c3b81221f36",
    "304b96da-3805-0420-89d7-5c3b81221f36",
    "304b96da-3805-9420-89d7-5c3b81221f36",
    "304b96da-3805-4420-79d7-5c3b81221f36",
    "304b96da-3805-4420-c9d7-5c3b81221f36",
    "304b96da-3805-4420-89d7-5c3b81221f36 ",
    "304b96da-3805-4420-89d7-5c3b81221f36\n",
]
WRONG_TIMESTAMPS = [
    None,
    42,
    1735689600000,
    True,
    [],
    {},
    "",
    "yesterday",
    "2025-01-01",
    "2025-01-01T00:00:00",
    "2025-01-01 00:00:00Z",
    "2025-01-01t00:00:00Z",
    "2025-01-01T00:00:00z",
    "2025-01-01T00:00:00+0000",
    "2025-01-01T00:00:00+00",
    "2025-02-30T00:00:00Z",
    "2025-13-01T00:00:00Z",
    "2025-01-01T24:00:00Z",
    "2025-01-01T00:60:00Z",
    "2025-01-01T00:00:00.Z",
    "2025-01-01T00:00:00Z\n",
    "٢٠٢٥-01-01T00:00:00Z",
]
WRONG_TEXTS = [42, 1.5, True, [], {}]
WRONG_OBJECTS = [[], [{}], "x", "{}", 42, True]
WRONG_COUNTS = [-1, 1.5, "5", "", True, [], {}, 2**53, 10**30]
WRONG_NUMBERS = [-1, -0.001, "5", "NaN", "", True, [], {}, 10**30]
WRONG_STATUSES = [None, "", "ok", "SUCCESS", 42, True, [], {}]

TRACE_FIELDS: dict[str, list[Any]] = {
    "trace_id": WRONG_UUIDS,
    "timestamp": WRONG_TIMESTAMPS,
    "provider": [None, "", " ", "a\nb", "x" * 129, 42, True, [], {}],
    "model_requested": [None, "", *WRONG_TEXTS],
    "model_used": WRONG_TEXTS,
    "provider_request_id": WRONG_TEXTS,
    "request_body": [None, *WRONG_OBJECTS],
    "response_body": WRONG_OBJECTS,
    "input_tokens": WRONG_COUNTS,
    "output_tokens": WRONG_COUNTS,
    "output_text": WRONG_TEXTS,
    "finish_reason": WRONG_TEXTS,
    "status": WRONG_STATUSES,
    "error": WRONG_OBJECTS,
    "latency_ms": [None, *WRONG_NUMBERS],
    "cost_cents": WRONG_NUMBERS,
    "session_id": ["", *WRONG_TEXTS],
    "metadata": WRONG_OBJECTS,
}
SPAN_FIELDS: dict[str, list[Any]] = {
    "span_id": WRONG_UUIDS,
    "session_id": [None, "", *WRONG_TEXTS],
    "parent_span_id": [value for value in WRONG_UUIDS if value is not None],
    "timestamp": WRONG_TIMESTAMPS,
    "duration_ms": WRONG_NUMBERS,
    "source": [None, "", " ", "a\nb", "x" * 129, 42, True, [], {}],
    "kind": [None, "", "tool", 42, True, [], {}],
    "event_type": [None, "", *WRONG_TEXTS],
    "status": WRONG_STATUSES,
    "tool_use_id": WRONG_TEXTS,
    "tool_name": WRONG_TEXTS,
    "is_interrupt": ["true", "", 0, 1, [], {}],
    "cwd": WRONG_TEXTS,
    "model": WRONG_TEXTS,
    "agent_name": WRONG_TEXTS,
    "metadata": WRONG_OBJECTS,
}
REQUIRED_OF_TRACES = list(trace())
REQUIRED_OF_SPANS = list(span())


def refusals(fields: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={json.dumps(value)[:40]}")
        for name, values in fields.items()
        for value in values
    ]


def assert_field_refused(answer: Any, name: str) -> None:
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "Validation failed"
    (issue,) = answer.json()["details"]
    assert issue["path"] == [1, name]
    assert issue["message"]


class TestRefusedTraces:
    @pytest.mark.parametrize(("name", "value"), refusals(TRACE_FIELDS))
    def test_a_wrong_value_is_refused_and_its_path_named(
        self, anyone: Project, name: str, value: Any
    ) -> None:
        answer = anyone.post("/v1/traces/async", [full_trace(), full_trace(**{name: value})])

        assert_field_refused(answer, name)

    @pytest.mark.parametrize("name", REQUIRED_OF_TRACES)
    def test_a_missing_required_field_is_named(self, anyone: Project, name: str) -> None:
        answer = anyone.post("/v1/traces/async", [trace(), trace(**{name: ...})])

        assert_field_refused(answer, name)
        assert answer.json()["details"][0]["message"] == "Required"

    def test_every_bad_item_is_named(self, anyone: Project) -> None:
        items = [trace(latency_ms=-1), trace(), trace(provider="")]

        details = anyone.post("/v1/traces/async", items).json()["details"]

        paths = [issue["path"] for issue in details]
        assert paths == [[0, "latency_ms"], [2, "provider"]]


class TestRefusedSpans:
    @pytest.mark.parametrize(("name", "value"), refusals(SPAN_FIELDS))
    def test_a_wrong_value_is_refused_and_its_path_named(
        self, anyone: Project, name: str, value: Any
    ) -> None:
        answer = anyone.post("/v1/spans/async", [full_span(), full_span(**{name: value})])

        assert_field_refused(answer, name)

    @pytest.mark.parametrize("name", REQUIRED_OF_SPANS)
    def test_a_missing_required_field_is_named(self, anyone: Project, name: str) -> None:
        answer = anyone.post("/v1/spans/async", [span(), span(**{name: ...})])

        assert_field_refused(answer, name)


class TestAcceptedTraces:
    @pytest.mark.parametrize("name", [name for name in TRACE_FIELDS if name not in trace()])
    def test_null_is_as_good_as_absent(self, project: Project, name: str) -> None:
        item = full_trace(**{name: None})

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        # A trace without a reported cost is priced.
        expected = 0.1125 if name == "cost_cents" else None
        assert row[camel(name)] == expected

    @pytest.mark.parametrize(
        "trace_id",
        [
            "304B96DA-3805-4420-89D7-5C3B81221F36",
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "304b96da-3805-1420-89d7-5c3b81221f36",
            "304b96da-3805-8420-b9d7-5c3b81221f36",
        ],
    )
    def test_any_uuid_is_an_id_and_unique_in_its_project_only(
        self, project: Project, trace_id: str
    ) -> None:
        row = project.post("/v1/traces/batch", [trace(trace_id=trace_id)]).json()["traces"][0]

        assert row["traceId"] == trace_id
        assert project.get(f"/v1/traces/{trace_id}").json() == row

    @pytest.mark.parametrize(
        ("sent", "shown"),
        [
            ("2025-01-01T00:00Z", "2025-01-01T00:00:00.000Z"),
            ("2025-01-01T00:00:00Z", "2025-01-01T00:00:00.000Z"),
            ("2025-01-01T00:00:00.5Z", "2025-01-01T00:00:00.500Z"),
            ("2025-01-01T00:00:00.123456789+00:00", "2025-01-01T00:00:00.123Z"),
            ("2025-01-01T00:30:00+05:30", "2024-12-31T19:00:00.000Z"),
            ("2025-01-01T00:00:00-23:59", "2025-01-01T23:59:00.000Z"),
            ("2024-02-29T23:59:59.999999Z", "2024-02-29T23:59:59.999Z"),
            ("1969-07-20T20:17:40Z", "1969-07-20T20:17:40.000Z"),
        ],
    )
    def test_a_timestamp_is_shown_in_utc_with_milliseconds(
        self, project: Project, sent: str, shown: str
    ) -> None:
        row = project.post("/v1/traces/batch", [trace(timestamp=sent)]).json()["traces"][0]

        assert row["timestamp"] == shown

    def test_microseconds_decide_the_order(self, project: Project) -> None:
        times = [f"2025-01-01T00:00:00.00000{n}Z" for n in (3, 1, 2)]
        items = [trace(timestamp=time, output_text=time[-2]) for time in times]

        project.post("/v1/traces/batch", items)

        rows = project.get("/v1/traces").json()["traces"]
        assert [row["outputText"] for row in rows] == ["3", "2", "1"]

    @pytest.mark.parametrize("latency_ms", [0, 0.001, 12.5, 1200, 1200.0, 86400000])
    def test_a_latency_keeps_its_fraction(self, project: Project, latency_ms: float) -> None:
        row = project.post("/v1/traces/batch", [trace(latency_ms=latency_ms)]).json()["traces"][0]

        assert row["latencyMs"] == latency_ms

    @pytest.mark.parametrize("session_id", ["conv-abc-123", "ü 🙂/?#%", " ", "x" * 500, "0"])
    def test_a_session_id_is_any_text(self, project: Project, session_id: str) -> None:
        item = trace(session_id=session_id)

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        assert row["sessionId"] == session_id
        found = project.get("/v1/traces", session_id=session_id).json()
        assert found["total"] == 1

    @pytest.mark.parametrize(
        "provider",
        ["openai", "anthropic", "openrouter", "google", "aws", "ollama", "<b>our gateway</b>"],
    )
    def test_any_provider_is_accepted_and_can_be_filtered_by(
        self, project: Project, provider: str
    ) -> None:
        row = project.post("/v1/traces/batch", [trace(provider=provider)]).json()["traces"][0]

        assert row["provider"] == provider
        assert project.get("/v1/traces", provider=provider).json()["total"] == 1

    def test_a_call_of_an_unknown_provider_is_listed_as_unpriced(self, project: Project) -> None:
        items = [
            trace(provider="ollama", model_requested="llama3:8b", input_tokens=9),
            trace(input_tokens=9),
        ]

        rows = project.post("/v1/traces/batch", items).json()["traces"]

        assert [row["costCents"] is None for row in rows] == [True, False]
        unpriced = project.get(
            "/v1/analytics", date_from="2026-11-01T00:00:00Z", date_to="2026-11-02T00:00:00Z"
        ).json()["unpriced"]
        assert unpriced == [{"provider": "ollama", "model": "llama3:8b", "requests": 1}]

    @pytest.mark.parametrize("tokens", [0, 1, 2**53 - 1])
    def test_token_counts_go_up_to_the_safe_integer(self, project: Project, tokens: int) -> None:
        item = trace(input_tokens=tokens, output_tokens=tokens, model_requested="nobody's")

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        assert (row["inputTokens"], row["outputTokens"]) == (tokens, tokens)

    @pytest.mark.parametrize("cost", [0, 0.18, 1e-9, 0.1234567891, 1e9])
    def test_a_reported_cost_is_kept_to_the_last_digit(self, project: Project, cost: float) -> None:
        row = project.post("/v1/traces/batch", [trace(cost_cents=cost)]).json()["traces"][0]

        assert row["costCents"] == cost
        assert row["costSource"] == "reported"

    def test_texts_may_be_empty_where_the_contract_says_so(self, project: Project) -> None:
        names = ("model_used", "provider_request_id", "output_text", "finish_reason")

        row = project.post("/v1/traces/batch", [trace(**dict.fromkeys(names, ""))]).json()

        assert {row["traces"][0][camel(name)] for name in names} == {""}

    def test_unknown_keys_are_dropped(self, project: Project) -> None:
        row = project.post("/v1/traces/batch", [trace(unknown={"a": 1})]).json()["traces"][0]

        assert "unknown" not in row

    def test_objects_come_back_as_they_were_sent(self, project: Project) -> None:
        body = {"b": [1, 2.5, None, True, {"x": "ü\u0001🙂"}], "a": 10**25, "": {}, "e": 1e-7}

        row = project.post("/v1/traces/batch", [trace(request_body=body)]).json()["traces"][0]

        assert row["requestBody"] == body
        assert list(row["requestBody"]) == list(body)


class TestPrices:
    def test_a_trace_without_a_cost_is_priced(self, project: Project) -> None:
        item = trace(input_tokens=50, output_tokens=100)

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        # gpt-4o: 2.50 and 10 USD a million tokens.
        assert (row["costCents"], row["costSource"]) == (0.1125, "computed")
        assert row["priceSnapshot"]

    def test_the_model_used_decides_the_price(self, project: Project) -> None:
        item = trace(input_tokens=10_000, output_tokens=5_000, model_used="gpt-4o-mini-2024-07-18")

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        assert row["costCents"] == 0.45

    def test_both_costs_are_kept_and_the_reported_one_counts(self, project: Project) -> None:
        item = trace(input_tokens=50, output_tokens=100, cost_cents=7)

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        assert (row["costCents"], row["reportedCostCents"], row["computedCostCents"]) == (
            7,
            7,
            0.1125,
        )

    def test_an_unknown_model_costs_null_and_is_listed(self, project: Project) -> None:
        item = trace(input_tokens=50, output_tokens=100, model_requested="house-brew")

        row = project.post("/v1/traces/batch", [item]).json()["traces"][0]

        analytics = project.get(
            "/v1/analytics", date_from="2026-11-01T00:00:00Z", date_to="2026-11-02T00:00:00Z"
        ).json()
        assert (row["costCents"], row["costSource"]) == (None, None)
        assert analytics["unpriced"] == [
            {"provider": "openai", "model": "house-brew", "requests": 1}
        ]


class TestAcceptedSpans:
    @pytest.mark.parametrize("name", [name for name in full_span() if name not in span()])
    def test_null_is_as_good_as_absent(self, project: Project, name: str) -> None:
        row = project.post("/v1/spans/batch", [full_span(**{name: None})]).json()["spans"][0]

        assert row[camel(name)] is None

    @pytest.mark.parametrize("source", ["claude_code", "codex", "cursor", "our agent"])
    def test_any_source_is_accepted(self, project: Project, source: str) -> None:
        assert project.post("/v1/spans/batch", [span(source=source)]).status_code == 202
        assert project.get("/v1/spans", source=source).json()["total"] == 1

    @pytest.mark.parametrize(
        "kind",
        ["tool_use", "agent_run", "session", "user_prompt", "llm_response", "notification"],
    )
    def test_every_kind_is_accepted(self, project: Project, kind: str) -> None:
        assert project.post("/v1/spans/batch", [span(kind=kind)]).status_code == 202
        assert project.get("/v1/spans", kind=kind).json()["total"] == 1

    @pytest.mark.parametrize("value", ["text", "", 1, 1.5, True, False, [1, "a"], {"a": None}])
    @pytest.mark.parametrize("name", ["tool_input", "tool_response", "error"])
    def test_a_payload_is_any_json(self, project: Project, name: str, value: Any) -> None:
        row = project.post("/v1/spans/batch", [span(**{name: value})]).json()["spans"][0]

        assert row[camel(name)] == value

    def test_a_duration_keeps_its_fraction(self, project: Project) -> None:
        row = project.post("/v1/spans/batch", [span(duration_ms=0.125)]).json()["spans"][0]

        assert row["durationMs"] == 0.125

    def test_an_answer_with_usage_is_priced(self, project: Project) -> None:
        item = span(
            span_id=new_id(),
            kind="llm_response",
            event_type="assistant_message",
            model="gpt-4o",
            metadata={"usage": {"input_tokens": 50, "output_tokens": 100}},
        )

        row = project.post("/v1/spans/batch", [item]).json()["spans"][0]

        assert (row["inputTokens"], row["outputTokens"]) == (50, 100)
        assert (row["costCents"], row["costSource"]) == (0.1125, "computed")


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
