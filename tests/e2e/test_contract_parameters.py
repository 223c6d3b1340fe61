"""Every endpoint rejects a parameter that it does not take, and blanks are kept or rejected."""

import http.client
import re
import uuid
from typing import Any

import pytest
from litestar import Litestar

from sluice.web import ingest_routes, out_routes
from tests.e2e.payloads import trace
from tests.e2e.server import Project, Server

ANYTHING = {"/", "/health", "/ready", "/metrics", "/runtime-config.js", "/invite"}
"""Pages and health checks: browsers, mail programs and monitors add parameters of their own."""
PAGES = ("/p/", "/assets/", "/sign-", "/enter")
RANGE = "date_from=2025-01-01T00:00:00Z&date_to=2025-02-01T00:00:00Z"


def endpoints() -> list[tuple[str, str]]:
    application = Litestar([*ingest_routes(), *out_routes()], openapi_config=None)
    return sorted(
        (method, re.sub(r"\{[^}]*\}", "one", re.sub(r"\{\w+:int\}", "1", route.path)))
        for route in application.routes
        if route.path not in ANYTHING and not route.path.startswith(PAGES)
        for method in getattr(route, "methods", set()) - {"OPTIONS", "HEAD"}
    )


def ask(server: Server, project: Project, method: str, path: str) -> Any:
    client = project.http if path.startswith("/v1") else server.admin
    headers = {"X-Project-Id": project.project_id}
    return client.request(method, path, headers=headers, json=[])


def test_an_unknown_parameter_is_rejected_everywhere(server: Server, anyone: Project) -> None:
    for method, path in endpoints():
        answer = ask(server, anyone, method, f"{path}?usr=nobody")

        assert (method, path, answer.status_code) == (method, path, 400)
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


def test_an_id_in_upper_case_is_the_same_id(project: Project) -> None:
    lower = str(uuid.uuid4())
    for one in (lower.upper(), lower):
        answer = project.post("/v1/traces/batch", [trace(trace_id=one)])
        assert [row["traceId"] for row in answer.json()["traces"]] == [lower]

    found = [project.get(f"/v1/traces/{one}").status_code for one in (lower, lower.upper())]

    assert found == [200, 200]
    assert project.get("/v1/traces").json()["total"] == 1
