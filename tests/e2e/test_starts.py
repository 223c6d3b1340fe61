"""A start, as those meet it who come too early or want the same port."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.server import Server, wait_for


class TestStarts:
    @pytest.fixture
    def starting(self, tmp_path: Path) -> Iterator[Server]:
        with ExitStack() as stack:
            server = Server(tmp_path / "data", from_nothing=True)
            stack.callback(server.kill)
            server.start(wait=False)
            yield server

    @pytest.mark.slow
    def test_a_client_that_comes_too_early_is_refused_and_not_kept_waiting(
        self, starting: Server
    ) -> None:
        wait_for(lambda: can_connect(starting.port), "the port", timeout_s=60)

        opened = [(starting.data_dir / name).exists() for name in ("log.db", "control.db")]
        assert opened == [True, True]
        with starting.client() as client:
            assert client.get("/ready").status_code == 200

    @pytest.mark.slow
    def test_a_second_server_on_the_port_is_told_at_once_even_before_the_first_listens(
        self, starting: Server, tmp_path: Path
    ) -> None:
        wait_for((tmp_path / "data" / "lock").exists, "the first server to begin", timeout_s=60)
        second = Server(tmp_path / "second", from_nothing=True)
        second.port = starting.port
        second.start(wait=False)

        assert second.wait_exit() == 1
        assert f"cannot listen on 127.0.0.1, port {starting.port}" in second.tail()
        assert not (tmp_path / "second").exists()
        starting.wait_ready()


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True
