"""A distributed trace as one tree: spans, calls, tools, errors, log records, deployments."""

import asyncio
import uuid
from typing import Any

import pyarrow as pa
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.deployments import DeploymentCopy, write_deployments
from clickhouse.tables import encode, times
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries import transaction_rows as rows
from tests.integration.queries.error_rows import store_errors
from tests.integration.queries.otel_rows import (
    AT_US,
    call,
    said,
    span,
    store_spans,
    text,
    trace_id,
)
from tests.integration.queries.transaction_rows import (
    Transaction,
    store_streamed,
    store_transactions,
)

Client = TestClient[Litestar]
HOSTILE = "<script>alert(1)</script> {project_id:String} '; DROP TABLE otel_spans; --"


def span_id(number: int) -> str:
    return f"{number:016x}"


def tree(client: Client, trace: int | str = 1, **params: Any) -> dict[str, Any]:
    asked = trace_id(trace) if isinstance(trace, int) else trace
    answer = client.get(f"/traces/{asked}/tree", params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def drawn(found: dict[str, Any]) -> list[str]:
    return ["-" * one["depth"] + str(int(one["spanId"][-4:], 16)) for one in found["spans"]]


def store_logs(
    warehouse: Warehouse, project: ProjectContext, spans: list[tuple[str, int, str]]
) -> None:
    """Stores records of trace 1: of which span, how severe, and what they say."""
    count = len(spans)
    columns = {
        "project_id": pa.array([project.project_id] * count),
        "record_id": pa.array([uuid.uuid4().hex for _ in spans]),
        "timestamp": times([AT_US + number for number in range(count)]),
        "received_at": times([AT_US] * count),
        "severity": pa.array([severity for _, severity, _ in spans], pa.uint8()),
        "body": pa.array([body for _, _, body in spans]),
        "trace_id": pa.array([trace_id(1)] * count),
        "span_id": pa.array([one for one, _, _ in spans]),
    }
    block = pa.record_batch(list(columns.values()), names=list(columns))
    warehouse.insert_now("logs", encode(block), uuid.uuid4().hex)


def test_spans_of_services_are_one_tree_with_calls_and_tools(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    asked, answered = said(text("user", "What is left?")), said(text("assistant", "Two."))
    messages = {"gen_ai.input.messages": asked, "gen_ai.output.messages": answered}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}
    given = {"gen_ai.tool.call.arguments": '{"q":"stock"}'}
    store_spans(warehouse, project, [span(1, ms=90, name="GET /"), call(2, 1, attributes=messages)])
    store_spans(warehouse, project, [span(3, 2, failed=True), span(4, 2, attributes=tool | given)],
                "stock")  # fmt: skip

    found = tree(client)

    assert drawn(found) == ["1", "-2", "--3", "--4"]
    assert found["services"] == ["shop", "stock"]
    assert (found["spanCount"], found["errorCount"], found["durationMs"]) == (4, 1, 90)
    assert (found["isCut"], found["cursor"]) == (False, None)
    root, model, failed, used = found["spans"]
    assert (root["children"], root["descendants"], root["offsetMs"]) == (1, 3, 0)
    assert model["call"]["costCents"] == 0.35  # 1,000 at 2.5 $ and 100 at 10 $ a million
    assert model["call"]["asked"] == {"role": "user", "text": "What is left?"}
    assert model["call"]["answered"] == {"role": "assistant", "text": "Two."}
    assert (failed["status"], failed["statusMessage"]) == ("error", "broken")
    assert used["tool"] == {"name": "search", "input": '{"q":"stock"}', "output": ""}
    labels = [one["label"] for one in found["spans"]]
    assert labels == ["GET /", "gpt-4o", "span 3", "search"]


def test_what_belongs_to_a_span_is_there_beside_it(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [span(1), span(2, 1)])
    at = {"at_us": AT_US, "trace_id": trace_id(1)}
    store_errors(
        warehouse,
        project,
        [at | {"span_id": span_id(2), "event_id": "e" * 32}, at | {"span_id": "elsewhere"}],
    )
    of_two = [(span_id(2), 9, f"line {number}") for number in range(5)]
    store_logs(warehouse, project, [*of_two, (span_id(2), 17, "bad"), ("", 9, "of no span")])
    running = DeploymentCopy(
        project.project_id, "d1", "production", "push", "git", "ready", "", "abc", AT_US - 9,
        AT_US - 8, AT_US - 7, None,
    )  # fmt: skip
    over = running._replace(deployment_id="d0", switched_us=AT_US - 9, ended_us=AT_US - 7)
    asyncio.run(write_deployments(warehouse, [running, over]))

    found = tree(client)

    _, second = found["spans"]
    assert [one["eventId"] for one in second["errors"]] == ["e" * 32]
    assert (second["logs"]["count"], second["logs"]["errors"]) == (6, 1)
    assert [one["body"] for one in second["logs"]["first"]] == ["line 0", "line 1", "line 2"]
    assert [one["spanId"] for one in found["errors"]] == ["elsewhere"]
    assert found["logCount"] == 7
    assert [one["deploymentId"] for one in found["deployments"]] == ["d1"]


def test_transactions_of_the_trace_stand_below_the_span_that_called_them(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [span(1, ms=50)])
    begun = AT_US + 5000
    shared = {"project_id": project.project_id, "event_id": "e" * 32, "timestamp_us": begun}
    caller = {"span_id": span_id(8), "parent_span_id": span_id(1), "name": "/stock"}
    store_transactions(warehouse, [Transaction(**shared, **caller, trace_id=trace_id(1))])
    within = {"transaction": "/stock", "parent_span_id": span_id(8), "description": "SELECT 1"}
    rows.store_spans(warehouse, [rows.Span(**shared, **within, span_id=span_id(9))])
    streamed = rows.Span(**shared, **within, span_id=span_id(10))
    store_streamed(warehouse, [streamed], trace_id=trace_id(1))

    found = tree(client)

    assert drawn(found) == ["1", "-8", "--9", "--10"]
    sources = ["otel", "transaction", "transaction_span", "streamed_span"]
    assert [one["source"] for one in found["spans"]] == sources
    assert [one["name"] for one in found["spans"][2:]] == ["SELECT 1", "SELECT 1"]
    assert (found["spans"][1]["name"], found["spans"][1]["durationMs"]) == ("/stock", 250)
    uuid_form = f"{trace_id(1)[:8]}-0000-0000-0000-{trace_id(1)[20:]}"
    assert tree(client, uuid_form)["traceId"] == trace_id(1)


def test_hostile_parents_and_clocks_break_nothing(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(
        warehouse,
        project,
        [
            span(1, at_us=AT_US),
            span(2, 1, at_us=AT_US - 500),
            span(3, 99, at_us=AT_US + 1),
            span(5, 6, at_us=AT_US + 2),
            span(6, 5, at_us=AT_US + 3),
        ],
    )

    found = tree(client)

    assert drawn(found) == ["1", "-2", "3", "5", "-6"]
    assert [one["isOrphan"] for one in found["spans"]] == [False, False, True, True, False]
    assert [one["isSkewed"] for one in found["spans"]] == [False, True, False, False, False]
    assert found["spans"][0]["offsetMs"] == 0.5


def test_pages_follow_one_another_though_spans_come_in_between(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_spans(warehouse, project, [span(10), *(span(10 + n, 10) for n in range(2, 12, 2))])

    first = tree(client, limit=3)
    store_spans(warehouse, project, [span(11, 10)])
    second = tree(client, limit=10, cursor=first["cursor"])

    assert drawn(first) == ["10", "-12", "-14"]
    assert drawn(second) == ["-16", "-18", "-20"]
    assert second["cursor"] is None
    assert drawn(tree(client, under=span_id(14))) == ["-14"]
    assert drawn(tree(client, under=span_id(77))) == []


def test_a_trace_is_found_by_the_id_that_pulse_gave_it_and_by_a_call(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    named = {"pulse.trace_id": "mine", "pulse.kind": "llm_call"}
    store_spans(warehouse, project, [span(1, attributes=named), span(2, 1)])

    assert drawn(tree(client, "mine")) == ["1", "-2"]
    assert drawn(tree(client, f"{trace_id(1)}-{span_id(2)}")) == ["1", "-2"]


def test_what_a_sender_writes_is_data_and_stays_with_its_project(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    other = ProjectContext(ProjectId(uuid.uuid4().hex))
    store_spans(warehouse, project, [span(1, name=HOSTILE, attributes={HOSTILE: HOSTILE})], HOSTILE)
    store_spans(warehouse, other, [span(2, 1), span(1, trace=2)])

    found = tree(client)
    whole = client.get(f"/otel/spans/{trace_id(1)}-{span_id(1)}").json()

    assert drawn(found) == ["1"]
    assert (found["spans"][0]["name"], found["services"]) == (HOSTILE, [HOSTILE])
    assert whole["attributes"] == {HOSTILE: HOSTILE}
    assert client.get(f"/traces/{trace_id(2)}/tree").status_code == 404
    assert client.get(f"/otel/spans/{trace_id(2)}-{span_id(1)}").status_code == 404
    assert client.get("/traces/a/tree", params={"cursor": HOSTILE}).status_code == 400


def test_a_span_has_its_messages_in_their_order(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    asked = said(text("system", "Be brief."), text("user", "Hi"), text("user", "Hi"))
    store_spans(warehouse, project, [call(1, attributes={"gen_ai.input.messages": asked})])

    found = client.get(f"/otel/spans/{trace_id(1)}-{span_id(1)}").json()

    said_first = {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]}
    assert found["inputMessages"][0] == said_first
    assert [one["role"] for one in found["inputMessages"]] == ["system", "user", "user"]
    assert found["outputMessages"] == []
    assert found["attributes"]["gen_ai.request.model"] == "gpt-4o"
