"""`sluice grafana-user`: what it prints is what the embedded store, or a server, takes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from clickhouse.served.users import Credentials, read_users
from sluice.cli import app
from sluice.commands.errors import WrongCall

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("SLUICE_DATA_DIR", str(tmp_path))
    (tmp_path / "control.db").touch()  # as a server leaves one
    CliRunner().invoke(app, ("project", "create", "Shop"))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def ids(run: Run) -> dict[str, str]:
    rows = [line.split("\t") for line in run("project", "list").stdout.splitlines()[1:]]
    return {row[1]: row[0] for row in rows}


def test_for_the_embedded_store_it_is_an_entry_of_the_setting(run: Run) -> None:
    shop, default = ids(run)["Shop"], ids(run)["Default"]

    entry = run("grafana-user", "team", "--project", "Shop", "--project", default).stdout.strip()

    user = read_users(entry).authenticate(Credentials("team", entry.split(":")[1]))
    assert user.projects == (shop, default)


def test_for_a_server_it_is_statements_with_the_password_in_a_comment(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = ids(run)["Shop"]
    monkeypatch.setenv("SLUICE_WAREHOUSE_URL", "http://sluice:password@127.0.0.1:8123")

    first, *statements = run("grafana-user", "team", "--project", "Shop").stdout.splitlines()

    password = first.removeprefix("-- The password of team: ")
    assert len(password) >= 32
    assert password not in "".join(statements)
    assert all(statement.endswith(";") for statement in statements)
    # Before any grant: who stops in between leaves a user that sees nothing.
    assert f"USING project_id IN ('{shop}') TO `team`;" in statements[1]
    assert all(statement.startswith("GRANT SELECT") for statement in statements[2:])


def test_a_name_that_cannot_be_one_is_said(run: Run) -> None:
    answer = run("grafana-user", "a b", "--project", "Shop")

    assert isinstance(answer.exception, WrongCall)
    assert "'a b' cannot be a user" in str(answer.exception)
