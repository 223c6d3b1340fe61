"""The description of the API names every route with what it takes, gives and rejects."""

from typing import Any

import pytest
from litestar import Litestar

from api.declared import Declared, declared_by
from api.openapi import Operation, document, operations, statuses
from api.openapi_words import SCHEMES, TAGS
from api.reference import reference_router
from sluice.web import ingest_routes, out_routes

ROUTES = Litestar([*ingest_routes(), *out_routes(), reference_router()], openapi_config=None).routes
DOCUMENT = document(ROUTES, "1.2.3")
EVERY = list(operations(ROUTES))
BODILESS = (
    *("/v1/auth/login", "/api/auth/sign-out", "/api/auth/sign-up/email"),
    *("/api/auth/revoke-sessions", "/api/auth/revoke-other-sessions"),
    "/dashboard/api/alert-channels/{channel_id}/test",
    *(f"{base}/datasets/{{dataset}}/from-calls" for base in ("/v1", "/dashboard/api")),
    # Any text, which is kept as it is.
    *("/v1/heartbeats/{secret}", "/v1/heartbeats/{secret}/{signal}"),
    *("/v1/monitors/{monitor_id}/pause", "/v1/monitors/{monitor_id}/resume"),
    *("/v1/webhooks/{webhook_id}/test", "/v1/webhooks/{webhook_id}/replay"),
    "/v1/monitors/{monitor_id}/notifications/test",
    "/v1/incidents/{incident_id}/notifications/replay",
    "/v1/escalation-policies/{policy_id}/test",
    *("/api/v1/auth/logout", "/api/v1/projects/{project_id}/sync"),
    "/api/v1/domains/{domain_id}/verify",
    *(
        f"/api/v1/deployments/{{deployment_id}}/{one}"
        for one in ("rollback", "restart", "cancel", "promote")
    ),
    # What git servers send has a form of their own.
    "/api/v1/webhooks/{git_webhook_id}/receive",
)
BODIES_OF_DELETE = ("/api/v1/env",)
"""Contract 2.a."""
BY_NAME = pytest.mark.parametrize(
    "one", EVERY, ids=[f"{operation.method} {operation.path}" for operation in EVERY]
)


def described(one: Operation) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][one.path][one.method.lower()]
    return found


def test_every_route_of_the_application_but_pages_is_an_operation() -> None:
    pages = (
        *("/docs", "/p/", "/project/", "/assets/", "/sign-", "/enter", "/account", "/new-project"),
        "/status/",
    )
    routed = {
        (route.path_format, method)
        for route in ROUTES
        for method in getattr(route, "methods", ()) - {"OPTIONS", "HEAD"}
        if not route.path_format.startswith(pages)
    }

    assert {(one.path, one.method) for one in EVERY} == routed
    assert sum(map(len, DOCUMENT["paths"].values())) == len(routed) > 50
    assert len({described(one)["operationId"] for one in EVERY}) == len(routed)


@BY_NAME
def test_an_operation_has_a_heading_and_says_who_may_call_it(one: Operation) -> None:
    found = described(one)

    assert found["tags"][0] in TAGS.values()
    assert 8 <= len(found["summary"]) < 60
    assert found["description"]
    assert all(name in SCHEMES for way in found["security"] for name in way)
    if "project" in one.handler.resolve_dependencies():
        assert found["security"]


@BY_NAME
def test_the_parameters_are_those_that_the_code_reads(one: Operation) -> None:
    parameters = described(one).get("parameters", [])
    declared = declared_by(one.handler)
    names = [*declared.names, *Declared(one.described.takes).names]

    in_query = [found["name"] for found in parameters if found["in"] == "query"]
    in_path = [found["name"] for found in parameters if found["in"] == "path"]

    assert in_query == names + [f"{prefix}<key>" for prefix in declared.prefixes]
    assert "/".join(f"{{{name}}}" for name in in_path) == "/".join(
        piece for piece in one.path.split("/") if piece.startswith("{")
    )
    assert all(found["description"] and found["schema"] for found in parameters)
    assert all("example" in found for found in parameters if found.get("required"))


@BY_NAME
def test_a_body_has_a_schema_and_an_example_that_names_its_fields(one: Operation) -> None:
    body = described(one).get("requestBody")
    if one.method == "GET" or (one.method == "DELETE" and one.path not in BODIES_OF_DELETE):
        assert body is None
        return
    if body is None:
        assert one.path in BODILESS
        return

    (content,) = body["content"].values()
    examples = content["example"] if isinstance(content["example"], list) else [content["example"]]
    schema = content["schema"].get("items", content["schema"])
    if one.asks == "sentry":
        # Its forms are many, and Sentry's own: only their ids are looked at.
        assert all(examples)
        return
    if body["content"].keys() & {"multipart/form-data", "application/octet-stream"}:
        # Parts with bytes, which a schema of JSON does not describe.
        assert all(examples)
        return
    shapes = [
        DOCUMENT["components"]["schemas"][option["$ref"].rpartition("/")[2]]
        for option in schema.get("anyOf", [schema])
    ]
    assert all(any(fits(example, fields) for fields in shapes) for example in examples)


def fits(example: Any, fields: dict[str, Any]) -> bool:
    return set(fields.get("required", ())) <= set(example) <= set(fields["properties"])


@BY_NAME
def test_an_operation_names_its_answer_and_each_of_its_errors(one: Operation) -> None:
    responses = described(one)["responses"]

    errors = {int(status) for status in responses if int(status) >= 400}
    (answer,) = [status for status in responses if int(status) < 400] or [None]
    assert errors == set(statuses(one))
    assert (answer is None) == one.described.is_closed
    assert all("Retry-After" in responses[str(one)]["headers"] for one in errors & {429, 503})
    if "requestBody" in described(one):
        assert {422 if one.asks in ("monitor", "prober") else 400, 413} <= errors
    if one.asks in ("key", "session", "project"):
        assert {400, 401, 503} <= errors
    if "{" in one.path:
        assert 404 in errors


def test_what_better_auths_client_asks_is_rejected_in_its_words() -> None:
    for one in EVERY:
        for status, response in described(one)["responses"].items():
            if int(status) >= 400:
                name = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                assert (name == "Refused") == one.path.startswith("/api/auth/"), one.path


def test_what_is_answered_as_json_has_a_schema() -> None:
    without = {
        one.path
        for one in EVERY
        for status, response in described(one)["responses"].items()
        if int(status) < 300
        and int(status) != 204  # nothing is answered
        and "schema" not in response["content"].get("application/json", {})
    }

    assert without == {
        *("/", "/invite", "/metrics", "/api/v1/metrics", "/runtime-config.js"),
        "/api/v1/routing/traefik",  # Traefik says what it is
    }


def test_each_field_of_what_is_sent_is_explained() -> None:
    for name in ("SentTrace", "SentSpan"):
        fields = DOCUMENT["components"]["schemas"][name]["properties"]
        assert all("description" in field for field in fields.values()), name


def test_operations_have_an_order_of_their_own() -> None:
    backwards = list(operations(reversed(ROUTES)))

    assert [(one.path, one.method) for one in backwards] == [
        (one.path, one.method) for one in EVERY
    ]
