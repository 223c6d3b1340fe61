"""What the demo sends: the same whenever it is started, and something for every page."""

from datetime import UTC, datetime, timedelta

import pytest

from sluice.commands.demo_traffic import MODELS, Traffic

MONDAY_NOON = datetime(2026, 11, 16, 12, tzinfo=UTC)
MOMENTS = [MONDAY_NOON + timedelta(hours=hours) for hours in (0, 5.97, 6.03, 17, 41, 130)]
KINDS = {"session", "user_prompt", "agent_run", "tool_use", "notification", "llm_response"}


@pytest.mark.parametrize("seed", [7, 8])
@pytest.mark.parametrize("days", [1, 30])
def test_a_seed_gives_the_same_ids_at_any_time(seed: int, days: int) -> None:
    sent = [Traffic(seed, until, days) for until in MOMENTS]

    traces = [[item["trace_id"] for item in one.traces(200)] for one in sent]
    spans = [[item["span_id"] for item in one.spans(200)] for one in sent]

    assert all(ids == traces[0] for ids in traces)
    assert all(ids == spans[0] for ids in spans)


@pytest.mark.parametrize("until", MOMENTS)
def test_even_a_short_demo_has_every_kind_and_every_model(until: datetime) -> None:
    for seed in range(20):
        traffic = Traffic(seed, until, 2)
        traces = list(traffic.traces(100))
        spans = list(traffic.spans(1))

        assert {item["model_requested"] for item in traces} == {model.name for model in MODELS}
        assert {item["kind"] for item in spans} == KINDS


def test_nothing_is_in_the_future() -> None:
    for seed in range(20):
        traffic = Traffic(seed, MONDAY_NOON, 1)
        items = [*traffic.traces(300), *traffic.spans(300)]

        assert max(datetime.fromisoformat(item["timestamp"]) for item in items) <= MONDAY_NOON
