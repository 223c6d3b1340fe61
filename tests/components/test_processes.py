"""A server of the tests is gone when they are, whatever ended them."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.components.processes import ServerFailed, ServerProcess, is_alive

OWNER = """
import sys
from tests.components.processes import ServerProcess
server = ServerProcess("test")
server.start("sleep", "600")
print(server.pid, server.folder, flush=True)
sys.stdin.read()
"""
SAYS_BYE = "trap 'echo bye >left; exit' TERM; echo >up; while :; do sleep 0.05; done"
WAIT_S = 30.0


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_a_server_and_its_folder_go_with_the_process_that_started_it(
    end: signal.Signals | None,
) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", OWNER], **pipes, text=True) as own:
        assert own.stdout is not None
        assert own.stdin is not None
        pid, folder = own.stdout.readline().split()
        assert is_alive(int(pid))

        if end is None:
            own.stdin.close()
        else:
            own.send_signal(end)

    deadline = time.monotonic() + WAIT_S
    while is_alive(int(pid)) or Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_server_that_ends_by_itself_is_noticed_with_its_last_words() -> None:
    server = ServerProcess("test")
    server.start("/bin/sh", "-c", "echo out of cheese")
    deadline = time.monotonic() + WAIT_S
    while server.pid is not None:
        assert time.monotonic() < deadline
        time.sleep(0.02)

    with pytest.raises(ServerFailed, match="out of cheese"):
        server.check()
    server.close()


def test_a_server_that_is_stopped_while_paused_still_stops_in_order() -> None:
    server = ServerProcess("test")
    server.start("/bin/sh", "-c", SAYS_BYE)
    deadline = time.monotonic() + WAIT_S
    while not (server.folder / "up").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.send(signal.SIGSTOP)

    server.stop(signal.SIGTERM)

    assert (server.folder / "left").read_text() == "bye\n"
    server.close()
    assert not server.folder.exists()
