"""Transactions and their spans as the stream stores them, made up."""

import random
import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times
from clickhouse.tags import encode_tags
from tests.integration.queries.rows import DAY_US, HOUR_US, START_US

MS = 1_000_000
NAMES = (
    ("/api/orders/{id}", "http.server", 120),
    ("/api/orders", "http.server", 420),
    ("/checkout", "http.server", 900),
    ("send_mail", "queue.task", 1500),
)


class Transaction(Struct, kw_only=True):
    """A row of `transactions`."""

    project_id: str
    event_id: str
    timestamp_us: int = START_US
    received_at_us: int = 0
    duration_ns: int = 250 * MS
    name: str = "/checkout"
    op: str = "http.server"
    status: str = "ok"
    failed: bool = False
    platform: str = "python"
    environment: str = "production"
    release: str = "shop@1.0.0"
    dist: str = ""
    server_name: str = "web-1"
    sdk: str = "sentry.python 2.66.0"
    user_key: str = ""
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    spans: int = 0
    tags: dict[str, str] = {}
    body: bytes = b""


class Span(Struct, kw_only=True):
    """A row of `transaction_spans`."""

    project_id: str
    event_id: str
    timestamp_us: int
    transaction: str
    span_id: str
    parent_span_id: str = ""
    op: str = "db"
    description: str = "SELECT 1"
    status: str = "ok"
    started_us: int = 0
    duration_ns: int = MS
    data: bytes = b""


def store_transactions(warehouse: Warehouse, rows: Sequence[Transaction]) -> None:
    """Inserts rows of `transactions`; the view feeds the rollup."""
    texts = (
        *("project_id", "event_id", "name", "op", "status", "platform", "environment", "release"),
        *("dist", "server_name", "sdk", "user_key", "trace_id", "span_id", "parent_span_id"),
    )
    columns = _texts(rows, texts) | _shared(rows, [r.received_at_us or START_US for r in rows])
    columns |= {
        "duration_ns": pa.array([row.duration_ns for row in rows], pa.uint64()),
        "failed": pa.array([row.failed for row in rows], pa.bool_()),
        "spans": pa.array([row.spans for row in rows], pa.uint32()),
        "tags": pa.array([encode_tags(row.tags) for row in rows], pa.binary()),
        "body": pa.array([row.body for row in rows], pa.binary()),
    }
    _insert(warehouse, "transactions", columns)


def store_spans(warehouse: Warehouse, rows: Sequence[Span]) -> None:
    """Inserts rows of `transaction_spans`."""
    columns = _span_columns(rows)
    columns["started"] = times([row.started_us or row.timestamp_us for row in rows])
    _insert(warehouse, "transaction_spans", columns)


def store_streamed(warehouse: Warehouse, rows: Sequence[Span], *, trace_id: str = "") -> None:
    """Inserts rows of `streamed_spans`, each begun at its `timestamp_us`; the view feeds sums."""
    columns = _span_columns(rows)
    ids = [f"{row.event_id} {row.span_id}" for row in rows]
    columns |= {"item_id": pa.array(ids), "trace_id": pa.array([trace_id] * len(rows), pa.string())}
    _insert(warehouse, "streamed_spans", columns)


def _span_columns(rows: Sequence[Span]) -> dict[str, pa.Array]:
    texts = (
        *("project_id", "event_id", "transaction", "span_id", "parent_span_id", "op"),
        *("description", "status"),
    )
    return {
        **_texts(rows, texts),
        **_shared(rows, [START_US] * len(rows)),
        "duration_ns": pa.array([row.duration_ns for row in rows], pa.uint64()),
        "data": pa.array([row.data for row in rows], pa.binary()),
    }


def random_transactions(
    project_id: str, seed: int, count: int, *, days: int = 3
) -> list[Transaction]:
    """Returns transactions of some names, releases and environments, spread over some days."""
    chance = random.Random(seed)
    rows = []
    for _ in range(count):
        name, op, usual_ms = chance.choice(NAMES)
        moment = START_US + chance.randrange(days * DAY_US)
        status = chance.choices(("ok", "internal_error", "cancelled"), (90, 8, 2))[0]
        rows.append(
            Transaction(
                project_id=project_id,
                event_id=chance.randbytes(16).hex(),
                timestamp_us=moment,
                received_at_us=moment + chance.randrange(HOUR_US),
                duration_ns=round(usual_ms * chance.lognormvariate(0, 0.7) * MS),
                name=name,
                op=op,
                status=status,
                failed=status == "internal_error",
                environment=chance.choice(("production", "staging", "")),
                release=f"shop@1.{(moment - START_US) // DAY_US}.0",
                user_key=chance.choice(("", "ann", "bob")),
            )
        )
    return rows


def _texts(rows: Sequence[Any], names: Sequence[str]) -> dict[str, pa.Array]:
    return {name: pa.array([getattr(row, name) for row in rows], pa.string()) for name in names}


def _shared(rows: Sequence[Any], received: Sequence[int]) -> dict[str, pa.Array]:
    return {
        "timestamp": times([row.timestamp_us for row in rows]),
        "received_at": times(received),
        "log_id": pa.array(["log"] * len(rows), pa.string()),
        "log_partition": pa.array([0] * len(rows), pa.uint16()),
        "log_offset": pa.array(range(len(rows)), pa.uint64()),
    }


def _insert(warehouse: Warehouse, table: str, columns: dict[str, pa.Array]) -> None:
    if len(next(iter(columns.values()))):
        batch = pa.record_batch(list(columns.values()), names=list(columns))
        warehouse.insert_now(table, encode(batch), uuid.uuid4().hex)
