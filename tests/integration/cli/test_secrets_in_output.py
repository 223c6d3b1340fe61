"""What commands say, at their most talkative, when the passwords they were given do not work."""

import os
from pathlib import Path

import pytest

from tests.components import forks
from tests.unit.sluice.places import free_port

WORD = "hunter2-is-a-password"
NOWHERE = f"127.0.0.1:{free_port()}"


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("up", {"WAREHOUSE_URL": f"http://ann:{WORD}@{NOWHERE}/x"}),
        ("up", {"WAREHOUSE_URL": f"http://ann:{WORD}/9@{NOWHERE}/x"}),
        ("up", {"DATABASE_URL": f"postgresql://ann:{WORD}@{NOWHERE}/x"}),
        ("up", {"DATABASE_URL": f"postgresql://{NOWHERE}/x?user=ann&password={WORD}"}),
        ("migrate", {"INIT_USER_EMAIL": "not an email", "INIT_USER_PASSWORD": WORD}),
        ("edge", {"KAFKA_URL": f"kafka://ann:{WORD},x@{NOWHERE}"}),
        ("warehouse", {"WAREHOUSE_USERS": WORD}),
    ],
)
def test_no_password_is_in_what_a_failing_command_says(
    tmp_path: Path, command: str, settings: dict[str, str]
) -> None:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLUICE_")}
    mine = {
        "DATA_DIR": str(tmp_path / "data"),
        "LOG_LEVEL": "debug",
        "PORT": str(free_port()),
        "WAREHOUSE_URL": "" if command != "edge" else f"http://{NOWHERE}",
        **settings,
    }

    environ = {**inherited, **{f"SLUICE_{name}": value for name, value in mine.items()}}
    done = forks.run([command], env=environ)

    assert done.returncode in (1, 2)
    assert done.stderr
    assert WORD not in done.stdout + done.stderr
