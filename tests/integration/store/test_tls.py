"""The store at https://…, with certificates of an authority that only its people know."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from clickhouse.client import Warehouse
from clickhouse.failures import AccessRefused, WarehouseUnavailable
from clickhouse.migrate import migrate
from schemas.settings import Settings
from sluice.cluster import open_warehouse
from sluice.paths import paths_of
from sluice.patience import START_PATIENCE_S
from tests.components import forks
from tests.integration.queries.rows import encode_traces, make_trace
from tests.integration.store.certificates import Authority, Signed, tls_proxy
from tests.integration.warehouse.conftest import WRITER, Served

PASSWORD = "write%3Apass%2Cword"
BLOCK = encode_traces([make_trace("p", f"t{number}") for number in range(50)])


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(authority: Authority) -> Signed:
    return authority.sign("server")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("store"))
    served.start()
    yield served
    served.kill_if_running()


@pytest.fixture(scope="module")
def proxy(store: Served, server: Signed) -> Iterator[int]:
    """The port of the store's TLS listener: not 8443, which the client would know by itself."""
    with tls_proxy(server, store.port) as port:
        yield port


def address(port: int, database: str = "default", password: str = PASSWORD) -> str:
    return f"https://{WRITER[0]}:{password}@127.0.0.1:{port}/{database}"


def opened(url: str, **files: Path) -> Warehouse:
    names = {name: str(path) for name, path in files.items()}
    return Warehouse(paths_of(Settings(warehouse_url=url, **names)).warehouse_url)


def run_migrate(tmp_path: Path, url: str, **more: str) -> subprocess.CompletedProcess[str]:
    secret = tmp_path / "warehouse_url"
    secret.write_text(f"{url}\n")
    mine = {"SLUICE_WAREHOUSE_URL_FILE": str(secret), "SLUICE_DATA_DIR": str(tmp_path / "data")}
    return forks.run(["migrate"], env=os.environ | mine | more)


class TestRefused:
    def test_a_server_of_an_unknown_authority_is_refused_and_gets_nothing(self, proxy: int) -> None:
        with closing(opened(address(proxy))) as ours:
            with pytest.raises(AccessRefused, match="certificate verify failed"):
                ours.insert_now("traces", BLOCK, "unseen")
            with pytest.raises(AccessRefused, match="is not trusted"):
                ours.query_now("SELECT 1", None, {})

    def test_a_command_says_so_in_one_line(self, proxy: int, tmp_path: Path) -> None:
        ran = run_migrate(tmp_path, address(proxy))

        assert ran.returncode == 1
        (line,) = ran.stderr.splitlines()
        assert "the server's certificate is not trusted" in line
        assert PASSWORD not in line

    async def test_a_start_does_not_wait_for_it_to_be_trusted(self, proxy: int) -> None:
        async with asyncio.timeout(START_PATIENCE_S / 2):
            with pytest.raises(AccessRefused):
                await open_warehouse(
                    paths_of(Settings(warehouse_url=address(proxy))).warehouse_url, readers=1
                )

    async def test_a_wrong_password_is_not_taken_for_a_store_without_tables(
        self, proxy: int, authority: Authority
    ) -> None:
        settings = Settings(
            warehouse_url=address(proxy, password="wrong"), warehouse_ca_file=str(authority.file)
        )

        async with asyncio.timeout(START_PATIENCE_S / 2):
            with pytest.raises(AccessRefused, match="516"):
                await open_warehouse(paths_of(settings).warehouse_url, readers=1)

    def test_a_store_that_wants_certificates_refuses_those_who_have_none(
        self, store: Served, authority: Authority, server: Signed
    ) -> None:
        with (
            tls_proxy(server, store.port, clients_of=authority.file) as port,
            closing(opened(address(port), warehouse_ca_file=authority.file)) as ours,
            pytest.raises(WarehouseUnavailable),
        ):
            ours.query_now("SELECT 1", None, {})


class TestLetIn:
    def test_a_store_is_migrated_written_and_read_over_tls(
        self, store: Served, proxy: int, authority: Authority, tmp_path: Path
    ) -> None:
        # Those that feed others first.
        tables = store.value("SHOW TABLES").split()
        for table in sorted(tables, key=lambda name: not name.endswith("_feed")):
            assert store.ask(f"DROP TABLE {table} SYNC").status_code == 200

        ran = run_migrate(tmp_path, address(proxy), SLUICE_WAREHOUSE_CA_FILE=str(authority.file))

        assert ran.returncode == 0, ran.stderr
        with closing(opened(address(proxy), warehouse_ca_file=authority.file)) as ours:
            assert migrate(ours) == []
            ours.insert_now("traces", BLOCK, "one")
            assert ours.query_now("SELECT count() FROM traces", None, {}).rows[0][0] == 50
        assert store.value("SELECT count() FROM traces") == "50"

    @pytest.mark.parametrize(
        "separate", [True, False], ids=["key separate", "key in the same file"]
    )
    def test_a_store_that_wants_certificates_lets_in_who_shows_one(
        self, store: Served, authority: Authority, server: Signed, tmp_path: Path, separate: bool
    ) -> None:
        mine = authority.sign("worker")
        files = {"warehouse_cert_file": mine.cert, "warehouse_key_file": mine.key}
        if not separate:
            both = tmp_path / "both.pem"
            both.write_bytes(mine.key.read_bytes() + mine.cert.read_bytes())
            files = {"warehouse_cert_file": both}

        with (
            tls_proxy(server, store.port, clients_of=authority.file) as port,
            closing(opened(address(port), warehouse_ca_file=authority.file, **files)) as ours,
        ):
            assert ours.query_now("SELECT 1", None, {}).rows[0][0] == 1
