"""`sluice mcp` as programs of models use it: the SDK's own client over stdio."""

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import CONSOLE_SCRIPT, Project, Server, wait_for
from tests.e2e.test_tenancy_matrix import send_envelope


@asynccontextmanager
async def session_of(server: Server, token: str) -> AsyncIterator[ClientSession]:
    own = {name: text for name, text in os.environ.items() if not name.startswith("SLUICE_")}
    env = {**own, "SLUICE_MCP_TOKEN": token, "SLUICE_MCP_URL": server.url}
    started = StdioServerParameters(command=CONSOLE_SCRIPT, args=["mcp"], env=env)
    async with stdio_client(started) as streams, ClientSession(*streams) as session:
        await session.initialize()
        yield session


async def ask(session: ClientSession, name: str, **arguments: Any) -> Any:
    answer = await session.call_tool(name, arguments)
    assert not answer.isError, answer.content
    return json.loads(answer.content[0].text)  # type: ignore[union-attr]


def make_token(project: Project, scope: str) -> str:
    new, own = {"name": "MCP", "scope": scope}, {"X-Project-Id": project.project_id}
    made = project.server.admin.post("/dashboard/api/tokens", json=new, headers=own)
    return str(made.json()["apiToken"])


def fill(project: Project) -> str:
    """Stores an error and a call; returns the id of the issue."""
    assert project.post("/v1/traces/batch", [trace(cost_cents=50)]).status_code == 202
    send_envelope(project, new_id().replace("-", ""), {"type": "event"}, {"message": "Out of milk"})

    def found() -> str:
        return "".join(one["id"] for one in project.get("/v1/issues").json()["issues"])

    return str(wait_for(found, "the issue"))


@pytest.mark.slow
async def test_a_model_finds_an_issue_reads_it_and_resolves_it_if_it_may(project: Project) -> None:
    server, issue_id = project.server, fill(project)

    async with session_of(server, make_token(project, "read")) as session:
        tools = {tool.name for tool in (await session.list_tools()).tools}
        (own,) = (await ask(session, "list_projects"))["projects"]
        (issue,) = (await ask(session, "search_issues", project_id=own["id"]))["issues"]
        events = (await ask(session, "get_issue_events", issue_id=issue_id))["events"]
        event = await ask(session, "get_event", issue_id=issue_id, event_id="latest")
        within = {"date_from": "2024-06-01", "date_to": "2027-01-01"}
        performance = await ask(session, "performance", project_id=own["id"])
        calls = await ask(session, "list_llm_calls", project_id=own["id"], **within)
        refused = await session.call_tool(
            "update_issue_status", {"issue_id": issue_id, "status": "resolved"}
        )
        other = await session.call_tool("get_project", {"project_id": new_id()})
    async with session_of(server, make_token(project, "write")) as session:
        changed = await ask(session, "update_issue_status", issue_id=issue_id, status="resolved")

    assert len(tools) >= 17
    assert (own["id"], issue["id"]) == (project.project_id, issue_id)
    assert events[0]["message"] == "Out of milk"
    assert event["event"]["id"] == events[0]["id"]
    assert performance["stats"]["count"] == 0
    assert [call["totalCostUsd"] for call in calls["traces"]] == [0.5]
    assert refused.isError
    assert "403: Token scope 'read' cannot perform this action" in str(refused.content)
    assert other.isError
    assert "Token is scoped to a different project" in str(other.content)
    assert changed["status"] == "resolved"
