"""Makes transactions of the spans that Sentry's SDKs stream, as those for JavaScript do from 11 on.

Source: https://develop.sentry.dev/sdk/telemetry/spans/span-protocol/. An item holds up to 1,000
spans. One with `is_segment` is what was a transaction; the others name it as their segment, and
come with it, or before it in an item of their own if it lasts long. What is without it is counted.
"""

from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw, Struct

from ingest.errors.envelope import ABSENT, text_of
from ingest.errors.item_types import COUNTED_AS, SPANS
from ingest.forms import Counted
from ingest.json_texts import check_utf8, decode_repaired

MAX_SPANS = 1_000
"""Of an item, as SDKs have it."""
WITHOUT_SEGMENT = "span_without_segment"
PEOPLE = {
    "id": "user.id",
    "email": "user.email",
    "username": "user.name",
    "ip_address": "user.ip_address",
}
"""What is known of a person, and the attribute that says it."""
_encode = msgspec.json.Encoder().encode


class _Attribute(Struct, frozen=True, gc=False):
    value: Raw = ABSENT


class _Span(Struct, frozen=True, gc=False):
    trace_id: str
    span_id: str
    start_timestamp: Raw
    end_timestamp: Raw
    name: str | None = None
    parent_span_id: str | None = None
    is_segment: bool | None = None
    status: str | None = None
    attributes: dict[str, _Attribute] | None = None

    def text(self, name: str) -> str:
        """Returns an attribute that is a text; empty for any other."""
        found = (self.attributes or {}).get(name)
        return "" if found is None else text_of(found.value)

    @property
    def data(self) -> dict[str, Raw]:
        """All attributes."""
        sent = (self.attributes or {}).items()
        return {name: one.value for name, one in sent if one.value is not ABSENT}


# One field more than there may be spans, so that a million of them are counted and not held.
_Spans = msgspec.defstruct(
    "Spans", [(f"s{n}", Raw, ABSENT) for n in range(MAX_SPANS + 1)], array_like=True, frozen=True
)


class _Container(Struct, frozen=True, gc=False):
    items: _Spans  # type: ignore[valid-type]  # It is made above.


class MadeTransaction(NamedTuple):
    """A transaction as an SDK would have sent it before there were streams."""

    event_id: str
    text: bytes


class Streamed(NamedTuple):
    """What an item of spans brought."""

    transactions: list[MadeTransaction]
    counted: list[Counted]


_decode_container = msgspec.json.Decoder(_Container).decode
_decode_span = msgspec.json.Decoder(_Span).decode


def read_spans(payload: memoryview, records: int) -> Streamed:
    """Returns the transactions of an item, and counts what is not part of one."""
    try:
        body = bytes(payload)
        check_utf8(body)
        raws = _spans_in(decode_repaired(_decode_container, body))
    except (ValueError, RecursionError):
        return Streamed([], _counted("invalid", "bad_items", records))
    spans = [span for raw in raws if (span := _span_of(raw)) is not None]
    segments = {(one.trace_id, one.span_id): one for one in spans if one.is_segment}
    parts: dict[tuple[str, str], list[_Span]] = {key: [] for key in segments}
    lost = 0
    for span in spans:
        if span.is_segment:
            continue
        of_segment = parts.get((span.trace_id, span.text("sentry.segment.id")))
        if of_segment is None:
            lost += 1
        else:
            of_segment.append(span)
    made = [_transaction(segments[key], parts[key]) for key in segments]
    broken = _counted("invalid", "bad_items", len(raws) - len(spans))
    return Streamed(made, [*broken, *_counted("filtered", WITHOUT_SEGMENT, lost)])


def _spans_in(container: _Container) -> list[Raw]:
    raws = [one for one in msgspec.structs.astuple(container.items) if one is not ABSENT]
    if len(raws) > MAX_SPANS:
        raise ValueError("too many spans")
    return raws


def _span_of(raw: Raw) -> _Span | None:
    try:
        return _decode_span(raw)
    except (msgspec.DecodeError, RecursionError):
        return None


def _transaction(segment: _Span, parts: Sequence[_Span]) -> MadeTransaction:
    trace = {
        "trace_id": segment.trace_id,
        "span_id": segment.span_id,
        "parent_span_id": segment.parent_span_id,
        "op": segment.text("sentry.op"),
        "status": segment.status,
        "data": segment.data,
    }
    name, version = segment.text("sentry.sdk.name"), segment.text("sentry.sdk.version")
    # Sent again, it is the same segment.
    event_id = sha256(f"{segment.trace_id}\0{segment.span_id}".encode()).hexdigest()[:32]
    event = {
        "type": "transaction",
        "event_id": event_id,
        "transaction": segment.text("sentry.segment.name") or segment.name or "",
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
        "spans": [_part(one) for one in parts],
    }
    return MadeTransaction(event_id, _encode(event))


def _person_of(segment: _Span) -> Iterator[tuple[str, str]]:
    for name, attribute in PEOPLE.items():
        if text := segment.text(attribute):
            yield name, text


def _part(span: _Span) -> Mapping[str, Any]:
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "op": span.text("sentry.op"),
        "description": span.name,
        "status": span.status,
        "start_timestamp": span.start_timestamp,
        "timestamp": span.end_timestamp,
        "data": span.data,
    }


def _platform_of(sdk: str) -> str:
    """Returns `python` for `sentry.python.django`."""
    return sdk.split(".")[1] if sdk.startswith("sentry.") else ""


def _counted(outcome: Any, reason: str, items: int) -> list[Counted]:
    return [Counted(COUNTED_AS[SPANS], outcome, reason, items)] if items else []
