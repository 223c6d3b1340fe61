"""What programs read with an API token: LLM calls, transactions, the parts of an issue."""

import time
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from controlplane.database import Database
from controlplane.tokens import TokenDraft, TokenOwner, create_token
from schemas.errors.event import ErrorEvent, Thrown
from schemas.projects import ProjectContext, ProjectId
from tests.integration.issues.app import happen, make_app, open_client
from tests.integration.issues.seen import make_project
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.otel_rows import AT_US, call, said, store_spans, text, trace_id
from tests.integration.queries.rows import make_trace
from tests.integration.queries.transaction_rows import Transaction, store_transactions

DAY_US = 86_400_000_000
BODY = msgspec.json.encode(
    ErrorEvent("", 0, exceptions=(Thrown("ValueError", "no"),), tags={"tenant": "acme"})
).decode()


@pytest.fixture(scope="session", params=["sqlite"])
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('by_token') / 'control.db'}"


@pytest.fixture(scope="session")
def warehouse(clickhouse_url: str) -> Any:
    opened = Warehouse(clickhouse_url)
    migrate(opened)
    yield opened
    opened.close()


class Program(NamedTuple):
    """A program with a token of a project, and how things come into it."""

    http: httpx.AsyncClient
    project_id: str
    database: Database
    warehouse: Warehouse

    async def get(self, path: str, **params: Any) -> Any:
        answer = await self.http.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def of_project(self, path: str, **params: Any) -> Any:
        return await self.get(f"projects/{self.project_id}/{path}", **params)

    def call(self, trace_id: str, ago_us: int = 0, **changes: Any) -> Any:
        at_us = time.time_ns() // 1000 - ago_us
        return make_trace(self.project_id, trace_id, timestamp_us=at_us, **changes)


@pytest.fixture
async def program(database: Database, warehouse: Warehouse) -> AsyncIterator[Program]:
    project_id = await make_project(database, f"Shop {uuid.uuid4().hex[:8]}")
    token = await create_token(
        database, TokenOwner(project_id=project_id), TokenDraft("CI", "read")
    )
    async with open_client(make_app(database, warehouse)) as client:
        client.headers["Authorization"] = f"Bearer {token.plain}"
        yield Program(client, project_id, database, warehouse)


