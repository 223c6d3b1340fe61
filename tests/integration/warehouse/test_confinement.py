"""What the confinement closes, and what it must leave the engine, which falls silently where it
cannot look."""

import subprocess
import sys
from pathlib import Path

from tests.components.forks import SCRIPT
from tests.integration.warehouse.canary import Listeners
from tests.integration.warehouse.conftest import Served

CHILD = """
import ctypes, os, sys
from pathlib import Path
from clickhouse.served.confinement import confine

store = Path(sys.argv[1])
temporary = ctypes.create_string_buffer(b"TMPDIR=" + os.fsencode(store))
places = [ctypes.addressof(temporary), 0, 33, 0xDEAD000, 0, 0]
moved = (ctypes.c_size_t * len(places))(*places)
ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ").value = ctypes.addressof(moved)
confine(store)

import chdb
"""
"""Loads the engine after its environment was moved, as any `setenv` moves it, to a place that is
followed by what reads like an auxiliary vector with nonsense in it (33 is `AT_SYSINFO_EHDR`)."""


def test_the_engine_is_loaded_wherever_the_environment_lies(tmp_path: Path) -> None:
    """It reads `/proc/self/auxv`, and where it may not, what follows the environment: SIGSEGV."""
    child = subprocess.run(
        [sys.executable, "-c", CHILD, tmp_path], capture_output=True, text=True, timeout=60
    )

    assert child.returncode == 0, child.stderr


CLOSED = """
import ctypes, os, socket, subprocess, sys
from pathlib import Path
from clickhouse.served.confinement import confine

store, outside, port, udp_port, name = Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:]
pair = socket.socketpair()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
confine(store)

def tries():
    yield lambda: socket.create_connection(("127.0.0.1", int(port)))
    yield lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    yield lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    yield lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    yield lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    yield lambda: udp.connect(("127.0.0.1", int(udp_port)))
    yield lambda: socket.getaddrinfo("canary.example", 80)
    yield lambda: subprocess.run(["/bin/true"])
    yield lambda: outside.read_text()
    yield lambda: os.truncate(outside, 0)
    yield lambda: outside.with_name("new").write_text("")
    yield lambda: outside.unlink()

for number, attempt in enumerate(tries()):
    try:
        attempt()
    except OSError:
        continue
    sys.exit(f"number {number} was not refused")
pair[0].send(b"x")
assert pair[1].recv(1) == b"x"
(store / "inside").write_text("x")
"""
"""Tries all that is closed, and then what must go on: the pair of sockets of an event loop."""
NO_LANDLOCK = """
import ctypes, os, struct, sys

refuse, allow = (0x06, 0, 0, 0x00050000 | 38), (0x06, 0, 0, 0x7FFF0000)
steps = [(0x20, 0, 0, 0), (0x15, 0, 1, 444), refuse, allow]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert not libc.prctl(38, 1, 0, 0, 0) and not libc.prctl(22, 2, ctypes.byref(program), 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Becomes another program for which this kernel has no Landlock."""


def test_a_confined_process_opens_no_socket_no_program_and_no_file(tmp_path: Path) -> None:
    store, outside = tmp_path / "store", tmp_path / "outside"
    store.mkdir()
    outside.write_text("kept")

    with Listeners() as listeners:
        places = (listeners.port, listeners.udp_port, listeners.name)
        child = subprocess.run(
            [sys.executable, "-c", CLOSED, store, outside, *map(str, places)],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip

        assert child.returncode == 0, child.stderr
        assert listeners.called() == []
    assert outside.read_text() == "kept"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["outside", "store"]


def test_a_start_without_the_whole_confinement_is_refused_with_the_reason(alone: Served) -> None:
    command = [sys.executable, "-c", NO_LANDLOCK, SCRIPT, "warehouse"]

    ended = subprocess.run(
        command, env=alone.environ(), capture_output=True, text=True, timeout=60, check=False
    )

    assert ended.returncode == 2
    assert "no Landlock: it takes Linux 6.2 or later" in ended.stderr
    assert "SLUICE_WAREHOUSE_UNCONFINED" in ended.stderr
