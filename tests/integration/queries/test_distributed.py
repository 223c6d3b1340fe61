"""Calls with what the distributed trace adds up to that they belong to: Pulse's newer rows."""

import uuid
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from clickhouse.client import Warehouse
from clickhouse.llm import distributed
from clickhouse.queries.parts import Bounds
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.conftest import store_traces
from tests.integration.queries.otel_rows import AT_US, call, span, store_spans, trace_id
from tests.integration.queries.rows import make_trace
from tests.integration.queries.told import chat, identity, plain_span, store_told

Client = TestClient[Litestar]
FIELDS = [
    "source",
    "services",
    "spanCount",
    "summary",
    "toolCallCount",
    "filesEdited",
    "errorService",
]
CODEX = {"pulse.source": "codex", "pulse.kind": "llm_call", "gen_ai.conversation.id": "s1"}
PLAIN = ["sdk", [], 1, "gpt-4o", 0, 0, None]


def edit(number: int, path: str, **said: Any) -> dict[str, Any]:
    tool = {
        "pulse.source": "codex",
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "Edit",
        "gen_ai.tool.call.arguments": f'{{"file_path":"{path}"}}',
    }
    return span(number, 1, attributes=tool, **said)


def fields(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in FIELDS]


def listed(client: Client, **params: Any) -> list[str]:
    answer = client.get("/traces", params=params)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["total"] == len(found["traces"])
    return [row["traceId"] for row in found["traces"]]


@pytest.fixture
def stored(warehouse: Warehouse, project: ProjectContext) -> None:
    """Trace 1 of an agent with edits and a failure, trace 2 of a call alone, a call as JSON."""
    spans = [span(1), call(2, 1, attributes=CODEX), edit(3, "a.py"), edit(4, "a.py")]
    store_spans(warehouse, project, spans)
    store_spans(warehouse, project, [edit(5, "b.py", failed=True)], "stock")
    store_spans(warehouse, project, [call(1, trace=2)], "shop")
    made = make_trace(project.project_id, "plain", model_requested="gpt-4o", timestamp_us=AT_US)
    store_traces(warehouse, [made])


AGENT, ALONE = f"{trace_id(1)}-{2:016x}", f"{trace_id(2)}-{1:016x}"
OF_AGENT = ["codex", ["shop", "stock"], 5, "3 tool calls · 2 files edited", 3, 2, "stock"]


@pytest.mark.usefixtures("stored")
class TestRows:
    def test_of_a_list_tell_of_the_trace_around(self, client: Client) -> None:
        rows = {row["traceId"]: row for row in client.get("/traces").json()["traces"]}

        assert fields(rows[AGENT]) == OF_AGENT
        assert fields(rows[ALONE]) == ["genai", ["shop"], 1, "gpt-4o", 0, 0, None]
        assert fields(rows["plain"]) == PLAIN
        assert not any("spans" in row for row in rows.values())

    def test_of_a_session_and_one_alone_tell_it_too(self, client: Client) -> None:
        session = client.get("/sessions/s1").json()["traces"]
        alone = client.get(f"/traces/{AGENT}").json()

        assert [fields(row) for row in session] == [OF_AGENT]
        assert fields(alone) == OF_AGENT
        labels = [(one["label"], one["kind"], one["service"]) for one in alone["spans"]]
        assert labels == [("Edit", "tool_use", service) for service in ("shop", "shop", "stock")]
        assert alone["spans"][0]["toolInput"] == {"file_path": "a.py"}
        assert client.get(f"/traces/{ALONE}").json()["spans"] == []
        assert "spans" not in client.get("/traces/plain").json()

    def test_of_others_are_not_counted(
        self, client: Client, warehouse: Warehouse, project: ProjectContext
    ) -> None:
        other = ProjectContext(ProjectId(uuid.uuid4().hex))
        store_spans(warehouse, other, [edit(7, "c.py"), call(9, 1, attributes=CODEX)], "theirs")

        assert fields(client.get(f"/traces/{AGENT}").json()) == OF_AGENT
        assert len(client.get(f"/traces/{AGENT}").json()["spans"]) == 3
        assert project.project_id != other.project_id

    def test_are_narrowed_by_source_and_service(self, client: Client) -> None:
        assert listed(client, source="codex") == [AGENT]
        assert listed(client, source="genai") == [ALONE]
        assert listed(client, source="sdk") == ["plain"]
        assert listed(client, source="sdk", session_id="s1") == []
        assert listed(client, source="' OR 1=1 --") == []
        assert listed(client, service="shop") == [AGENT, ALONE]
        assert listed(client, service="stock") == []

    def test_of_agents_are_narrowed_by_trace_and_service(self, client: Client) -> None:
        for trace in (trace_id(1), AGENT, str(uuid.UUID(trace_id(1))).upper()):
            params = {"trace_id": trace, "service": "stock"}
            found = client.get("/spans", params=params).json()
            assert [one["spanId"] for one in found["spans"]] == [f"{trace_id(1)}-{5:016x}"]


def test_a_source_that_a_resource_says_is_that_of_the_trace(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    of_cli = {"pulse.kind": "user_prompt", "pulse.event_type": "user_prompt_submit"}
    spans = [plain_span(1, 1, 1, of_cli), chat(1, 2, 2)]
    store_told(warehouse, project, spans, resource={"pulse.source": "opencode"})

    assert listed(client, source="opencode") == [identity(1, 2)]
    assert client.get("/traces").json()["traces"][0]["source"] == "opencode"
    found = client.get("/otel/traces", params={"source": "opencode"}).json()["traces"]
    assert [one["traceId"] for one in found] == [trace_id(1)]


def test_calls_that_came_as_json_ask_for_no_traces(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store_traces(warehouse, [make_trace(project.project_id, "plain", model_requested="gpt-4o")])
    monkeypatch.setattr(distributed, "BELONGING", "no SQL")

    assert fields(client.get("/traces").json()["traces"][0]) == PLAIN


def test_spans_that_are_too_large_for_one_answer_are_cut_after_the_first_part(
    client: Client,
    warehouse: Warehouse,
    project: ProjectContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edits = [edit(number, "x" * 300) for number in range(3, 9)]
    store_spans(warehouse, project, [call(2, 1), *edits])
    monkeypatch.setattr(distributed, "Bounds", lambda: Bounds(bytes=3_000))

    found = client.get(f"/traces/{AGENT}").json()["spans"]

    assert [one["spanId"] for one in found] == [f"{trace_id(1)}-{number:016x}" for number in (3, 4)]
