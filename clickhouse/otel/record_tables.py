"""Columns of log records and metrics of OpenTelemetry as Arrow. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.errors.tables import log_arrays
from clickhouse.log_attributes import encode_attributes
from clickhouse.otel.tables import HASH
from clickhouse.tables import TIME, times
from schemas.errors.rows import LogRow
from schemas.otel.record_rows import MetricRow, PointRow, ToldLog

METRIC_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("name", "description", "unit", "kind", "temporality", "service", "environment"),
            *("host", "library"),
        ),
        pa.string(),
    ),
    "is_monotonic": pa.bool_(),
    "points": pa.uint32(),
}
POINT_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("name", "unit", "kind", "temporality", "service", "environment", "measure"),
            *("series", "session_id", "user_id", "model", "type"),
        ),
        pa.string(),
    ),
    "number": pa.uint32(),
    "is_monotonic": pa.bool_(),
    **dict.fromkeys(("value", "sum", "min", "max", "zero_threshold"), pa.float64()),
    "whole": pa.int64(),
    **dict.fromkeys(("count", "zero_count"), pa.uint64()),
    **dict.fromkeys(("bounds", "quantiles", "quantile_values"), pa.list_(pa.float64())),
    **dict.fromkeys(("counts", "positive_counts", "negative_counts"), pa.list_(pa.uint64())),
    **dict.fromkeys(("scale", "positive_offset", "negative_offset"), pa.int32()),
    "flags": pa.uint32(),
    "exemplar_values": pa.list_(pa.float64()),
    **dict.fromkeys(("exemplar_trace_ids", "exemplar_span_ids"), pa.list_(pa.string())),
    "exemplar_attributes": pa.list_(pa.binary()),
}


def told_log_arrays(rows: Sequence[ToldLog]) -> dict[str, pa.Array]:
    """Returns the columns of table `logs`, the item's id left out."""
    names = LogRow.__struct_fields__
    arrays = log_arrays([[getattr(one.log, name) for one in rows] for name in names])
    return {
        **{name: array for name, array in arrays.items() if name != "record_id"},
        "convention": pa.array([one.convention for one in rows], pa.string()),
        **{
            name: pa.array([getattr(one, name) for one in rows], pa.list_(HASH))
            for name in ("input_messages", "output_messages")
        },
    }


def metric_arrays(rows: Sequence[MetricRow]) -> dict[str, pa.Array]:
    """Returns the columns of table `otel_metrics`."""
    return _arrays(rows, METRIC_COLUMNS) | {
        "timestamp": times([one.timestamp_us for one in rows]),
        "resource": pa.array([encode_attributes(one.resource) for one in rows], pa.binary()),
    }


def point_arrays(rows: Sequence[PointRow]) -> dict[str, pa.Array]:
    """Returns the columns of table `otel_points`."""
    moments = pa.array([one.exemplar_times_us for one in rows], pa.list_(pa.int64()))
    return _arrays(rows, POINT_COLUMNS) | {
        "timestamp": times([one.timestamp_us for one in rows]),
        "started": times([one.started_us for one in rows]),
        "exemplar_times": moments.cast(pa.list_(TIME)),
        "attributes": pa.array([encode_attributes(one.attributes) for one in rows], pa.binary()),
    }


def _arrays(rows: Sequence[Any], columns: dict[str, Any]) -> dict[str, pa.Array]:
    return {
        name: pa.array([getattr(one, name) for one in rows], sort) for name, sort in columns.items()
    }
