"""`sluice prober`, called wrongly: it says what is missing, and ends with 2."""

import os
from pathlib import Path

import pytest

from tests.components import forks
from tests.components.processes import free_ports

URL = ("--url", "http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("options", "environ", "said"),
    [
        (URL, {}, "SLUICE_PROBER_TOKEN: expected a prober key"),
        ((), {}, "SLUICE_KAFKA_URL: this process needs"),
        ((*URL, "--region", "EU west"), {}, "SLUICE_PROBER_REGION"),
        (("--url", "127.0.0.1"), {"SLUICE_PROBER_TOKEN": "x"}, "SLUICE_PROBER_URL: expected https"),
        (URL, {"SLUICE_PROBER_CANARY": "nowhere"}, "SLUICE_PROBER_CANARY: expected HOST:PORT"),
    ],
)
def test_what_is_missing_is_said(
    tmp_path: Path, options: tuple[str, ...], environ: dict[str, str], said: str
) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SLUICE_")}
    own |= {"SLUICE_DATA_DIR": str(tmp_path), "SLUICE_PORT": str(free_ports(1)[0]), **environ}
    ended = forks.run(["prober", *options], env=own)

    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert not (tmp_path / "prober-default.db").exists()


def test_a_key_is_no_argument() -> None:
    ended = forks.run(["prober", "--token", "sk_probe_x"], env=os.environ)

    assert ended.returncode == 2
    assert "No such option" in ended.stderr
