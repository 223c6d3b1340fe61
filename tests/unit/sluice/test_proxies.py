import httpx
import pytest
import structlog
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from schemas.settings import Settings, SettingsError
from sluice.proxies import trusted_proxies

FORWARDED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}


async def seen_behind(proxies: str, peer: str) -> tuple[str, str]:
    """Returns the address and the scheme that a request of a peer seems to have."""
    seen: list[tuple[str, str]] = []

    async def application(scope: dict, receive: object, send: object) -> None:  # type: ignore[type-arg]
        seen.append((scope["client"][0], scope["scheme"]))
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        await send({"type": "http.response.body", "body": b""})  # type: ignore[operator]

    trusted = trusted_proxies(Settings(trusted_proxies=proxies))
    wrapped = ProxyHeadersMiddleware(application, trusted) if trusted else application  # type: ignore[arg-type]
    transport = httpx.ASGITransport(wrapped, client=(peer, 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        await client.get("/", headers=FORWARDED)
    return seen[0]


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "10.0.0.5"])
async def test_nobody_is_believed_unless_named(peer: str) -> None:
    assert await seen_behind("", peer) == (peer, "http")
    assert await seen_behind("192.0.2.1", peer) == (peer, "http")


@pytest.mark.parametrize("peer", ["127.0.0.1", "10.1.2.3", "::ffff:10.1.2.3", "2001:db8::5"])
async def test_a_named_proxy_is_believed_in_either_form_of_its_address(peer: str) -> None:
    named = "127.0.0.1, 10.0.0.0/8,2001:db8::/32"

    assert await seen_behind(named, peer) == ("203.0.113.9", "https")


@pytest.mark.parametrize("text", ["*", "proxy", "10.0.0.1/8", "10.0.0.0/8;127.0.0.1"])
def test_what_is_no_network_ends_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_TRUSTED_PROXIES"):
        trusted_proxies(Settings(trusted_proxies=text))


def test_the_former_variable_is_named_when_it_is_still_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.1")

    with structlog.testing.capture_logs() as lines:
        assert trusted_proxies(Settings()) == []

    assert lines[0]["setting"] == "FORWARDED_ALLOW_IPS"
