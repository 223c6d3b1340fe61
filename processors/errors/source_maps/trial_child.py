"""Opens one source map and says what it takes. Run as a program, by itself: see `trial.py`.

It gets the length of the map as 8 bytes, then map and script. It imports nothing of ours, and ends
in any way that what reads maps brings about.
"""

import ctypes
import os
import resource
import sys
import threading
from typing import Any

STACK_BYTES = 1 << 20
"""Less than any thread of ours has: glibc gives 2 MiB at least, mostly 8."""
MOST_BYTES = 512 << 20
"""Of memory beyond what the program has by itself. A dense script takes 75 times its length."""
MOST_CPU_S = 20
UNREADABLE = 3
"""Ends with this where the map is broken; what is wrong is on standard output."""


def main() -> int:
    """Prints how many bytes an opened map keeps."""
    from symbolic.exceptions import SymbolicError
    from symbolic.sourcemapcache import SourceMapCache

    given = sys.stdin.buffer.read()
    length = int.from_bytes(given[:8], "big")
    source_map, script = given[8 : 8 + length], given[8 + length :]
    del given
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_S, MOST_CPU_S))
    before = _pages("VmSize"), _pages("VmRSS")
    if before[0]:
        most = before[0] + MOST_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    told: list[Any] = []

    def work() -> None:
        try:
            opened = SourceMapCache.from_bytes(script, source_map)
        except SymbolicError as error:
            told.append(str(error) or type(error).__name__)
        else:
            _give_back()
            told.extend([opened, max(0, _pages("VmRSS") - before[1])])

    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if not told:
        return 1
    sys.stdout.write(str(told[-1])[:1000])
    sys.stdout.flush()
    # What was read need not be taken down.
    os._exit(0 if len(told) == 2 else UNREADABLE)


def _give_back() -> None:
    """Has what is free leave the process, where its C library can: most was needed to read."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _pages(name: str) -> int:
    """Returns bytes of this process by the kernel's name for them; 0 where it does not say."""
    try:
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))
    except OSError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
