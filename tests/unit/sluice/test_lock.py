"""The lock of a data directory: one owner, whose death frees it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sluice.lock import AlreadyRunning, address_in, hold, holder_of

HOLD = "import sys, time; from pathlib import Path; from sluice.lock import hold;"
WAIT = HOLD + "f = hold(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    with hold(path), pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"):
        hold(path)


def test_the_lock_is_free_again_when_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    hold(path).close()

    hold(path).close()
    assert holder_of(path) is None


def test_the_death_of_its_owner_frees_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    owner = subprocess.Popen(
        [sys.executable, "-c", WAIT, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == "held\n"
    assert holder_of(path) == str(owner.pid)

    owner.send_signal(signal.SIGKILL)
    owner.communicate(timeout=10)

    assert holder_of(path) is None
    hold(path).close()


def test_asking_who_holds_a_lock_makes_none(tmp_path: Path) -> None:
    assert holder_of(tmp_path / "lock") is None
    assert not (tmp_path / "lock").exists()


def test_a_lock_tells_where_its_holder_can_be_asked_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    with hold(path, "http://127.0.0.1:9000"):
        held = address_in(path), holder_of(path)

    assert held == ("http://127.0.0.1:9000", str(os.getpid()))
    assert address_in(path) is None


def test_a_holder_that_nobody_can_ask_gives_no_address(tmp_path: Path) -> None:
    path = tmp_path / "lock"

    with hold(path):
        assert address_in(path) is None
