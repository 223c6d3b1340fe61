"""An edge that hangs does not outlive its owner, and so keeps no port: the kernel ends it.

SIGALRM does so, in its default action, which needs nothing of the process. The edge puts it off for
as long as its event loop turns. One that is stopped takes no signal but SIGCONT: it gets that when
its owner dies, and then what it has missed. SIGKILL at that moment would be simpler, and would take
the 503 from requests that are in flight.
"""

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1
BEGIN_S: Final = 25.0
"""What an edge may take until its event loop turns, on a machine that is very busy."""
HUNG_S: Final = 8.0
"""Without a turn of its event loop. The next start waits for the port a little longer."""
LAST_S: Final = 8.0
"""What an edge may take to end."""


def die_with(owner: int) -> None:
    """Has the process go on when its owner dies, or end at once where it is dead already.

    To be called first of all in a child that the owner's main thread has made: the death of the
    thread counts.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGCONT, 0, 0, 0)
    if os.getppid() != owner:
        os._exit(1)


def live_for(seconds: float) -> None:
    """Has the process end after as long, unless it is called again."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
