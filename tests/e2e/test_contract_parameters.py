"""Every endpoint rejects a parameter that it does not take, and blanks are kept or rejected."""

import http.client
import re
import uuid
from functools import cache
from typing import Any

import pytest
from litestar import Litestar

from sluice.web import ingest_routes, out_routes
from tests.e2e.payloads import span, trace
from tests.e2e.server import Project, Server

ANYTHING = {"/", "/health", "/ready", "/metrics", "/runtime-config.js", "/invite"}
"""Pages and health checks: browsers, mail programs and monitors add parameters of their own."""
SENDERS = {
    *("/v1/ingest", "/api/1/envelope", "/api/1/store"),
    *("/v1/scores/public", "/api/public/v2/prompts/one"),
    *("/api/public/scores", "/api/public/ingestion"),
    *("/api/1/cron/one", "/api/1/cron/one/one"),
    *("/v1/heartbeats/one", "/v1/heartbeats/one/one"),
    *(f"/api/v1/{one}" for one in ("health", "ready", "metrics", "webhooks/one/receive")),
    *("/api/v1/routing/traefik", "/api/v1/routing/caddy/ask"),
}
"""SDKs, git servers, health checks and proxies add parameters of their own, and what they say must
not be lost for one."""
OTLP = re.compile(r"POST .*/v1/(?:traces|logs|metrics)")
"""Exporters, and what stands between them and us, do so too."""
MONITORS = (
    *("/v1/monitors", "/v1/status", "/v1/incidents", "/v1/sla", "/v1/webhooks"),
    *("/v1/escalation-policies", "/v1/probes"),
)
"""Routes with keys and statuses of their own."""
PAGES = ("/p/", "/project/", "/status/", "/assets/", "/sign-", "/enter", "/account", "/new-project")
TOKEN = {"name": "all", "scope": "admin"}
PROBER_TOKEN = {"name": "prober", "forProbers": True}
RANGE = "date_from=2025-01-01T00:00:00Z&date_to=2025-02-01T00:00:00Z"


def endpoints() -> list[tuple[str, str]]:
    application = Litestar([*ingest_routes(), *out_routes()], openapi_config=None)
    return sorted(
        (method, re.sub(r"\{[^}]*\}", "one", re.sub(r"\{\w+:int\}", "1", route.path)))
        for route in application.routes
        if route.path not in ANYTHING and not route.path.startswith(PAGES)
        for method in getattr(route, "methods", set()) - {"OPTIONS", "HEAD"}
    )


@cache
def token_of(server: Server, project_id: str, is_prober: bool) -> str:
    """Returns a token of a project, which may have so many."""
    new = PROBER_TOKEN if is_prober else TOKEN
    headers = {"X-Project-Id": project_id}
    made = server.admin.post("/dashboard/api/tokens", json=new, headers=headers)
    return str(made.json()["apiToken"])


def ask(server: Server, project: Project, method: str, path: str) -> Any:
    client = project.http if path.startswith(("/v1", "/api/public")) else server.admin
    headers = {"X-Project-Id": project.project_id}
    if path.startswith(("/api/v1/", "/api/0", *MONITORS)):
        is_prober = path.startswith("/v1/probes")
        headers = {"Authorization": f"Bearer {token_of(server, project.project_id, is_prober)}"}
    return client.request(method, path, headers=headers, json=[])


def test_an_unknown_parameter_is_rejected_everywhere(server: Server, anyone: Project) -> None:
    asked = [
        (method, path)
        for method, path in endpoints()
        if path not in SENDERS and not OTLP.fullmatch(f"{method} {path}")
    ]
    for method, path in asked:
        answer = ask(server, anyone, method, f"{path}?usr=nobody")

        status = 422 if path.startswith(MONITORS) else 400
        assert (method, path, answer.status_code) == (method, path, status)
        assert "Unknown parameter 'usr'" in answer.text


def test_without_a_key_nothing_is_said_of_parameters(server: Server) -> None:
    with server.client(None) as client:
        assert client.get("/v1/traces?usr=nobody").status_code == 401


@pytest.mark.parametrize("path", ["/health?t=1", "/ready?t=1", "/?utm_source=mail", "/docs?x"])
def test_pages_and_health_checks_take_anything(server: Server, path: str) -> None:
    with server.client(None) as client:
        assert client.get(path).status_code == 200


