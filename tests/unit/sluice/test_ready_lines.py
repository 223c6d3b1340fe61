"""What a process prints once it is ready: beside a terminal, that is what collectors keep."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from controlplane.initial import Initial
from schemas.projects import ProjectId
from schemas.settings import Settings
from sluice import cli, logs, serve
from sluice.roles import Role

KEY = "pulse_sk_of_the_first_project"


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs a command up to its being ready, on an installation that has a first key."""

    async def stand_in(settings: Settings, role: Role, on_ready: Callable[[Any], None]) -> int:
        initial = Initial(ProjectId("one"), "Default", KEY)
        on_ready(SimpleNamespace(settings=settings, initial=initial))
        return 0

    monkeypatch.setattr(serve, "serve", stand_in)
    monkeypatch.setattr(logs, "set_up", lambda settings: None)

    def run(command: str) -> list[str]:
        done = CliRunner().invoke(cli.app, [command, "--data-dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    return run


@pytest.mark.parametrize("command", ["edge", "worker", "api"])
def test_a_process_of_many_says_where_it_is_and_shows_no_key(
    printed: Callable[[str], list[str]], command: str
) -> None:
    assert printed(command) == ["Sluice is ready at http://127.0.0.1:8080"]


def test_the_one_process_shows_a_person_the_first_key(
    printed: Callable[[str], list[str]],
) -> None:
    assert printed("up")[:2] == ["Sluice is ready at http://127.0.0.1:8080", f"API key: {KEY}"]
