"""A change of the installation's secret, as an operator does it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from schemas.settings import SettingsError
from sluice.cli import app
from sluice.commands.errors import CommandError

NEW = "the new secret, as long as it has to be"


def command(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation that has made its own secret."""
    data_dir = tmp_path / "data"
    monkeypatch.setenv("SLUICE_DATA_DIR", str(data_dir))
    data_dir.mkdir()
    (data_dir / "control.db").touch()  # as a server leaves one
    assert command("project", "create", "Shop").exit_code == 0
    return data_dir


def test_keys_are_read_with_both_secrets_and_then_with_the_new_one_alone(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = command("key", "show").stdout
    monkeypatch.setenv("SLUICE_SECRET", NEW)
    assert isinstance(command("key", "show").exception, SettingsError), "the old one is missing"

    monkeypatch.setenv("SLUICE_OTHER_SECRETS_FILE", str(data_dir / "secret.key"))
    between = command("key", "show").stdout
    resealed = command("reseal")
    monkeypatch.delenv("SLUICE_OTHER_SECRETS_FILE")
    after = command("key", "show").stdout

    assert first.startswith("pulse_sk_")
    assert (between, after) == (first, first)
    assert resealed.exit_code == 0
    assert resealed.stdout.startswith("sealed anew: 3, as they were: 0"), resealed.stdout


def test_what_is_sealed_with_the_new_one_stays_as_it_is(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLUICE_SECRET", NEW)
    monkeypatch.setenv("SLUICE_OTHER_SECRETS", (data_dir / "secret.key").read_text().strip())
    assert command("project", "create", "Bakery").exit_code == 0

    first, again = command("reseal"), command("reseal")

    assert first.stdout.startswith("sealed anew: 3, as they were: 1")
    assert again.stdout.startswith("sealed anew: 0, as they were: 4")


def test_a_short_secret_is_no_secret(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLUICE_OTHER_SECRETS", "short")

    failed = command("key", "show").exception

    assert isinstance(failed, SettingsError | CommandError)
    assert "SLUICE_OTHER_SECRETS" in str(failed)