class TestAi:
    async def test_calls_are_added_up_in_the_shape_of_open_sentry(self, program: Program) -> None:
        store_traces(program.warehouse, [
            program.call("a", input_tokens=100, output_tokens=10, cache_read_tokens=25,
                         cache_write_tokens=5, computed_cost_pico=2_500_000_000_000),
            program.call("b", ago_us=3 * DAY_US, model_requested="gpt-4o-mini", latency_ms=600.0,
                         input_tokens=100, status="error", reported_cost_pico=500_000_000_000),
            program.call("c", ago_us=40 * DAY_US, input_tokens=7),
        ])  # fmt: skip

        found = await program.of_project("ai")

        assert found["stats"] == {
            "count": 2, "totalCostUsd": 3, "totalInputTokens": 200, "totalOutputTokens": 10,
            "avgLatencyMs": 900, "errorRate": 50, "cacheHitRate": 12.5, "totalCachedTokens": 25,
            "totalCacheWriteTokens": 5,
        }  # fmt: skip
        assert found["today"] == {"count": 1, "totalCostUsd": 2.5}
        assert found["byModel"][0] == {
            "model": "gpt-4o", "provider": "openai", "count": 1, "totalCostUsd": 2.5,
            "totalTokens": 110, "cachedTokens": 25, "cacheHitRate": 25,
        }  # fmt: skip
        assert [model["model"] for model in found["byModel"]] == ["gpt-4o", "gpt-4o-mini"]
        assert [call["traceId"] for call in found["generations"]] == ["a", "b"]
        assert found["generations"][1]["totalCostUsd"] == 0.5

    async def test_a_range_may_be_asked_for(self, program: Program) -> None:
        store_traces(program.warehouse, [program.call("old", ago_us=40 * DAY_US)])
        since = str((time.time_ns() // 1000 - 41 * DAY_US) // 1000)

        assert (await program.of_project("ai"))["stats"]["count"] == 0
        assert (await program.of_project("ai", date_from=since))["stats"]["count"] == 1

    async def test_lists_of_calls_have_pages_and_filters(self, program: Program) -> None:
        rows = [
            program.call(f"t_{n}", ago_us=n * 60_000_000, user_id=f"u{n % 2}") for n in range(5)
        ]
        store_traces(program.warehouse, rows)

        first = await program.of_project("traces", limit=3)
        rest = await program.of_project("traces", limit=3, cursor=first["nextCursor"])
        own = await program.of_project("traces", user="u1")
        one = await program.of_project("traces/t_2")

        assert [call["traceId"] for call in first["traces"]] == ["t_0", "t_1", "t_2"]
        assert [call["traceId"] for call in rest["traces"]] == ["t_3", "t_4"]
        assert rest["nextCursor"] is None
        assert [call["traceId"] for call in own["traces"]] == ["t_1", "t_3"]
        assert one["requestBody"] == {"model": "gpt-4o"}

    async def test_lists_of_calls_are_searched_and_narrowed_as_those_of_keys(
        self, program: Program
    ) -> None:
        body = msgspec.json.encode({"messages": [{"role": "user", "content": "late parcel"}]})
        cost = {"computed_cost_pico": 2_000_000_000_000, "model_used": "gpt-4o-mini"}
        own, at = program.project_id, AT_US
        store_traces(program.warehouse, [
            make_trace(own, "said", timestamp_us=at - 2_000_000, request_body=body),
            make_trace(own, "dear", timestamp_us=at - 1_000_000, latency_ms=50.0, **cost),
        ])  # fmt: skip
        talk = {"gen_ai.input.messages": said(text("user", "A parcel again")), "shop": "a"}
        spans = [call(1, at_us=at, attributes=talk)]
        store_spans(program.warehouse, ProjectContext(ProjectId(own)), spans)
        told = f"{trace_id(1)}-{1:016x}"

        async def found(**params: Any) -> list[str]:
            listed = await program.of_project("traces", date_from="2026-01-01", **params)
            return [one["traceId"] for one in listed["traces"]]

        assert await found(q="parcel") == [told, "said"]
        assert await found(q='"late parcel"') == ["said"]
        assert await found(**{"q": "parcel", "attr.shop": "a"}) == [told]
        assert await found(**{"resource.service.name": "shop"}) == [told]
        assert await found(service="shop", convention="genai") == [told]
        assert await found(source="sdk") == ["dear", "said"]
        assert await found(min_cost_cents=100) == ["dear"]
        assert await found(max_latency_ms=50) == [told, "dear"]
        assert await found(model_used="gpt-4o-mini", billing="all") == ["dear"]
        first = await program.of_project("traces", q="parcel", limit=1, date_from="2026-01-01")
        rest = await found(q="parcel", cursor=first["nextCursor"])
        assert rest == ["said"]


async def test_performance_is_that_of_the_last_day(program: Program) -> None:
    now_us = time.time_ns() // 1000
    rows = [
        Transaction(
            project_id=program.project_id, event_id=f"{n:032x}", name="/pay", op="http",
            timestamp_us=now_us - n * 10 * 3_600_000_000, duration_ns=200_000_000,
        )
        for n in range(4)
    ]  # fmt: skip
    store_transactions(program.warehouse, rows)

    found = await program.of_project("performance")
    groups = await program.of_project("transactions")

    assert found["stats"]["count"] == 3
    assert found["stats"]["avg"] == 200
    assert [one["id"] for one in found["transactions"]] == [f"{n:032x}" for n in range(3)]
    assert [group["name"] for group in groups["transactions"]] == ["/pay"]


async def test_the_parts_of_an_issue_are_those_of_the_project_s_key(program: Program) -> None:
    rows = [{"fingerprint": "a", "title": "no", "body": BODY, "tags": {"tenant": "acme"}}] * 2
    ids = await happen(program.database, program.warehouse, program.project_id, rows)

    (issue,) = (await program.of_project("issues/search", query="no"))["issues"]
    path = f"issues/{issue['id']}"
    tags = (await program.get(f"{path}/tags"))["tags"]
    activity = (await program.get(f"{path}/activity"))["activity"]
    event = await program.get(f"{path}/events/{ids[0]}")
    grouping = await program.get(f"{path}/events/{ids[0]}/grouping")

    assert issue["eventCount"] == 2
    assert "tenant" in {tag["key"] for tag in tags}
    assert [one["kind"] for one in activity] == ["created"]
    assert event["event"]["id"] == ids[0]
    assert grouping["issueId"] == issue["id"]
    assert (await program.get(f"{path}/timeline"))["interval"] == "hour"
    releases = (await program.of_project("releases"))["releases"]
    assert [one["version"] for one in releases] == ["shop@1.0"]


async def test_a_parameter_that_a_route_does_not_take_is_rejected(program: Program) -> None:
    answer = await program.http.get(f"/api/v1/projects/{program.project_id}/releases?q=1")

    assert answer.status_code == 400
