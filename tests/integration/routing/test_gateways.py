"""Routes for Traefik and Caddy; Caddy is tried where it is installed."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.testing import AsyncTestClient

from api.app import exception_handlers
from api.deploys.proxy.flights import Flights
from api.deploys.proxy.routes import Routes
from api.deploys.routing.caddy import caddy_routes, caddy_switch, caddy_tls
from api.deploys.routing.handlers import GATEWAYS, HANDLERS, AnyRequest, Gateways
from api.deploys.routing.traefik import Entrance, traefik_configuration
from controlplane.failures import Unauthorized
from tests.components.processes import free_ports
from tests.integration.routing.apps import app
from tests.integration.routing.serving import (
    DOMAIN,
    OTHER_PROJECT,
    OWN_SESSION,
    PROJECT,
    WAIT_S,
    route,
)

SERVICE = f"sluice-{PROJECT}"
PATH = f"/app/{PROJECT}"
TOKEN = {"Authorization": "Bearer of-traefik"}


def empty_objects(value: Any) -> list[Any]:
    """Returns what Traefik calls a standalone element, and refuses the whole for."""
    if not isinstance(value, dict):
        return []
    found = [] if value else [value]
    return found + [one for inner in value.values() for one in empty_objects(inner)]


class TestTraefik:
    def test_an_app_has_its_hosts_and_its_path(self) -> None:
        routes = [route(20001, hosts=(DOMAIN, "WWW.example.com."))]

        http = traefik_configuration(routes, Entrance())["http"]

        assert http["services"][SERVICE]["loadBalancer"] == {
            "servers": [{"url": "http://127.0.0.1:20001"}],
            "passHostHeader": True,
        }
        by_host = http["routers"][f"{SERVICE}-host"]
        assert by_host == {
            "rule": f"Host(`{DOMAIN}`) || Host(`www.example.com`)",
            "service": SERVICE,
        }
        by_path = http["routers"][f"{SERVICE}-path"]
        assert by_path["rule"] == f"Path(`{PATH}`) || PathPrefix(`{PATH}/`)"
        prefix, sandbox = (http["middlewares"][name] for name in by_path["middlewares"])
        assert prefix == {"stripPrefix": {"prefixes": [PATH]}}
        assert sandbox["headers"]["customRequestHeaders"] == {"Cookie": ""}
        answered = sandbox["headers"]["customResponseHeaders"]
        assert answered["Set-Cookie"] == ""
        assert answered["Content-Security-Policy"].startswith("sandbox ")
        assert "allow-same-origin" not in answered["Content-Security-Policy"]

    def test_routers_are_as_the_installation_says(self) -> None:
        entrance = Entrance(
            entry_points=("websecure",),
            cert_resolver="letsencrypt",
            path_host="sluice.example.com",
            apps_host="apps.example.com",
        )
        preview = route(20001, environment="pr-12", hosts=())

        routers = traefik_configuration([preview], entrance)["http"]["routers"]

        by_host, by_path = routers.values()
        assert by_host["rule"] == f"Host(`{PROJECT}--pr-12.apps.example.com`)"
        assert by_path["rule"].startswith("Host(`sluice.example.com`) && (Path(")
        assert f"{PATH}~pr-12" in by_path["rule"]
        for router in (by_host, by_path):
            assert router["entryPoints"] == ["websecure"]
            assert router["tls"] == {"certResolver": "letsencrypt"}

    def test_no_object_within_is_empty(self) -> None:
        routes = [route(20001), route(0, "two", project=OTHER_PROJECT)]

        for some in ([], routes[1:], routes):
            configuration = traefik_configuration(some, Entrance())
            assert configuration == {} or empty_objects(configuration) == []

    def test_a_name_ends_no_rule(self) -> None:
        hostile = route(20001, hosts=("x`) || Host(`sluice.example.com", "a`b.example.com"))

        routers = traefik_configuration([hostile], Entrance())["http"]["routers"]

        assert list(routers) == [f"{SERVICE}-path"]

    def test_an_address_of_ipv6_is_in_brackets(self) -> None:
        told = route(20001)
        there = type(told)(
            project_id=PROJECT,
            environment="production",
            hosts=(),
            address="::1",
            port=20001,
            instance_id="one",
        )

        [service] = traefik_configuration([there], Entrance())["http"]["services"].values()

        assert service["loadBalancer"]["servers"] == [{"url": "http://[::1]:20001"}]


@asynccontextmanager
async def asked(apps_host: str = "") -> AsyncIterator[AsyncTestClient[Litestar]]:
    async def source() -> list[Any]:
        return [route(20001)]

    async def admit(request: AnyRequest) -> None:
        if request.headers.get("authorization") != TOKEN["Authorization"]:
            raise Unauthorized("Unauthorized")

    async def is_verified(host: str) -> bool:
        return host == "sleeping.example.com"

    routes = Routes(source, Flights())
    await routes.refresh()
    gateways = Gateways(
        routes=routes,
        entrance=Entrance(apps_host=apps_host),
        admit=admit,
        is_verified=is_verified,
    )
    application = Litestar(
        [Router("/api/v1", route_handlers=HANDLERS)],
        exception_handlers=exception_handlers(),
        state=State({GATEWAYS: gateways}),
        openapi_config=None,
    )
    async with AsyncTestClient(application) as client:
        yield client


class TestHandlers:
    async def test_traefik_gets_the_routes_for_its_token(self) -> None:
        async with asked() as client:
            told = await client.get("/api/v1/routing/traefik", headers=TOKEN)

        assert told.status_code == 200
        assert told.headers["content-type"] == "application/json"
        assert SERVICE in told.json()["http"]["services"]

    @pytest.mark.parametrize("fields", [{}, {"Authorization": "Bearer other"}])
    async def test_nobody_else_does(self, fields: dict[str, str]) -> None:
        async with asked() as client:
            told = await client.get("/api/v1/routing/traefik", headers=fields)

        assert told.status_code == 401
        assert "127.0.0.1" not in told.text

    @pytest.mark.parametrize(
        ("domain", "status"),
        [
            (DOMAIN, 200),
            (f"{DOMAIN.upper()}.", 200),
            ("sleeping.example.com", 200),
            (f"{PROJECT}.apps.example.com", 200),
            (f"{OTHER_PROJECT}.apps.example.com", 404),
            ("x.apps.example.com", 404),
            ("sluice.example.com", 404),
            ("evil.example.com", 404),
            ("", 404),
            ("a b", 404),
        ],
    )
    async def test_certificates_are_for_domains_of_apps_alone(
        self, domain: str, status: int
    ) -> None:
        async with asked("apps.example.com") as client:
            path = "/api/v1/routing/caddy/ask"
            told = await client.get(path, params={"domain": domain})

        assert told.status_code == status


@asynccontextmanager
async def caddy(folder: Path, routes: list[dict[str, Any]]) -> AsyncIterator[tuple[str, str]]:
    """Runs Caddy with these routes; yields the URLs of its server and of its admin API."""
    program = shutil.which("caddy")
    if program is None:
        pytest.skip("there is no caddy in PATH (on Debian: apt install caddy)")
    port, admin = free_ports(2)
    server = {
        "listen": [f"127.0.0.1:{port}"],
        "routes": routes,
        "automatic_https": {"disable": True},
    }
    configuration = {
        "admin": {"listen": f"127.0.0.1:{admin}"},
        "apps": {"http": {"servers": {"sluice": server}}},
    }
    file = folder / "caddy.json"
    file.write_text(json.dumps(configuration))
    environment = {
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        program,
        *("run", "--config", str(file)),
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )

    async def listens() -> None:
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
        raise AssertionError("caddy refused the configuration")

    try:
        async with asyncio.timeout(WAIT_S):
            await listens()
        yield f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin}"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.slow
class TestCaddy:
    async def test_it_goes_by_our_routes_and_switches(
        self, tmp_path: Path, client: aiohttp.ClientSession
    ) -> None:
        host = {"Host": DOMAIN}
        async with (
            app("one") as one,
            app("two") as two,
            caddy(tmp_path, caddy_routes([route(one.port)])) as (url, admin),
        ):
            async with client.get(f"{url}/x?a=1", headers=host) as answer:
                assert (await answer.json(content_type=None))["app"] == "one"
            assert one.fields["Host"] == DOMAIN

            for path, upstreams in caddy_switch(route(two.port, "two")):
                sort = {"Content-Type": "application/json"}
                async with client.patch(f"{admin}{path}", json=upstreams, headers=sort) as changed:
                    assert changed.status == 200

            async with client.get(f"{url}/x", headers=host) as answer:
                assert (await answer.json(content_type=None))["app"] == "two"
            async with client.get(f"{url}{PATH}/x") as answer:
                told = await answer.json(content_type=None)
            assert (told["app"], told["path"]) == ("two", "/x")

    async def test_an_app_by_path_gets_and_sets_no_cookie(
        self, tmp_path: Path, client: aiohttp.ClientSession
    ) -> None:
        async with (
            app("one") as one,
            caddy(tmp_path, caddy_routes([route(one.port)])) as (url, _),
        ):
            one.answer_headers.add("Set-Cookie", "better-auth.session_token=evil")
            one.answer_headers.add("Clear-Site-Data", '"*"')
            fields = {"Cookie": f"better-auth.session_token={OWN_SESSION}"}
            async with client.get(f"{url}{PATH}/x", headers=fields) as answer:
                assert "Set-Cookie" not in answer.headers
                assert "Clear-Site-Data" not in answer.headers
                assert answer.headers["Content-Security-Policy"].startswith("sandbox ")

        assert "Cookie" not in one.fields
        assert one.fields["X-Forwarded-Prefix"] == PATH

    async def test_it_asks_before_it_gets_a_certificate(self, tmp_path: Path) -> None:
        program = shutil.which("caddy")
        if program is None:
            pytest.skip("there is no caddy in PATH (on Debian: apt install caddy)")
        file = tmp_path / "caddy.json"
        tls = caddy_tls("http://127.0.0.1:8080/api/v1/routing/caddy/ask")
        file.write_text(json.dumps({"apps": {"tls": tls}}))

        checked = await asyncio.create_subprocess_exec(
            program,
            *("validate", "--config", str(file)),
            env={"HOME": str(tmp_path)},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await checked.communicate()

        assert checked.returncode == 0, said.decode()
