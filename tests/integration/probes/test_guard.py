"""Probes go nowhere that users may not send them: by no spelling, redirect or change of a name."""

import asyncio
import socket

import pytest

from probes.checking import run
from probes.dialing import Dialer
from probes.findings import Trouble
from probes.guard import Guard
from probes.hosts import SystemResolver, info_of
from probes.marks import Marks
from probes.prober import look_once
from probes.slots import Due
from probes.tools import Tools
from schemas.uptime.checks import Check
from tests.integration.probes.dns_server import dns_server, record
from tests.integration.probes.servers import (
    REFUSING,
    SETTINGS,
    Names,
    answer,
    redirect,
    target,
    web,
)

LOOPBACK = [
    # As people write it, and in all the spellings that some parser takes for it.
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7f.1",
    "0X7F.0x0.0X0.0x1", "0177.0.0.1", "0177.1", "017700000001", "00000177.0.0.01",
    "127.0.0.1.", "127.255.255.254", "0", "0.0.0.0", "0x0",
    "127。0。0。1", "①②⑦.⓪.⓪.①", "１２７.0.0.1",
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[0000::0001]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[2001::80ff:fffe]",
    "[fe80::5efe:7f00:1]", "[2a00:1450::5efe:7f00:1]", "[2a00:1450::200:5efe:7f00:1]",
]  # fmt: skip
PRIVATE = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "169.254.1.1",
    "100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "0xa000001", "167772161", "012.0.0.1", "[fe80::1]", "[fe80::1%251]", "[fc00::1]", "[fd12::1]",
    "[fec0::1]", "[ff02::1]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]", "[100::1]",
    "[::ffff:10.0.0.1]", "[64:ff9b::c0a8:1]", "[2002:c0a8:1::1]", "[2001:0:a00:1::1]",
]  # fmt: skip
METADATA = [
    "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "0xa9.0xfe.43518",
    "169.254.43518", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]", "[fd00:ec2::254]", "[fd00:ec2::254%251]", "[fd00:0ec2:0:0:0:0:0:0254]",
    "[fd20:ce::254]", "169.254.170.2", "100.100.100.200", "192.0.0.192", "168.63.129.16",
]  # fmt: skip
NO_HOSTS = [
    "127.0.0.1.1", "256.0.0.1", "0x1ffffffff", "4294967296", "127.0.0.09", "1.2.3.0x", "a.b.1",
    "[fe80::1%25nowhere]", "127.0.0.1%00.example.com", "exa mple.com", "x" * 300,
]  # fmt: skip


async def look(url: str, *, names: Names | None = None, allowed: bool = False) -> Check:
    settings = SETTINGS if allowed else REFUSING
    return await look_once(target(url=url), settings, resolver=names or Names({}))


def assert_refused(check: Check, words: str = "SLUICE_PRIVATE_TARGETS=allow") -> None:
    assert (check.outcome, check.reason) == ("inconclusive", "refused_target"), check.message
    assert words in check.message


class TestSpellings:
    @pytest.mark.parametrize("host", LOOPBACK + PRIVATE)
    async def test_no_spelling_of_a_private_address_is_connected_to(self, host: str) -> None:
        async with web(lambda _: answer()) as trap:
            check = await look(f"http://{host}:{trap.port}/")

        assert_refused(check)
        assert trap.connections == 0

    @pytest.mark.parametrize("allowed", [False, True])
    @pytest.mark.parametrize("host", METADATA)
    async def test_metadata_of_clouds_is_refused_also_where_private_targets_are_allowed(
        self, host: str, allowed: bool
    ) -> None:
        assert_refused(await look(f"http://{host}/latest/", allowed=allowed), "cloud metadata")

    @pytest.mark.parametrize("host", NO_HOSTS)
    async def test_what_is_no_host_is_not_looked_up(self, host: str) -> None:
        names = Names({})

        check = await look(f"http://{host}/", names=names, allowed=True)

        assert (check.outcome, check.reason) == ("inconclusive", "invalid_target")
        assert names.asked == []

    @pytest.mark.parametrize(
        "authority",
        ["example.com@127.0.0.1", "example.com:80@127.0.0.1", "a:b@[::1]", "x%40y@2130706433"],
    )
    async def test_a_name_before_the_at_sign_is_not_the_host(self, authority: str) -> None:
        async with web(lambda _: answer()) as trap:
            check = await look(f"http://{authority}:{trap.port}/")

        assert_refused(check)
        assert trap.connections == 0

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com\\@127.0.0.1/", "http:///etc/passwd", "file:///etc/passwd",
            "gopher://127.0.0.1/", "http://", "//127.0.0.1/", "unix:///run/x", "http://[::1",
            "http://127.0.0.1:99999/",
        ],
    )  # fmt: skip
    async def test_what_is_no_url_of_http_is_not_asked(self, url: str) -> None:
        check = await look(url, allowed=True)

        assert (check.outcome, check.reason) == ("inconclusive", "invalid_target")

    @pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700:4700::1111", "::ffff:1.1.1.1"])
    def test_public_addresses_are_not_refused(self, address: str) -> None:
        Guard(private_allowed=False).check(address)

    @pytest.mark.parametrize("kind", ["tcp", "tls", "icmp"])
    async def test_every_check_that_connects_is_guarded(self, kind: str) -> None:
        check = await look_once(target(type=kind, host="0177.1", port=22), REFUSING)

        assert_refused(check)

    async def test_a_resolver_that_a_user_names_is_guarded(self) -> None:
        looked = target(type="dns", host="example.com", resolver="127.0.0.1:53")

        assert_refused(await look_once(looked, REFUSING))

    async def test_private_targets_are_looked_at_where_they_are_allowed(self) -> None:
        async with web(lambda _: answer()) as served:
            check = await look(served.url(), allowed=True)

        assert (check.outcome, check.peer) == ("ok", "127.0.0.1")


