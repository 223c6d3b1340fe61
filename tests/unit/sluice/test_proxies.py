"""What is believed of a proxy, and of whoever says to be one."""

from typing import Any

import httpx
import pytest
import structlog

from schemas.settings import Settings, SettingsError
from sluice.forwarded import with_forwarded
from sluice.proxies import trusted_proxies

FORWARDED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "sluice.example.com",
    "X-Forwarded-Prefix": "/sluice",
}
NOT_BELIEVED = {"scheme": "http", "host": "x", "prefix": ""}
OF_THIS_MACHINE = {"scheme": "https", "host": "x", "prefix": "/sluice"}
BELIEVED = {"scheme": "https", "host": "sluice.example.com", "prefix": "/sluice"}


async def seen_behind(
    proxies: str, peer: str, headers: dict[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """Returns which address a request of a peer seems to have, and what it seems to ask for."""
    seen: list[tuple[str, dict[str, str]]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        found = {
            "scheme": scope["scheme"],
            "host": dict(scope["headers"])[b"host"].decode(),
            "prefix": scope["state"].get("public_prefix", ""),
        }
        seen.append((scope["client"][0], found))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    wrapped: Any = with_forwarded(application, trusted_proxies(Settings(trusted_proxies=proxies)))

    async def with_state(scope: Any, receive: Any, send: Any) -> None:
        await wrapped({**scope, "state": {}}, receive, send)

    transport = httpx.ASGITransport(with_state, client=(peer, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/", headers=FORWARDED if headers is None else headers)
    return seen[0]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.5"])
@pytest.mark.parametrize("named", ["", "192.0.2.1"])
async def test_nobody_is_believed_who_asks_unless_named(peer: str, named: str) -> None:
    address, _ = await seen_behind(named, peer)

    assert address == peer


@pytest.mark.parametrize("peer", ["10.0.0.5", "::ffff:10.0.0.5", "2001:db8::5"])
async def test_nobody_from_elsewhere_is_believed_unless_named(peer: str) -> None:
    assert (await seen_behind("", peer))[1] == NOT_BELIEVED


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_believed_how_people_reach_it(peer: str) -> None:
    assert (await seen_behind("", peer))[1] == OF_THIS_MACHINE


async def test_a_websocket_has_what_its_proxy_tells_too() -> None:
    seen: list[tuple[str, str]] = []

    async def application(scope: Any, *_: Any) -> None:
        seen.append((scope["client"][0], scope["scheme"]))

    wrapped: Any = with_forwarded(
        application, trusted_proxies(Settings(trusted_proxies="10.0.0.5"))
    )
    headers = [(name.lower().encode(), value.encode()) for name, value in FORWARDED.items()]
    scope = {"type": "websocket", "scheme": "ws", "client": ("10.0.0.5", 1), "headers": headers}
    await wrapped(scope, None, None)

    assert seen == [("203.0.113.9", "wss")]


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5"])
async def test_a_named_proxy_is_believed_in_either_form_of_its_address(peer: str) -> None:
    named = "127.0.0.1, 10.0.0.0/8,2001:db8::/32"

    assert await seen_behind(named, peer) == ("203.0.113.9", BELIEVED)


@pytest.mark.parametrize(
    ("sent", "host"),
    [
        ({"X-Forwarded-Host": "a.example", "X-Forwarded-Port": "8443"}, "a.example:8443"),
        ({"X-Forwarded-Host": "a.example:9000", "X-Forwarded-Port": "8443"}, "a.example:9000"),
        ({"X-Forwarded-Host": "[::1]", "X-Forwarded-Port": "8443"}, "[::1]:8443"),
        ({"Host": "a.example", "X-Forwarded-Port": "8443"}, "a.example:8443"),
        ({"Host": "127.0.0.1:8080", "X-Forwarded-Port": "8443"}, "127.0.0.1:8080"),
        # Of a proxy behind the one that ends the encryption.
        (
            {"Host": "a.example", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "80"},
            "a.example",
        ),
        ({"Host": "a.example", "X-Forwarded-Port": "443"}, "a.example"),
        *(
            ({"Host": "a.example", "X-Forwarded-Port": port}, "a.example")
            for port in ("", "0", "x", "123456", "8443, 80", "-1", "8443/evil")
        ),
    ],
)
async def test_the_port_of_a_named_proxy_counts_where_its_host_has_none(
    sent: dict[str, str], host: str
) -> None:
    _, seen = await seen_behind("127.0.0.1", "127.0.0.1", sent)
    _, unnamed = await seen_behind("", "127.0.0.1", sent)

    assert seen["host"] == host
    assert unnamed["host"] == sent.get("Host", "x")


async def test_an_ipv4_peer_of_an_ipv6_socket_has_its_own_address() -> None:
    assert (await seen_behind("", "::ffff:192.0.2.7"))[0] == "192.0.2.7"


@pytest.mark.parametrize(
    "prefix",
    ["/", "", "sluice", "//evil.example.com", "/a//b", "/../b", "/a/..", "/a b", "/a\"x", "/a?b",
     "http://evil.example.com", "/" + "a" * 300, "/a<b", "/\\evil"],
)  # fmt: skip
async def test_what_is_no_path_is_no_prefix(prefix: str) -> None:
    seen = await seen_behind("127.0.0.1", "127.0.0.1", {"X-Forwarded-Prefix": prefix})

    assert seen[1]["prefix"] == ""


@pytest.mark.parametrize(
    ("prefix", "read"),
    [("/sluice", "/sluice"), ("/sluice/", "/sluice"), ("/a/b-c/v1.2/~d", "/a/b-c/v1.2/~d")],
)
async def test_a_prefix_has_no_slash_at_its_end(prefix: str, read: str) -> None:
    seen = await seen_behind("", "127.0.0.1", {"X-Forwarded-Prefix": prefix})

    assert seen[1]["prefix"] == read


@pytest.mark.parametrize("text", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/8;127.0.0.1"])
def test_what_is_no_network_ends_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_TRUSTED_PROXIES: expected an address or a"):
        trusted_proxies(Settings(trusted_proxies=text))


def test_the_former_variable_is_named_when_it_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")

    with structlog.testing.capture_logs() as lines:
        assert trusted_proxies(Settings()) == []

    assert lines[0]["setting"] == "FORWARDED_ALLOW_IPS"
