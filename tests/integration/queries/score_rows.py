"""Scores in the store, as the stream writes them."""

import uuid
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.llm.score_tables import arrays_of
from clickhouse.tables import encode, times
from schemas.llm.score_rows import ScoreRow
from tests.integration.queries.rows import START_US

SECOND_US = 1_000_000


def make_score(score_id: str, at_s: int = 0, **values: Any) -> ScoreRow:
    """Returns a sending of a score, at so many seconds after `START_US`."""
    at_us = START_US + at_s * SECOND_US
    given: dict[str, Any] = {
        "item_id": f"{score_id}:{uuid.uuid4().hex[:8]}",
        "score_id": score_id,
        "timestamp_us": at_us,
        "version_us": at_us,
        "deleted": False,
        "name": "helpfulness",
        "data_type": "numeric",
        "value": 0.5,
        "text": "",
        "source": "api",
        **dict.fromkeys(("author", "environment", "trace_id", "span_id", "session_id"), ""),
        **dict.fromkeys(("user_id", "comment"), ""),
        "metadata": b"",
    }
    return ScoreRow(**given | values)


def store_scores(warehouse: Warehouse, project_id: str, rows: Sequence[ScoreRow]) -> None:
    shared = {
        "project_id": pa.array([project_id] * len(rows), pa.string()),
        "item_id": pa.array([row.item_id for row in rows], pa.string()),
        "received_at": times([row.version_us for row in rows]),
        "log_id": pa.array(["test"] * len(rows), pa.string()),
        "log_partition": pa.array([0] * len(rows), pa.uint16()),
        "log_offset": pa.array([0] * len(rows), pa.uint64()),
    }
    columns = shared | arrays_of(rows)
    block = pa.record_batch(list(columns.values()), names=list(columns))
    warehouse.insert_now("scores", encode(block), uuid.uuid4().hex)
