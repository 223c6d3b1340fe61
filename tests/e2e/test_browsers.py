"""HEAD and OPTIONS on every route, pages of allowed origins, and a server below a path."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from sluice.web import ingest_routes, out_routes
from tests.e2e.payloads import UNKNOWN_ID
from tests.e2e.server import EMAIL, KEY, PASSWORD, Project, Server, wait_for

ORIGIN = "https://dash.example.com"
ALLOW = "access-control-allow-origin"
PREFIX = {"X-Forwarded-Prefix": "/sluice"}


def routes(method: str) -> list[str]:
    application = Litestar([*ingest_routes(), *out_routes()], openapi_config=None)
    return sorted(
        re.sub(r"\{[^}]*\}", UNKNOWN_ID, re.sub(r"\{\w+:int\}", "1", route.path))
        for route in application.routes
        if method in getattr(route, "methods", ())
    )


@pytest.fixture(scope="module")
def allowing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = {"ALLOWED_ORIGINS": ORIGIN, "RATE_LIMIT": "3", "MAX_BODY_BYTES": "1000"}
    with Server(tmp_path_factory.mktemp("allowing") / "data", settings=settings) as running:
        yield running


class TestHead:
    def test_head_is_answered_as_get_without_a_body(self, server: Server, anyone: Project) -> None:
        headers = {"X-Project-Id": anyone.project_id, "Authorization": f"Bearer {anyone.key}"}
        used_up = ("local-login", "/enter", "/cron/")
        paths = [path for path in routes("GET") if not any(part in path for part in used_up)]
        for path in [*paths, "/docs", "/docs/openapi.json"]:
            got, head = (
                server.admin.request(method, path, headers=headers) for method in ("GET", "HEAD")
            )

            assert (path, head.status_code, head.content) == (path, got.status_code, b"")
            changing = {"date", "content-length"} if path in ("/metrics", "/ready") else {"date"}
            assert head.headers.keys() == got.headers.keys()
            for name in got.headers.keys() - changing:
                assert head.headers[name] == got.headers[name]

    def test_who_only_looks_uses_no_link_up(self, server: Server) -> None:
        for path in (
            "/dashboard/api/local-login?token=x",
            "/enter",
            f"/api/1/cron/nightly/{'0' * 32}",
        ):
            assert server.admin.head(path).status_code == 404

    def test_the_connection_serves_the_next_request(self, server: Server) -> None:
        with server.client(None) as client:
            statuses = [client.request(m, "/health").status_code for m in ("HEAD", "GET") * 3]

        assert statuses == [200] * 6

    def test_it_is_measured_as_what_it_is(self, server: Server) -> None:
        with server.client(None) as client:
            client.head("/health")

        name = "sluice_request_seconds_count"
        wait_for(
            lambda: server.metric(name, method="HEAD", route="/health", status="200"),
            "the request to be counted",
        )


class TestOptions:
    def test_options_name_what_is_allowed(self, server: Server) -> None:
        by_method = {one: routes(one) for one in ("GET", "POST", "PUT", "PATCH", "DELETE")}
        for path in {path for paths in by_method.values() for path in paths}:
            answer = server.admin.options(path)

            allowed = {"OPTIONS"} | {one for one, paths in by_method.items() if path in paths}
            allowed |= {"HEAD"} if "GET" in allowed else set()
            assert (path, answer.status_code) == (path, 204)
            assert set(answer.headers["allow"].split(", ")) == allowed
            assert ALLOW not in answer.headers


@pytest.mark.slow
class TestOrigins:
    def test_a_preflight_of_an_allowed_origin_is_answered(self, allowing: Server) -> None:
        asked = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "PATCH",
            "Access-Control-Request-Headers": "content-type,x-project-id",
        }
        for path in {*routes("GET"), *routes("POST"), *routes("PATCH")}:
            answer = allowing.admin.options(path, headers=asked)

            assert (path, answer.status_code) == (path, 204)
            assert answer.headers[ALLOW] == ORIGIN
            assert answer.headers["access-control-allow-credentials"] == "true"
            assert answer.headers["access-control-allow-headers"] == "content-type,x-project-id"
            assert "PATCH" in answer.headers["access-control-allow-methods"]

    @pytest.mark.parametrize("origin", ["https://evil.example.com", "null", ORIGIN + ".evil.com"])
    def test_another_origin_is_told_nothing(self, allowing: Server, origin: str) -> None:
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        with allowing.client(KEY) as client:
            answers = [
                client.options("/v1/traces", headers=headers),
                client.get("/", headers=headers),
            ]

        assert [name for one in answers for name in one.headers if "access-control" in name] == []
        assert all("Origin" in one.headers["vary"] for one in answers)

    @pytest.mark.parametrize("origin", [ORIGIN, "https://evil.example.com", None])
    def test_a_cache_keeps_the_answers_to_different_origins_in_different_places(
        self, allowing: Server, origin: str | None
    ) -> None:
        headers = {} if origin is None else {"Origin": origin}
        with allowing.client(KEY) as client:
            for method, path in [
                ("GET", "/health"),
                ("GET", "/v1/none"),
                ("OPTIONS", "/v1/traces"),
            ]:
                answer = client.request(method, path, headers=headers)

                assert (path, answer.headers.get("vary")) == (path, "Origin")

    def test_every_rejection_can_be_read(self, allowing: Server) -> None:
        def post(key: str, body: bytes) -> httpx.Response:
            headers = {"Origin": ORIGIN, "Authorization": f"Bearer {key}"}
            return client.post("/v1/traces/async", content=body, headers=headers)

        with allowing.client(None) as client:
            answers = [post("no", b"[]"), post(KEY, b"[" * 2000), post(KEY, b"{}")]
            while answers[-1].status_code != 429:
                answers.append(post(KEY, b"[]"))
            answers.append(client.get("/v1/nothing", headers={"Origin": ORIGIN}))

        assert {one.status_code for one in answers} >= {401, 413, 400, 429, 404}
        assert {one.headers[ALLOW] for one in answers} == {ORIGIN}
        assert {one.headers["vary"] for one in answers} == {"Origin"}
        limited = next(one for one in answers if one.status_code == 429)
        assert "Retry-After" in limited.headers["access-control-expose-headers"]


class TestBelowAPath:
    def test_pages_and_what_they_load_are_below_it(self, server: Server) -> None:
        with server.client(None) as client:
            pages = [client.get(path, headers=PREFIX).text for path in ("/", "/docs")]
            script = client.get("/docs/start.js", headers=PREFIX).text
            config = client.get("/runtime-config.js", headers=PREFIX).text
            described = client.get("/docs/openapi.json", headers=PREFIX).json()
            plain = client.get("/docs/openapi.json").json()

        links = [link for page in pages for link in re.findall(r'(?:href|src)="([^"]*)"', page)]
        assert len(links) >= 7
        assert [link for link in links if not link.startswith("/sluice/")] == []
        assert '"/sluice/docs/openapi.json"' in script
        assert config.rstrip().endswith(f'"{server.url}/sluice"}};')
        assert (described["servers"], plain["servers"]) == ([{"url": "/sluice"}], [{"url": "/"}])

    def test_cookies_and_links_are_for_it(self, server: Server, project: Project) -> None:
        form: dict[str, Any] = {"email": EMAIL, "password": PASSWORD}
        with server.client(None) as client:
            cookie = client.post("/api/auth/sign-in/email", json=form, headers=PREFIX).headers[
                "set-cookie"
            ]
        headers = {"X-Project-Id": project.project_id} | PREFIX
        invited = {"email": "somebody@example.com"}
        link = server.admin.post("/dashboard/api/users", json=invited, headers=headers).json()[
            "inviteUrl"
        ]
        with server.client(None) as client:
            page = client.get(link.replace("/sluice/", "/"), headers=PREFIX).text

        assert "; Path=/sluice;" in cookie
        assert link.startswith(f"{server.url}/sluice/invite?token=")
        assert set(re.findall(r'action="([^"]*)"', page)) == {"/sluice/invite"}
