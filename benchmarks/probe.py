"""Runs `sluice` so that a benchmark sees where its processor time goes: `python -P probe.py up`.

As the console script does, but into the folder BENCH_DIR it writes the name of each thread that
Python starts (not as the kernel's name: the engine renames who calls it) and, where BENCH_STAGES is
set, how much time each place in the code has taken. Stands alone on the standard library, so that
it runs in the environment of any version.
"""

import json
import os
import sys
import sysconfig
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

THREADS, STAGES = "threads", "stages.json"
EVERY_S = 0.002
WRITE_EVERY = 250
SWITCH_S = 0.0005
"""How long a thread may keep the interpreter's lock from the sampler: else it would be seen only
where it gives it up itself."""
LOOP = "sluice/cli"
"""What the event loop runs below when nothing of ours runs above it."""
STANDARD = (sysconfig.get_path("stdlib"), "<")
PACKAGES = "/site-packages/"


def note_threads(path: Path) -> None:
    """Makes every thread that is started from now on write down its number and name."""
    begin = threading.Thread._bootstrap_inner  # type: ignore[attr-defined]

    def begin_noted(thread: threading.Thread) -> None:
        with path.open("a") as file:
            file.write(f"{threading.get_native_id()} {thread.name}\n")
        begin(thread)

    threading.Thread._bootstrap_inner = begin_noted  # type: ignore[attr-defined]


class Sampler:
    """Gives the time that a thread has run between two looks half to where it was at each."""

    def __init__(self, path: Path, root: str) -> None:
        self._path = path
        self._root = root
        self._seen: dict[int, tuple[int, str]] = {}
        self._places: dict[str, str] = {}
        self._taken_ns: Counter[str] = Counter()

    def run(self) -> None:
        """Samples until the process ends."""
        sys.setswitchinterval(SWITCH_S)
        while True:
            for _ in range(WRITE_EVERY):
                time.sleep(EVERY_S)
                self._sample()
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._taken_ns))
            part.rename(self._path)

    def _sample(self) -> None:
        own = threading.get_ident()
        for thread, frame in sys._current_frames().items():
            if thread == own:
                continue
            used = time.clock_gettime_ns(time.pthread_getcpuclockid(thread))
            before, there = self._seen.get(thread, (used, ""))
            if used == before and there:
                continue
            place = self._place(frame)
            self._seen[thread] = used, place
            for one in (there or place, place):
                self._taken_ns[one] += (used - before) // 2

    def _place(self, frame: FrameType | None) -> str:
        """Returns the innermost place of a stack that is not in the standard library."""
        while frame is not None:
            path = frame.f_code.co_filename
            if path not in self._places:
                self._places[path] = self._place_of(path)
            if place := self._places[path]:
                return place
            frame = frame.f_back
        return "pool, other threads"

    def _place_of(self, path: str) -> str:
        if PACKAGES in path:
            return path.split(PACKAGES)[1].split("/")[0].removesuffix(".py")
        if path.startswith(STANDARD) or not path.startswith(self._root):
            return ""
        place = path.removeprefix(self._root).removesuffix(".py")
        return "event loop, sockets" if place == LOOP else place


def main() -> Any:
    """Runs the command line of `sluice` with what stands behind our name."""
    folder = Path(os.environ.pop("BENCH_DIR"))
    note_threads(folder / THREADS)
    import sluice
    from sluice.cli import main as run

    if os.environ.pop("BENCH_STAGES", ""):
        root = str(Path(sluice.__file__).parents[1]) + "/"
        sampler = Sampler(folder / STAGES, root)
        threading.Thread(target=sampler.run, name="sampler", daemon=True).start()
    sys.argv[0] = "sluice"
    return run()


if __name__ == "__main__":
    main()
