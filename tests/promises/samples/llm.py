"""Samples of traces and spans."""

import msgspec

from tests.e2e.payloads import full_span, full_trace
from tests.promises.sample import Sample


def traces(count: int) -> list[bytes]:
    return [msgspec.json.encode(full_trace()) for _ in range(count)]


def spans(count: int) -> list[bytes]:
    return [msgspec.json.encode(full_span()) for _ in range(count)]


def array(items: object) -> bytes:
    return b"[" + b",".join(items) + b"]"  # type: ignore[arg-type]


SAMPLES = {
    "trace": Sample("/v1/traces/async", traces, array),
    "span": Sample("/v1/spans/async", spans, array),
}
