"""One person in every system: what a sender can tell of somebody, and what people can write.

Each of these functions sends by the routes that senders have.
"""

import json
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from schemas.llm.examples import QUEUE
from tests.e2e.payloads import span, trace
from tests.e2e.server import Project
from tests.e2e.test_tenancy_matrix import LASTED, send_envelope
from tests.e2e.test_uptime import Keyed

AGENT = "agent-session"
EXPERIMENT = ("experiment.dataset", "experiment.run", "experiment.item")


def send_calls(project: Project, who: str) -> None:
    """Calls, an event of their session, one that names its own user, and what is thought."""
    body = {"messages": [{"role": "user", "content": f"I am {who}"}]}
    call = trace(
        session_id=AGENT,
        request_body=body,
        response_body={"content": who},
        output_text=f"Hello {who}",
        provider_request_id=f"chat-{who}",
        error={"message": who},
        metadata={"userId": who, "team": "a", **dict.fromkeys(EXPERIMENT, who)},
        cost_cents=200,
        timestamp=_now(),
    )
    theirs = {"cwd": f"/home/{who}", "tool_input": {"of": who}, "tool_response": who}
    events = [
        span(session_id=AGENT, error=[who], **theirs),
        span(session_id="other", metadata={"userId": who}, **theirs),
    ]
    assert project.post("/v1/traces/batch", [call]).status_code == 202
    assert project.post("/v1/spans/batch", events).status_code == 202
    scores = [
        {"name": "mood", "value": 1, "user_id": who, "comment": who, "metadata": {"of": who}},
        {
            **{"name": "said", "value": who, "data_type": "text", "author": who},
            "trace_id": call["trace_id"],
        },
        {"name": "said", "value": 2, "session_id": AGENT, "comment": f"{who} likes it"},
    ]
    assert project.post("/v1/scores", scores).status_code == 202


def send_errors(project: Project, who: str) -> None:
    """An error with a file, a transaction, feedback, a log record and a session."""
    user = {"user": {"id": "7", "email": who}}
    event_id = uuid4().hex
    shared = {**user, "server_name": f"mac-{who}", "tags": {"of": who}, "extra": {"of": who}}
    crumbs = {"values": [{"message": f"click of {who}", "data": {"who": who}}]}
    error = {"message": f"Denied: {who}", "breadcrumbs": crumbs, **shared}
    send_envelope(project, event_id, {"type": "event"}, error)
    send_envelope(project, event_id, {"type": "attachment", "filename": f"{who}.txt"}, {"of": who})
    inner = {"span_id": "ab" * 8, "op": "db", "description": f"SELECT '{who}'", **LASTED}
    done = {"type": "transaction", "transaction": "GET /", "spans": [inner], **shared, **LASTED}
    send_envelope(project, uuid4().hex, {"type": "transaction"}, done)
    said = {"message": f"It broke for {who}", "contact_email": who, "name": who}
    send_envelope(
        project,
        uuid4().hex,
        {"type": "feedback"},
        {"contexts": {"feedback": said | {"associated_event_id": event_id}}, **user},
    )
    attributes = {"user.email": {"value": who, "type": "string"}}
    record = {"timestamp": time.time(), "level": "info", "body": f"{who} paid"}
    log = {"items": [record | {"attributes": attributes}]}
    send_envelope(project, uuid4().hex, {"type": "log"}, log)
    used = {"sid": str(uuid4()), "seq": 1, "started": time.time(), "did": who, "status": "exited"}
    attrs = {"release": "1", "environment": "production"}
    send_envelope(project, uuid4().hex, {"type": "session"}, used | {"attrs": attrs})


