"""Templates of prompts in the store, as the stream writes them."""

import uuid
from collections.abc import Sequence

import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.llm.prompt_tables import template_arrays
from clickhouse.tables import encode, times
from tests.integration.queries.rows import TraceRow


def store_templates(warehouse: Warehouse, rows: Sequence[TraceRow]) -> None:
    """Stores the templates of calls that hold theirs."""
    shared = {
        "project_id": pa.array([row.project_id for row in rows], pa.string()),
        "item_id": pa.array([row.trace_id for row in rows], pa.string()),
        "received_at": times([row.received_at_us for row in rows]),
        "log_id": pa.array(["test"] * len(rows), pa.string()),
        "log_partition": pa.array([0] * len(rows), pa.uint16()),
        "log_offset": pa.array([0] * len(rows), pa.uint64()),
    }
    columns = shared | template_arrays(rows)
    block = pa.record_batch(list(columns.values()), names=list(columns))
    warehouse.insert_now("prompt_templates", encode(block), uuid.uuid4().hex)
