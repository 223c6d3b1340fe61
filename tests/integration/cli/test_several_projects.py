"""Keys, invitations and names where there are several projects, and the demo's own.

In this process, so that no command costs a start.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sluice.cli import app
from sluice.commands.control import Control
from sluice.commands.control import run as in_control_plane
from sluice.commands.errors import WrongCall
from sluice.demo_project import demo_key
from tests.unit.sluice.places import free_port

KEY = "pulse_sk_5f0c1f1e-0000-4000-8000-00000000c11b"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands on an installation of this test's own, with the projects `Default`, `Shop`."""
    data_dir = tmp_path / "data"
    monkeypatch.setenv("SLUICE_DATA_DIR", str(data_dir))
    monkeypatch.setenv("SLUICE_INIT_API_KEY", KEY)
    monkeypatch.setenv("SLUICE_PORT", str(free_port()))
    data_dir.mkdir()
    (data_dir / "control.db").touch()  # as a server leaves one

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    assert command("project", "create", "Shop").exit_code == 0
    return command


def cells(result: Result) -> list[list[str]]:
    return [line.split("\t") for line in result.stdout.splitlines()[1:]]


def names(run: Run) -> list[str]:
    return [row[1] for row in cells(run("project", "list"))]


class TestKeys:
    def test_a_new_one_needs_a_project_that_is_named(self, run: Run) -> None:
        rejected = run("key", "create")

        assert isinstance(rejected.exception, WrongCall)
        assert "name one with --project; there are: Default, Shop" in str(rejected.exception)

    @pytest.mark.parametrize("command", [("key", "revoke"), ("key", "show"), ("user", "uninvite")])
    def test_an_unknown_id_is_named(self, run: Run, command: tuple[str, str]) -> None:
        assert "'nothing'; sluice " in str(run(*command, "nothing").exception)

    def test_those_of_every_project_are_listed_and_the_first_is_shown(self, run: Run) -> None:
        assert [row[5] for row in cells(run("key", "list"))] == ["Default", "Shop"]
        assert [row[5] for row in cells(run("key", "list", "-p", "Shop"))] == ["Shop"]
        assert run("key", "show").stdout == f"{KEY}\n"

    def test_an_id_alone_is_enough(self, run: Run) -> None:
        ids = {row[5]: row[0] for row in cells(run("key", "list"))}

        shown = run("key", "show", ids["Shop"])
        elsewhere = run("key", "show", ids["Shop"], "-p", "Default")
        revoked = run("key", "revoke", ids["Shop"])

        assert shown.stdout.startswith("pulse_sk_")
        assert shown.stdout != f"{KEY}\n"
        assert elsewhere.exit_code != 0
        assert revoked.exit_code == 0
        assert [row[5] for row in cells(run("key", "list"))] == ["Default"]
        assert "no keys" in str(run("key", "show", "-p", "Shop").exception)

    def test_an_invitation_is_withdrawn_by_its_id_alone(self, run: Run) -> None:
        run("user", "invite", "ann@example.com", "-p", "Shop")
        ((invitation_id, *_),) = cells(run("user", "invitations", "-p", "Shop"))

        assert run("user", "uninvite", invitation_id).exit_code == 0
        assert run("user", "invitations", "-p", "Shop").stdout == ""


class TestNames:
    @pytest.mark.parametrize(
        "command",
        [("project", "create", " Shop"), ("project", "set", "Default", "--name", "Shop ")],
    )
    def test_no_two_projects_are_given_one_name(self, run: Run, command: tuple[str, ...]) -> None:
        assert "there is a project 'Shop' already" in str(run(*command).exception)
        assert names(run) == ["Default", "Shop"]

    def test_a_misspelt_one_is_told_with_the_nearest(self, run: Run) -> None:
        rejected = run("key", "show", "-p", "Shpo")

        assert "no project 'Shpo'; did you mean 'Shop'?" in str(rejected.exception)

    def test_a_project_may_be_set_to_the_name_that_it_has(self, run: Run) -> None:
        assert run("project", "set", "Shop", "--name", "Shop", "--cost", "computed").exit_code == 0


class TestDemo:
    def test_where_there_is_none_nothing_is_removed(self, run: Run) -> None:
        assert str(run("demo", "--remove").exception) == "there is no project demo to remove"

    def test_a_project_that_a_person_has_named_demo_is_left_alone(self, run: Run) -> None:
        run("project", "create", "demo")

        assert "it is not the demo's" in str(run("demo", "--remove").exception)
        assert names(run) == ["Default", "Shop", "demo"]

    def test_without_a_server_no_project_is_made(self, run: Run) -> None:
        rejected = run("demo")

        assert "start sluice up, or name the server's address" in str(rejected.exception)
        assert names(run) == ["Default", "Shop"]

    def test_without_a_server_the_project_goes_now_and_its_data_later(self, run: Run) -> None:
        async def make(control: Control) -> None:
            await demo_key(control.database, control.vault)

        in_control_plane(make, None)

        removed = run("demo", "--remove")

        assert removed.stdout.startswith("removed the project demo; a server removes what it had")
        assert names(run) == ["Default", "Shop"]

    def test_on_another_machine_it_asks_for_a_key(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "none"))

        rejected = CliRunner().invoke(app, ["demo", "--url", "http://127.0.0.1:1"])

        assert "for a server on another machine, give --key" in str(rejected.exception)
