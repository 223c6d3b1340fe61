"""Who may ask, and what is no route at all: the first things that are checked (contract 1.a.1)."""

import httpx
import pytest

from tests.e2e.payloads import UNKNOWN_ID, trace
from tests.e2e.server import KEY, Project, Server

INGEST = ("/v1/traces/async", "/v1/traces/batch", "/v1/spans/async", "/v1/spans/batch")
RANGE = "?date_from=2026-01-01T00:00:00Z&date_to=2026-12-31T00:00:00Z"
QUERIES = (
    "/v1/traces",
    f"/v1/traces/{UNKNOWN_ID}",
    "/v1/spans",
    f"/v1/spans/{UNKNOWN_ID}",
    "/v1/sessions/any",
    "/v1/sessions/any/spans",
    f"/v1/analytics{RANGE}",
    f"/v1/analytics/spans{RANGE}",
    "/v1/outcomes",
)
MISSING = {"error": "Missing or invalid Authorization header"}
UNKNOWN = {"error": "Invalid API key"}


def ask(server: Server, path: str, headers: dict[str, str], body: bytes = b"") -> httpx.Response:
    method = "POST" if path in INGEST else "GET"
    with server.client(None) as client:
        return client.request(method, path, headers=headers, content=body or None)


@pytest.mark.parametrize("path", INGEST + QUERIES)
class TestAuthorization:
    def test_no_header_is_refused(self, server: Server, path: str) -> None:
        answer = ask(server, path, {})

        assert (answer.status_code, answer.json()) == (401, MISSING)

    @pytest.mark.parametrize(
        "header",
        [f"bearer {KEY}", f"Bearer  {KEY}", f"Bearer {KEY} x", "Bearer", f"Basic {KEY}", KEY, ""],
        ids=["lower case", "two spaces", "three parts", "no key", "basic", "bare key", "empty"],
    )
    def test_a_header_of_another_form_is_refused(
        self, server: Server, path: str, header: str
    ) -> None:
        answer = ask(server, path, {"Authorization": header})

        assert (answer.status_code, answer.json()) == (401, MISSING)

    @pytest.mark.parametrize("key", [f"pulse_sk_{UNKNOWN_ID}", "pulse_sk_", "x", KEY.upper()])
    def test_an_unknown_key_is_refused(self, server: Server, path: str, key: str) -> None:
        answer = ask(server, path, {"Authorization": f"Bearer {key}"})

        assert (answer.status_code, answer.json()) == (401, UNKNOWN)


@pytest.mark.parametrize("path", INGEST)
class TestOrderOfChecks:
    def test_the_key_is_checked_before_the_body(self, server: Server, path: str) -> None:
        answer = ask(server, path, {"Authorization": "Bearer no"}, b"not JSON")

        assert (answer.status_code, answer.json()) == (401, UNKNOWN)

    def test_the_key_is_checked_before_the_encoding(self, server: Server, path: str) -> None:
        headers = {"Authorization": "Bearer no", "Content-Encoding": "rot13"}

        answer = ask(server, path, headers, b"[]")

        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/nothing"),
        ("POST", "/v1/nothing"),
        ("GET", "/v1/traces/a/b"),
        ("GET", "/dashboard/api/nothing"),
        ("GET", "/api/nothing"),
        ("GET", "/healthy"),
        ("DELETE", "/v1/traces"),
        ("PUT", "/v1/traces/async"),
        ("PATCH", "/v1/spans"),
        ("POST", "/v1/traces/" + UNKNOWN_ID),
        ("POST", "/v1/analytics"),
        ("GET", "/v1/auth/login"),
        ("POST", "/health"),
        ("HEAD", "/v1/traces/async"),
        ("OPTIONS", "/v1/nothing"),
        ("HEAD", "/v1/nothing"),
    ],
)
class TestNoRoute:
    def test_an_unknown_path_or_method_is_plain_404(
        self, anyone: Project, method: str, path: str
    ) -> None:
        answer = anyone.http.request(method, path)

        assert (answer.status_code, answer.text) == (
            404,
            "" if method == "HEAD" else "404 Not Found",
        )
        assert answer.headers["content-type"].startswith("text/plain")


def test_a_request_of_langfuses_sdks_that_is_not_offered_is_named(anyone: Project) -> None:
    answer = anyone.http.post("/api/public/v2/prompts", json={})

    assert answer.status_code == 404
    assert "does not offer POST /api/public/v2/prompts of Langfuse" in answer.json()["error"]


class TestLogin:
    @pytest.mark.parametrize(
        "headers",
        [{}, {"Authorization": "Bearer no"}, {"Authorization": f"bearer {KEY}"}],
        ids=["none", "unknown", "lower case"],
    )
    def test_any_other_key_is_answered_200_and_no(
        self, server: Server, headers: dict[str, str]
    ) -> None:
        with server.client(None) as client:
            answer = client.post("/v1/auth/login", headers=headers)

        assert (answer.status_code, answer.json()) == (200, {"authenticated": False})

    def test_a_key_of_a_project_is_answered_yes(self, project: Project) -> None:
        answer = project.http.post("/v1/auth/login")

        assert (answer.status_code, answer.json()) == (200, {"authenticated": True})

    def test_the_seeded_key_works(self, server: Server) -> None:
        with server.client(KEY) as client:
            answer = client.post("/v1/traces/async", json=[trace()])

        assert answer.status_code == 202
