"""What probers are told to reach, to know whether they are connected."""

import socket
from collections.abc import Iterator

import pytest

from schemas.settings import Settings, SettingsError
from sluice.canaries import canary_of, edge_address


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def answers(**fields: str) -> bool:
    canary = canary_of(Settings(**fields))  # type: ignore[arg-type]
    assert canary is not None
    return await canary()


def test_by_default_nobody_is_connected_to() -> None:
    assert canary_of(Settings()) is None


async def test_a_prober_elsewhere_takes_the_server_that_it_works_for(
    listening: int, closed: int
) -> None:
    assert await answers(prober_url=f"http://127.0.0.1:{listening}/sluice")
    assert not await answers(prober_url=f"http://127.0.0.1:{closed}")


async def test_what_is_named_counts_in_its_place_and_one_of_them_is_enough(
    listening: int, closed: int
) -> None:
    gone, there = f"127.0.0.1:{closed}", f"127.0.0.1:{listening}"

    assert await answers(prober_url=f"http://{gone}", prober_canary=f"{gone}, {there}")
    assert not await answers(prober_url=f"http://{there}", prober_canary=gone)


@pytest.mark.parametrize("text", ["9.9.9.9", ":443", "9.9.9.9:0", "9.9.9.9:https", "a:1,b:70000"])
def test_an_address_that_is_none_is_said(text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_PROBER_CANARY: expected HOST:PORT"):
        canary_of(Settings(prober_canary=text))


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://sluice.example.com", ("sluice.example.com", 443)),
        ("http://sluice.example.com/path", ("sluice.example.com", 80)),
        ("https://[2001:db8::1]:8443", ("2001:db8::1", 8443)),
    ],
)
def test_the_address_of_a_server_is_read(url: str, address: tuple[str, int]) -> None:
    assert edge_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        *("sluice.example.com", "ftp://a.example.com", "https://", "https://a:99999"),
        *("https://user:secret@a.example.com", "https://a.example.com/?key=secret"),
    ],
)
def test_one_that_is_none_is_said_without_what_may_be_a_secret(url: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_PROBER_URL") as raised:
        edge_address(url)

    assert "secret" not in str(raised.value)
