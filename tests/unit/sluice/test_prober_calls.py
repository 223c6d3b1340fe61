"""`sluice prober`, called wrongly: it says what is missing, and ends with 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.processes import free_ports

SLUICE = Path(sys.executable).with_name("sluice")
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
    ended = subprocess.run(
        [SLUICE, "prober", *options], env=own, capture_output=True, text=True, timeout=60
    )

    assert (ended.returncode, said in ended.stderr) == (2, True), ended.stderr
    assert not (tmp_path / "prober-default.db").exists()


def test_a_key_is_no_argument() -> None:
    ended = subprocess.run(
        [SLUICE, "prober", "--token", "sk_probe_x"], capture_output=True, text=True, timeout=60
    )

    assert ended.returncode == 2
    assert "No such option" in ended.stderr
