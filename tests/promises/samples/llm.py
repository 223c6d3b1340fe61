"""Samples of traces and spans."""

import uuid

import msgspec

from tests.e2e.payloads import full_span, full_trace
from tests.promises.sample import Sample

DIGITS = str.maketrans("0123456789", "ghijklmnop")


def traces(count: int) -> list[bytes]:
    return [msgspec.json.encode(full_trace() | _asked()) for _ in range(count)]


def spans(count: int) -> list[bytes]:
    return [msgspec.json.encode(full_span()) for _ in range(count)]


def scores(count: int) -> list[bytes]:
    # The sender says when it is of, so that the same item is the same sending.
    said = {"name": "helpfulness", "value": 0.5, "updated_at": "2026-11-21T10:00:00Z"}
    return [
        msgspec.json.encode({"id": uuid.uuid4().hex, "trace_id": str(uuid.uuid4()), **said})
        for _ in range(count)
    ]


def instructions() -> str:
    """Returns other ones each time: texts of prompts that are the same become one row."""
    return f"You help {uuid.uuid4().hex.translate(DIGITS)}."


def _asked() -> dict[str, object]:
    # With a prompt, so that every table of the kind has rows.
    said = {"role": "system", "content": instructions()}, {"role": "user", "content": "Hello?"}
    return {"request_body": {"messages": said}}


def array(items: object) -> bytes:
    return b"[" + b",".join(items) + b"]"  # type: ignore[arg-type]


SAMPLES = {
    "trace": Sample("/v1/traces/async", traces, array),
    "span": Sample("/v1/spans/async", spans, array),
    "score": Sample("/v1/scores", scores, array),
}
