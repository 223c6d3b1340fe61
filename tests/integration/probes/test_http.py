"""The check of HTTP, against real servers that are right, slow, wrong or hostile."""

import asyncio
import gzip
import re
import time
import zlib
from typing import Any

import brotli
import pytest

from probes.prober import look_once
from probes.web import MAX_BODY_BYTES
from schemas.uptime.checks import Check
from schemas.uptime.targets import Assertion
from tests.integration.probes.servers import (
    SETTINGS,
    Asked,
    answer,
    listening,
    redirect,
    target,
    web,
)

JSON = b'{"data": {"items": [{"state": "up", "load": 0.5}]}, "ok": true}'


async def look(url: str, **fields: Any) -> Check:
    return await look_once(target(url=url, **fields), SETTINGS)


def body_has(text: str) -> dict[str, Any]:
    return {"assertions": (Assertion(source="body", value=text),)}


class TestAnswers:
    async def test_an_answer_is_told_with_its_status_peer_and_phases(self) -> None:
        async with web(lambda _: answer()) as served:
            check = await look(served.url("/health"))

        assert (check.outcome, check.reason, check.status_code) == ("ok", "", 200)
        assert check.peer == "127.0.0.1"
        phases = check.phases
        assert phases.dns_ms is None
        assert phases.tls_ms is None
        assert None not in (phases.connect_ms, phases.first_byte_ms, phases.transfer_ms)
        parts = (phases.connect_ms or 0) + (phases.first_byte_ms or 0) + (phases.transfer_ms or 0)
        assert 0 < parts <= phases.total_ms

    async def test_each_check_makes_a_connection_of_its_own(self) -> None:
        async with web(lambda _: answer()) as served:
            for _ in range(3):
                await look(served.url())

        assert served.connections == 3

    async def test_method_headers_and_body_are_sent_as_written(self) -> None:
        async with web(lambda _: answer()) as served:
            check = await look(
                served.url("/x?y=1"),
                method="POST",
                headers={"X-Own": "a", "User-Agent": "mine"},
                body="hé",
            )

        asked = served.asked[0]
        assert check.outcome == "ok"
        assert (asked.method, asked.path, asked.body) == ("POST", "/x?y=1", "hé".encode())
        assert (asked.headers["x-own"], asked.headers["user-agent"]) == ("a", "mine")

    async def test_name_and_password_of_the_url_are_sent(self) -> None:
        async with web(lambda _: answer()) as served:
            await look(served.url().replace("//", "//joe:secret@"))

        assert served.asked[0].headers["authorization"] == "basic am9lonnly3jlda=="

    @pytest.mark.parametrize(
        ("status", "expected", "outcome"),
        [
            (200, (), "ok"),
            (399, (), "ok"),
            (404, (), "fail"),
            (500, (), "fail"),
            (404, ("404",), "ok"),
            (200, ("404",), "fail"),
            (204, ("200-299",), "ok"),
            (302, ("200-299", "302"), "ok"),
            (503, ("5xx",), "ok"),
            (200, ("soon",), "inconclusive"),
        ],
    )
    async def test_a_status_is_expected_or_not(
        self, status: int, expected: tuple[str, ...], outcome: str
    ) -> None:
        async with web(lambda _: answer(b"", status=f"{status} X")) as served:
            check = await look(served.url(), expected_status=expected)

        assert check.outcome == outcome, check.message
        assert check.status_code == status

    async def test_a_wrong_status_names_value_rule_and_body(self) -> None:
        async with web(lambda _: answer(b"no database\n\0", status="503 Busy")) as served:
            check = await look(served.url(), expected_status=("200", "204"))

        assert check.reason == "status"
        assert (
            check.message == 'the status is 503, expected 200, 204; the body begins "no database"'
        )

    async def test_no_second_request_is_sent_behind_the_back(self) -> None:
        async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            await reader.readuntil(b"\r\n\r\n")

        connections = 0
        async with listening(closes) as port:
            check = await look(f"http://127.0.0.1:{port}/")

        assert (check.outcome, check.reason, connections) == ("fail", "closed", 1)


