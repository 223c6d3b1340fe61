"""What the tests of the store share."""

import pytest

from clickhouse.client import Warehouse
from clickhouse.retention import TABLES

DELETING = ("test_expiry", "test_purge", "test_retention_clock", "test_thinning")


@pytest.fixture(scope="module", autouse=True)
def without_others_rows(request: pytest.FixtureRequest) -> None:
    """Empties the shared store before a file that deletes: a deletion looks at every part."""
    if request.module.__name__.rpartition(".")[2] in DELETING:
        store: Warehouse = request.getfixturevalue("warehouse")
        for (table,) in store.query_now(TABLES, None, {}).rows:
            store.command_now(f"TRUNCATE TABLE {table} SYNC", None, {})
