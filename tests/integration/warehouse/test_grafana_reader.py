"""The dashboards' queries, asked as Grafana's data source asks them: by HTTP, as a reader."""

import pytest

from tests.integration.store.test_grafana import Query, filled, queries
from tests.integration.warehouse.conftest import READER, Served


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_every_query_of_a_dashboard_runs_for_a_reader(served: Served, query: Query) -> None:
    answer = served.ask(
        filled(query.sql, None),
        user=READER,
        default_format="Native",
        max_execution_time="60",
        client_protocol_version="54454",
        database="default",
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["X-ClickHouse-Format"] == "Native"