class TestTime:
    async def test_a_slow_answer_is_degraded(self) -> None:
        async def slow(_: Asked) -> bytes:
            await asyncio.sleep(0.05)
            return answer()

        async with web(slow) as served:
            check = await look(served.url(), degraded_after_ms=20)

        assert (check.outcome, check.reason) == ("degraded", "slow")
        assert re.fullmatch(r"it took \d+ ms, more than 20 ms", check.message)
        assert (check.phases.first_byte_ms or 0) >= 50

    async def test_a_fast_answer_is_not(self) -> None:
        async with web(lambda _: answer()) as served:
            assert (await look(served.url(), degraded_after_ms=1500)).outcome == "ok"

    @pytest.mark.parametrize("where", ["head", "body"])
    async def test_no_check_takes_longer_than_its_timeout(self, where: str) -> None:
        async def hangs(asked: Asked) -> bytes:
            if where == "body":
                asked.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
            await asyncio.sleep(60)
            return b""

        async with web(hangs) as served:
            begun = time.perf_counter()
            check = await look(served.url(), timeout_ms=200)
            took_s = time.perf_counter() - begun

        assert (check.outcome, check.reason) == ("fail", "timeout")
        part = "begin" if where == "head" else "end"
        assert check.message == f"not done within 200 ms: it waited for the answer to {part}"
        # A timer of uvloop has the grain of a millisecond.
        assert 198 <= check.phases.total_ms < 400
        assert took_s < 1

    async def test_a_body_that_trickles_does_not_put_the_timeout_off(self) -> None:
        async def trickles(asked: Asked) -> bytes:
            asked.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                asked.writer.write(b"x")
                await asyncio.sleep(0.01)

        async with web(trickles) as served:
            check = await look(served.url(), timeout_ms=150)

        assert check.reason == "timeout"
        assert check.phases.total_ms < 400

    async def test_a_timeout_is_at_most_four_fifths_of_the_interval(self) -> None:
        async def hangs(_: Asked) -> bytes:
            await asyncio.sleep(60)
            return b""

        async with web(hangs) as served:
            check = await look(served.url(), timeout_ms=5000, interval_seconds=1)

        assert "not done within 800 ms, which is 80 % of the interval" in check.message


class TestBodies:
    @pytest.mark.parametrize(
        ("coding", "encode"),
        [
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("br", brotli.compress),
            ("identity", bytes),
        ],
    )
    async def test_codings_are_undone(self, coding: str, encode: Any) -> None:
        head = [f"Content-Encoding: {coding}"]
        async with web(lambda _: answer(encode(JSON), headers=head)) as served:
            check = await look(served.url(), **body_has('"state": "up"'))

        assert check.outcome == "ok", check.message

    async def test_a_chunked_body_is_read_whole(self) -> None:
        async def chunked(asked: Asked) -> bytes:
            asked.writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n")
            await asked.writer.drain()
            return b"2\r\nlo\r\n0\r\n\r\n"

        async with web(chunked) as served:
            assert (await look(served.url(), **body_has("hello"))).outcome == "ok"

    async def test_a_chunked_body_that_ends_early_fails(self) -> None:
        cut = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"
        async with web(lambda _: cut) as served:
            check = await look(served.url())

        assert (check.outcome, check.reason) == ("fail", "protocol")

    async def test_a_bomb_costs_no_more_than_the_bound(self) -> None:
        bomb = gzip.compress(b"\0" * (20 << 20), compresslevel=9)
        assert len(bomb) < MAX_BODY_BYTES

        async with web(lambda _: answer(bomb, headers=["Content-Encoding: gzip"])) as served:
            check = await look(served.url(), **body_has("needle"))

        assert (check.outcome, check.reason) == ("fail", "assertion")
        assert "only its first 1 MiB was read" in check.message

    async def test_of_a_long_body_a_megabyte_is_read(self) -> None:
        sent = 0

        async def endless(asked: Asked) -> bytes:
            nonlocal sent
            asked.writer.write(b"HTTP/1.1 200 OK\r\n\r\nneedle")
            while True:
                asked.writer.write(b"x" * 65_536)
                await asked.writer.drain()
                sent += 65_536

        async with web(endless) as served:
            found = await look(served.url(), **body_has("needle"))
            parsed = await look(served.url(), assertions=(Assertion(source="json", path="a"),))

        assert found.outcome == "ok"
        assert parsed.message == "the body is over 1 MiB, so its JSON is not read"
        assert sent < 40 << 20

    async def test_broken_compression_fails(self) -> None:
        head = ["Content-Encoding: gzip"]
        async with web(lambda _: answer(b"not gzip", headers=head)) as served:
            check = await look(served.url(), **body_has("x"))

        assert (check.outcome, check.reason) == ("fail", "protocol")

    async def test_json_and_headers_are_looked_at(self) -> None:
        head = ["Content-Type: application/json", "X-State: warm", "X-State: green"]
        wanted = (
            Assertion(source="json", path="data.items.0.state", comparison="equals", value="up"),
            Assertion(source="json", path="data.items.0.load", comparison="less_than", value=1),
            Assertion(source="header", path="x-state", comparison="equals", value="warm, green"),
        )
        async with web(lambda _: answer(JSON, headers=head)) as served:
            assert (await look(served.url(), assertions=wanted)).outcome == "ok"


