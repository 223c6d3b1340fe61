"""Columns of feedback, check-ins and attachments as Arrow, one function a table. Pure, no I/O."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from clickhouse.tables import times
from clickhouse.tags import encode_tags
from schemas.errors.rows import AttachmentRow, CheckInRow, FeedbackRow

FEEDBACK_TEXTS = (
    "message", "name", "email", "url", "associated_event_id", "replay_id", "source", "environment",
    "release", "platform", "sdk", "user_key", "trace_id", "span_id",
)  # fmt: skip
CHECK_IN_TEXTS = (
    "check_in_id", "monitor_slug", "status", "environment", "release", "sdk", "trace_id",
)  # fmt: skip
ATTACHMENT_TEXTS = ("event_id", "name", "content_type", "type", "picture", "sha256")


def feedback_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `feedback`, from those of `FeedbackRow`."""
    values = dict(zip(FeedbackRow.__struct_fields__, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in FEEDBACK_TEXTS},
        "timestamp": times(values["timestamp_us"]),
        "tags": pa.array(map(encode_tags, values["tags"]), pa.binary()),
        "body": pa.array(values["body"], pa.binary()),
    }


def check_in_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `check_ins`, from those of `CheckInRow`."""
    values = dict(zip(CheckInRow.__struct_fields__, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in CHECK_IN_TEXTS},
        "timestamp": times(values["timestamp_us"]),
        "duration_ns": pa.array(values["duration_ns"], pa.uint64()),
        "monitor_config": pa.array(values["monitor_config"], pa.binary()),
    }


def attachment_arrays(columns: Sequence[Sequence[Any]]) -> dict[str, pa.Array]:
    """Returns the columns of table `attachments`, from those of `AttachmentRow`."""
    values = dict(zip(AttachmentRow.__struct_fields__, columns, strict=True))
    return {
        **{name: pa.array(values[name], pa.string()) for name in ATTACHMENT_TEXTS},
        "size": pa.array(values["size"], pa.uint64()),
        "body": pa.array(values["body"], pa.binary()),
    }
