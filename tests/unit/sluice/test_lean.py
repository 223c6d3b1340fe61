"""What a process gives back."""

import ctypes
import mmap
import subprocess
import sys
from pathlib import Path

import pytest

from sluice import lean

LOOK = """
import re
from pathlib import Path

from clickhouse.client import Warehouse
from sluice.lean import forget_unused_code


def resident_file_kb():
    return int(re.search(r"RssFile:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])


warehouse = Warehouse("chdb://" + "{folder}")
assert warehouse.query_now("SELECT 1", {{}}, {{}}).rows == [(1,)]
before = resident_file_kb()
forget_unused_code()
after = resident_file_kb()
assert warehouse.query_now("SELECT 2", {{}}, {{}}).rows == [(2,)]
warehouse.close()
print(before - after)
"""


def test_code_that_is_not_used_is_given_back_and_what_is_used_again_still_works(
    tmp_path: object,
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", LOOK.format(folder=tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout) > 50_000


def test_memory_that_took_the_place_of_a_file_since_the_look_keeps_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = mmap.mmap(-1, 4 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    taken.write(b"x" * len(taken))
    first = ctypes.addressof(ctypes.c_char.from_buffer(taken))
    look = tmp_path / "smaps"
    look.write_text(
        f"{first:x}-{first + len(taken):x} r--p 00000000 08:01 77 /usr/lib/gone.so\n"
        "Size:               4096 kB\nAnonymous:             0 kB\n"
    )
    monkeypatch.setattr(lean, "MAPPINGS", look)

    lean.forget_unused_code()

    assert taken[:] == b"x" * len(taken)
