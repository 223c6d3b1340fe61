"""The installation's secret: made once, private, never too short."""

import stat
from pathlib import Path

import pytest

from schemas.settings import SettingsError
from sluice.secret import FILE_NAME, load_secret


def test_a_secret_that_is_too_short_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="SLUICE_SECRET has 6 characters") as caught:
        load_secret("hunter", tmp_path)

    assert "hunter" not in str(caught.value)


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