def send_telemetry(project: Project, who: str) -> None:
    """A call of a model with its messages, a tool, a log record, an agent's event, a metric."""
    user = _attribute("user.id", who)
    told = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"I am {who}"}]}])
    model = [
        _attribute("gen_ai.operation.name", "chat"),
        _attribute("gen_ai.request.model", "gpt-4o"),
        _attribute("gen_ai.input.messages", told),
        user,
    ]
    tool = [
        _attribute("gen_ai.operation.name", "execute_tool"),
        _attribute("gen_ai.tool.name", "Bash"),
        _attribute("gen_ai.tool.call.arguments", json.dumps({"of": who})),
        user,
    ]
    plain = [_attribute("http.url", f"https://shop/{who}"), user]
    spans = [_span(attributes, who) for attributes in (model, tool, plain)]
    resource = {"attributes": [_attribute("service.name", "shop"), _attribute("host.name", who)]}
    sent = {"resource": resource, "scopeSpans": [{"spans": spans}]}
    assert project.post("/v1/traces", {"resourceSpans": [sent]}).status_code == 200
    at = str(time.time_ns())
    records = [
        {"timeUnixNano": at, "body": {"stringValue": f"{who} paid"}, "attributes": [user]},
        {
            "timeUnixNano": at,
            "body": {"stringValue": "claude_code.user_prompt"},
            "attributes": [
                _attribute("event.name", "user_prompt"),
                _attribute("session.id", "claude"),
                _attribute("prompt", f"I am {who}"),
                _attribute("user.email", who),
            ],
        },
    ]
    logs = {"resource": {"attributes": [_attribute("service.name", "claude-code")]}}
    scope = {"scope": {"name": "com.anthropic.claude_code.events"}, "logRecords": records}
    logs["scopeLogs"] = [scope]  # type: ignore[assignment]  # as JSON has it
    assert project.post("/v1/logs", {"resourceLogs": [logs]}).status_code == 200
    point = {"timeUnixNano": at, "asInt": "1", "attributes": [user]}
    metric = {"name": "shop.paid", "gauge": {"dataPoints": [point]}}
    measured = {"resource": {}, "scopeMetrics": [{"metrics": [metric]}]}
    assert project.post("/v1/metrics", {"resourceMetrics": [measured]}).status_code == 200


def write_about(project: Project, who: str) -> None:
    """What people write of somebody: budgets, incidents, commits, a message that waits."""
    mine = {"X-Project-Id": project.project_id}
    admin = project.server.admin
    config = {"url": "https://hooks.invalid/"}
    channel = {"name": "Ours", "kind": "webhook", "config": config}
    made = admin.post("/dashboard/api/alert-channels", json=channel, headers=mine)
    assert made.status_code == 201, made.text
    amount = {"amount": 1, "thresholds": [100], "channel_ids": [made.json()["id"]]}
    window = {"window": "rolling", "hours": 24}
    for budget in (
        {"name": "All users", "scope": "user", **amount},
        {"name": f"Of {who}", "scope": "user", "value": who, **amount},
    ):
        made = admin.post("/dashboard/api/budgets", json=budget | window, headers=mine)
        assert made.status_code == 201, made.text
    commit = {"id": "a" * 40, "message": f"Fix it for {who}", "author_name": who}
    release = {"version": "1", "commits": [commit | {"author_email": who}]}
    made = admin.post("/dashboard/api/releases", json=release, headers=mine)
    assert made.status_code in (200, 201), made.text
    incidents = Keyed(project.server, project, "write")
    opened = {"state": "triggered", "title": f"{who} cannot pay", "notes": f"{who} called"}
    number = incidents.ask("POST", "incidents", 201, opened)["incident_id"]
    taken = {"incident_id": number, "state": "acknowledged", "assignee": who, "notes": who}
    incidents.ask("POST", "incidents", 200, taken)


def copy_calls(project: Project, who: str, word: str) -> None:
    """Items of calls, of one that is gone, and of a file, and a queue: after calls are stored."""
    assert project.post("/v1/datasets", {"name": "d"}).status_code == 201
    copied = project.post(f"/v1/datasets/d/from-calls?user={quote(who)}", {})
    assert copied.json()["changed"] > 0, copied.text
    found = project.get("/v1/datasets/d/items").json()["items"]
    assert {one["user_id"] for one in found} == {who}
    items = [
        # Retention has removed the call; of the other there was never one.
        {"id": "gone", "input": f"I am {word}", "trace_id": str(uuid4()), "user_id": who},
        {"id": "named", "input": f"I am {word}", "metadata": {"user_id": who}},
    ]
    assert project.post("/v1/datasets/d/items", items).status_code == 201
    mine = {"X-Project-Id": project.project_id}
    queues = "/dashboard/api/annotation-queues"
    made = project.server.admin.post(queues, json=QUEUE, headers=mine)
    assert made.status_code == 201, made.text
    into = f"/v1/annotation-queues/{made.json()['id']}/items"
    about = [{"trace_id": one["trace_id"]} for one in found] + [{"session_id": AGENT}]
    assert project.post(into, {"items": about}).json()["added"] == len(about)
    assert len(project.get(into).json()["items"]) == len(about)


def _span(attributes: list[dict[str, Any]], who: str) -> dict[str, Any]:
    at = time.time_ns()
    said = {"traceId": uuid4().hex, "spanId": uuid4().hex[:16], "name": "step", "kind": 3}
    seen = {"timeUnixNano": str(at), "name": f"seen by {who}"}
    moments = {"startTimeUnixNano": str(at), "endTimeUnixNano": str(at + 1000), "events": [seen]}
    status = {"code": 2, "message": f"no {who}"}
    return said | moments | {"attributes": attributes, "status": status}


def _attribute(key: str, text: str) -> dict[str, Any]:
    return {"key": key, "value": {"stringValue": text}}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
