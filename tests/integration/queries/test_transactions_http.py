"""`GET /transactions`, `/transactions/spans` and `/transactions/{id}` over HTTP."""

import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.testing import TestClient

from api.app import exception_handlers
from api.errors.performance import performance_body
from api.errors.transactions import HANDLERS
from clickhouse.client import Warehouse
from clickhouse.errors.transaction_filters import TransactionFilter
from schemas.projects import ProjectContext
from tests.integration.queries.rows import START_US
from tests.integration.queries.transaction_rows import (
    MS,
    Span,
    Transaction,
    store_spans,
    store_streamed,
    store_transactions,
)

Client = TestClient[Litestar]
RANGE = "date_from=2025-06-01T00:00:00Z&date_to=2025-06-01T00:59:59.999Z"
HOSTILE = "\"><script>'; DROP TABLE transactions --\\"


@pytest.fixture
def client(warehouse: Warehouse, project: ProjectContext) -> Iterator[Client]:
    app = Litestar(
        list(HANDLERS),
        dependencies={"project": Provide(lambda: project, sync_to_thread=False)},
        state=State({"warehouse": warehouse}),
        exception_handlers=exception_handlers(),
    )
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/transactions?by=beauty", "by"),
        ("/transactions?limit=0", "limit"),
        ("/transactions?cursor=x_y", "cursor"),
        ("/transactions?cursor=1.0_99999999999999999999", "cursor"),
        ("/transactions?date_from=2020-01-01&date_to=2026-01-01", "date_from"),
        (f"/transactions?q={'x' * 201}", "q"),
        ("/transactions/spans?by=apdex", "by"),
    ],
)
def test_a_bad_parameter_is_rejected_with_its_name(client: Client, path: str, name: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 400
    assert answer.json()["details"][0]["path"] == [name]


def test_groups_come_in_pages_with_totals(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    store_transactions(
        warehouse,
        [
            _transaction(project, "1", name="/a", duration_ns=200 * MS),
            _transaction(project, "2", name="/a", duration_ns=400 * MS, failed=True),
            _transaction(project, "3", name=HOSTILE, op="x", duration_ns=100 * MS),
        ],
    )

    first = client.get(f"/transactions?{RANGE}&limit=1").json()
    second = client.get(f"/transactions?{RANGE}&limit=1&cursor={first['cursor']}").json()
    narrowed = client.get(f"/transactions?{RANGE}&name={quote(HOSTILE)}").json()

    assert [one["name"] for one in first["transactions"]] == ["/a"]
    one = first["transactions"][0]
    assert (one["count"], one["failed"], one["failureRate"]) == (2, 1, 50)
    assert (one["apdex"], one["avg"], one["totalMs"]) == (0.5, 300, 600)
    assert one["throughputPerMinute"] == pytest.approx(2 / 60)
    assert one["p50"] == pytest.approx(300, rel=0.011)
    assert (first["groups"], first["totals"]["count"]) == (2, 3)
    assert [one["name"] for one in second["transactions"]] == [HOSTILE]
    assert second["cursor"] is None
    assert [one["op"] for one in narrowed["transactions"]] == ["x"]


def test_one_transaction_comes_with_spans_patterns_and_what_its_trace_has(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    one = _transaction(project, "a", trace_id="c" * 32, body=b'{"tags":{"a":"b"}}', spans=5)
    store_transactions(warehouse, [one, _transaction(project, "b", trace_id="c" * 32)])
    store_spans(
        warehouse,
        [
            Span(
                project_id=one.project_id,
                event_id=one.event_id,
                timestamp_us=one.timestamp_us,
                transaction=one.name,
                span_id=str(n),
                description=f"SELECT {n}",
                data=b'{"db.system":"sqlite"}',
            )
            for n in range(5)
        ],
    )

    found = client.get(f"/transactions/{one.event_id}").json()
    sorts = client.get(f"/transactions/spans?{RANGE}&span_op=db").json()

    assert [span["description"] for span in found["spans"]] == [f"SELECT {n}" for n in range(5)]
    assert found["spans"][0]["data"] == {"db.system": "sqlite"}
    assert found["details"] == {"tags": {"a": "b"}}
    assert [(one["description"], one["count"]) for one in found["repeated"]] == [("SELECT ?", 5)]
    assert [(one["kind"], one["id"]) for one in found["links"]] == [("transaction", "b" * 32)]
    assert [(one["description"], one["count"]) for one in sorts["spans"]] == [("SELECT ?", 5)]
    assert (sorts["total"], sorts["lookedAt"], sorts["isCut"]) == (1, 5, False)


def test_one_that_has_not_come_is_answered_by_its_spans(
    client: Client, warehouse: Warehouse, project: ProjectContext
) -> None:
    span = {"event_id": "a" * 32, "timestamp_us": START_US, "transaction": HOSTILE}
    parts = [
        Span(project_id=project.project_id, span_id=f"{n}", data=b'{"n":1}', **span)  # type: ignore[arg-type]
        for n in range(5)
    ]
    store_streamed(warehouse, parts, trace_id="t" * 32)

    found = client.get(f"/transactions/{'a' * 32}").json()
    groups = client.get(f"/transactions?{RANGE}").json()
    (sort,) = client.get(f"/transactions/spans?{RANGE}").json()["spans"]

    assert (found["name"], found["status"], found["failed"]) == (HOSTILE, "unknown", False)
    assert (found["traceId"], found["durationMs"], found["spanCount"]) == ("t" * 32, 1, 5)
    assert found["details"] is None
    assert [(one["spanId"], one["data"]) for one in found["spans"]] == [
        (f"{n}", {"n": 1}) for n in range(5)
    ]
    assert [one["count"] for one in found["repeated"]] == [5]
    assert groups["transactions"] == []
    assert (sort["count"], sort["slowestTransaction"]) == (5, "a" * 32)


def test_what_is_not_there_is_not_found(client: Client) -> None:
    answer = client.get(f"/transactions/{'0' * 32}")

    assert (answer.status_code, answer.json()) == (404, {"error": "Transaction not found"})


async def test_the_agents_answer_has_figures_and_the_newest(
    warehouse: Warehouse, project: ProjectContext
) -> None:
    now_us = time.time_ns() // 1000
    store_transactions(
        warehouse,
        [_transaction(project, str(n), timestamp_us=now_us - n) for n in range(3)],
    )
    wanted = TransactionFilter(from_us=now_us - 60_000_000, to_us=now_us)

    body = await performance_body(warehouse, project, wanted)

    assert body.stats.count == 3
    assert [line.id for line in body.transactions] == [n * 32 for n in "012"]


def _transaction(project: ProjectContext, digit: str, **fields: object) -> Transaction:
    given: dict[str, object] = {"timestamp_us": START_US, **fields}
    return Transaction(project_id=project.project_id, event_id=digit * 32, **given)  # type: ignore[arg-type]
