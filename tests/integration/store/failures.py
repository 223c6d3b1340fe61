"""Errors and transactions for the dashboard of them: three days of each, in one project."""

import random
from typing import Any

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext, ProjectId
from tests.integration.queries.error_rows import store_errors
from tests.integration.queries.rows import DAY_US, START_US
from tests.integration.queries.transaction_rows import (
    Span,
    Transaction,
    random_transactions,
    store_spans,
    store_streamed,
    store_transactions,
)

TITLE = 'KeyError: "it\'s" \\ gone'
"""Of the newest event of each fingerprint."""
OLD = "old"
"""The fingerprint that was there before the three days."""


def store_failures(warehouse: Warehouse, project_id: str) -> list[Transaction]:
    """Stores them; returns the transactions, of which each fourth has a span or a streamed one."""
    chance = random.Random(11)
    project = ProjectContext(ProjectId(project_id))
    moments = [chance.randrange(3 * DAY_US) for _ in range(150)]
    rows: list[dict[str, Any]] = [
        {
            "at_us": START_US + moment,
            "fingerprint": (OLD, "one", "two")[number % 3],
            "level": ("error", "fatal")[number % 2],
            "environment": ("production", "staging")[number % 5 == 0],
            "release": ("shop@1.0", "shop@2.0", "")[number % 3],
            "user_key": ("", "ann", "bob", "eve")[number % 4],
            "handled": number % 6 != 0,
            "title": TITLE if number >= 147 else f"older {number}",
        }
        for number, moment in enumerate(sorted(moments))
    ]
    rows.append({"at_us": START_US - DAY_US, "fingerprint": OLD})
    store_errors(warehouse, project, rows)
    transactions = random_transactions(project_id, 12, 300)
    store_transactions(warehouse, transactions)
    spans = [_span(one, number) for number, one in enumerate(transactions[::4])]
    store_spans(warehouse, spans[::3])
    store_streamed(warehouse, [*spans[1::3], *spans[2::3]])
    return transactions


def _span(of: Transaction, number: int) -> Span:
    return Span(
        project_id=of.project_id,
        event_id=of.event_id,
        timestamp_us=of.timestamp_us,
        transaction=of.name,
        span_id=f"{number:016x}",
        op=("db.query", "http.client")[number % 2],
        duration_ns=(number + 1) * 1_000_000,
    )
