"""Rows of errors, transactions and logs as the stream builds them, field by field as in the tables.

Without what every table has: project, time of arrival, place in the log.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from schemas.errors.transaction import SpanPart


class ErrorRow(Struct, frozen=True, gc=False):
    """A row of table `errors`."""

    event_id: str
    fingerprint: str
    other_fingerprints: Sequence[str]
    grouping: str
    timestamp_us: int
    level: str
    type: str
    title: str
    culprit: str
    handled: bool | None
    platform: str
    logger: str
    environment: str
    release: str
    dist: str
    transaction: str
    server_name: str
    sdk: str
    user_key: str
    trace_id: str
    span_id: str
    tags: Mapping[str, str]
    body: bytes


class TransactionRow(Struct, frozen=True, gc=False):
    """A row of table `transactions`, and the spans that become rows of `transaction_spans`."""

    event_id: str
    timestamp_us: int
    duration_ns: int
    name: str
    op: str
    status: str
    failed: bool
    platform: str
    environment: str
    release: str
    dist: str
    server_name: str
    sdk: str
    user_key: str
    trace_id: str
    span_id: str
    parent_span_id: str
    spans: Sequence[SpanPart]
    tags: Mapping[str, str]
    body: bytes


class StreamedSpanRow(Struct, frozen=True, gc=False):
    """A row of table `streamed_spans`."""

    item_id: str
    event_id: str
    trace_id: str
    transaction: str
    """The name of its segment, as the span itself says."""
    span: SpanPart


class LogRow(Struct, frozen=True, gc=False):
    """A row of table `logs`."""

    record_id: str
    timestamp_us: int
    sequence: int
    observed_us: int
    severity: int
    severity_text: str
    body: str
    trace_id: str
    span_id: str
    logger: str
    environment: str
    release: str
    service: str
    server_name: str
    platform: str
    sdk: str
    user_key: str
    attributes: Mapping[str, Any]
    problems: Sequence[str]


class FeedbackRow(Struct, frozen=True, gc=False):
    """A row of table `feedback`."""

    event_id: str
    timestamp_us: int
    message: str
    name: str
    email: str
    url: str
    associated_event_id: str
    replay_id: str
    source: str
    environment: str
    release: str
    platform: str
    sdk: str
    user_key: str
    trace_id: str
    span_id: str
    tags: Mapping[str, str]
    body: bytes


class CheckInRow(Struct, frozen=True, gc=False):
    """A row of table `check_ins`."""

    update_id: str
    timestamp_us: int
    check_in_id: str
    monitor_slug: str
    status: str
    duration_ns: int | None
    environment: str
    release: str
    sdk: str
    trace_id: str
    monitor_config: bytes


class AttachmentRow(Struct, frozen=True, gc=False):
    """A row of table `attachments`."""

    attachment_id: str
    event_id: str
    name: str
    content_type: str
    type: str
    picture: str
    size: int
    sha256: str
    body: bytes
