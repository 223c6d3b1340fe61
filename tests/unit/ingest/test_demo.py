"""The demo's traffic: what the edge takes, the same for the same seed, never in the future."""

from datetime import UTC, datetime, timedelta
from typing import get_args

import msgspec
import pytest

from ingest.llm.demo import Traffic
from ingest.llm.demo_bodies import Item
from ingest.llm.demo_chats import CHANGED_HOURS_AGO, MODELS
from ingest.llm.pulse import Frame, frame_array, span_frame, trace_frame
from processors.llm.cost.cache import load_book
from schemas.llm.wire import Kind

SEED = 20261121
UNTIL = datetime(2026, 11, 21, 12, tzinfo=UTC)
DAYS = 3
MOMENTS = [UNTIL + timedelta(hours=hours) for hours in (0, 5.97, 6.03, 17, 41, 130)]


@pytest.fixture(scope="module")
def providers(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    return load_book(tmp_path_factory.mktemp("cache")).providers


def traces(count: int, seed: int = SEED) -> list[Item]:
    return list(Traffic(seed, UNTIL, DAYS).traces(count))


def spans(count: int) -> list[Item]:
    return list(Traffic(SEED, UNTIL, DAYS).spans(count))


def framed(items: list[Item], frame: Frame) -> int:
    return sum(
        len(frame_array(msgspec.json.encode(items[first : first + 100]), frame).ids)
        for first in range(0, len(items), 100)
    )


def test_the_edge_takes_every_item() -> None:
    assert framed(traces(2_000), trace_frame()) == 2_000
    assert framed(spans(1_000), span_frame()) == len(spans(1_000))


def test_every_provider_but_the_contracts_own_is_one_with_prices(providers: frozenset[str]) -> None:
    assert {model.provider for model in MODELS} <= providers | {"openrouter"}


def test_the_same_seed_makes_the_same_items_and_another_makes_others() -> None:
    assert traces(200) == traces(200)
    ids = {item["trace_id"] for item in traces(200)}
    assert ids.isdisjoint(item["trace_id"] for item in traces(200, seed=SEED + 1))


def test_ids_are_unique() -> None:
    assert len({item["trace_id"] for item in traces(2_000)}) == 2_000
    assert len({item["span_id"] for item in spans(1_000)}) == len(spans(1_000))


def test_nothing_is_in_the_future_and_nothing_is_older_than_asked() -> None:
    times = [datetime.fromisoformat(item["timestamp"]) for item in [*traces(2_000), *spans(500)]]

    assert max(times) <= UNTIL
    assert min(times) >= UNTIL - timedelta(days=DAYS, hours=1)


def test_there_are_errors_cached_tokens_reported_costs_and_an_unpriced_model() -> None:
    made = traces(2_000)

    assert any(item["status"] == "error" for item in made)
    assert any(item.get("cache_read_tokens") for item in made)
    assert any(item.get("reasoning_tokens") for item in made)
    assert any("cost_cents" in item for item in made)
    assert any(item["model_requested"] == "example-lab/in-house-7b" for item in made)


def test_every_tool_call_has_its_start_and_its_end() -> None:
    ends: dict[str, list[str]] = {}
    for item in spans(1_000):
        if item["kind"] == "tool_use":
            ends.setdefault(item["tool_use_id"], []).append(item["event_type"])

    assert ends
    assert all(
        events[0] == "pre_tool_use" and events[1].startswith("post_tool_use") and len(events) == 2
        for events in ends.values()
    )


@pytest.mark.parametrize("days", [1, 30])
def test_a_seed_makes_the_same_ids_at_any_time_of_day_and_week(days: int) -> None:
    made = [Traffic(SEED, moment, days) for moment in MOMENTS]

    traces_of = [[item["trace_id"] for item in traffic.traces(200)] for traffic in made]
    spans_of = [[item["span_id"] for item in traffic.spans(200)] for traffic in made]

    assert all(ids == traces_of[0] for ids in traces_of)
    assert all(ids == spans_of[0] for ids in spans_of)


@pytest.mark.parametrize("moment", MOMENTS)
def test_even_a_short_demo_has_every_model_and_every_kind_of_agent_event(moment: datetime) -> None:
    for seed in range(20):
        traffic = Traffic(seed, moment, 2)
        calls, events = list(traffic.traces(100)), list(traffic.spans(1))

        assert {item["model_requested"] for item in calls} == {model.name for model in MODELS}
        assert {item["kind"] for item in events} == set(get_args(Kind))
        times = [datetime.fromisoformat(item["timestamp"]) for item in [*calls, *events]]
        assert max(times) <= moment


def test_since_its_last_release_the_search_costs_more_and_fails_more_often() -> None:
    changed_at = UNTIL - timedelta(hours=CHANGED_HOURS_AGO)
    calls = [
        item
        for item in traces(6_000)
        if item["metadata"]["feature"] == "search"
        and item["metadata"]["environment"] == "production"
    ]
    since = [item for item in calls if datetime.fromisoformat(item["timestamp"]) >= changed_at]
    before = [item for item in calls if datetime.fromisoformat(item["timestamp"]) < changed_at]

    assert {item["metadata"]["release"] for item in since} == {"4.2.0"}
    assert {item["metadata"]["release"] for item in before} == {"4.1.3"}
    assert mean_input(since) > 4 * mean_input(before)
    assert error_rate(since) > 0.08 > error_rate(before)


def mean_input(calls: list[Item]) -> float:
    tokens = [item["input_tokens"] for item in calls if item["status"] == "success"]
    return float(sum(tokens) / len(tokens))


def error_rate(calls: list[Item]) -> float:
    return sum(item["status"] == "error" for item in calls) / len(calls)
