"""Transactions as Sentry's SDKs send them, sent to a project of a test."""

import json
import time
from typing import Any

from tests.e2e.server import Project, wait_for


def dsn_key_of(project: Project) -> tuple[str, int]:
    """Returns the public key of a project's DSN, and its number."""
    own = {"X-Project-Id": project.project_id}
    listed = project.server.admin.get("/dashboard/api/dsn-keys", headers=own).json()["dsnKeys"]
    return listed[0]["publicKey"], listed[0]["projectNumber"]


def transaction(event_id: str, **changes: Any) -> dict[str, Any]:
    """Returns a transaction of a second ago, of 400 ms, with some fields changed."""
    began = changes.pop("began", time.time() - 1)
    trace = {"trace_id": changes.pop("trace_id", "c" * 32), "span_id": "b" * 16}
    trace |= {"op": changes.pop("op", "http.server"), "status": changes.pop("status", "ok")}
    return {
        "type": "transaction",
        "event_id": event_id,
        "transaction": "/checkout",
        "platform": "python",
        "start_timestamp": began,
        "timestamp": began + 0.4,
        "environment": "production",
        "release": "shop@1.0.0",
        "contexts": {"trace": trace},
        "spans": [],
        **changes,
    }


def span(of: dict[str, Any], span_id: str, **changes: Any) -> dict[str, Any]:
    """Returns a span of 10 ms of a transaction, from `at_ms` after its begin on."""
    began = of["start_timestamp"] + changes.pop("at_ms", 0) / 1000
    return {
        "span_id": span_id,
        "parent_span_id": "b" * 16,
        "trace_id": of["contexts"]["trace"]["trace_id"],
        "op": "db",
        "description": "SELECT 1",
        "start_timestamp": began,
        "timestamp": began + 0.01,
        **changes,
    }


def streamed(span_id: str, *, segment: str = "", **changes: Any) -> dict[str, Any]:
    """Returns a span as SDKs stream it, of half a second ago; without a segment it is one."""
    began = time.time() - 0.5
    known = {"sentry.op": changes.pop("op", "db"), "sentry.segment.id": segment or span_id}
    known |= {"sentry.segment.name": changes.pop("of", "/streamed")}
    return {
        "trace_id": "d" * 32,
        "span_id": span_id,
        "parent_span_id": segment or None,
        "name": "SELECT 1",
        "start_timestamp": began,
        "end_timestamp": began + 0.01,
        "is_segment": not segment,
        "status": "ok",
        "attributes": {name: {"value": text} for name, text in known.items()},
        **changes,
    }


def stream(project: Project, *spans: dict[str, Any]) -> None:
    """Sends spans, in one item."""
    key, number = dsn_key_of(project)
    lines = ({}, {"type": "span", "item_count": len(spans)}, {"version": 2, "items": spans})
    answer = project.server.admin.post(
        f"/api/{number}/envelope/",
        content="\n".join(map(json.dumps, lines)).encode(),
        headers={"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}"},
    )
    assert answer.status_code == 200, answer.text


def send(project: Project, *events: dict[str, Any]) -> None:
    """Sends events, an envelope each, and waits until the last one can be read."""
    key, number = dsn_key_of(project)
    for event in events:
        kind = "transaction" if event.get("type") == "transaction" else "event"
        lines = ({"event_id": event["event_id"]}, {"type": kind}, event)
        answer = project.server.admin.post(
            f"/api/{number}/envelope/",
            content="\n".join(map(json.dumps, lines)).encode(),
            headers={"X-Sentry-Auth": f"Sentry sentry_version=7, sentry_key={key}"},
        )
        assert answer.status_code == 200, answer.text
    last = [event["event_id"] for event in events if event.get("type") == "transaction"][-1]
    path = f"/v1/transactions/{last}"
    wait_for(lambda: project.get(path).status_code == 200, "the transaction")
