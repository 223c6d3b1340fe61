"""Columns of scores as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import times
from schemas.llm.score_rows import ScoreRow

TEXTS = (
    "score_id", "name", "data_type", "text", "source", "author", "environment", "trace_id",
    "span_id", "session_id", "user_id", "comment",
)  # fmt: skip


def score_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `scores`, from those of `ScoreRow`."""
    values = dict(zip(ScoreRow.__struct_fields__, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in TEXTS},
        "timestamp": times(values["timestamp_us"]),
        "version": times(values["version_us"]),
        "deleted": pa.array(values["deleted"], pa.bool_()),
        "value": pa.array(values["value"], pa.float64()),
        "metadata": pa.array(values["metadata"], pa.binary()),
    }


def arrays_of(rows: Sequence[ScoreRow]) -> dict[str, pa.Array]:
    """Returns the same of rows, of which there may be none."""
    fields = ScoreRow.__struct_fields__
    return score_arrays([[getattr(row, name) for row in rows] for name in fields])
