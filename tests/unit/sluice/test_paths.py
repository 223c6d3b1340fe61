"""Places: the addresses of other engines are looked at before anything is opened."""

from pathlib import Path

import pytest

from schemas.settings import Settings, SettingsError
from sluice import paths
from sluice.paths import control_plane_file, paths_of


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("mysql://ann:hunter2@db/sluice", "mysql://***@db/sluice"),
        ("mysql://ann:hunter2?@a@db/sluice", "mysql://***@db/sluice"),
        ("mysql://db/sluice?password=hunter2", "mysql://db/sluice"),
        ("ann:hunter2@db", "***@db"),
        ("sqlite://", "sqlite://"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("/var/lib/control.db", "/var/lib/control.db"),
    ],
)
def test_a_control_plane_elsewhere_than_in_sqlite_or_postgresql_is_refused_without_its_password(
    given: str, shown: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        paths_of(Settings(database_url=given))

    assert str(caught.value) == (
        f"SLUICE_DATABASE_URL: expected postgresql://… or sqlite:///FILE, not {shown!r}"
    )


@pytest.mark.parametrize("given", ["db:8123", "mysql://ann:hunter2@db/", "http://"])
def test_a_store_that_is_not_reached_by_http_is_refused(given: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_WAREHOUSE_URL: expected http") as caught:
        paths_of(Settings(warehouse_url=given))

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["hunter2/9", "9/hunter2", "9#hunter2", "[hunter2", "9?hunter2"]
)
def test_a_store_whose_password_breaks_its_address_is_refused_without_it(password: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_WAREHOUSE_URL cannot be read") as caught:
        paths_of(Settings(warehouse_url=f"http://ann:{password}@store:8123/x"))

    assert "hunter2" not in str(caught.value)


def test_postgresql_without_its_driver_is_refused_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(paths, "find_spec", lambda name: None)

    with pytest.raises(SettingsError, match="postgres"):
        paths_of(Settings(database_url="postgresql://db/sluice"))


@pytest.mark.parametrize(
    "given",
    [
        "postgresql://ann:p?w/d@db:5432/sluice",
        "postgresql+asyncpg://db/sluice",
        "postgresql://",
        "sqlite:////srv/control.db",
        "sqlite+aiosqlite:///control.db",
    ],
)
def test_what_the_control_plane_takes_is_passed_on_as_it_is(given: str) -> None:
    assert paths_of(Settings(database_url=given)).database_url == given


@pytest.mark.parametrize("given", ["http://store:8123", "https://ann:pw@store/db", "chdb:///srv/x"])
def test_what_the_store_takes_is_passed_on_as_it_is(given: str) -> None:
    assert paths_of(Settings(warehouse_url=given)).warehouse_url == given


def test_the_file_of_the_control_plane_is_known_unless_it_is_on_a_server(tmp_path: Path) -> None:
    own = paths_of(Settings(data_dir=str(tmp_path)))
    named = paths_of(Settings(database_url="sqlite:////srv/control.db"))
    server = paths_of(Settings(database_url="postgresql://db/sluice"))

    assert control_plane_file(own) == tmp_path / "control.db"
    assert control_plane_file(named) == Path("/srv/control.db")
    assert control_plane_file(server) is None
