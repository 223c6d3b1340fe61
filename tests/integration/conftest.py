"""One store for all integration tests: chDB, which a process can open at one path alone.

With `-m containers` it is a ClickHouse server.
"""

from collections.abc import Iterator

import pytest

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate


@pytest.fixture(scope="session")
def warehouse(clickhouse_url: str) -> Iterator[Warehouse]:
    opened = Warehouse(clickhouse_url)
    migrate(opened)
    yield opened
    opened.close()
