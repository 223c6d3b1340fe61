"""DSNs and API tokens from the command line, in this process: no command costs a start."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from controlplane.api_tokens import ApiTokens, TokenHolder
from controlplane.dsn_keys import DsnKeys, DsnProject
from controlplane.failures import BadRequest
from sluice.cli import app
from sluice.commands.control import Control
from sluice.commands.control import run as in_control_plane
from sluice.commands.errors import WrongCall

DSN_KEY = "0123456789abcdef" * 2
TOKEN = "osco_sixteen_and_more"
EMAIL, PASSWORD = "ann@example.com", "correct horse"
URL = "http://127.0.0.1:8181"

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands on an installation of this test's own, with the projects `Default`, `Shop`."""
    data_dir = tmp_path / "data"
    for name, value in (
        ("DATA_DIR", str(data_dir)),
        ("INIT_DSN_KEY", DSN_KEY),
        ("INIT_API_TOKEN", TOKEN),
        ("INIT_USER_EMAIL", EMAIL),
        ("INIT_USER_PASSWORD", PASSWORD),
        ("PORT", "8181"),
    ):
        monkeypatch.setenv(f"SLUICE_{name}", value)
    data_dir.mkdir()
    (data_dir / "control.db").touch()  # as a server leaves one

    def command(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    assert command("project", "create", "Shop").exit_code == 0
    return command


def cells(result: Result) -> list[list[str]]:
    assert result.exit_code == 0, result.exception
    return [line.split("\t") for line in result.stdout.splitlines()[1:]]


def project_of(key: str) -> DsnProject | None:
    async def work(control: Control) -> DsnProject | None:
        return await DsnKeys(control.database).project_of(key)

    return in_control_plane(work, None)


def holder_of(token: str) -> TokenHolder:
    async def work(control: Control) -> TokenHolder:
        return await ApiTokens(control.database).holder_of(f"Bearer {token}")

    return in_control_plane(work, None)


class TestDsns:
    def test_those_of_every_project_are_listed_with_their_address(self, run: Run) -> None:
        listed = cells(run("key", "dsn", "list"))

        assert listed[0][1:4] == ["Default", "any", f"http://{DSN_KEY}@127.0.0.1:8181/1"]
        assert [row[6] for row in listed] == ["Default", "Shop"]
        assert [row[6] for row in cells(run("key", "dsn", "list", "-p", "Shop"))] == ["Shop"]

    def test_a_new_one_needs_a_project_and_is_printed_alone(self, run: Run) -> None:
        assert isinstance(run("key", "dsn", "create").exception, WrongCall)

        more = ("--environment", "staging", "--url", "https://host/sluice/")
        made = run("key", "dsn", "create", "Browser", "-p", "Shop", *more)

        form = re.fullmatch(r"https://([0-9a-f]{32})@host/sluice/2\n", made.stdout)
        assert form is not None
        found = project_of(form[1])
        assert found is not None
        assert (found.number, found.environment) == (2, "staging")

    def test_one_is_revoked_by_its_id_alone_or_in_its_project(self, run: Run) -> None:
        ids = {row[6]: row[0] for row in cells(run("key", "dsn", "list"))}

        assert run("key", "dsn", "revoke", ids["Shop"], "-p", "Default").exit_code != 0
        assert run("key", "dsn", "revoke", ids["Shop"]).stdout == f"revoked {ids['Shop']}\n"
        assert run("key", "dsn", "revoke", ids["Default"], "-p", "Default").exit_code == 0

        assert project_of(DSN_KEY) is None
        assert "no DSN keys" in run("key", "dsn", "list").stderr

    @pytest.mark.parametrize("command", [("key", "dsn", "revoke"), ("token", "revoke")])
    def test_an_unknown_id_is_named(self, run: Run, command: tuple[str, ...]) -> None:
        assert "'nothing'; sluice " in str(run(*command, "nothing").exception)


class TestTokens:
    def test_the_seeded_one_is_listed_by_its_end(self, run: Run) -> None:
        (row,) = cells(run("token", "list"))

        assert row[2:5] == ["…more", "admin", "every project"]
        assert TOKEN not in run("token", "list").stdout

    @pytest.mark.parametrize(
        ("options", "prefix", "reaches"),
        [
            (("-p", "Shop"), "oscp_", "Shop"),
            (("--user", EMAIL), "osco_", f"projects of {EMAIL}"),
            (("--every-project",), "osco_", "every project"),
        ],
    )
    def test_a_new_one_is_printed_alone_and_works(
        self, run: Run, options: tuple[str, ...], prefix: str, reaches: str
    ) -> None:
        made = run("token", "create", "CI", "--scope", "write", "--days", "7", *options)

        assert re.fullmatch(rf"{prefix}[0-9a-f]{{48}}\n", made.stdout), made.exception
        assert holder_of(made.stdout.strip()).scope == "write"
        row = cells(run("token", "list"))[-1]
        assert (row[1], row[3], row[4]) == ("CI", "write", reaches)
        assert row[6] != "-"

    @pytest.mark.parametrize(
        ("options", "failure"),
        [
            ((), WrongCall),
            (("-p", "Shop", "--every-project"), WrongCall),
            (("--user", EMAIL, "--every-project"), WrongCall),
            (("-p", "Shop", "--scope", "owner"), BadRequest),
        ],
    )
    def test_what_makes_no_sense_is_not_made(
        self, run: Run, options: tuple[str, ...], failure: type[Exception]
    ) -> None:
        assert isinstance(run("token", "create", "CI", *options).exception, failure)

        assert len(cells(run("token", "list"))) == 1

    def test_one_is_revoked_by_its_id_alone_or_in_its_project(self, run: Run) -> None:
        run("token", "create", "CI", "-p", "Shop")
        (of_shop,) = cells(run("token", "list", "-p", "Shop"))

        assert run("token", "revoke", of_shop[0], "-p", "Default").exit_code != 0
        assert run("token", "revoke", of_shop[0], "-p", "Shop").exit_code == 0
        (seeded,) = cells(run("token", "list"))
        assert run("token", "revoke", seeded[0]).stdout == f"revoked {seeded[0]}\n"

        assert "no API tokens" in run("token", "list").stderr
