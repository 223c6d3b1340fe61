"""The first process within a sandbox: when it ends, the kernel ends all others there.

So when they were asked to end, it waits for the last of them. A shell in its place would end at
once and take those with it that still save their work.
"""

import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from deploys.supervision.kin import exit_code

SHELL = "/bin/sh"


def main() -> None:
    """Runs argument 1 in a shell, and ends with its exit code."""
    is_asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked
        is_asked = True

    signal.signal(signal.SIGTERM, ask)
    pid = os.spawnv(os.P_NOWAIT, SHELL, [SHELL, "-c", sys.argv[1]])
    code = 0
    with suppress(ChildProcessError):
        while True:
            ended, status = os.wait()
            if ended == pid:
                code = exit_code(status)
                if not is_asked:
                    break
    os._exit(code)
