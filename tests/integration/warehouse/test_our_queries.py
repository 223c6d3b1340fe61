"""What Sluice asks of its store, asked over HTTP: the suite of the query functions, once more."""

from collections.abc import Iterator

import pytest

from clickhouse.client import Warehouse
from clickhouse.migrate import migrate
from tests.integration.queries.conftest import client, project  # noqa: F401 - fixtures
from tests.integration.queries.test_analytics import *  # noqa: F403
from tests.integration.queries.test_outcomes import *  # noqa: F403
from tests.integration.queries.test_spans import *  # noqa: F403
from tests.integration.queries.test_stored import *  # noqa: F403
from tests.integration.queries.test_tags import *  # noqa: F403
from tests.integration.queries.test_traces import *  # noqa: F403
from tests.integration.warehouse.conftest import Served


@pytest.fixture(scope="package")
def warehouse(served: Served) -> Iterator[Warehouse]:
    opened = served.ours()
    migrate(opened)
    yield opened
    opened.close()
