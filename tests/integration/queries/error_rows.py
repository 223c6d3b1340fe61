"""Rows of table `errors`, plain but for what a test names."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times
from clickhouse.tags import encode_tags
from processors.errors.sip import sip_hashes
from schemas.projects import ProjectContext

NOON_US = 1_780_002_000_000_000
"""A full hour, 21:00 in UTC."""
HOUR_US = 3_600_000_000
TEXTS = {
    "fingerprint": "one", "grouping": "v2", "level": "error", "type": "ValueError",
    "title": "ValueError: no", "culprit": "shop.cart in add", "platform": "python", "logger": "",
    "environment": "production", "release": "shop@1.0", "dist": "", "transaction": "/cart",
    "server_name": "web-1", "sdk": "sentry.python", "user_key": "ann", "trace_id": "",
    "span_id": "", "body": "{}", "log_id": "log",
}  # fmt: skip


def store_errors(
    warehouse: Warehouse, project: ProjectContext, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Stores rows; `at_us`, `received_us`, `tags`, `handled` and any text may be named."""
    warehouse.insert_now("errors", encode(error_batch(project, rows)), uuid.uuid4().hex)


def error_batch(project: ProjectContext, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
    """Returns rows as the stream has them."""
    moments = [row.get("at_us", NOON_US) for row in rows]
    arrivals = [row.get("received_us", row.get("at_us", NOON_US)) for row in rows]
    columns: dict[str, Any] = {
        name: pa.array([row.get(name, text) for row in rows], pa.string())
        for name, text in TEXTS.items()
    } | {
        "project_id": pa.array([project.project_id] * len(rows), pa.string()),
        "event_id": pa.array([row.get("event_id", uuid.uuid4().hex) for row in rows]),
        "other_fingerprints": pa.array(
            [row.get("others", []) for row in rows], pa.list_(pa.string())
        ),
        "timestamp": times(moments),
        "received_at": times(arrivals),
        "handled": pa.array([row.get("handled", True) for row in rows], pa.bool_()),
        "tags": pa.array([encode_tags(row.get("tags", {})) for row in rows], pa.binary()),
        "log_partition": pa.array([0] * len(rows), pa.uint16()),
        "log_offset": pa.array(list(range(len(rows))), pa.uint64()),
    }
    return pa.record_batch(list(columns.values()), names=list(columns))


def hash_of(fingerprint: str) -> int:
    """Returns what the store calls a fingerprint."""
    return sip_hashes([fingerprint])[0]
