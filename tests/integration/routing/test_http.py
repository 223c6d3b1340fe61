"""Requests for apps: whose they are, what passes in both directions, what is said when it fails."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from yarl import URL

from api.deploys.proxy.flights import Flights
from api.deploys.proxy.upstream import Clocks
from tests.integration.routing.apps import App, app, raw_app
from tests.integration.routing.serving import (
    DOMAIN,
    OTHER_PROJECT,
    OWN_HOST,
    PROJECT,
    WAIT_S,
    Proxy,
    proxy,
    route,
    settled,
    until,
)

PATH = f"/app/{PROJECT}"
PIECE = b"x" * (256 << 10)
MOST_ON_THE_WAY = 40 << 20
"""Of bytes that nobody reads: the kernel alone has up to 10 MB for each of two connections."""


def host(name: str) -> dict[str, str]:
    return {"Host": name}


async def said(answer: aiohttp.ClientResponse) -> Any:
    return json.loads(await answer.read())


class TestWhoseItIs:
    @pytest.mark.parametrize(
        ("path", "got"),
        [
            (PATH, "/"),
            (f"{PATH}/", "/"),
            (f"{PATH}/a%2Fb/%C3%A9?x=1&x=%20%2B", "/a%2Fb/%C3%A9?x=1&x=%20%2B"),
            (f"{PATH}//two", "//two"),
            (f"/app/{PROJECT.upper()}/x", "/x"),
            (f"{PATH}/app/{PROJECT}/y", f"/app/{PROJECT}/y"),
        ],
    )
    async def test_a_path_leads_to_the_app_of_its_project(
        self, before: Proxy, client: aiohttp.ClientSession, path: str, got: str
    ) -> None:
        url = URL(f"{before.url}{path}", encoded=True)
        async with client.get(url) as answer:
            assert answer.status == 200
            assert (await said(answer))["path"] == got

    async def test_a_preview_has_a_path_of_its_own(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with app("preview") as preview:
            await before.put(
                route(one.port), route(preview.port, "two", environment="pr-12", hosts=())
            )

            async with client.get(f"{before.url}{PATH}~pr-12/x") as answer:
                assert (await said(answer))["app"] == "preview"
            async with client.get(f"{before.url}{PATH}/x") as answer:
                assert (await said(answer))["app"] == "one"

    @pytest.mark.parametrize(
        "name",
        [DOMAIN, DOMAIN.upper(), f"{DOMAIN}.", f"{DOMAIN}:8080", f"{PROJECT}.localhost:8080"],
    )
    async def test_a_host_has_all_paths(
        self, before: Proxy, one: App, client: aiohttp.ClientSession, name: str
    ) -> None:
        for path in ("/", "/v1/traces", f"/app/{OTHER_PROJECT}/x", "/api/auth/sign-in"):
            async with client.get(f"{before.url}{path}", headers=host(name)) as answer:
                assert (await said(answer))["path"] == path
        assert one.fields["Host"] == name

    @pytest.mark.parametrize(
        "name", ["127.0.0.1", "localhost", OWN_HOST, "unknown.example.com", "", "sluice.localhost"]
    )
    async def test_other_hosts_are_sluice(
        self, before: Proxy, client: aiohttp.ClientSession, name: str
    ) -> None:
        async with client.get(f"{before.url}/v1/traces", headers=host(name)) as answer:
            assert await answer.text() == "sluice /v1/traces"

    async def test_no_route_takes_a_name_of_sluice(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        await before.put(route(one.port, hosts=(OWN_HOST.upper(), "127.0.0.1.", DOMAIN)))

        async with client.get(f"{before.url}/x", headers=host(OWN_HOST)) as answer:
            assert await answer.text() == "sluice /x"

    async def test_a_host_stays_with_who_has_it_first(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with app("two") as two:
            await before.put(route(one.port), route(two.port, "two", project=OTHER_PROJECT))

            async with client.get(before.url, headers=host(DOMAIN)) as answer:
                assert (await said(answer))["app"] == "one"

    @pytest.mark.parametrize("path", ["/app", "/app/", "/application/x", "/appx", "/v1/app/x"])
    async def test_paths_beside_are_sluice(
        self, before: Proxy, client: aiohttp.ClientSession, path: str
    ) -> None:
        async with client.get(f"{before.url}{path}") as answer:
            assert await answer.text() == f"sluice {path}"


class TestBodies:
    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "QUERY"])
    async def test_a_body_reaches_the_app_as_it_was_sent(
        self, before: Proxy, client: aiohttp.ClientSession, method: str
    ) -> None:
        async with client.request(method, f"{before.url}{PATH}/x", data=b"\x00\xffbody") as answer:
            got = await said(answer)

        assert (got["method"], got["body"]) == (method, "\x00\xffbody")

    async def test_what_has_a_length_keeps_it(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with client.post(f"{before.url}{PATH}/x", data=b"12345") as answer:
            await answer.read()

        assert one.fields["Content-Length"] == "5"
        assert "Transfer-Encoding" not in one.fields

    async def test_an_answer_comes_while_the_body_still_does(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        more: asyncio.Queue[bytes] = asyncio.Queue()

        async def pieces() -> AsyncIterator[bytes]:
            while piece := await more.get():
                yield piece

        more.put_nowait(b"first")
        async with (
            asyncio.timeout(WAIT_S),
            client.post(f"{before.url}{PATH}/echo", data=pieces()) as answer,
        ):
            assert await answer.content.readany() == b"FIRST"
            more.put_nowait(b"second")
            assert await answer.content.readany() == b"SECOND"
            more.put_nowait(b"")
            assert await answer.content.read() == b""

    async def test_an_event_arrives_before_the_answer_has_ended(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        async with (
            asyncio.timeout(WAIT_S),
            client.get(f"{before.url}{PATH}/events") as answer,
        ):
            assert await answer.content.readany() == b"data: one\n\n"
            one.go_on.set()
            assert await answer.content.readany() == b"data: two\n\n"

    async def test_an_app_that_does_not_read_holds_its_sender_up(
        self, before: Proxy, one: App, client: aiohttp.ClientSession
    ) -> None:
        sent = 0

        async def pieces() -> AsyncIterator[bytes]:
            nonlocal sent
            for _ in range(400):
                yield PIECE
                sent += len(PIECE)

        posting = asyncio.ensure_future(client.post(f"{before.url}{PATH}/count", data=pieces()))
        await settled(lambda: sent)

        assert sent < MOST_ON_THE_WAY
        one.go_on.set()
        async with await posting as answer:
            assert int(await answer.text()) == 400 * len(PIECE)

    async def test_a_client_that_does_not_read_holds_the_app_up(
        self, before: Proxy, one: App
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", before.port, limit=1024)
        writer.write(f"GET {PATH}/endless HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await settled(lambda: one.body_bytes)

        assert one.body_bytes < MOST_ON_THE_WAY
        assert b"200 OK" in await reader.readline()
        writer.close()

    async def test_an_app_hears_that_its_client_has_left(self, before: Proxy, one: App) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", before.port)
        writer.write(f"GET {PATH}/events HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await until(lambda: one.asked)
        async with asyncio.timeout(WAIT_S):
            writer.close()

            await one.left.wait()

        await until(lambda: before.routes.flights.requests_of("one") == 0)

    async def test_half_a_body_is_never_a_whole_one_to_the_app(
        self, before: Proxy, one: App
    ) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", before.port)
        head = f"POST {PATH}/count HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        writer.write(head.encode() + b"5\r\nhello\r\n")
        await until(lambda: one.body_bytes)
        async with asyncio.timeout(WAIT_S):
            one.go_on.set()
            writer.close()

            await one.body_broke.wait()

    async def test_an_answer_that_comes_before_the_body_reaches_its_sender(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        too_large = b"HTTP/1.1 413 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"
        async with raw_app(too_large) as (port, _):
            await before.put(route(port))
            async with client.post(f"{before.url}{PATH}/x", data=io.BytesIO(PIECE * 32)) as answer:
                assert (answer.status, await answer.text()) == (413, "no")

    async def test_head_has_no_body_and_keeps_the_length(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        async with client.head(f"{before.url}{PATH}/x") as answer:
            assert int(answer.headers["Content-Length"]) > 10
            assert await answer.read() == b""

    async def test_what_is_compressed_stays_so(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        squeezed = (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b!"
        )
        async with raw_app(squeezed) as (port, _):
            await before.put(route(port))
            async with client.get(f"{before.url}{PATH}/x") as answer:
                assert answer.headers["Content-Encoding"] == "gzip"
                assert await answer.read() == b"\x1f\x8b!"


class TestFailures:
    async def test_nothing_runs(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        await before.put()

        async with client.get(f"{before.url}{PATH}/x") as answer:
            assert answer.status == 503
            assert await said(answer) == {"error": "no running deployment for this project"}
            assert int(answer.headers["Retry-After"]) > 0

    async def test_the_name_of_an_app_that_does_not_run_is_not_sluice(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        name = f"{OTHER_PROJECT}.localhost"
        async with client.get(f"{before.url}/projects", headers=host(name)) as answer:
            assert answer.status == 503

    async def test_an_app_without_a_port(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        await before.put(route(0))

        async with client.get(f"{before.url}{PATH}/x") as answer:
            assert answer.status == 503
            assert await said(answer) == {"error": "deployment has no exposed port yet"}

    async def test_an_app_that_takes_no_connections(
        self, before: Proxy, client: aiohttp.ClientSession, unused_tcp_port: int
    ) -> None:
        await before.put(route(unused_tcp_port))

        async with client.post(f"{before.url}{PATH}/x", data=b"x") as answer:
            assert answer.status == 502
            assert "takes no connections" in (await said(answer))["error"]

    async def test_people_get_a_page(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        await before.put()
        accept = {"Accept": "text/html,application/xhtml+xml"}

        async with client.get(f"{before.url}{PATH}/x", headers=accept) as answer:
            page = await answer.text()

        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert "No running deployment for this project." in page
        assert "<script" not in page

    @pytest.mark.parametrize(
        "answer",
        [
            b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"y" * (80 << 10) + b"\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            b"HTTP/1.1 777 Lucky\r\nContent-Length: 0\r\n\r\n",
            b"",
        ],
        ids=["not HTTP", "no length", "too long", "upgrade", "no status", "nothing"],
    )
    async def test_an_app_that_answers_no_http(
        self, before: Proxy, client: aiohttp.ClientSession, answer: bytes
    ) -> None:
        async with raw_app(answer) as (port, _):
            await before.put(route(port))
            async with client.get(f"{before.url}{PATH}/x") as got:
                assert got.status == 502
                assert (await said(got))["error"].startswith("the app did not answer: ")

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ],
    )
    async def test_an_answer_that_breaks_is_never_a_whole_one(
        self, before: Proxy, client: aiohttp.ClientSession, answer: bytes
    ) -> None:
        async with raw_app(answer) as (port, _):
            await before.put(route(port))
            with pytest.raises(aiohttp.ClientPayloadError):
                async with client.get(f"{before.url}{PATH}/x") as got:
                    await got.read()

    async def test_an_app_that_does_not_begin_to_answer(self, one: App) -> None:
        clocks = Clocks(first_byte_s=0.2)
        async with proxy(clocks=clocks) as served, aiohttp.ClientSession() as client:
            await served.put(route(one.port))
            async with client.get(f"{served.url}{PATH}/slow") as answer:
                assert answer.status == 504
                text = "the app did not begin to answer within 0.2 s"
                assert await said(answer) == {"error": text}

    async def test_an_upload_that_goes_on_is_not_late(self, one: App) -> None:
        clocks = Clocks(first_byte_s=1.0)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(8):
                await asyncio.sleep(0.2)
                yield b"piece"

        one.go_on.set()
        async with proxy(clocks=clocks) as served, aiohttp.ClientSession() as client:
            await served.put(route(one.port))
            async with client.post(f"{served.url}{PATH}/count", data=pieces()) as answer:
                assert await answer.text() == "40"

    async def test_an_answer_that_stops_is_cut(self, one: App) -> None:
        async with (
            proxy(clocks=Clocks(idle_s=0.2)) as served,
            aiohttp.ClientSession() as client,
            asyncio.timeout(WAIT_S),
        ):
            await served.put(route(one.port))
            async with client.get(f"{served.url}{PATH}/events") as answer:
                with pytest.raises(aiohttp.ClientPayloadError):
                    await answer.read()

    async def test_more_requests_than_one_app_may_have(self, one: App) -> None:
        async with (
            proxy(flights=Flights(most_requests=3)) as served,
            aiohttp.ClientSession() as client,
            app("two") as two,
        ):
            neighbour = route(two.port, "two", project=OTHER_PROJECT, hosts=())
            await served.put(route(one.port), neighbour)
            waiting = [
                asyncio.ensure_future(client.get(f"{served.url}{PATH}/slow")) for _ in range(3)
            ]
            await until(lambda: len(one.asked) == 3)

            async with client.get(f"{served.url}{PATH}/slow") as answer:
                assert answer.status == 503
                assert answer.headers["Retry-After"] == "1"
            async with client.get(f"{served.url}/app/{OTHER_PROJECT}/x") as answer:
                assert answer.status == 200
            one.go_on.set()
            assert [(await one).status for one in waiting] == [200] * 3


class TestTries:
    OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_what_may_be_repeated_is_sent_once_more(
        self, before: Proxy, client: aiohttp.ClientSession, method: str
    ) -> None:
        async with raw_app(b"", self.OK) as (port, asked):
            await before.put(route(port))
            async with client.request(method, f"{before.url}{PATH}/x") as answer:
                assert answer.status == 200
        assert len(asked) == 2

    async def test_but_not_twice(self, before: Proxy, client: aiohttp.ClientSession) -> None:
        async with raw_app(b"", b"", self.OK) as (port, asked):
            await before.put(route(port))
            async with client.get(f"{before.url}{PATH}/x") as answer:
                assert answer.status == 502
        assert len(asked) == 2

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    async def test_what_an_app_may_have_done_is_not_asked_again(
        self, before: Proxy, client: aiohttp.ClientSession, method: str
    ) -> None:
        async with raw_app(b"", self.OK) as (port, asked):
            await before.put(route(port))
            async with client.request(method, f"{before.url}{PATH}/x") as answer:
                assert answer.status == 502
        assert len(asked) == 1

    async def test_nothing_is_sent_again_once_the_answer_has_begun(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"
        async with raw_app(half, self.OK) as (port, asked):
            await before.put(route(port))
            with pytest.raises(aiohttp.ClientPayloadError):
                async with client.get(f"{before.url}{PATH}/x") as answer:
                    await answer.read()
        assert len(asked) == 1

    async def test_a_post_is_never_sent_where_the_app_may_be_closing(
        self, before: Proxy, client: aiohttp.ClientSession
    ) -> None:
        """The first connection is kept by us and closed by the app, in the moment of the POST."""
        async with raw_app(self.OK, self.OK, closes=False) as (port, asked):
            await before.put(route(port))
            async with client.get(f"{before.url}{PATH}/x") as answer:
                assert answer.status == 200
            async with client.post(f"{before.url}{PATH}/x") as answer:
                assert answer.status == 200
        assert b"Connection: close" in asked[1]
