"""Transactions of Open Sentry's `/v1/ingest`: contract 3.a.2.

Its `timestamp` counts as the begin. Its spans have no begin of their own: they get the
transaction's.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from processors.errors.open_sentry_event import timestamp_of
from processors.errors.parts import (
    Problems,
    decode_any,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    note,
    text_of,
)
from processors.errors.statuses import status_of
from schemas.errors.event import EMPTY
from schemas.errors.sent import Head
from schemas.errors.transaction import MAX_SPANS, SpanPart, TransactionEvent

MAX_DURATION_MS = 1e12
"""Thirty years: whatever is longer is a mistake of its sender."""


class SentOpen(Struct, gc=False):
    """A transaction as it came."""

    name: Any = None
    traceId: Any = None  # noqa: N815 - the wire's name
    durationMs: Any = None  # noqa: N815 - the wire's name
    status: Any = None
    spans: Raw = EMPTY
    environment: Any = None
    release: Any = None
    timestamp: Any = None


decode_open = msgspec.json.Decoder(SentOpen).decode


def read_open_sentry_transaction(
    item: bytes, head: Head, *, item_id: str, received_at_us: int
) -> TransactionEvent:
    """Reads a transaction. Raises `Unfit` for its `timestamp`."""
    sent = decode_open(item)
    problems: Problems = []
    started_us = timestamp_of(sent.timestamp, received_at_us)
    values = [] if is_absent(sent.spans) else list_of(decode_any(sent.spans), "spans", problems)
    sdk_name, _, sdk_version = head.sdk.partition(" ")
    return TransactionEvent(
        event_id=item_id,
        started_us=started_us,
        duration_ns=duration_ns(sent.durationMs, problems),
        name=text_of(sent.name, "name", problems),
        status="ok" if sent.status is None else status_of(sent.status, problems),
        release=text_of(sent.release, "release", problems),
        environment=text_of(sent.environment, "environment", problems) or head.environment,
        sdk_name=sdk_name,
        sdk_version=sdk_version,
        trace_id=text_of(sent.traceId, "traceId", problems),
        spans=tuple([_span(one, started_us, problems) for one in values[:MAX_SPANS]]),
        spans_left_out=max(len(values) - MAX_SPANS, 0),
        problems=tuple(problems),
    )


def duration_ns(value: object, problems: Problems) -> int:
    """Returns milliseconds as nanoseconds; 0 for what is no duration."""
    number = -1 if isinstance(value, bool) or not isinstance(value, int | float) else value
    if 0 <= number <= MAX_DURATION_MS:
        return round(number * 1_000_000)
    note(problems, "durationMs: not a duration, 0 is used")
    return 0


def _span(value: object, started_us: int, problems: Problems) -> SpanPart:
    span = mapping_of(value, "span", problems)
    return SpanPart(
        text_of(span.get("spanId"), "span.spanId", problems),
        text_of(span.get("parentSpanId"), "span.parentSpanId", problems),
        text_of(span.get("op"), "span.op", problems),
        lenient_text(span.get("description"), "span.description", problems) or "",
        started_us=started_us,
        duration_ns=duration_ns(span.get("durationMs"), problems),
    )
