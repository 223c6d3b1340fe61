"""Judges on a running server: calls are scored soon after they came, past ones when asked for."""

import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.e2e.payloads import new_id, trace
from tests.e2e.server import Project, Server, wait_for

pytestmark = pytest.mark.slow


def make(server: Server, project: Project, **form: Any) -> dict[str, Any]:
    own = {"X-Project-Id": project.project_id}
    made = server.admin.post("/dashboard/api/judges", json=form, headers=own)
    assert made.status_code == 201, made.text
    return dict(made.json())


def call(project: Project, text: str, **changes: Any) -> str:
    """Sends a call of now; returns its id."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    item = trace(trace_id=new_id(), timestamp=now, output_text=text, **changes)
    assert project.post("/v1/traces/batch", [item]).status_code == 202
    return str(item["trace_id"])


def scores(project: Project) -> dict[tuple[str, str], object]:
    found = project.get("/v1/scores", limit=1000).json()["scores"]
    assert len({one["id"] for one in found}) == len(found)
    return {(one["traceId"], one["name"]): one["value"] for one in found}


def test_calls_are_scored_when_they_come_and_past_ones_when_somebody_asks(
    server: Server, project: Project
) -> None:
    before = call(project, "Sorry, no.")
    wait_for(lambda: project.get("/v1/traces").json()["total"] == 1, "the call")
    # The first of the two: who knows of the other knows of it.
    expecting = make(server, project, name="right", rule={"type": "equals"})
    judge = make(
        server,
        project,
        name="polite",
        rule={"type": "regex", "pattern": "(?i)sorry", "negate": True},
    )
    # Every process that stores calls knows of a judge within two seconds.
    wait_for(
        lambda: (call(project, "Early"), len(scores(project)))[1] > 0, "that the judges are known"
    )

    item = {"experiment.dataset": "d", "experiment.item": "i", "experiment.expected": "paris"}
    right = call(project, " Paris ", metadata=item)
    wrong = call(project, "So sorry: Rome", metadata=item)
    own = {"X-Project-Id": project.project_id}

    wanted = {
        (right, "polite"): True,
        (right, "right"): True,
        (wrong, "polite"): False,
        (wrong, "right"): False,
    }
    wait_for(lambda: wanted.items() <= scores(project).items(), "the scores")
    assert (before, "polite") not in scores(project)
    one = project.get(f"/v1/traces/{right}/scores").json()["scores"][0]
    assert (one["source"], one["author"]) == ("eval", one["name"])

    path = f"/dashboard/api/judges/{judge['id']}"
    today = datetime.now(UTC).date().isoformat()
    # The day of the sender's clock: two requests are one.
    for _ in range(2):
        past = server.admin.post(
            f"{path}/past", json={"date_from": today, "date_to": today}, headers=own
        )
        assert past.status_code == 202, past.text
    wait_for(lambda: (before, "polite") in scores(project), "the past call")
    tried = server.admin.post(f"{path}/test", json={"trace_id": wrong}, headers=own).json()
    assert tried == {"matches": True, "value": False, "comment": "", "reason": None}
    missing = server.admin.post(f"{path}/test", json={"trace_id": str(uuid.uuid4())}, headers=own)
    assert missing.status_code == 404

    def fares() -> dict[str, Any]:
        return {one["name"]: one for one in project.get("/v1/judges").json()["judges"]}

    wait_for(lambda: fares()["polite"]["queued"] == 0, "that none waits")
    figures = fares()["right"]["today"]
    assert (figures["scored"], figures["failed"]) == (2, 0)
    assert figures["skipped"] > 0
    assert fares()["right"]["id"] == expecting["id"]


def test_a_call_that_opentelemetry_told_is_judged_as_others_are(
    server: Server, project: Project
) -> None:
    make(server, project, name="fast", rule={"type": "max_latency", "ms": 1000})
    attributes = [
        {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
        {"key": "gen_ai.provider.name", "value": {"stringValue": "openai"}},
        {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-4o"}},
    ]
    sent: list[str] = []

    def told_and_judged() -> bool:
        trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
        at_ns = time.time_ns()
        span = {
            "traceId": trace_id,
            "spanId": span_id,
            "name": "chat",
            "startTimeUnixNano": str(at_ns),
            "endTimeUnixNano": str(at_ns + 2_000_000_000),
            "attributes": attributes,
        }
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        assert project.post("/v1/traces", body).status_code == 200
        sent.append(trace_id)
        return bool(scores(project))

    # Every process that stores calls knows of a judge within two seconds.
    wait_for(told_and_judged, "a score")

    ((trace_id, name), value) = next(iter(scores(project).items()))
    assert (trace_id in sent, name, value) == (True, "fast", False)
