"""What `sluice doctor` finds on this machine, and that it says how to fix it."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from controlplane.crypto import Vault
from controlplane.database import Database
from controlplane.initial import Seed, ensure_initial
from controlplane.sealing import confirm_secret
from eventlog.log import TopicPartition
from eventlog.spool_file import Entry, SpoolFile
from eventlog.sqlite_log import SqliteLog
from schemas.settings import Settings
from sluice import checks, cluster_checks, log_checks, room, server_checks
from sluice.deploy_checks import check_driver
from sluice.log_checks import check_log
from sluice.paths import Paths, paths_of
from tests.unit.sluice.places import free_port, listening

GIB = 1 << 30


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), port=free_port())


@pytest.fixture
def paths(settings: Settings) -> Paths:
    return paths_of(settings)


class TestDriver:
    def test_a_docker_that_is_away_is_an_error(self, settings: Settings, paths: Paths) -> None:
        host = f"unix://{paths.data_dir}/none.sock"
        settings = replace(settings, deploy_driver="docker", deploy_docker_host=host)

        found = check_driver(settings, paths)

        assert (found.name, found.level) == ("deployments", "error")
        assert "docker" in found.text.lower()
        assert "SLUICE_DEPLOY_DRIVER" in found.fix
        assert list(paths.data_dir.iterdir()) == []


class TestDataDirectory:
    def test_a_file_in_its_place_is_an_error(self, paths: Paths, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        found = checks.check_data_dir(paths._replace(data_dir=tmp_path / "file"))

        assert found.level == "error"
        assert "SLUICE_DATA_DIR" in found.fix

    def test_one_that_cannot_be_written_is_an_error(
        self, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def may_owner(path: Path, mode: int) -> bool:
            # As the bits say it: the test may run as root, who may write everywhere.
            return path.stat().st_mode >> 6 & mode == mode

        monkeypatch.setattr(os, "access", may_owner)
        paths.data_dir.chmod(0o500)

        assert checks.check_data_dir(paths).level == "error"

    def test_one_that_others_may_enter_is_a_warning(self, paths: Paths) -> None:
        paths.data_dir.chmod(0o755)

        found = checks.check_data_dir(paths)

        assert (found.level, found.fix) == ("warning", f"chmod 700 {paths.data_dir}")

    def test_a_private_one_is_fine_and_so_is_one_to_be_made(self, paths: Paths) -> None:
        paths.data_dir.chmod(0o700)

        assert checks.check_data_dir(paths).level == "ok"
        missing = paths._replace(data_dir=paths.data_dir / "new" / "deep")
        assert checks.check_data_dir(missing).level == "ok"


class TestDisk:
    @pytest.mark.parametrize(
        ("free", "level"),
        [(0, "error"), (GIB // 2, "error"), (2 * GIB, "warning"), (50 * GIB, "ok")],
    )
    def test_the_room_that_is_left_decides(
        self,
        paths: Paths,
        settings: Settings,
        monkeypatch: pytest.MonkeyPatch,
        free: int,
        level: str,
    ) -> None:
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage)

        assert checks.check_disk(paths, settings).level == level

    def test_on_a_full_disk_neither_log_nor_store_works(
        self, paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        SqliteLog(paths.log).close()
        (paths.data_dir / "warehouse").mkdir()
        usage = type("Usage", (), {"free": 4096})
        monkeypatch.setattr(room.shutil, "disk_usage", lambda _: usage)

        found = [checks.check_disk(paths, settings), *check_log(paths, settings)]
        found.append(checks.check_store(paths))

        errors = {one.name: one.text for one in found if one.level == "error"}
        assert errors.keys() == {"disk", "log", "store"}
        assert all("is full: 4096 bytes are free" in text for text in errors.values())

    def test_less_room_than_the_log_may_take_is_a_warning(
        self, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = type("Usage", (), {"free": 6 * GIB})
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage)

        found = checks.check_disk(paths, Settings(log_max_bytes=8 * GIB))

        assert found.level == "warning"
        assert "SLUICE_LOG_MAX_BYTES" in found.fix


class TestSecret:
    def test_a_file_that_others_may_read_is_an_error(
        self, paths: Paths, settings: Settings
    ) -> None:
        file = paths.data_dir / "secret.key"
        file.write_text("x" * 40)
        file.chmod(0o644)

        found = checks.check_secret(settings, paths)

        assert (found.level, found.fix) == ("error", f"chmod 600 {file}")

    def test_an_empty_file_is_an_error(self, paths: Paths, settings: Settings) -> None:
        (paths.data_dir / "secret.key").touch(0o600)

        found = checks.check_secret(settings, paths)

        assert found.level == "error"
        assert "restore secret.key from a backup" in found.fix

    def test_a_short_one_is_an_error(self, paths: Paths) -> None:
        assert checks.check_secret(Settings(secret="short"), paths).level == "error"

    def test_a_lost_one_is_an_error_and_none_is_made(
        self, paths: Paths, settings: Settings
    ) -> None:
        (paths.data_dir / "control.db").touch()

        found = checks.check_secret(settings, paths)

        assert found.level == "error"
        assert "restore secret.key from a backup" in found.fix
        assert [path.name for path in paths.data_dir.iterdir()] == ["control.db"]

    def test_none_yet_is_fine_and_none_is_made(self, paths: Paths, settings: Settings) -> None:
        assert checks.check_secret(settings, paths).level == "ok"
        assert list(paths.data_dir.iterdir()) == []


class TestClock:
    def test_a_clock_behind_the_data_is_a_warning(self, paths: Paths) -> None:
        paths.log.touch()
        os.utime(paths.log, (time.time() + 3600, time.time() + 3600))

        found = checks.check_clock(paths)

        assert found.level == "warning"
        assert "NTP" in found.fix

    def test_a_clock_that_agrees_with_the_data_is_fine(self, paths: Paths) -> None:
        paths.log.touch()

        assert checks.check_clock(paths).level == "ok"


async def seed(url: str) -> None:
    database = Database(url)
    await database.migrate()
    await ensure_initial(database, Vault("a" * 32), Seed())
    await database.close()


async def confirm(url: str, secret: str) -> None:
    """Raises for another secret than that of before; else it is the secret from now on."""
    database = Database(url)
    try:
        await confirm_secret(database, Vault(secret))
    finally:
        await database.close()


class TestControlPlane:
    @pytest.mark.parametrize("is_confirmed", [True, False])
    async def test_a_secret_that_did_not_seal_it_is_an_error_and_is_not_taken(
        self, paths: Paths, is_confirmed: bool
    ) -> None:
        await seed(paths.database_url)
        if is_confirmed:
            await confirm(paths.database_url, "a" * 32)

        found = await checks.check_control_plane(Settings(secret="b" * 32), paths)

        assert found.level == "error"
        assert "is not the one that sealed it" in found.text
        assert "SLUICE_SECRET" in found.fix
        await confirm(paths.database_url, "a" * 32)

    async def test_a_first_secret_is_fine_and_is_not_taken(self, paths: Paths) -> None:
        database = Database(paths.database_url)
        await database.migrate()
        await database.close()

        found = await checks.check_control_plane(Settings(secret="b" * 32), paths)

        assert found.level == "ok"
        await confirm(paths.database_url, "a" * 32)

    async def test_the_secret_that_sealed_it_is_fine(self, paths: Paths) -> None:
        await seed(paths.database_url)

        found = await checks.check_control_plane(Settings(secret="a" * 32), paths)

        assert (found.level, found.text) == ("ok", "projects: 1, API keys: 1")

    async def test_tables_of_a_version_before_are_an_error(
        self, paths: Paths, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await seed(paths.database_url)
        monkeypatch.setattr(checks, "newest_revision", lambda: "9999")

        found = await checks.check_control_plane(Settings(secret="a" * 32), paths)

        assert (found.level, found.fix) == ("error", "sluice migrate")
        assert "9999" in found.text

    async def test_projects_without_a_secret_are_an_error_wherever_they_are_and_none_is_made(
        self, tmp_path: Path
    ) -> None:
        url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        await seed(url)
        settings = Settings(data_dir=str(tmp_path / "data"), database_url=url)

        found = await checks.check_control_plane(settings, paths_of(settings))

        assert found.level == "error"
        assert "restore secret.key from a backup" in found.fix
        assert not (tmp_path / "data").exists()

    async def test_a_named_file_that_is_not_there_is_not_made(self, paths: Paths) -> None:
        settings = Settings(database_url=f"sqlite:///{paths.data_dir / 'elsewhere.db'}")

        found = await checks.check_control_plane(settings, paths_of(settings))

        assert found.level == "ok"
        assert list(paths.data_dir.iterdir()) == []

    async def test_an_address_that_cannot_be_read_is_an_error(self, tmp_path: Path) -> None:
        url = "postgresql://ann:hunter2@db:port/sluice"
        settings = Settings(data_dir=str(tmp_path), database_url=url)

        found = await checks.check_control_plane(settings, paths_of(settings))

        assert found.level == "error"
        assert "SLUICE_DATABASE_URL" in found.fix
        assert "hunter2" not in found.text

    async def test_none_yet_is_fine_and_none_is_made(
        self, paths: Paths, settings: Settings
    ) -> None:
        assert (await checks.check_control_plane(settings, paths)).level == "ok"
        assert list(paths.data_dir.iterdir()) == []

    async def test_a_file_that_is_no_database_is_an_error(
        self, paths: Paths, settings: Settings
    ) -> None:
        (paths.data_dir / "control.db").write_bytes(b"no database " * 1000)

        found = await checks.check_control_plane(settings, paths)

        assert found.level == "error"
        assert "backup" in found.fix


class TestStore:
    def test_a_server_that_does_not_answer_is_an_error(self) -> None:
        port = free_port()

        (found,) = checks.check_store_server(f"http://ann:hunter2@127.0.0.1:{port}")

        assert found.level == "error"
        assert f"http://***@127.0.0.1:{port} does not answer" in found.text
        assert "hunter2" not in found.text
        assert "SLUICE_WAREHOUSE_URL" in found.fix

    def test_one_to_be_made_is_fine_and_none_is_made(self, paths: Paths) -> None:
        assert checks.check_store(paths).level == "ok"
        assert list(paths.data_dir.iterdir()) == []


class TestLog:
    def test_a_damaged_file_is_an_error_and_is_left_alone(
        self, paths: Paths, settings: Settings
    ) -> None:
        paths.log.write_bytes(b"no database " * 1000)

        found = log_checks.check_log(paths, settings)

        assert [finding.level for finding in found] == ["error"]
        assert "restart the server" in found[0].fix
        assert paths.log.read_bytes() == b"no database " * 1000

    def test_none_yet_is_fine_and_none_is_made(self, paths: Paths, settings: Settings) -> None:
        assert log_checks.check_log(paths, settings)[0].level == "ok"
        assert list(paths.data_dir.iterdir()) == []


@contextmanager
def spooling(path: Path, max_bytes: int = 1 << 30) -> Iterator[SpoolFile]:
    """Holds a spool with one record, as an edge does."""
    spool = SpoolFile(path, {"raw.traces": 1}, max_bytes)
    try:
        entry = Entry("one", 0, False, 1, b"x" * 1000)
        spool.append(TopicPartition("raw.traces", 0), entry).result(10)
        yield spool
    finally:
        spool.close()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class TestSpools:
    def test_none_is_fine_and_none_is_made(self, paths: Paths, settings: Settings) -> None:
        assert [one.level for one in log_checks.check_spools(paths, settings)] == ["ok"]
        assert list(paths.data_dir.iterdir()) == []

    def test_what_waits_is_told_while_an_edge_runs(self, paths: Paths, settings: Settings) -> None:
        path = paths.data_dir / "spool.db"
        with spooling(path):
            sound, waiting = log_checks.check_spools(paths, settings)

        assert (sound.level, waiting.level) == ("ok", "ok")
        assert f"{path} is sound" in sound.text
        assert f"1 records wait for Kafka in {path}, 0.0 MiB of 1024.0 MiB" in waiting.text

    def test_the_files_of_a_stopped_edge_are_left_as_they_are(
        self, paths: Paths, settings: Settings
    ) -> None:
        with spooling(paths.data_dir / "spool.db"):
            pass
        before = files_of(paths.data_dir)

        found = log_checks.check_spools(paths, settings)

        assert "1 records wait" in found[1].text
        assert files_of(paths.data_dir) == before

    def test_the_places_that_edges_share_are_found(self, paths: Paths, settings: Settings) -> None:
        with spooling(paths.data_dir / "edge-1" / "spool.db"):
            found = log_checks.check_spools(paths, settings)

        assert "edge-1/spool.db" in found[0].text

    def test_records_that_wait_for_long_are_a_warning(
        self, paths: Paths, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.time()
        with spooling(paths.data_dir / "spool.db"):
            monkeypatch.setattr(log_checks.time, "time", lambda: now + 120)
            found = log_checks.check_spools(paths, settings)

        assert found[1].level == "warning"
        assert "the oldest for 1" in found[1].text
        assert "Kafka" in found[1].fix

    def test_a_nearly_full_one_is_a_warning(self, paths: Paths) -> None:
        with spooling(paths.data_dir / "spool.db"):
            found = log_checks.check_spools(paths, Settings(spool_max_bytes=1_100))

        assert found[1].level == "warning"
        assert "SLUICE_SPOOL_MAX_BYTES" in found[1].fix

    def test_a_damaged_one_is_an_error_and_is_left_alone(
        self, paths: Paths, settings: Settings
    ) -> None:
        damaged = b"no database " * 1000
        (paths.data_dir / "spool.db").write_bytes(damaged)

        (found,) = log_checks.check_spools(paths, settings)

        assert found.level == "error"
        assert "restart the edge" in found.fix
        assert files_of(paths.data_dir) == {"spool.db": damaged}


class TestDistributed:
    def test_no_secret_of_all_processes_is_an_error(self, paths: Paths) -> None:
        (paths.data_dir / "secret.key").write_text("x" * 40)

        found = checks.check_secret(Settings(kafka_url="kafka://k"), paths)

        assert found.level == "error"
        assert "SLUICE_SECRET" in found.text

    def test_stores_of_one_process_alone_are_told(self, paths: Paths) -> None:
        found = cluster_checks.check_shared(Settings(kafka_url="kafka://k"), paths)

        assert [one.level for one in found] == ["error", "warning"]
        assert "SLUICE_WAREHOUSE_URL" in found[0].fix
        assert "SLUICE_DATABASE_URL" in found[1].fix

    def test_a_check_that_hangs_and_one_that_fails_are_findings(self) -> None:
        woken = threading.Event()

        def hang() -> list[checks.Finding]:
            woken.wait()
            return []

        def fail() -> list[checks.Finding]:
            raise RuntimeError("a bug\nof many lines")

        hanging = cluster_checks.begin("one", hang, "wake it", limit_s=0.2)
        failing = cluster_checks.begin("two", fail, "fix it")

        assert hanging() == [checks.error("one", "no answer within 0.2 s", "wake it")]
        assert failing() == [checks.error("two", "a bug", "fix it")]
        woken.set()


class TestPort:
    def test_a_port_in_use_is_an_error(self, settings: Settings) -> None:
        with listening(settings.port):
            found = server_checks.check_port(settings)

        assert found.level == "error"
        assert "SLUICE_PORT" in found.fix

    def test_an_address_of_another_machine_is_an_error(self) -> None:
        found = server_checks.check_port(Settings(host="192.0.2.1", port=free_port()))

        assert found.level == "error"
        assert "SLUICE_HOST" in found.fix

    def test_a_free_port_is_fine(self, settings: Settings) -> None:
        assert server_checks.check_port(settings).level == "ok"


def test_a_port_of_ours_where_nobody_listens_is_fine(settings: Settings) -> None:
    found = server_checks.check_listening(f"http://127.0.0.1:{settings.port}", settings)

    assert [finding.level for finding in found] == ["ok"]


def test_a_port_that_another_program_has_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "TIMEOUT_S", 0.2)
    with listening(settings.port):
        found = server_checks.check_listening(f"http://127.0.0.1:{settings.port}", settings)

    assert [finding.level for finding in found] == ["error"]
    assert "SLUICE_PORT" in found[0].fix


def test_a_server_that_holds_the_lock_and_does_not_answer_is_an_error() -> None:
    found = server_checks.check_running(f"http://127.0.0.1:{free_port()}", "4711")

    assert [finding.level for finding in found] == ["ok", "error"]
    assert "4711" in found[1].fix
