"""Which URLs git may be sent to, and what becomes of secrets in them."""

import base64
from collections.abc import Sequence
from pathlib import Path

import pytest

from deploys.failures import CheckoutFailed
from deploys.git import Git, git_environment
from deploys.remotes import Remote, find_remote

PUBLIC = "93.184.216.34"


async def public(host: str) -> Sequence[str]:
    return [PUBLIC]


async def remote(url: str, token: str = "", *, private_allowed: bool = False) -> Remote:
    return await find_remote(url, token=token, private_allowed=private_allowed, resolve=public)


def basic(text: str) -> str:
    return f"Authorization: Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize(
    ("url", "shown", "port"),
    [
        ("https://github.com/a/b", "https://github.com/a/b", 443),
        ("https://github.com:8443/a/b.git", "https://github.com:8443/a/b.git", 8443),
        ("http://u:p@example.com/a", "http://example.com/a", 80),
        ("ssh://git@example.com:2222/a/b", "ssh://git@example.com:2222/a/b", 2222),
        ("git@github.com:a/b.git", "ssh://git@github.com/a/b.git", 22),
        ("git://example.com/a", "git://example.com/a", 9418),
        ("https://[2606:4700::1]/a", "https://[2606:4700::1]/a", 443),
        ("https://example.com/a?x=1#y", "https://example.com/a", 443),
    ],
)
async def test_a_public_url_is_pinned_to_its_address(url: str, shown: str, port: int) -> None:
    found = await remote(url)

    assert (found.url, found.port, found.address) == (shown, port, PUBLIC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "--upload-pack=touch /tmp/x",
        "-oProxyCommand=x",
        "ext::sh -c id",
        "ext::sh%20-c%20id",
        "ftp://example.com/a",
        "javascript:alert(1)",
        "https://",
        "https://example.com",
        "https://example.com:port/a",
        "https://example.com:99999/a",
        "https://-oProxyCommand=x/a",
        "ssh://-oProxyCommand=x@example.com/a",
        "ssh://a;id@example.com/a",
        "https://exam\nple.com/a",
        "https://exa mple.com/a",
        "file:///etc",
        "/etc",
        "relative/folder",
        "https://example.com/" + "a" * 3000,
    ],
)
async def test_others_are_refused(url: str) -> None:
    with pytest.raises(CheckoutFailed):
        await remote(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ],
)
async def test_private_addresses_are_refused(address: str) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return [PUBLIC, address]

    with pytest.raises(CheckoutFailed, match="address"):
        await find_remote("https://example.com/a", private_allowed=False, resolve=resolve)


@pytest.mark.parametrize("name", ["Bücher.example", "straße.example"])
async def test_a_name_in_another_alphabet_is_resolved_as_git_connects_to_it(name: str) -> None:
    asked = []

    async def resolve(host: str) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC]

    found = await find_remote(f"https://{name}/a", private_allowed=False, resolve=resolve)
    (host,) = asked
    pinned = git_environment(
        Git(home=Path("/"), remote=found, seconds=1, disk_bytes=1, memory_bytes=1)
    )

    assert host.isascii()
    assert host.startswith("xn--")
    assert found.url == f"https://{host}/a"
    assert f"{host}:443:{PUBLIC}" in pinned.values()


async def test_an_address_of_ipv6_is_not_pinned_again() -> None:
    async def resolve(host: str) -> Sequence[str]:
        return [host]

    found = await find_remote("https://[2606:4700::1]/a", private_allowed=False, resolve=resolve)

    environment = git_environment(
        Git(home=Path("/"), remote=found, seconds=1, disk_bytes=1, memory_bytes=1)
    )
    assert "http.curloptResolve" not in environment.values()


async def test_metadata_is_refused_always() -> None:
    async def resolve(host: str) -> Sequence[str]:
        return ["169.254.169.254"]

    with pytest.raises(CheckoutFailed, match="cloud metadata"):
        await find_remote("https://example.com/a", private_allowed=True, resolve=resolve)


async def test_a_name_that_is_not_there_says_so() -> None:
    async def resolve(host: str) -> Sequence[str]:
        raise OSError

    with pytest.raises(CheckoutFailed, match=r"host example\.com was not found"):
        await find_remote("https://example.com/a", private_allowed=True, resolve=resolve)


@pytest.mark.parametrize(
    ("url", "token", "sent"),
    [
        ("https://github.com/a/b", "t0ken", "x-access-token:t0ken"),
        ("https://gitlab.com/a/b", "t0ken", "oauth2:t0ken"),
        ("https://bitbucket.org/a/b", "t0ken", "x-token-auth:t0ken"),
        ("https://example.com/a/b", "deploy:t0ken", "deploy:t0ken"),
        ("https://me:pa%40ss@example.com/a/b", "", "me:pa@ss"),
        ("https://me:pass@github.com/a/b", "t0ken", "x-access-token:t0ken"),
    ],
)
async def test_a_secret_goes_into_the_header_alone(url: str, token: str, sent: str) -> None:
    found = await remote(url, token)

    assert found.header == basic(sent)
    assert sent.rpartition(":")[2] not in found.url


async def test_other_protocols_get_no_secret() -> None:
    assert (await remote("git://example.com/a", "t0ken")).header == ""


async def test_a_folder_is_taken_with_leave() -> None:
    assert (await remote("file:///srv/a%20b", private_allowed=True)).url == "/srv/a b"
    assert (await remote("/srv/a", private_allowed=True)).scheme == "file"
