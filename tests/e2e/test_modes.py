"""Files and directories at rest: their owner's alone, whatever the umask and what was there."""

import subprocess
from pathlib import Path

import pytest

from tests.e2e.payloads import trace
from tests.e2e.server import CONSOLE_SCRIPT, Server, wait_for
from tests.unit.sluice.test_privacy import open_modes

WITHOUT_UMASK = ("sh", "-c", 'umask 000; exec "$0" "$@"', CONSOLE_SCRIPT)


@pytest.mark.slow
def test_nothing_is_open_to_others_whatever_the_umask_and_an_upgrade_closes_what_was(
    tmp_path: Path,
) -> None:
    probing = {"PROBER_REGION": "default"}
    with Server(tmp_path / "data", command=WITHOUT_UMASK, settings=probing) as server:
        take(server)
        made = open_modes(server.data_dir)
        server.stop()
        stopped = open_modes(server.data_dir)
        # As a version without a umask of its own has left it.
        subprocess.run(["chmod", "-R", "a+rwX", server.data_dir], check=True)
        server.start()
        take(server)
        upgraded = open_modes(server.data_dir)

    assert (made, stopped, upgraded) == ({}, {}, {})


def take(server: Server) -> None:
    """Has every part write its files; the prober begins with the first monitor."""
    with server.client() as client:
        assert client.post("/v1/traces/batch", json=[trace()]).status_code == 202
    key = server.run("token", "create", "--monitors", "--scope", "write").strip()
    form = {"name": "Shop", "type": "http", "url": "http://127.0.0.1:1/"}
    with server.client(key) as client:
        assert client.post("/v1/monitors", json=form).status_code == 201
    wait_for((server.data_dir / "checks.db").exists, "the file of the prober")


def test_a_command_makes_nothing_that_is_open_to_others_whatever_the_umask(tmp_path: Path) -> None:
    root = tmp_path / "data"
    command = [*WITHOUT_UMASK, "migrate", "--data-dir", str(root)]

    subprocess.run(command, check=True, capture_output=True)

    assert {place.name for place in root.iterdir()} >= {"control.db", "secret.key", "warehouse"}
    assert open_modes(root) == {}
