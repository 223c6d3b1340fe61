"""Distributed traces in lines, services in figures, and who calls whom."""

import uuid
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.otel import service_map
from schemas.projects import ProjectContext, ProjectId
from schemas.times import iso_ms
from tests.integration.queries.otel_rows import (
    AT_US,
    HOUR_US,
    call,
    said,
    span,
    store_spans,
    text,
    trace_id,
)

Client = TestClient[Litestar]
TOOL = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "Edit"}
PULSE = {"pulse.kind": "tool_use", "pulse.source": "codex", "pulse.session_id": "s9"}
RANGE = {"date_from": iso_ms(AT_US), "date_to": iso_ms(AT_US + HOUR_US - 1)}


NARROWED: list[tuple[dict[str, str], list[int]]] = [
    ({"service": "stock"}, [2, 3]),
    ({"source": "codex"}, [2]),
    ({"session_id": "s9"}, [2]),
    ({"status": "error"}, [2]),
    ({"status": "success"}, [1, 3, 4]),
    ({"min_latency_ms": "80"}, [1, 3]),
    ({"max_latency_ms": "79.999"}, [2, 4]),
    ({"min_cost_cents": "0.35"}, [1, 4]),
    ({"min_cost_cents": "0.3500001"}, []),
    ({"max_cost_cents": "0.35", "service": "shop"}, [1, 4]),
    ({"max_cost_cents": "0.35", "date_from": iso_ms(AT_US)}, [1]),
    ({"min_cost_cents": "0", "max_cost_cents": "0.34"}, []),
    ({"date_from": iso_ms(AT_US)}, [2, 1]),
    ({"date_to": iso_ms(AT_US)}, [3, 4]),
    ({"service": "'; DROP TABLE otel_traces; --"}, []),
]


def edits(path: str) -> dict[str, str]:
    return TOOL | {"gen_ai.tool.call.arguments": f'{{"file_path":"{path}"}}'}


def lines(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = client.get("/otel/traces", params=params)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["traces"])


def numbers(found: list[dict[str, Any]]) -> list[int]:
    return [int(one["traceId"], 16) for one in found]


@pytest.fixture
def stored(warehouse: Warehouse, project: ProjectContext) -> None:
    """Trace 1 with a call and edits of two files, 2 with a failure, 3 of an hour, 4 a call."""
    talk = {"gen_ai.output.messages": said(text("assistant", "Done."))}
    store_spans(
        warehouse,
        project,
        [
            span(1, name="POST /ask", kind=2, ms=80),
            call(2, 1, attributes=talk),
            *(span(n, 1, attributes=edits(f"{n % 2}.py")) for n in (3, 4, 5)),
            span(1, trace=2, at_us=AT_US + HOUR_US * 2, attributes=PULSE),
            span(1, trace=3, at_us=AT_US - 1, ms=1),
            call(1, trace=4, at_us=AT_US - HOUR_US * 24 * 40, attributes=talk),
        ],
    )
    failed = span(7, 1, trace=2, at_us=AT_US + HOUR_US * 2 + 9, failed=True, message="no stock")
    more = span(8, 1, trace=3, at_us=AT_US + HOUR_US, ms=1)
    store_spans(warehouse, project, [failed, more], "stock")


@pytest.mark.usefixtures("stored")
class TestTraces:
    def test_newest_are_first_each_with_what_it_adds_up_to(self, client: Client) -> None:
        found = lines(client)

        assert numbers(found) == [2, 1, 3, 4]
        second, first, third, fourth = found
        assert (first["name"], first["summary"]) == ("POST /ask", "3 tool calls · 2 files edited")
        assert (first["spanCount"], first["toolCallCount"], first["filesEdited"]) == (5, 3, 2)
        assert (first["callCount"], first["costCents"], first["provider"]) == (1, 0.35, "openai")
        assert (first["inputTokens"], first["outputTokens"]) == (1000, 100)
        assert (first["latencyMs"], first["status"], first["error"]) == (80, "success", None)
        assert (second["status"], second["error"]) == ("error", "no stock")
        assert (second["errorService"], second["services"]) == ("stock", ["shop", "stock"])
        assert (second["source"], second["sessionId"]) == ("codex", "s9")
        assert (second["provider"], second["costCents"], second["inputTokens"]) == (None,) * 3
        assert third["latencyMs"] == HOUR_US / 1000 + 1.001
        assert fourth["summary"] == "gpt-4o"

    def test_are_narrowed(self, client: Client) -> None:
        for params, expected in NARROWED:
            assert numbers(lines(client, **params)) == expected, params

    def test_cost_what_calls_of_their_own_project_cost(
        self, client: Client, warehouse: Warehouse
    ) -> None:
        other = ProjectContext(ProjectId(uuid.uuid4().hex))
        store_spans(warehouse, other, [call(9, 1), call(10, 1), call(3, trace=2)])

        assert numbers(lines(client, min_cost_cents="0.36")) == []
        assert numbers(lines(client, min_cost_cents="0.35")) == [1, 4]

    @pytest.mark.parametrize("amount", ["-1", "x", "NaN", "1e30"])
    def test_an_amount_that_is_none_is_named(self, client: Client, amount: str) -> None:
        answer = client.get("/otel/traces", params={"max_cost_cents": amount})

        assert answer.status_code == 400
        assert answer.json()["details"][0]["path"] == ["max_cost_cents"]

    def test_come_in_pages(self, client: Client) -> None:
        found, cursor = [], ""
        while len(found) < 9:
            page = client.get("/otel/traces", params={"limit": 1} | _given(cursor=cursor)).json()
            found += numbers(page["traces"])
            cursor = page["cursor"]
            if cursor is None:
                break

        assert found == [2, 1, 3, 4]

    def test_of_others_are_not_there(self, client: Client, warehouse: Warehouse) -> None:
        other = ProjectContext(ProjectId(uuid.uuid4().hex))
        store_spans(warehouse, other, [span(1, trace=99), call(9, 1)])

        assert numbers(lines(client)) == [2, 1, 3, 4]
        assert lines(client)[1]["callCount"] == 1
        assert client.get(f"/traces/{trace_id(99)}").status_code == 404

    def test_one_is_asked_for_by_its_id(self, client: Client) -> None:
        found = client.get(f"/traces/{trace_id(1)}").json()

        assert (found["traceId"], found["summary"]) == (
            trace_id(1),
            "3 tool calls · 2 files edited",
        )
        assert [one["name"] for one in found["spans"]][:2] == ["POST /ask", "chat gpt-4o"]
        assert found["outputText"] == "Done."
        assert client.get("/traces/no-such").status_code == 404


