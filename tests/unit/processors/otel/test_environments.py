"""The environment of a DSN key is that of what says none."""

from typing import Any

import msgspec
import pytest

from processors.columns import Build, Columns, SentChunk
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import Prices
from processors.otel.metric_steps import build_metrics
from processors.otel.record_steps import build_records
from processors.otel.steps import build_spans
from schemas.otel.items import PackedInEnvironment, pack
from schemas.projects import ProjectId
from tests.unit.schemas.otel.requests import METRICS, record, span

OWN = [
    ({}, "staging"),
    ({"deployment.environment.name": "live"}, "live"),
    ({"deployment.environment": "live"}, "live"),
    ({"langfuse.environment": "live"}, "live"),
]


@pytest.fixture
def prices(book: PriceBook) -> Prices:
    return Prices(book)


def built(build: Build, body: dict[str, Any], resource: dict[str, str]) -> Columns:
    pairs = [{"key": key, "value": {"stringValue": value}} for key, value in resource.items()]
    around, sent = msgspec.json.encode({"attributes": pairs}), msgspec.json.encode(body)
    item = pack(PackedInEnvironment("json", around, "", b"", "", sent, "staging"))
    found = build([SentChunk(ProjectId("p"), 1_790_000_000_000_000, [item], ["a"])])
    assert not found.dead
    return found


def environments(found: Columns, *tables: str) -> set[str]:
    values = [found.tables[name].arrays["environment"].to_pylist() for name in tables]
    assert all(values)
    return {one for some in values for one in some}


@pytest.mark.parametrize(("resource", "expected"), OWN)
class TestEnvironments:
    def test_of_spans_and_their_calls(
        self, prices: Prices, resource: dict[str, str], expected: str
    ) -> None:
        model = {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}}
        tokens = {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "1"}}
        body = span(attributes=[model, tokens])

        found = built(lambda sent: build_spans(prices, sent), body, resource)

        assert environments(found, "otel_spans", "traces") == {expected}

    def test_of_records(self, prices: Prices, resource: dict[str, str], expected: str) -> None:
        def build(sent: Any) -> Columns:
            return build_records(prices, lambda _: lambda item: item, sent)

        assert environments(built(build, record(), resource), "logs") == {expected}

    def test_of_metrics(self, resource: dict[str, str], expected: str) -> None:
        found = built(build_metrics, METRICS[0], resource)

        assert environments(found, "otel_metrics", "otel_points") == {expected}
