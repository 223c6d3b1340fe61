"""Columns of errors, transactions, their spans and logs as Arrow, one function a table. Pure."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from clickhouse.log_attributes import encode_attributes
from clickhouse.tables import times
from clickhouse.tags import encode_tags
from schemas.errors.rows import ErrorRow, LogRow, StreamedSpanRow, TransactionRow
from schemas.errors.transaction import SpanPart

ERROR_TEXTS = (
    "fingerprint", "grouping", "level", "type", "title", "culprit", "platform", "logger",
    "environment", "release", "dist", "transaction", "server_name", "sdk", "user_key", "trace_id",
    "span_id",
)  # fmt: skip
TRANSACTION_TEXTS = (
    "name", "op", "status", "platform", "environment", "release", "dist", "server_name", "sdk",
    "user_key", "trace_id", "span_id", "parent_span_id",
)  # fmt: skip
LOG_TEXTS = (
    "severity_text", "body", "trace_id", "span_id", "logger", "environment", "release", "service",
    "server_name", "platform", "sdk", "user_key",
)  # fmt: skip
STREAMED_TEXTS = ("event_id", "trace_id", "transaction")
SPAN_TEXTS = ("span_id", "parent_span_id", "op", "description", "status")

Values = Mapping[str, Sequence[Any]]


def error_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `errors`, from those of `ErrorRow`."""
    values = dict(zip(ErrorRow.__struct_fields__, columns, strict=True))
    others = pa.array(values["other_fingerprints"], pa.list_(pa.string()))
    return (
        _texts(values, ERROR_TEXTS)
        | {"other_fingerprints": others, "handled": pa.array(values["handled"], pa.bool_())}
        | _shared(values)
    )


def transaction_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `transactions`, from those of `TransactionRow`."""
    values = dict(zip(TransactionRow.__struct_fields__, columns, strict=True))
    counts = [len(spans) for spans in values["spans"]]
    arrays = {
        "duration_ns": pa.array(values["duration_ns"], pa.uint64()),
        "failed": pa.array(values["failed"], pa.bool_()),
        "spans": pa.array(counts, pa.uint32()),
    }
    return _texts(values, TRANSACTION_TEXTS) | arrays | _shared(values)


def transaction_span_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `transaction_spans`, from those of `TransactionRow`."""
    of_rows = dict(zip(TransactionRow.__struct_fields__, columns, strict=True))
    spans: list[SpanPart] = list(chain.from_iterable(of_rows["spans"]))
    owners = span_owners(columns)
    moments = np.array(of_rows["timestamp_us"], np.int64)[owners]
    names = pa.array(of_rows["name"], pa.string()).take(pa.array(owners))
    return _parts(spans) | {
        "timestamp": times(moments),
        "transaction": names,
        "started": times([one.started_us for one in spans]),
    }


def streamed_span_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `streamed_spans`, from those of `StreamedSpanRow`."""
    values = dict(zip(StreamedSpanRow.__struct_fields__, columns, strict=True))
    return _texts(values, STREAMED_TEXTS) | {
        **_parts(values["span"]),
        "timestamp": times([one.started_us for one in values["span"]]),
    }


def log_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `logs`, from those of `LogRow`."""
    values = dict(zip(LogRow.__struct_fields__, columns, strict=True))
    return _texts(values, LOG_TEXTS) | {
        "timestamp": times(values["timestamp_us"]),
        "observed_at": times(values["observed_us"]),
        "sequence": pa.array(values["sequence"], pa.uint32()),
        "severity": pa.array(values["severity"], pa.uint8()),
        "attributes": pa.array(map(encode_attributes, values["attributes"]), pa.binary()),
        "problems": pa.array(values["problems"], pa.list_(pa.string())),
    }


def span_owners(columns: Sequence[Sequence[Any]]) -> Any:
    """Returns the number of the transaction that each span belongs to."""
    counts = [len(spans) for spans in columns[TransactionRow.__struct_fields__.index("spans")]]
    return np.repeat(np.arange(len(counts)), counts)


def _parts(spans: Sequence[SpanPart]) -> dict[str, pa.Array]:
    values = {name: [getattr(one, name) for one in spans] for name in SPAN_TEXTS}
    return _texts(values, SPAN_TEXTS) | {
        "duration_ns": pa.array([one.duration_ns for one in spans], pa.uint64()),
        "data": pa.array([bytes(one.data) for one in spans], pa.binary()),
    }


def _texts(values: Values, names: Sequence[str]) -> dict[str, pa.Array]:
    return {name: pa.array(values[name], pa.string()) for name in names}


def _shared(values: Values) -> dict[str, pa.Array]:
    return {
        "timestamp": times(values["timestamp_us"]),
        "tags": pa.array(map(encode_tags, values["tags"]), pa.binary()),
        "body": pa.array(values["body"], pa.binary()),
    }
