"""Edges that hang, and what ends them."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server import wait_for

ENDS = "from sluice.edges.dying import live_for; live_for(0.2);"
OWNER = """
import os, time
from sluice.edges.dying import die_with, live_for
owner = os.getpid()
if not os.fork():
    die_with(owner)
    live_for({seconds})
    print(os.getpid(), flush=True)
    {hangs}
time.sleep(60)
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="edge processes need Linux")


def test_an_edge_ends_that_does_not_turn_even_within_a_call_that_takes_no_signal() -> None:
    never = "import re; re.match('(a+)+b', 'a' * 40)"

    ended = subprocess.run([sys.executable, "-c", ENDS + never], timeout=20, check=False)

    assert ended.returncode == -signal.SIGALRM


@pytest.mark.parametrize("seconds", [0.2, 60.0])
def test_an_edge_that_is_stopped_goes_on_when_its_owner_dies(seconds: float) -> None:
    program = OWNER.format(seconds=seconds, hangs="os.kill(os.getpid(), 19); os._exit(0)")
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        edge = Path("/proc") / owner.stdout.readline().decode().strip()
        wait_for(lambda: "(stopped)" in (edge / "status").read_text(), "a stop")

        owner.kill()

        # Its owner's folder of processes is nobody's: who takes it over reaps it.
        wait_for(lambda: not edge.exists() or "(zombie)" in (edge / "status").read_text(), "an end")


def test_an_edge_whose_owner_has_died_meanwhile_ends_at_once() -> None:
    program = "from sluice.edges.dying import die_with; die_with(1 << 22)"

    ended = subprocess.run([sys.executable, "-c", program], timeout=20, check=False)

    assert ended.returncode == 1
