"""What a process prints once it is ready: beside a terminal, that is what collectors keep."""

import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from controlplane.initial import Initial
from schemas.projects import ProjectId
from schemas.settings import Settings
from sluice import cli, logs, serve
from sluice.cores import Chosen
from sluice.serve import OpenParts

KEY = "pulse_sk_of_the_first_project"
DSN_KEY = "0123456789abcdef" * 2
DSN = f"http://{DSN_KEY}@127.0.0.1:8080/1"
SHOW = "sluice key show 1234"
LINK = "/enter?token=once"
READY = "Sluice is ready at http://127.0.0.1:8080"


def initial(*, key: str | None = KEY, is_new: bool) -> Initial:
    return Initial(
        ProjectId("one"),
        "Default",
        key and "1234",
        key,
        number=1,
        dsn_key=DSN_KEY,
        is_new=is_new,
    )


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs a command up to its being ready, on a new installation, with its output in a pipe."""

    async def stand_in(
        settings: Settings,
        open_parts: OpenParts,
        on_ready: Callable[[Any], None],
        **_: object,
    ) -> int:
        on_ready(SimpleNamespace(settings=settings, initial=initial(is_new=True)))
        return 0

    monkeypatch.setattr(serve, "serve", stand_in)
    monkeypatch.setattr(logs, "set_up", lambda settings: None)
    monkeypatch.setattr(cli, "OWNERS", ())

    monkeypatch.setattr(sys, "argv", ["/opt/my tools/sluice"])
    monkeypatch.setattr(shutil, "which", lambda name: name)

    def run(command: str) -> list[str]:
        done = CliRunner().invoke(cli.app, [command, "--data-dir", str(tmp_path)])
        assert done.exit_code == 0, done.output
        return done.output.splitlines()

    return run


class Terminal(io.StringIO):
    """Standard output that a person reads."""

    def isatty(self) -> bool:
        return True


def greeting(monkeypatch: pytest.MonkeyPatch, out: io.StringIO, seeded: Initial | None) -> str:
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(shutil, "which", lambda name: name)
    cli.greet(SimpleNamespace(settings=Settings(), initial=seeded, entrance=lambda: LINK))
    return out.getvalue()


def test_the_command_that_shows_the_key_runs_where_the_path_does_not_lead_to_it(
    printed: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert "'/opt/my tools/sluice' key show 1234" in printed("up")[1]


@pytest.mark.parametrize("command", ["edge", "worker", "api"])
def test_a_process_of_many_says_where_it_is_and_shows_no_key(
    printed: Callable[[str], list[str]], command: str
) -> None:
    assert printed(command) == [READY]


def test_where_no_terminal_reads_it_the_one_process_shows_how_to_see_the_key_and_not_the_key(
    printed: Callable[[str], list[str]], tmp_path: Path
) -> None:
    lines = printed("up")

    assert lines[:2] == [
        READY,
        f"API key: {SHOW} --data-dir {tmp_path}",
    ]
    assert KEY not in "".join(lines)
    assert "/enter" not in "".join(lines)


def test_the_one_process_says_how_many_edge_processes_it_has_and_why(
    printed: Callable[[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "OWNERS", ("node",))
    monkeypatch.setattr(cli, "choose_edges", lambda *_: Chosen(0, "2 usable cores, fewer than 4"))

    with capture_logs() as lines:
        printed("up")

    (line,) = (one for one in lines if one["event"] == "edge processes")
    assert (line["count"], line["reason"]) == (0, "2 usable cores, fewer than 4")


def test_the_first_start_shows_a_person_the_first_key(monkeypatch: pytest.MonkeyPatch) -> None:
    said = greeting(monkeypatch, Terminal(), initial(is_new=True))

    assert said.startswith(f"{READY}\nAPI key: {KEY}\nDSN: {DSN}\nFirst trace: curl ")
    assert f'"Authorization: Bearer {KEY}"' in said
    assert said.endswith(f"within 15 minutes: http://127.0.0.1:8080{LINK}\n")


def test_a_later_start_shows_a_person_how_to_see_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    said = greeting(monkeypatch, Terminal(), initial(is_new=False))

    assert said.startswith(f"{READY}\nAPI key: {SHOW}\nDSN: {DSN}\nFirst trace: curl ")
    assert KEY not in said


@pytest.mark.parametrize("seeded", [None, initial(key=None, is_new=False)])
def test_without_a_first_key_it_says_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, seeded: Initial | None
) -> None:
    said = greeting(monkeypatch, Terminal(), seeded)

    assert said.splitlines()[1:] == [
        "API key: the first one is gone; make another with: sluice key create"
    ]


def test_the_first_trace_is_a_command_whose_key_a_shell_puts_in(tmp_path: Path) -> None:
    stand_ins = "sluice() { echo shown; }\ncurl() { printf '%s\\n' \"$@\"; }\n"
    command = cli.first_trace("http://x", f"$({SHOW} --data-dir '/a b')")

    done = subprocess.run(["sh", "-c", stand_ins + command], capture_output=True, text=True)

    assert "Authorization: Bearer shown" in done.stdout.splitlines()
