"""Folders of instances go, whoever writes into them."""

import shutil
from pathlib import Path

import pytest

from deploys.apps import remove_written


def test_a_folder_into_which_a_file_comes_while_it_is_removed_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "instance"
    folder.mkdir()
    removals = []
    remove = shutil.rmtree

    def interrupted(path: Path, *, ignore_errors: bool) -> None:
        removals.append(path)
        remove(path, ignore_errors=ignore_errors)
        if len(removals) == 1:  # as one that is written between the last look and the end
            path.mkdir()
            (path / "numbers").touch()

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    remove_written(folder)

    assert not folder.exists()
    assert len(removals) == 2
