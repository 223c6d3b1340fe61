"""Whose program holds the other end, with real connections and the system's own tables."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from api import local_peers
from api.local_peers import Address, LocalPeers, owner_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's tables")
PEERS = LocalPeers("127.0.0.1")
SERVER = ("127.0.0.1", 8080)
WWW_DATA = 33  # on Debian, whom nginx's workers run as
CONNECT = """
import os, socket, sys
os.setuid(int(sys.argv[1]))
client = socket.socket()  # imports nothing, which the user may not be able to read
client.connect(("127.0.0.1", int(sys.argv[2])))
client.recv(1)
"""


@contextmanager
def listener(host: str, family: int = socket.AF_INET) -> Iterator[socket.socket]:
    with closing(socket.socket(family)) as listening:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.settimeout(30)
        listening.bind((host, 0))
        listening.listen()
        yield listening


def ends(listening: socket.socket) -> tuple[socket.socket, Address, Address]:
    """Accepts a connection; returns it and the two addresses as a server sees them."""
    accepted, peer = listening.accept()
    return accepted, (peer[0], peer[1]), accepted.getsockname()[:2]


@pytest.mark.parametrize(
    ("family", "host", "client"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::1", "::1"),
        (socket.AF_INET6, "::", "127.0.0.1"),  # seen as ::ffff:127.0.0.1
    ],
)
def test_a_program_of_our_own_user_is_a_persons(family: int, host: str, client: str) -> None:
    with listener(host, family) as listening:
        port = listening.getsockname()[1]
        with closing(socket.create_connection((client, port))):
            accepted, peer, server = ends(listening)
            with closing(accepted):
                assert owner_of(peer, server) == os.geteuid()
                assert PEERS.is_person(peer, server)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs the right to become another user")
@pytest.mark.parametrize(("user", "passes"), [(WWW_DATA, False), (65_534, False), (1000, True)])
def test_a_proxys_system_account_is_no_person(user: int, passes: bool) -> None:
    with listener("127.0.0.1") as listening:
        port = listening.getsockname()[1]
        child = subprocess.Popen([sys.executable, "-c", CONNECT, str(user), str(port)])
        accepted, peer, server = ends(listening)
        with closing(accepted):
            assert owner_of(peer, server) == user
            assert PEERS.is_person(peer, server) == passes
        assert child.wait(timeout=30) == 0


def test_a_connection_that_is_in_no_table_is_nobodys(tmp_path: Path) -> None:
    assert not PEERS.is_person(("127.0.0.1", 1), SERVER)


def test_another_machine_is_refused_without_a_look() -> None:
    assert not PEERS.is_person(("192.0.2.7", 50_000), SERVER)
    assert not PEERS.is_person(("unknown", 50_000), SERVER)


def test_one_that_is_closing_counts_for_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "tcp"
    monkeypatch.setattr(local_peers, "TABLES", (table,))
    line = " 0: 0100007F:C350 0100007F:1F90 {} 00000000:00000000 00:00000000 00000000 {} 0 1 1 0\n"
    peer = ("127.0.0.1", 0xC350)

    table.write_text("sl local_address …\n".replace("…", "rem") + line.format("06", "0"))
    assert owner_of(peer, SERVER) is None
    table.write_text("sl local_address rem\n" + line.format("01", " 1000"))
    assert owner_of(peer, SERVER) == 1000


@pytest.mark.parametrize(("host", "passes"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_without_tables_only_a_server_on_loopback_alone_trusts_its_peers(
    monkeypatch: pytest.MonkeyPatch, host: str, passes: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    assert LocalPeers(host).is_person(("127.0.0.1", 50_000), SERVER) == passes
