"""Columns of table `session_updates` as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import times
from schemas.errors.session import COUNTED, SessionRow

TEXTS = ("session_id", "status", "release", "environment", "sdk")


def session_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns, from those of `SessionRow`."""
    values = dict(zip(SessionRow.__struct_fields__, columns, strict=True))
    return (
        {name: pa.array(values[name], pa.string()) for name in TEXTS}
        | {name: pa.array(values[name], pa.uint32()) for name in COUNTED}
        | {name: pa.array(values[name], pa.uint64()) for name in ("seq", "person")}
        | {
            "started": times(values["started_us"]),
            "timestamp": times(values["timestamp_us"]),
            "has_errors": pa.array(values["has_errors"], pa.bool_()),
            "duration_s": pa.array(values["duration_s"], pa.float64()),
        }
    )
