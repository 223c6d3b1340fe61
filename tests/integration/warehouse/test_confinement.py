"""What the confinement must leave the engine, which falls silently where it cannot look."""

import subprocess
import sys
from pathlib import Path

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
