"""Keeps out of the process what it never uses, and gives back what it uses no more.

Arrow imports pandas at its first array, if there is one, to learn whether it was given a frame: a
second of work and 40 MB of memory for nothing. chDB installs pandas for its users; we are none.
"""

import ctypes
import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pyarrow as pa

# Of glibc's malloc.h, and of the kernel's mman.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
MADV_DONTNEED = 4
MAPPINGS, NOW_MAPPED = Path("/proc/self/smaps"), Path("/proc/self/maps")
MAPPING = re.compile(
    r"^(?P<line>(?P<first>[0-9a-f]+)-(?P<end>[0-9a-f]+) r-[x-]p \S+ \S+ [1-9]\d* .*)\n"
    r"(?:[A-Z]\w+: .*\n)*?Anonymous: +0 kB$",
    re.MULTILINE,
)
"""Of a file, readable, with no page of which this process has a copy of its own."""
LARGE_BYTES = 1 << 20


class _Without(MetaPathFinder):
    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"{fullname} is kept out", name=fullname)
        return None


def begin_lean() -> None:
    """Does what must be done before the engine is loaded and Arrow is used. May be called twice."""
    keep_out_pandas()
    give_memory_back()


def keep_out_pandas() -> None:
    """Makes `import pandas` fail from here on. May be called twice."""
    if not any(isinstance(finder, _Without) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Without(frozenset({"pandas"})))


def give_memory_back() -> None:
    """Tells both allocators to give freed memory back to the system; before the engine is loaded.

    Large rows come and go from many threads. The C library keeps an arena for each. It maps
    blocks above a size alone, and each larger block that is freed raises that size. The
    engine's allocator keeps freed pages for seven seconds. Together they held 1 GB of free
    memory.

    But a page that is given back is filled with zeros when it is asked for again, which blocks
    that follow each other do not need: Arrow's own allocator and lower bounds cost 5 us an event.
    """
    os.environ.setdefault("JE_MALLOC_CONF", "dirty_decay_ms:2000,muzzy_decay_ms:0")
    # Only glibc has it; musl gives back at once by itself.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 2)
        mallopt(M_MMAP_THRESHOLD, 8 << 20)
        mallopt(M_TRIM_THRESHOLD, 32 << 20)
    pa.set_memory_pool(pa.system_memory_pool())


def forget_unused_code() -> None:
    """Gives back what is not used now of libraries' code and constants: after the start 200 MB.

    Most of it is the engine's. Neither is ever written to, so what is used after all is mapped
    again from its file, in microseconds: some milliseconds for all that a busy process uses. What
    the loader has written to is kept, as it is in no file.
    """
    madvise = getattr(ctypes.CDLL(None), "madvise", None)
    if madvise is None or not MAPPINGS.exists():
        return
    unchanged = list(MAPPING.finditer(MAPPINGS.read_text()))
    # That look takes milliseconds. Meanwhile a library may have been loaded where its file was
    # mapped as a whole, or memory may have come there: what is in it would be lost.
    mapped = set(NOW_MAPPED.read_text().splitlines())
    for found in unchanged:
        if found["line"] not in mapped:
            continue
        first, end = int(found["first"], 16), int(found["end"], 16)
        if end - first > LARGE_BYTES:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), MADV_DONTNEED)