class TestNames:
    @pytest.mark.parametrize(
        "addresses", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["::1", "1.1.1.1"], ["fe80::1%1"]]
    )
    async def test_a_name_with_any_private_address_is_refused(self, addresses: list[str]) -> None:
        names = Names({"two.example.com": [addresses]})

        assert_refused(await look("http://two.example.com/", names=names))

    async def test_localhost_is_refused_by_the_resolver_of_the_system(self) -> None:
        for host in ("localhost", "LOCALHOST", "ⓛocalhost"):
            assert_refused(await look_once(target(url=f"http://{host}/"), REFUSING))

    async def test_a_name_that_changes_its_answer_is_judged_each_time(self) -> None:
        async with web(lambda asked: redirect(f"{asked.path}x")) as trap:
            names = Names({"rebind.example.com": [["127.0.0.1"], ["169.254.169.254"]]})

            check = await look(trap.url("/", host="rebind.example.com"), names=names, allowed=True)

        assert_refused(check, "cloud metadata")
        assert (trap.connections, len(names.asked)) == (1, 2)

    async def test_a_server_of_dns_that_changes_its_answer_changes_no_connection(self) -> None:
        async with dns_server({"rebind.example.com": [["1.1.1.1"], ["127.0.0.1"]]}) as served:
            resolver = SystemResolver(["127.0.0.1"], served.port)
            dialer = Dialer(Guard(private_allowed=False), resolver)

            first = await dialer.addresses("rebind.example.com", Marks())
            served.answers[("rebind.example.com", "A")] = [[record("127.0.0.1", ttl=0)]]
            second = SystemResolver(["127.0.0.1"], served.port)
            again = Dialer(Guard(private_allowed=False), second)
            with pytest.raises(Trouble, match="private address"):
                await again.connect("rebind.example.com", 80, Marks())
            await resolver.close()
            await second.close()

        assert first == ["1.1.1.1"]


class TestTheSocket:
    """The last word is at the socket, whoever has looked up the name before."""

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "fe80::1"])
    def test_no_socket_is_opened_for_a_private_address(self, address: str) -> None:
        with pytest.raises(Trouble, match="private address"):
            Guard(private_allowed=False).open(info_of(address, 80, socket.SOCK_STREAM))

    async def test_a_peer_that_is_not_the_address_asked_for_is_refused_and_closed(self) -> None:
        async with web(lambda _: answer()) as trap:
            connected = socket.create_connection(("127.0.0.1", trap.port))
            with pytest.raises(Trouble, match="private address"):
                Guard(private_allowed=False).check_peer(connected)

        assert connected.fileno() == -1

    async def test_addresses_that_slip_past_the_look_up_are_stopped_at_the_socket(self) -> None:
        class Blind(Guard):
            def check_all(self, addresses: object) -> None:
                pass

        async with web(lambda _: answer()) as trap:
            names = Names({"a.example.com": [["127.0.0.1"]]})
            with pytest.raises(Trouble, match="private address"):
                await Dialer(Blind(private_allowed=False), names).connect(
                    "a.example.com", trap.port, Marks()
                )
            await asyncio.sleep(0)

        assert trap.connections == 0


class TestRedirects:
    @pytest.mark.parametrize(
        "location",
        [
            "http://169.254.169.254/latest/meta-data/", "http://2852039166/", "//169.254.169.254/",
            "http://[fd00:ec2::254]/", "http://0xa9fea9fe/", "http://x@169.254.169.254/",
            "HTTP://169.254.169.254", "http://[::ffff:a9fe:a9fe]/", "\\\\169.254.169.254\\x",
        ],
    )  # fmt: skip
    async def test_a_redirect_to_metadata_ends_there(self, location: str) -> None:
        async with web(lambda _: redirect(location)) as served:
            check = await look(served.url(), allowed=True)

        assert check.outcome != "ok"
        assert check.reason in ("refused_target", "redirect"), check
        assert served.connections <= 1 + 5 * ("\\" in location)

    async def test_a_redirect_inwards_is_refused_at_its_hop(self) -> None:
        class Outside(Guard):
            """For which 127.0.0.2 is a public address."""

            def check(self, address: str) -> None:
                if address != "127.0.0.2":
                    super().check(address)

        tools = Tools(REFUSING, Names({"out.example.com": [["127.0.0.2"]]}))
        tools.dialer.guard = Outside(private_allowed=False)
        async with (
            web(lambda _: answer()) as trap,
            web(lambda _: redirect(trap.url()), host="127.0.0.2") as outside,
        ):
            looked = target(url=outside.url(host="out.example.com"))
            check = await run(Due(looked, "here", 0, 0), tools)
            await tools.close()

        assert_refused(check)
        assert (outside.connections, trap.connections) == (1, 0)

    @pytest.mark.parametrize(
        "location", ["file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "ftp://a/", "data:,x"]
    )
    async def test_a_redirect_to_another_scheme_is_not_followed(self, location: str) -> None:
        async with web(lambda _: redirect(location)) as served:
            check = await look(served.url(), allowed=True)

        assert (check.outcome, check.reason) == ("fail", "redirect")
