"""A call that Open Sentry's SDK reports, as the trace that the log holds."""

import json
from decimal import Decimal
from typing import Any

import pytest

from ingest.errors.generations import GROUPED_CHARS
from ingest.errors.open_sentry import split
from ingest.llm.pulse import frame_array, trace_frame
from schemas.kinds import TRACE
from schemas.llm.wire import METADATA_CHARS, amount_of, trace_decoder
from schemas.times import parse_timestamp_us
from tests.unit.ingest.errors.test_open_sentry import ACCEPTED, generation


def body_of(**fields: Any) -> bytes:
    return body_of_json(json.dumps(generation(**fields)))


def body_of_json(text: str) -> bytes:
    (items,) = [one for one in split(text.encode(), {}, 1 << 20).items if one.ids]
    assert items.kind is TRACE
    (body,) = items.bodies
    assert json.loads(body)["trace_id"] == items.ids[0]
    return body


def trace(**fields: Any) -> dict[str, Any]:
    return dict(json.loads(body_of(**fields)))


@pytest.mark.parametrize(
    "item",
    [one for one in ACCEPTED if one["type"] == "ai_generation"],
    ids=lambda item: json.dumps(item)[:90],
)
def test_whatever_is_taken_is_a_trace_that_ingest_itself_would_take(item: Any) -> None:
    body = body_of(**item | {"timestamp": "2026-05-30T12:00:03.000Z"})

    framed = frame_array(b"[" + body + b"]", trace_frame())

    assert framed.items == [body]


def test_each_field_has_its_place() -> None:
    made = trace(
        provider=" openrouter ",
        model="anthropic/claude-sonnet-4",
        inputTokens=1200,
        outputTokens=340,
        cachedInputTokens=100,
        cacheWriteTokens=20,
        latencyMs=1820.5,
        status="error",
        timestamp="2026-05-30T12:00:03.000Z",
    )

    del made["trace_id"], made["metadata"]
    assert made == {
        "timestamp": "2026-05-30T12:00:03.000Z",
        "provider": "openrouter",
        "model_requested": "anthropic/claude-sonnet-4",
        "model_used": "anthropic/claude-sonnet-4",
        "request_body": {},
        "status": "error",
        "latency_ms": 1820.5,
        "input_tokens": 1200,
        "output_tokens": 340,
        "cache_read_tokens": 100,
        "cache_write_tokens": 20,
    }


@pytest.mark.parametrize("status", [None, "ok"])
def test_what_is_no_error_was_a_success(status: str | None) -> None:
    assert trace(status=status)["status"] == "success"


@pytest.mark.parametrize("timestamp", [None, ""])
def test_without_a_time_it_happened_when_it_came(timestamp: str | None) -> None:
    assert parse_timestamp_us(trace(timestamp=timestamp)["timestamp"]) > 1_700_000_000_000_000


def test_a_time_that_cannot_be_read_stays_for_the_stream_to_reject() -> None:
    assert trace(timestamp="yesterday")["timestamp"] == "yesterday"


@pytest.mark.parametrize(
    ("costs", "cents"),
    [
        ('"totalCostUsd":0.00482', "0.482"),
        ('"totalCostUsd":0.1,"inputCostUsd":5', "10"),
        ('"inputCostUsd":0.1,"outputCostUsd":0.2', "30"),
        ('"inputCostUsd":0.1,"outputCostUsd":null', "10"),
        ('"totalCostUsd":0', "0"),
        ('"totalCostUsd":-0.0', "0"),
        ('"totalCostUsd":10000000000', "1000000000000"),
        ('"totalCostUsd":0.123456789012345678901234567890', "12.3456789012345678901234567890"),
        ('"totalCostUsd":1e-300', "1e-298"),
        ('"totalCostUsd":4.82E-3', "0.482"),
        ('"inputCostUsd":1e-30,"outputCostUsd":1', "100.0000000000000000000000000001"),
    ],
)
def test_the_reported_cost_is_kept_to_the_last_digit(costs: str, cents: str) -> None:
    item = f'{{"type":"ai_generation","provider":"p","model":"m","inputTokens":1,{costs}}}'

    assert amount_of(trace_decoder.decode(body_of_json(item)).cost_cents) == Decimal(cents)


def test_without_a_cost_there_is_none() -> None:
    assert "cost_cents" not in trace(totalCostUsd=None)


@pytest.mark.parametrize(
    ("counts", "output"),
    [
        ({}, 0),
        ({"outputTokens": 5, "totalTokens": 100}, 5),
        ({"inputTokens": 30, "totalTokens": 100}, 70),
        ({"inputTokens": 30, "totalTokens": 10}, 0),
    ],
)
def test_output_tokens_are_those_given_or_the_rest_of_the_total(
    counts: dict[str, int], output: int
) -> None:
    assert trace(**counts)["output_tokens"] == output


class TestMetadata:
    def test_what_traces_are_grouped_by_stands_under_its_name(self) -> None:
        made = trace(
            environment="production",
            release="web@1",
            traceId="t",
            spanId="s",
            timeToFirstTokenMs=0,
            totalTokens=9,
            inputCostUsd=0.1,
            user={"id": "ann", "email": "ann@example.com"},
            tags={"feature": "chat"},
            metadata={"reasoningTokens": 7, "nested": {"a": [1.50, None]}},
        )

        assert made["metadata"] == {
            "environment": "production",
            "userId": "ann",
            "user": {"id": "ann", "email": "ann@example.com"},
            "release": "web@1",
            "traceId": "t",
            "spanId": "s",
            "timeToFirstTokenMs": 0,
            "totalTokens": 9,
            "inputCostUsd": 0.1,
            "feature": "chat",
            "reasoningTokens": 7,
            "nested": {"a": [1.5, None]},
        }

    def test_nothing_is_there_that_was_not_sent(self) -> None:
        assert trace(user={}, tags=None, environment="")["metadata"] == {}

    def test_names_that_come_twice_are_both_kept(self) -> None:
        made = trace(
            environment="production",
            tags={"environment": "tag", "feature": "chat"},
            metadata={"environment": "own", "feature": "other", "userId": "bob"},
        )

        assert made["metadata"] == {
            "environment": "production",
            "tags.environment": "tag",
            "metadata.environment": "own",
            "feature": "chat",
            "metadata.feature": "other",
            "userId": "bob",
        }

    def test_what_is_too_long_to_group_by_is_kept_beside(self) -> None:
        long = "x" * 600
        made = trace(tags={"environment": long}, metadata={"userId": long, "feature": long})

        assert made["metadata"] == {
            "tags.environment": long,
            "metadata.userId": long,
            "feature": long,
        }

    def test_the_bounds_are_those_of_traces(self) -> None:
        assert GROUPED_CHARS == METADATA_CHARS
