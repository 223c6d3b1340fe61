"""The installation's secret: made once, private, never too short."""

import stat
from pathlib import Path

import pytest

from schemas.settings import SettingsError
from sluice.secret import FILE_NAME, find_secret, load_secret


def test_a_secret_that_is_too_short_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SLUICE_SECRET has 6 characters") as caught:
        load_secret("hunter", tmp_path)

    assert "hunter" not in str(caught.value)


def test_a_lost_secret_is_not_made_anew_beside_the_keys_that_it_sealed(tmp_path: Path) -> None:
    (tmp_path / "control.db").touch()

    with pytest.raises(SettingsError, match="secret.key is missing.*from a backup"):
        load_secret("", tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["control.db"]


def test_a_kept_secret_that_was_cut_short_is_refused_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("hunter\n")

    with pytest.raises(SettingsError, match="secret.key has 6 characters") as caught:
        load_secret("", tmp_path)

    assert "hunter" not in str(caught.value)


def test_finding_a_secret_makes_none(tmp_path: Path) -> None:
    assert find_secret("", tmp_path / "new") is None
    assert list(tmp_path.iterdir()) == []


def test_a_configured_secret_opens_an_installation_without_the_file(tmp_path: Path) -> None:
    (tmp_path / "control.db").touch()

    assert load_secret("x" * 32, tmp_path) == "x" * 32


def test_a_configured_secret_is_taken_as_it_is_and_kept_nowhere(tmp_path: Path) -> None:
    configured = "x" * 32

    assert load_secret(configured, tmp_path) == configured
    assert list(tmp_path.iterdir()) == []


def test_the_first_start_makes_a_secret_that_only_its_owner_may_read(tmp_path: Path) -> None:
    load_secret("", tmp_path / "new")

    assert stat.S_IMODE((tmp_path / "new" / FILE_NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


def test_later_starts_read_the_same_secret(tmp_path: Path) -> None:
    first = load_secret("", tmp_path)

    assert len(first) >= 32
    assert load_secret("", tmp_path) == first
