"""Splits the spans that Sentry's SDKs stream, as those for JavaScript do from version 11 on.

Source: https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/. Its rules, and ours:

1. An item is `{"items": [span, …]}`, with 1,000 spans at most.
2. A segment becomes a transaction without spans. Every other span becomes an item of its own,
   whether its segment comes with it, before it or long after: so it makes no difference how an SDK
   cuts a trace into items, in which order they come, and which of them come again.
3. A span that is none is counted as invalid, and its neighbours are taken.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from ingest.errors.envelope import ABSENT
from ingest.errors.item_types import COUNTED_AS, SPANS
from ingest.forms import Counted
from ingest.json_texts import check_utf8, decode_repaired
from ingest.rejections import BadItems
from schemas.errors.streamed import OPERATION, SEGMENT_NAME, StreamedSpan, decode_streamed
from schemas.issues import Issue

MAX_SPANS = 1_000
"""Of an item, as SDKs have it."""
PEOPLE = {
    "id": "user.id",
    "email": "user.email",
    "username": "user.name",
    "ip_address": "user.ip_address",
}
"""What is known of a person, and the attribute that says it."""
_encode = msgspec.json.Encoder().encode

# One field more than there may be spans, so that a million of them are counted and not held.
_Spans = msgspec.defstruct(
    "Spans", [(f"s{n}", Raw, ABSENT) for n in range(MAX_SPANS + 1)], array_like=True, frozen=True
)


class _Container(Struct, frozen=True, gc=False):
    items: _Spans  # type: ignore[valid-type]  # It is made above.


class Made(NamedTuple):
    """An item of the log: a transaction, as an SDK sent it before there were streams, or a span."""

    item_id: str
    text: bytes


class Streamed(NamedTuple):
    """What an item of spans brought."""

    transactions: list[Made]
    spans: list[Made]
    counted: list[Counted]


_decode_container = msgspec.json.Decoder(_Container).decode


def read_spans(payload: memoryview, records: int) -> Streamed:
    """Returns the transactions and the spans of an item, and counts what is neither.

    `records` is how many the item says it holds, for one that cannot be read.
    """
    try:
        body = bytes(payload)
        check_utf8(body)
        raws = _spans_in(decode_repaired(_decode_container, body))
    except (ValueError, RecursionError):
        return Streamed([], [], _counted(records))
    transactions: list[Made] = []
    spans: list[Made] = []
    for raw in raws:
        span = _span_of(raw)
        if span is None:
            continue
        if span.is_segment:
            transactions.append(Made(span.transaction_id, _transaction(span)))
        else:
            spans.append(Made(span.item_id, bytes(raw)))
    return Streamed(transactions, spans, _counted(len(raws) - len(transactions) - len(spans)))


def check_span(item: bytes) -> None:
    """Raises `BadItems` where ingest would not take this span."""
    if _span_of(Raw(item)) is None:
        rule = "Expected a span: `trace_id`, `span_id`, `start_timestamp`, `end_timestamp`"
        raise BadItems("Invalid span", details=[Issue([], rule)])


def _spans_in(container: _Container) -> list[Raw]:
    raws = [one for one in msgspec.structs.astuple(container.items) if one is not ABSENT]
    if len(raws) > MAX_SPANS:
        raise ValueError("too many spans")
    return raws


def _span_of(raw: Raw) -> StreamedSpan | None:
    try:
        return decode_streamed(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _transaction(segment: StreamedSpan) -> bytes:
    trace = {
        "trace_id": segment.trace_id,
        "span_id": segment.span_id,
        "parent_span_id": segment.parent_span_id,
        "op": segment.text(OPERATION),
        "status": segment.status,
        "data": segment.data,
    }
    name, version = segment.text("sentry.sdk.name"), segment.text("sentry.sdk.version")
    event = {
        "type": "transaction",
        "event_id": segment.transaction_id,
        "transaction": segment.text(SEGMENT_NAME) or segment.name or "",
        "start_timestamp": segment.start_timestamp,
        "timestamp": segment.end_timestamp,
        "platform": segment.text("sentry.platform") or _platform_of(name),
        "release": segment.text("sentry.release"),
        "environment": segment.text("sentry.environment"),
        "dist": segment.text("sentry.dist"),
        "server_name": segment.text("server.address"),
        "user": dict(_person_of(segment)),
        "contexts": {"trace": trace},
        "sdk": {"name": name, "version": version},
    }
    return _encode(event)


def _person_of(segment: StreamedSpan) -> Iterator[tuple[str, Any]]:
    for name, attribute in PEOPLE.items():
        if text := segment.text(attribute):
            yield name, text


def _platform_of(sdk: str) -> str:
    """Returns `python` for `sentry.python.django`."""
    return sdk.split(".")[1] if sdk.startswith("sentry.") else ""


def _counted(items: int) -> list[Counted]:
    return [Counted(COUNTED_AS[SPANS], "invalid", "bad_items", items)] if items else []