class TestRedirects:
    async def test_they_are_followed_to_their_end(self) -> None:
        def handler(asked: Asked) -> bytes:
            left = int(asked.path[1:])
            return redirect(f"/{left - 1}") if left else answer()

        async with web(handler) as served:
            check = await look(served.url("/5"))
            over = await look(served.url("/6"))

        assert (check.outcome, check.status_code) == ("ok", 200)
        assert (over.outcome, over.reason) == ("fail", "redirect")
        assert "more than 5 redirects" in over.message

    async def test_a_loop_ends(self) -> None:
        async with web(lambda asked: redirect(asked.path)) as served:
            check = await look(served.url("/a?token=secret"))

        assert (check.reason, served.connections) == ("redirect", 6)
        assert "secret" not in check.message

    async def test_they_are_not_followed_where_the_monitor_says_so(self) -> None:
        async with web(lambda _: redirect("/x")) as served:
            check = await look(served.url(), follow_redirects=False, expected_status=("302",))

        assert (check.outcome, check.status_code, served.connections) == ("ok", 302, 1)

    async def test_no_credential_goes_to_another_origin(self) -> None:
        async with (
            web(lambda _: answer()) as other,
            web(lambda _: redirect(other.url("/there"))) as served,
        ):
            check = await look(
                served.url().replace("//", "//joe:secret@"),
                headers={"X-Api-Key": "k", "Cookie": "c", "Accept": "text/html"},
            )

        here, there = served.asked[0].headers, other.asked[0].headers
        assert check.outcome == "ok"
        assert {"authorization", "x-api-key", "cookie"} <= here.keys()
        assert not {"authorization", "x-api-key", "cookie"} & there.keys()
        assert there["accept"] == "text/html"

    async def test_credentials_go_along_within_one_origin(self) -> None:
        def handler(asked: Asked) -> bytes:
            return answer() if asked.path == "/b" else redirect("/b")

        async with web(handler) as served:
            await look(served.url("/a").replace("//", "//joe:pw@"), headers={"X-Api-Key": "k"})

        assert served.asked[1].headers["x-api-key"] == "k"
        assert "authorization" in served.asked[1].headers

    async def test_a_password_that_a_server_writes_is_not_sent(self) -> None:
        def handler(_: Asked) -> bytes:
            return redirect(other.url("/").replace("//", "//evil:word@"))

        async with web(lambda _: answer()) as other, web(handler) as served:
            await look(served.url())

        assert "authorization" not in other.asked[0].headers

    @pytest.mark.parametrize(
        ("status", "method", "body"),
        [
            (301, "GET", b""),
            (302, "GET", b""),
            (303, "GET", b""),
            (307, "POST", b"x"),
            (308, "POST", b"x"),
        ],
    )
    async def test_the_status_says_what_becomes_of_a_post(
        self, status: int, method: str, body: bytes
    ) -> None:
        def handler(asked: Asked) -> bytes:
            return answer() if asked.path == "/b" else redirect("/b", status)

        async with web(handler) as served:
            await look(served.url("/a"), method="POST", body="x")

        assert (served.asked[1].method, served.asked[1].body) == (method, body)

    async def test_a_body_goes_to_no_other_origin(self) -> None:
        async with (
            web(lambda _: answer()) as other,
            web(lambda _: redirect(other.url(), 307)) as served,
        ):
            check = await look(served.url(), method="POST", body="secret")

        assert (check.outcome, check.reason, other.connections) == ("fail", "redirect", 0)


class TestConnections:
    async def test_a_port_where_nothing_listens_refuses(self) -> None:
        async with web(lambda _: answer()) as served:
            pass

        check = await look(served.url())

        assert (check.outcome, check.reason) == ("fail", "refused")
        assert f"127.0.0.1:{served.port}" in check.message

    async def test_a_reset_is_told_as_one(self) -> None:
        async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of 0 s: RST
            writer.close()

        async with listening(resets) as port:
            check = await look(f"http://127.0.0.1:{port}/")

        assert (check.outcome, check.reason) == ("fail", "reset")

    @pytest.mark.parametrize(
        "junk", [b"SSH-2.0-OpenSSH_9.2\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\0" * 70_000]
    )
    async def test_what_is_not_http_is_told_as_such(self, junk: bytes) -> None:
        async with web(lambda _: junk) as served:
            check = await look(served.url())

        assert (check.outcome, check.reason) == ("fail", "protocol"), check.message

    async def test_heads_without_end_are_bounded(self) -> None:
        async def endless(asked: Asked) -> bytes:
            asked.writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                asked.writer.write(b"X-A: " + b"y" * 60_000)
                await asked.writer.drain()

        async with web(endless) as served:
            check = await look(served.url())

        assert (check.outcome, check.reason) == ("fail", "protocol"), check.message

    @pytest.mark.parametrize(
        "fields",
        [
            {"headers": {"X-A": "b\r\nX-Evil: c"}},
            {"headers": {"X A": "b"}},
            {"method": "GET /x HTTP/1.1\r\nX-Evil:"},
        ],
    )
    async def test_nothing_is_smuggled_into_a_request(self, fields: dict[str, Any]) -> None:
        async with web(lambda _: answer()) as served:
            check = await look(served.url(), **fields)

        assert (check.outcome, check.reason) == ("inconclusive", "invalid_target")
        assert served.asked == []

    async def test_proxies_of_the_environment_are_not_asked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with web(lambda _: answer(b"proxied")) as proxy, web(lambda _: answer()) as served:
            for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url())
            check = await look(served.url())

        assert (check.outcome, proxy.connections) == ("ok", 0)
