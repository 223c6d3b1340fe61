"""Modes: what is kept is its owner's alone, also what an older version left open."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from schemas.settings import Settings, SettingsError
from sluice.paths import paths_of
from sluice.privacy import close_to_others

PART = Path("warehouse/store/abc/part")


def open_modes(*roots: Path) -> dict[str, str]:
    """Returns what other users may use, by path. Files may go meanwhile, as journals do."""
    found = {}
    for place in (one for root in roots for one in _below(root)):
        with suppress(FileNotFoundError):
            mode = stat.S_IMODE(place.lstat().st_mode)
            if not place.is_symlink() and mode & 0o077:
                found[str(place)] = oct(mode)
    return found


def _below(root: Path) -> Iterator[Path]:
    # `rglob` fails where a folder goes before it is listed, as the store's parts do.
    yield root
    for folder, folders, files in os.walk(root):
        yield from (Path(folder, name) for name in (*folders, *files))


def close(root: Path, **settings: str) -> None:
    close_to_others(paths_of(Settings(data_dir=str(root), **settings)))


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A data directory of an older version, whose process had no umask at all."""
    root = tmp_path / "data"
    for name in ("log.db", "log.db-wal", "control.db", "secret.key", "lock", str(PART / "a.bin")):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        file.chmod(0o666)
    for folder in (root, *(place for place in root.rglob("*") if place.is_dir())):
        folder.chmod(0o777)
    return root


def test_what_an_older_version_left_open_is_closed(old: Path) -> None:
    close(old)

    assert open_modes(old) == {}
    assert stat.S_IMODE((old / "log.db").stat().st_mode) == 0o600
    assert stat.S_IMODE((old / PART).stat().st_mode) == 0o700


def test_a_walk_that_was_interrupted_is_done_again(old: Path) -> None:
    (old / PART).chmod(0o700)
    (old / PART / "a.bin").chmod(0o644)

    close(old)

    assert open_modes(old) == {}


def test_a_store_that_is_closed_is_not_gone_through_again(old: Path) -> None:
    close(old)
    (old / PART).chmod(0o755)

    close(old)

    assert list(open_modes(old)) == [str(old / PART)]


def test_a_data_directory_and_a_store_behind_links_are_closed(old: Path, tmp_path: Path) -> None:
    (old / "warehouse").rename(tmp_path / "disk")
    (old / "warehouse").symlink_to(tmp_path / "disk")
    (tmp_path / "link").symlink_to(old)

    close(tmp_path / "link")

    assert open_modes(old, tmp_path / "disk") == {}


def test_what_a_link_in_the_store_leads_to_is_left_alone(old: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch(mode=0o644)
    (old / PART / "link").symlink_to(other)

    close(old)

    assert stat.S_IMODE(other.stat().st_mode) == 0o644


def test_databases_that_are_elsewhere_are_closed_and_their_neighbours_left_alone(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    (store / "part").mkdir(parents=True)
    for name in ("own.db", "own.db-wal", "own.db.backup"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o644)

    close(
        tmp_path / "data",
        database_url=f"sqlite:///{tmp_path}/own.db",
        warehouse_url=f"chdb://{store}",
    )

    assert list(open_modes(store, tmp_path / "own.db", tmp_path / "own.db-wal")) == []
    assert list(open_modes(tmp_path / "own.db.backup")) == [str(tmp_path / "own.db.backup")]


def test_a_directory_with_files_of_others_stays_as_it_is_and_ours_in_it_are_closed(
    old: Path,
) -> None:
    (old / "a photo").touch()
    (old / "a photo").chmod(0o644)
    old.chmod(0o755)

    with capture_logs() as lines:
        close(old)

    assert set(open_modes(old)) == {str(old), str(old / "a photo")}
    assert [line["path"] for line in lines] == [str(old)]


def test_a_place_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    close(tmp_path / "new")

    assert list(tmp_path.iterdir()) == []


def test_the_start_is_refused_where_a_file_of_ours_cannot_be_closed(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really = os.chmod

    def refuse(path: Path, mode: int, **options: object) -> None:
        if path.name == "log.db":
            raise PermissionError(1, "Operation not permitted", str(path))
        really(path, mode)

    monkeypatch.setattr(os, "chmod", refuse)

    with pytest.raises(SettingsError, match=r"log\.db can be read by other users.*chown"):
        close(old)
