"""`sluice user` and who may enter by it: in this process, so that no command costs a start."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sluice.cli import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs commands on an installation of this test's own, with a project `Default`."""
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "control.db").touch()  # as a server leaves one

    def command(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(app, ["user", *arguments], input=given)

    return command


def test_an_account_that_exists_is_added_on_the_operators_word_alone(run: Run) -> None:
    run("add", "a@b.c", "--password-stdin", given="correct horse\n")
    run("remove", "a@b.c")

    refused = run("add", "a@b.c", "--admin", "--password-stdin", given="battery staple\n")
    added = run("add", "a@b.c", "--admin", "--existing")

    assert "sluice user invite" in str(refused.exception)
    assert added.stdout == "a@b.c is admin of Default\n"


def test_an_invitation_is_a_link_that_is_printed_once_and_can_be_revoked(run: Run) -> None:
    made = run("invite", "a@b.c", "--admin", "--url", "https://x.example/")
    listed = run("invitations").stdout
    row = listed.splitlines()[1].split("\t")
    revoked = run("uninvite", row[0])

    link = re.fullmatch(r"https://x\.example/invite\?token=([\w-]{43})\n", made.stdout)
    assert link
    assert link[1] not in listed
    assert row[1:4] == ["a@b.c", "admin", "the operator"]
    assert (revoked.exit_code, run("invitations").stdout) == (0, "")
    assert f"there is no invitation {row[0]!r}" in str(run("uninvite", row[0]).exception)


def test_a_role_is_changed_but_not_the_last_admins(run: Run) -> None:
    run("add", "a@b.c", "--password-stdin", given="correct horse\n")

    unknown = run("role", "a@b.c", "owner")
    raised = run("role", "a@b.c", "admin")
    lowered = run("role", "a@b.c", "user")

    assert "role must be" in str(unknown.exception)
    assert raised.stdout == "a@b.c is admin of Default\n"
    assert "last admin" in str(lowered.exception)


def test_the_first_admin_of_a_new_project_is_invited_and_no_account_is_taken(run: Run) -> None:
    run("add", "a@b.c", "--password-stdin", given="correct horse\n")

    made = CliRunner().invoke(app, ["project", "create", "Shop", "--admin", "a@b.c"]).stdout

    assert re.search(r"^link for a@b\.c: http://\S+/invite\?token=[\w-]{43}$", made, re.MULTILINE)
    assert "Shop" not in run("list").stdout


def test_what_strangers_call_themselves_steers_no_terminal(run: Run) -> None:
    """Nor a pipe's reader: `less` and `cat` show what they are given."""
    name = "a\x1b]0;b\x07\x9b2J\u202ec"
    run("add", "a\x1b[2J\x9b@b.c", "--name", name, "--password-stdin", given="correct horse\n")

    listed = run("list").stdout
    assert "@b.c" in listed
    assert [sign for sign in listed if not (sign.isprintable() or sign in "\n\t")] == []
