"""A fork is a process of its own, as the script of Sluice is."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.components import forks
from tests.components.processes import free_ports

OURS = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}


def test_it_prints_and_ends_as_the_script_does() -> None:
    for arguments in (["--version"], ["key", "list", "--data-dir", "/nowhere"], ["keys"]):
        real = subprocess.run(
            [forks.SCRIPT, *arguments], env=OURS, capture_output=True, text=True, timeout=60
        )
        fork = forks.run(arguments, env=OURS)

        assert (fork.returncode, fork.stdout, fork.stderr) == (
            real.returncode, real.stdout, real.stderr,
        )  # fmt: skip


def test_it_reads_what_it_is_given(tmp_path: Path) -> None:
    own = {**OURS, "SLUICE_DATA_DIR": str(tmp_path)}
    assert forks.run(["migrate"], env=own).returncode == 0

    added = ["user", "add", "ann@example.com", "--password-stdin"]
    ran = forks.run(added, env=own, given="correct horse\n")

    assert ran.returncode == 0, ran.stderr
    assert "ann@example.com" in forks.run(["user", "list"], env=own).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    environ = {**OURS, "SLUICE_WAREHOUSE_USERS": "writer:a-long-password:write"}
    environ |= {"SLUICE_DATA_DIR": str(tmp_path), "SLUICE_WAREHOUSE_PORT": str(free_ports(1)[0])}
    output = tmp_path / "output"
    with output.open("wb") as file:
        process = forks.start(["warehouse"], env=environ, stdout=file, stderr=subprocess.STDOUT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    while "ready" not in output.read_text():
        assert process.poll() is None, output.read_text()

    process.send_signal(number)

    assert process.wait(30) == (-number if number == signal.SIGKILL else 0)
    assert process.poll() is not None
    process.kill()


def test_one_begins_without_a_setting_of_another(tmp_path: Path) -> None:
    wrong = {**OURS, "SLUICE_NO_SUCH_SETTING": "1", "SLUICE_DATA_DIR": str(tmp_path)}

    assert "SLUICE_NO_SUCH_SETTING" in forks.run(["project", "list"], env=wrong).stderr
    right = {**OURS, "SLUICE_DATA_DIR": str(tmp_path)}
    assert "SLUICE_NO_SUCH_SETTING" not in forks.run(["project", "list"], env=right).stderr