def test_the_parameters_of_pulses_own_client_are_taken(server: Server) -> None:
    answer = server.admin.get("/api/auth/get-session?disableCookieCache=true")

    assert answer.status_code == 200


def test_a_key_of_metadata_that_ends_in_a_blank_is_another_key(project: Project) -> None:
    items = [
        trace(timestamp="2025-01-10T00:00:00Z", metadata={key: f"v[{key}]"}) for key in ("a", "a ")
    ]
    assert project.post("/v1/traces/batch", items).status_code == 202

    answer = project.http.get(f"/v1/analytics?{RANGE}&group_by=metadata.a%20")
    found = project.http.get("/v1/traces?metadata.a%20=v%5Ba%20%5D").json()["total"]

    keys = [group["key"]["metadata.a "] for group in answer.json()["groups"]]
    assert sorted(map(str, keys)) == ["None", "v[a ]"]
    assert found == 1


@pytest.mark.parametrize("names", ["metadata.", "metadata.%20", "metadata.a,b", "user,,model"])
def test_a_blank_or_unknown_name_to_group_by_is_rejected(anyone: Project, names: str) -> None:
    answer = anyone.http.get(f"/v1/analytics?{RANGE}&group_by={names}")

    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == ["group_by"]


@pytest.mark.parametrize("blanks", [" ", "\t", "  "])
def test_blanks_around_the_key_are_no_part_of_it(anyone: Project, blanks: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", anyone.server.port, timeout=15)
    headers = {"Authorization": f"Bearer {anyone.key}{blanks}"}

    connection.request("GET", "/v1/traces?limit=1", headers=headers)

    assert connection.getresponse().status == 200
    connection.close()


def test_an_id_in_capitals_is_the_same_id_wherever_it_stands(project: Project) -> None:
    one, span_id, session, parent = (str(uuid.uuid4()) for _ in range(4))
    for spelled in (str.upper, str.lower, str.title):
        trace_id, session_id = spelled(one), spelled(session)
        sent = [trace(trace_id=trace_id, session_id=session_id)]
        answer = project.post("/v1/traces/batch", sent + [sent[0] | {"trace_id": one.upper()}])
        assert {row["traceId"] for row in answer.json()["traces"]} == {one}
        child = {"parent_span_id": spelled(parent), "session_id": session_id}
        answer = project.post("/v1/spans/batch", [span(span_id=spelled(span_id), **child)])
        (row,) = answer.json()["spans"]
        stored = (row["spanId"], row["parentSpanId"], row["sessionId"])
        assert stored == (span_id, parent, session)

    for spelled in (str.upper, str.lower, str.title):
        asked = [
            f"/v1/traces/{spelled(one)}",
            f"/v1/traces/{spelled(one)}/cost",
            f"/v1/spans/{spelled(span_id)}",
            f"/v1/sessions/{spelled(session)}",
            f"/v1/sessions/{spelled(session)}/spans",
        ]
        assert [(path, project.get(path).status_code) for path in asked] == [
            (path, 200) for path in asked
        ]
        for kind in ("traces", "spans"):
            found = project.get(f"/v1/{kind}", session_id=spelled(session)).json()
            assert (kind, found["total"], len(found[kind])) == (kind, 1, 1)
        headers = {"X-Project-Id": spelled(project.project_id)}
        keys = project.server.admin.get("/dashboard/api/api-keys", headers=headers)
        assert keys.status_code == 200
    whole = {"date_from": "2020-01-01T00:00:00Z", "date_to": "2029-01-01T00:00:00Z"}
    sums = project.get("/v1/analytics", **whole, session_id=session.upper()).json()
    assert (sums["totalRequests"], sums["totalSessions"]) == (1, 1)


def test_a_session_that_is_no_uuid_is_another_one_in_capitals(project: Project) -> None:
    sent = [trace(session_id=session) for session in ("conv-a", "Conv-A")]
    assert project.post("/v1/traces/batch", sent).status_code == 202

    totals = [
        project.get("/v1/traces", session_id=session).json()["total"]
        for session in ("conv-a", "Conv-A", "CONV-A")
    ]

    assert totals == [1, 1, 0]
