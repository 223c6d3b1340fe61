"""Requests of `/v1/traces`. A span needs ids and times; a parent that is not there is normal."""

from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span as SentSpan

from schemas.otel import json_wire
from schemas.otel.bounds import STANDARD, Bounds, Decoded, Reason, Rejected
from schemas.otel.readers import Reader, attributes_of, choice, moment, whole
from schemas.otel.signals import Event, Link, Span
from schemas.otel.walk import Around, Encoding, Signal, Taking, decode

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8
_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES = ("unset", "ok", "error")


def decode_traces(body: bytes, encoding: Encoding, bounds: Bounds = STANDARD) -> Decoded[Span]:
    """Decodes the spans of a request. Raises `Undecodable` when it is none."""
    return decode(TRACES, body, encoding, bounds)


def _span(sent: Any, around: Around, taking: Taking) -> Span:
    reader = taking.reader
    start_ns, end_ns = moment(sent.start_time_unix_nano), moment(sent.end_time_unix_nano)
    if start_ns is None:
        raise Rejected("bad_time")
    status, events, links = sent.status, sent.events, sent.links
    return Span(
        trace_id=needed_id(reader, sent.trace_id, TRACE_ID_BYTES, "bad_trace_id"),
        span_id=needed_id(reader, sent.span_id, SPAN_ID_BYTES, "bad_span_id"),
        parent_span_id=parent_id(reader, sent.parent_span_id),
        name=sent.name or "",
        kind=choice(sent.kind, _KINDS, "SPAN_KIND_"),
        start_ns=start_ns,
        end_ns=max(start_ns, end_ns or 0),
        end_moved=(end_ns or 0) < start_ns,
        status=choice(status.code, _STATUSES, "STATUS_CODE_") if status else "unset",
        status_message=(status.message or "") if status else "",
        trace_state=sent.trace_state or "",
        flags=whole(sent.flags),
        attributes=attributes_of(sent.attributes, reader, taking.bounds),
        events=_events(events, taking) if events else [],
        links=_links(links, taking) if links else [],
        resource=around.resource,
        scope=around.scope,
        dropped=whole(sent.dropped_attributes_count)
        + whole(sent.dropped_events_count)
        + whole(sent.dropped_links_count),
    )


def needed_id(reader: Reader, sent: Any, size: int, reason: Reason) -> str:
    """Returns an id that must be there. Raises `Rejected` with this reason."""
    try:
        found = reader.id_of(sent, size)
    except ValueError as error:
        raise Rejected(reason) from error
    if found is None:
        raise Rejected(reason)
    return found


def parent_id(reader: Reader, sent: Any) -> str | None:
    """Returns the id of a span's parent, `None` for none. Raises `Rejected`."""
    try:
        return reader.id_of(sent, SPAN_ID_BYTES)
    except ValueError as error:
        raise Rejected("bad_parent_id") from error


def _events(sent: Any, taking: Taking) -> list[Event]:
    if len(sent) > taking.bounds.events:
        raise Rejected("too_many_events")
    return [
        Event(
            one.name or "",
            moment(one.time_unix_nano) or 0,
            attributes_of(one.attributes, taking.reader, taking.bounds),
        )
        for one in sent
    ]


def _links(sent: Any, taking: Taking) -> list[Link]:
    if len(sent) > taking.bounds.links:
        raise Rejected("too_many_links")
    return [
        Link(
            needed_id(taking.reader, one.trace_id, TRACE_ID_BYTES, "bad_trace_id"),
            needed_id(taking.reader, one.span_id, SPAN_ID_BYTES, "bad_span_id"),
            one.trace_state or "",
            attributes_of(one.attributes, taking.reader, taking.bounds),
        )
        for one in sent
    ]


def _one(_: Any) -> int:
    return 1


TRACES: Signal[Span] = Signal(
    SentSpan,
    json_wire.Traces,
    json_wire.Span,
    ("resource_spans", "scope_spans", "spans"),
    _span,
    _one,
)
