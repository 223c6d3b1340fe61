"""Samples of errors, transactions and logs, as the log holds them; sent in envelopes."""

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw

from schemas.errors.attached import AttachmentHead, decode_attachment, encode_attachment
from schemas.errors.sent import Head, SentItem, encode_sent, sent_decoder
from tests.promises.sample import Sample

PATH = "/api/{number}/envelope/?sentry_version=7&sentry_key={dsn_key}"


def errors(count: int) -> list[bytes]:
    return [_item(level="error", exception=_thrown(number)) for number in range(count)]


def transactions(count: int) -> list[bytes]:
    end = time.time()
    span = {"op": "db", "start_timestamp": end - 0.2, "timestamp": end - 0.1}
    spans = [{"span_id": uuid.uuid4().hex[:16], **span} for _ in range(3)]
    moments = {"start_timestamp": end - 0.5, "timestamp": end}
    return [_item(transaction="/orders", spans=spans, **moments) for _ in range(count)]


def streamed_spans(count: int) -> list[bytes]:
    trace, segment = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    end = time.time()
    fields = {"trace_id": trace, "start_timestamp": end - 0.2, "end_timestamp": end - 0.1}
    attributes = {"sentry.segment.id": {"value": segment, "type": "string"}}
    return [
        _sent({"span_id": uuid.uuid4().hex[:16], **fields, "attributes": attributes})
        for _ in range(count)
    ]


def logs(count: int) -> list[bytes]:
    fields = {"timestamp": time.time(), "level": "info", "trace_id": uuid.uuid4().hex}
    attributes = {"order": {"value": uuid.uuid4().hex, "type": "string"}}
    return [
        _sent({"body": f"paid {number}", **fields, "attributes": attributes})
        for number in range(count)
    ]


def container(kind: str) -> Callable[[Sequence[bytes]], bytes]:
    """Returns what makes an envelope with one item that holds all of some items of the log."""

    def body(items: Sequence[bytes]) -> bytes:
        held = [bytes(sent_decoder.decode(item).item) for item in items]
        header = {"type": kind, "item_count": len(held)}
        payload = b'{"version":2,"items":[%b]}' % b",".join(held)
        return b"\n".join([b"{}", msgspec.json.encode(header), payload])

    return body


def sessions(count: int) -> list[bytes]:
    attrs = {"release": "shop@1.0", "environment": "production"}
    update = {"seq": 1, "started": time.time() - 60, "status": "exited", "attrs": attrs}
    return [_sent(update | {"sid": str(uuid.uuid4()), "did": f"u{n}"}) for n in range(count)]


def feedback(count: int) -> list[bytes]:
    said = {"message": "It does not work", "associated_event_id": uuid.uuid4().hex}
    return [_item(contexts={"feedback": said}) for _ in range(count)]


def check_ins(count: int) -> list[bytes]:
    runs = [uuid.uuid4().hex for _ in range(count)]
    said = {"monitor_slug": "backup", "status": "ok", "duration": 2.5}
    return [_item(check_in_id=run, **said) for run in runs]


def attachments(count: int) -> list[bytes]:
    head = AttachmentHead(uuid.uuid4().hex, "log.bin", "application/octet-stream")
    return [encode_attachment(head, b"\n\0\xff" + uuid.uuid4().bytes) for _ in range(count)]


def attached(items: Sequence[bytes]) -> bytes:
    """Returns an envelope of attachments of the log, which are of one event."""
    event_id = decode_attachment(items[0])[0].event_id
    lines = [msgspec.json.encode({"event_id": event_id})]
    for item in items:
        head, body = decode_attachment(item)
        header = {"type": "attachment", "length": len(body), "filename": head.name}
        lines += msgspec.json.encode(header), body
    return b"\n".join(lines)


def envelope(kind: str) -> Callable[[Sequence[bytes]], bytes]:
    """Returns what makes an envelope of items of the log."""

    def body(items: Sequence[bytes]) -> bytes:
        lines = [b"{}"]
        for item in items:
            event = bytes(sent_decoder.decode(item).item)
            header = {"type": kind, "length": len(event)}
            lines += msgspec.json.encode(header), event
        return b"\n".join(lines)

    return body


SAMPLES = {
    "error": Sample(PATH, errors, envelope("event"), status=200),
    "transaction": Sample(PATH, transactions, envelope("transaction"), status=200),
    "streamed_span": Sample(PATH, streamed_spans, container("span"), status=200),
    "log": Sample(PATH, logs, container("log"), status=200),
    "session": Sample(PATH, sessions, envelope("session"), status=200),
    "feedback": Sample(PATH, feedback, envelope("feedback"), status=200),
    "check_in": Sample(PATH, check_ins, envelope("check_in"), status=200),
    "attachment": Sample(PATH, attachments, attached, status=200),
}


def _item(**fields: Any) -> bytes:
    return _sent({"event_id": uuid.uuid4().hex, "platform": "python", **fields})


def _sent(item: dict[str, Any]) -> bytes:
    # By the clock of its sender an item is of the time when it comes, whenever that is.
    head = Head(sent_at=datetime.now(UTC).isoformat())
    return encode_sent(SentItem("sentry", head, Raw(msgspec.json.encode(item))))


def _thrown(number: int) -> dict[str, Any]:
    frame = {"filename": "shop.py", "function": f"buy_{number}", "lineno": 3, "in_app": True}
    return {"type": "ValueError", "value": "no price", "stacktrace": {"frames": [frame]}}
