"""Samples of errors and transactions, as the log holds them; they are sent in envelopes."""

import time
import uuid
from collections.abc import Callable, Sequence
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
    "feedback": Sample(PATH, feedback, envelope("feedback"), status=200),
    "check_in": Sample(PATH, check_ins, envelope("check_in"), status=200),
    "attachment": Sample(PATH, attachments, attached, status=200),
}


def _item(**fields: Any) -> bytes:
    event = {"event_id": uuid.uuid4().hex, "platform": "python", **fields}
    return encode_sent(SentItem("sentry", Head(), Raw(msgspec.json.encode(event))))


def _thrown(number: int) -> dict[str, Any]:
    frame = {"filename": "shop.py", "function": f"buy_{number}", "lineno": 3, "in_app": True}
    return {"type": "ValueError", "value": "no price", "stacktrace": {"frames": [frame]}}
