"""The check of TCP, and of ICMP."""

import asyncio
import socket
import subprocess
import sys
from typing import Any

import pytest

from probes.checks.icmp import packet
from probes.prober import look_once
from schemas.uptime.checks import Check
from tests.integration.probes.servers import SETTINGS, Names, listening, target


async def look(port: int, **fields: Any) -> Check:
    return await look_once(target(type="tcp", host="127.0.0.1", port=port, **fields), SETTINGS)


async def hangs(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(100):
        writer.write(b"+" + data)


class TestTcp:
    async def test_a_port_that_takes_connections_is_up_even_where_it_says_nothing(self) -> None:
        async with listening(hangs) as port:
            check = await look(port)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")
        assert check.phases.connect_ms is not None

    async def test_what_is_sent_and_expected_makes_the_check(self) -> None:
        async with listening(echoes) as port:
            check = await look(port, send="PING\r\n", expect=r"^\+PING\r\n$")

        assert check.outcome == "ok", check.message
        assert check.phases.first_byte_ms is not None

    async def test_a_pattern_may_come_in_pieces(self) -> None:
        async def slow(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            for piece in (b"220 ma", b"il rea", b"dy\r\n"):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0.02)
            await asyncio.sleep(60)

        async with listening(slow) as port:
            assert (await look(port, expect="220 mail ready")).outcome == "ok"

    async def test_one_that_accepts_and_hangs_is_not_up_for_who_expects_something(self) -> None:
        async with listening(hangs) as port:
            check = await look(port, expect="220", timeout_ms=150)

        assert (check.outcome, check.reason) == ("fail", "timeout")
        assert check.message == "not done within 150 ms: it waited for the answer to begin"

    async def test_another_answer_fails_with_what_came(self) -> None:
        async def busy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"421 too busy\r\n")

        async with listening(busy) as port:
            check = await look(port, expect="^220")

        assert (check.outcome, check.reason) == ("fail", "assertion")
        assert '"421 too busy" and the connection was closed; expected: "^220"' in check.message

    async def test_of_an_endless_answer_64_kib_are_read(self) -> None:
        async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"x" * 4096)
                await writer.drain()

        async with listening(endless) as port:
            check = await look(port, expect="needle")

        assert check.reason == "assertion"
        assert "the first 64 KiB came" in check.message

    async def test_a_closed_port_is_refused(self) -> None:
        async with listening(hangs) as port:
            pass

        assert (await look(port)).reason == "refused"

    async def test_a_pattern_that_is_none_is_no_outage(self) -> None:
        check = await look(1, expect="(")

        assert (check.outcome, check.reason) == ("inconclusive", "invalid_target")

    async def test_a_connection_that_is_not_answered_is_bounded(self) -> None:
        # A full queue of a listener that accepts nobody drops further SYNs, as a firewall does.
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            taken = []
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                taken.append(one)
            check = await look(port, timeout_ms=200)
            for one in taken:
                one.close()

        assert (check.outcome, check.reason) == ("fail", "timeout")
        assert check.message == "not done within 200 ms: it waited for the connection"

    async def test_the_second_address_is_tried_where_the_first_refuses(self) -> None:
        names = Names({"two.example.com": [["127.0.0.3", "127.0.0.1"]]})
        async with listening(hangs) as port:
            looked = target(type="tcp", host="two.example.com", port=port)
            check = await look_once(looked, SETTINGS, resolver=names)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")


NOT_ALLOWED = 77
ECHO = f"""
import asyncio, fcntl, socket, struct, sys
from probes.prober import look_once
from tests.integration.probes.servers import SETTINGS, target
try:
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as allowed:
        allowed.write("0 0")
    up = struct.pack("16sh", b"lo", 0x49)
    fcntl.ioctl(socket.socket(), 0x8914, up)  # SIOCSIFFLAGS: IFF_UP
except OSError:
    sys.exit({NOT_ALLOWED})
check = asyncio.run(look_once(target(type="icmp", host=sys.argv[1]), SETTINGS))
print(check.outcome, check.peer, check.message)
"""


def may_ping() -> bool:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


class TestIcmp:
    @pytest.mark.skipif(may_ping(), reason="this process may send ICMP")
    async def test_without_permission_it_says_what_to_do(self) -> None:
        check = await look_once(target(type="icmp", host="127.0.0.1"), SETTINGS)

        assert (check.outcome, check.reason) == ("inconclusive", "unsupported")
        assert "net.ipv4.ping_group_range" in check.message

    @pytest.mark.skipif(not may_ping(), reason="this process may not send ICMP")
    async def test_loopback_answers(self) -> None:
        check = await look_once(target(type="icmp", host="127.0.0.1"), SETTINGS)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_loopback_answers_where_the_system_allows_it(self, host: str) -> None:
        # In a network of its own, where this test may allow it.
        ran = subprocess.run(
            ["unshare", "--map-root-user", "--net", sys.executable, "-c", ECHO, host],
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode == NOT_ALLOWED or "unshare" in ran.stderr:
            pytest.skip("no network of its own")

        assert ran.stdout.split() == ["ok", host], ran.stderr

    def test_an_echo_has_the_sum_of_rfc_792(self) -> None:
        made = packet(socket.AF_INET, 7, b"0123456789abcdef")

        words = [int.from_bytes(made[at : at + 2]) for at in range(0, len(made), 2)]
        total = sum(words)
        assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
        assert made[:2] == b"\x08\0"
