"""Whatever a server says, a check ends, blames nobody wrongly, and can be told."""

import asyncio
import random
from typing import Any

import msgspec
import pytest

from probes.prober import look_once
from schemas.uptime.checks import Check
from schemas.uptime.targets import Assertion
from tests.integration.probes.dns_server import dns_server
from tests.integration.probes.servers import SETTINGS, answer, listening, target, web

SEED = 20_261_129
ROUNDS = 40
EVERY = (
    Assertion(source="header", path="x-a", comparison="matches", value="z+", negated=True),
    Assertion(source="header", path="x-a", comparison="contains", value="zz", negated=True),
    Assertion(source="body", comparison="matches", value="zzzz+", negated=True),
    Assertion(source="json", path="a.0.b", comparison="matches", value="."),
)


def assert_told(check: Check) -> None:
    assert check.outcome in ("ok", "fail", "degraded")
    assert check.reason != "internal"
    assert check.message.isprintable()
    assert len(check.message) <= 500
    assert msgspec.json.decode(msgspec.json.encode(check), type=Check) == check


def junk(chosen: random.Random, most: int) -> bytes:
    return bytes(chosen.choices(range(256), k=chosen.randrange(most)))


@pytest.mark.parametrize(
    "value",
    [b"\xff\xfe", b"\xed\xa0\x80", "é".encode(), b"a\tb", b"=?utf-8?q?=ff?=", b"\x85\xa0"],
)
async def test_headers_of_any_bytes_are_looked_at_and_told(value: bytes) -> None:
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: " + value + b"\r\n\r\nok"
    wanted = (Assertion(source="header", path="x-a", comparison="matches", value="never"),)
    async with web(lambda _: said) as served:
        check = await look_once(target(url=served.url(), assertions=wanted), SETTINGS)

    assert check.reason in ("assertion", "protocol")
    assert_told(check)


@pytest.mark.parametrize(
    "value", [b"http://\xff\xfe/", b"http://[::1", b"http://a:b:c/", b"\x01", b"//", b"http:/\\x"]
)
async def test_redirects_to_anything_are_told(value: bytes) -> None:
    said = b"HTTP/1.1 302 X\r\nContent-Length: 0\r\nLocation: " + value + b"\r\n\r\n"
    async with web(lambda _: said) as served:
        check = await look_once(target(url=served.url()), SETTINGS)

    assert check.outcome in ("fail", "inconclusive")
    assert check.reason != "internal"
    msgspec.json.encode(check)


@pytest.mark.parametrize(
    "body", [b'{"a": [{"b": "\\ud800"}]}', b'{"a": [{"b": "\\u0000\\n"}]}', b'{"a":[{"b":1e400}]}']
)
async def test_json_of_any_text_is_looked_at_and_told(body: bytes) -> None:
    async with web(lambda _: answer(body)) as served:
        check = await look_once(target(url=served.url(), assertions=EVERY), SETTINGS)

    assert_told(check)


async def test_answers_of_random_bytes_are_told() -> None:
    chosen = random.Random(SEED)
    parts = [b"HTTP/1.1 ", b"200 OK\r\n", b"Content-Length: 9\r\n", b"X-A: ", b"\r\n", b"\r\n\r\n"]
    parts += [b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Location: /\r\n"]

    def speaks(_: object) -> bytes:
        begins = chosen.choice([b"", b"HTTP/1.1 200 OK\r\n"])
        pieces = [chosen.choice([*parts, junk(chosen, 40)]) for _ in range(chosen.randrange(12))]
        return begins + b"".join(pieces)

    async with web(speaks) as served:
        for _ in range(ROUNDS):
            check = await look_once(
                target(url=served.url(), assertions=EVERY, timeout_ms=300), SETTINGS
            )
            assert_told(check)


@pytest.mark.parametrize("type", ["tcp", "tls"])
async def test_greetings_of_random_bytes_are_told(type: str) -> None:
    chosen = random.Random(SEED)

    async def speaks(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(junk(chosen, 3000))

    async with listening(speaks) as port:
        for _ in range(ROUNDS):
            looked = target(
                type=type,
                host="127.0.0.1",
                port=port,
                expect="never",
                verify_tls=False,
                timeout_ms=300,
            )
            assert_told(await look_once(looked, SETTINGS))


async def test_dns_of_random_bytes_is_told() -> None:
    chosen = random.Random(SEED)
    async with dns_server({"a.example.com": [["192.0.2.1"]]}) as served:
        replies = served.reply

        def garbles(data: bytes, by: str) -> bytes | None:
            reply = bytearray(replies(data, by) or b"")
            for _ in range(chosen.randrange(1, 6)):
                # Behind the id and the flags: so that it is an answer, and a wrong one.
                reply[chosen.randrange(4, len(reply))] = chosen.randrange(256)
            return bytes(reply)

        served.reply = garbles  # type: ignore[method-assign]
        for _ in range(ROUNDS):
            fields: dict[str, Any] = {"type": "dns", "host": "a.example.com", "timeout_ms": 60}
            looked = target(**fields, resolver=f"127.0.0.1:{served.port}")
            assert_told(await look_once(looked, SETTINGS))
