"""One chDB for all integration tests: a process can open one path alone."""

from collections.abc import Iterator

import pytest

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate


@pytest.fixture(scope="session")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse(f"chdb://{tmp_path_factory.mktemp('chdb')}")
    migrate(opened)
    yield opened
    opened.close()