@pytest.mark.usefixtures("stored")
class TestServices:
    def test_have_figures_of_what_they_were_asked(self, client: Client) -> None:
        found = client.get("/otel/services", params=RANGE).json()

        (shop,) = found["services"]
        assert (shop["service"], shop["spans"], shop["failedSpans"]) == ("shop", 5, 0)
        asked = shop["requests"]
        assert (asked["count"], asked["errors"], asked["avgMs"]) == (1, 0, 80)
        assert asked["perSecond"] == 1 / 3600
        assert asked["p95Ms"] == pytest.approx(80, rel=0.01)
        assert (found["dateFrom"], found["dateTo"]) == (iso_ms(AT_US), iso_ms(AT_US + HOUR_US))

    def test_have_operations(self, client: Client) -> None:
        answer = client.get("/otel/services/shop/operations", params=RANGE).json()

        found = {
            one["name"]: (one["spanKind"], one["isEntry"], one["spans"]["count"])
            for one in answer["operations"]
        }
        assert found["POST /ask"] == ("server", True, 1)
        assert found["chat gpt-4o"] == ("client", False, 1)
        assert len(found) == 5
        early = {"date_from": "2020-01-01", "date_to": "2020-01-02"}
        assert client.get("/otel/services/shop/operations", params=early).json()["operations"] == []
        none = client.get("/otel/services/nobody/operations", params=RANGE)
        assert (none.status_code, none.json()) == (404, {"error": "Service not found"})

    def test_figures_of_errors(self, client: Client) -> None:
        later = {"date_from": iso_ms(AT_US + 2 * HOUR_US), "date_to": iso_ms(AT_US + 2 * HOUR_US)}
        found = client.get("/otel/services/stock/operations", params=later).json()

        (one,) = found["operations"]
        assert (one["spans"]["errors"], one["spans"]["errorRate"]) == (1, 100)


class TestMap:
    def test_says_who_calls_whom_and_what(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        to_stock = {"server.address": "stock.internal"}
        database = {"db.system.name": "postgresql", "server.address": "db-1"}
        queue = {"messaging.system": "kafka"}
        store_spans(
            warehouse,
            project,
            [
                span(1, kind=2),
                span(2, 1, kind=3, attributes=to_stock),
                span(3, 1, kind=3, attributes={"server.address": "api.example.com"}),
                call(4, 1),
                span(5, 1, kind=4, attributes=queue),
            ],
        )
        # The callee comes in another block, before or after its caller.
        store_spans(
            warehouse,
            project,
            [span(6, 2, kind=2, ms=20, failed=True), span(7, 6, kind=3, attributes=database)],
            "stock",
        )

        found = client.get("/otel/map", params=RANGE).json()

        edges = {
            (one["caller"], one["callee"]): (one["calleeKind"], one["count"], one["errors"])
            for one in found["edges"]
        }
        assert edges == {
            ("shop", "stock"): ("service", 1, 1),
            ("shop", "api.example.com"): ("host", 1, 0),
            ("shop", "openai"): ("model", 1, 0),
            ("shop", "kafka"): ("queue", 1, 0),
            ("stock", "postgresql db-1"): ("database", 1, 0),
        }
        between = next(one for one in found["edges"] if one["callee"] == "stock")
        assert between["p95Ms"] == pytest.approx(20, rel=0.01)
        assert {one["service"] for one in found["services"]} == {"shop", "stock"}
        assert (found["lookedAt"], found["lookedSince"]) == (7, None)

    def test_looks_at_the_newest_spans_and_says_since_when(
        self,
        client: Client,
        warehouse: Warehouse,
        project: ProjectContext,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        store_spans(warehouse, project, [span(1), span(2, 1)])
        store_spans(warehouse, project, [span(3, 1), span(4, 3)], "stock")
        monkeypatch.setattr(service_map, "MOST_LOOKED_AT", 2)

        found = client.get("/otel/map", params=RANGE).json()

        assert found["edges"] == []
        assert (found["lookedAt"], found["lookedSince"]) == (2, iso_ms(AT_US + 3000))

    def test_of_others_is_not_there(self, client: Client, warehouse: Warehouse) -> None:
        other = ProjectContext(ProjectId(uuid.uuid4().hex))
        store_spans(warehouse, other, [span(1), call(2, 1)])
        store_spans(warehouse, other, [span(3, 1)], "stock")

        found = client.get("/otel/map", params=RANGE).json()

        assert (found["edges"], found["services"], found["lookedAt"]) == ([], [], 0)


def _given(**params: str) -> dict[str, str]:
    return {name: value for name, value in params.items() if value}
