"""Transactions of either protocol, with their spans."""

from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Raw, Struct

from processors.errors.around import contexts_of, origin_of, sdk_of
from processors.errors.frames import Name
from processors.errors.moments import moment_us, settle
from processors.errors.parts import (
    MAX_TEXT,
    Problems,
    decode_any,
    encode_any,
    is_absent,
    lenient_text,
    list_of,
    mapping_of,
    note,
    object_of,
    small_object_of,
    text_of,
)
from processors.errors.people import person_of
from processors.errors.requests import asked_of
from processors.errors.statuses import status_of
from processors.errors.tags import tags_of
from schemas.errors.event import EMPTY
from schemas.errors.sent import Head
from schemas.errors.transaction import MAX_SPANS, SpanPart, TransactionEvent

MAX_MEASUREMENTS = 100
Text = Annotated[str, Meta(max_length=MAX_TEXT)]


class SentTransaction(Struct, gc=False):
    """A transaction as it came: texts may be anything, and the rest is decoded part by part."""

    timestamp: Any = None
    start_timestamp: Any = None
    transaction: Any = None
    platform: Any = None
    release: Any = None
    dist: Any = None
    environment: Any = None
    server_name: Any = None
    measurements: Any = None
    spans: Raw = EMPTY
    tags: Raw = EMPTY
    user: Raw = EMPTY
    request: Raw = EMPTY
    contexts: Raw = EMPTY
    extra: Raw = EMPTY
    sdk: Raw = EMPTY


class SentSpan(Struct, gc=False):
    """A span as the protocol has it, within our bounds."""

    span_id: Name
    start_timestamp: datetime | float
    timestamp: datetime | float
    parent_span_id: Name | None = None
    op: Name | None = None
    description: Text | None = None
    status: Name | None = None
    data: Raw = EMPTY
    tags: Raw = EMPTY


class Lasting(NamedTuple):
    """When something began, and how long it took."""

    started_us: int
    duration_ns: int


class Spans(NamedTuple):
    """The spans of a transaction, and how many were left out."""

    parts: tuple[SpanPart, ...]
    left_out: int


decode_transaction = msgspec.json.Decoder(SentTransaction).decode
_spans = msgspec.json.Decoder(list[SentSpan])


def read_sentry_transaction(
    item: bytes, head: Head, *, item_id: str, received_at_us: int
) -> TransactionEvent:
    """Reads a transaction. Raises what msgspec does where the item is no JSON object."""
    sent = decode_transaction(item)
    problems: Problems = []
    moment = settle(sent.timestamp, head.sent_at, received_at_us, problems)
    tags = tags_of(sent.tags, problems)
    contexts = contexts_of(sent.contexts, problems)
    trace = contexts.trace
    # By position: naming so many fields takes 3 us.
    return TransactionEvent(
        item_id,
        *_lasting(sent.start_timestamp, moment.at_us, moment.shift_us, problems),
        text_of(sent.transaction, "transaction", problems),
        text_of(trace.op, "contexts.trace.op", problems),
        status_of(trace.status, problems),
        text_of(sent.platform, "platform", problems),
        *origin_of(sent, tags, head, problems),
        *sdk_of(sent.sdk, head, problems),
        contexts.trace_id,
        contexts.span_id,
        text_of(trace.parent_span_id, "contexts.trace", problems),
        person_of(sent.user, head.client_ip, problems),
        asked_of(sent.request, problems),
        tags,
        contexts.raw,
        object_of(sent.extra, "extra", problems),
        _measurements(sent.measurements, problems),
        *spans_of(sent.spans, moment.shift_us, problems),
        tuple(problems),
    )


def _lasting(start: object, end_us: int, shift_us: int, problems: Problems) -> Lasting:
    """Returns begin and duration; without a readable begin, it took no time that we know."""
    began = moment_us(start)
    if began is None:
        note(problems, "start_timestamp: cannot be read, the end is used")
        return Lasting(end_us, 0)
    if began + shift_us > end_us:
        note(problems, "start_timestamp: after the end, which is used")
        return Lasting(end_us, 0)
    return Lasting(began + shift_us, (end_us - began - shift_us) * 1_000)


def _measurements(value: object, problems: Problems) -> dict[str, Any]:
    measured = mapping_of(value, "measurements", problems)
    found: dict[str, Any] = {}
    for name, one in measured.items():
        number = one.get("value") if isinstance(one, dict) else None
        if not isinstance(number, int | float) or isinstance(number, bool):
            note(problems, "measurements: not a number, left out")
        elif len(found) == MAX_MEASUREMENTS:
            note(problems, f"measurements: {MAX_MEASUREMENTS} kept")
        else:
            unit = text_of(one.get("unit"), "measurements", problems)
            found[name[:200]] = {"value": number, "unit": unit}
    return found


def spans_of(raw: Raw, shift_us: int, problems: Problems) -> Spans:
    """Reads spans, an array of JSON; all their moments are moved by `shift_us`."""
    if is_absent(raw):
        return Spans((), 0)
    try:
        sent = _spans.decode(raw)
    except (msgspec.ValidationError, RecursionError):
        values = list_of(decode_any(raw), "spans", problems)
        parts = [_read_span(one, shift_us, problems) for one in values[:MAX_SPANS]]
        return Spans(tuple(parts), max(len(values) - MAX_SPANS, 0))
    parts = [_span(one, shift_us, problems) for one in sent[:MAX_SPANS]]
    return Spans(tuple(parts), max(len(sent) - MAX_SPANS, 0))


def _span(sent: SentSpan, shift_us: int, problems: Problems) -> SpanPart:
    began, ended = moment_us(sent.start_timestamp), moment_us(sent.timestamp)
    if began is None or ended is None or ended < began:
        note(problems, "span: begin or end cannot be read")
        began = ended = began if began is not None else (ended or 0)
    return SpanPart(
        sent.span_id,
        sent.parent_span_id or "",
        sent.op or "",
        sent.description or "",
        sent.status or "",
        began + shift_us,
        (ended - began) * 1_000,
        small_object_of(sent.data if sent.data is not EMPTY else sent.tags, "span.data", problems),
    )


def _read_span(value: object, shift_us: int, problems: Problems) -> SpanPart:
    span = mapping_of(value, "span", problems)
    began, ended = moment_us(span.get("start_timestamp")), moment_us(span.get("timestamp"))
    if began is None or ended is None or ended < began:
        note(problems, "span: begin or end cannot be read")
        began = ended = began if began is not None else (ended or 0)
    data = mapping_of(span.get("data") or span.get("tags"), "span.data", problems)
    return SpanPart(
        text_of(span.get("span_id"), "span.span_id", problems),
        text_of(span.get("parent_span_id"), "span.parent_span_id", problems),
        text_of(span.get("op"), "span.op", problems),
        lenient_text(span.get("description"), "span.description", problems) or "",
        text_of(span.get("status"), "span.status", problems),
        began + shift_us,
        (ended - began) * 1_000,
        small_object_of(Raw(encode_any(data)), "span.data", problems) if data else EMPTY,
    )
