"""Requests of OTLP for benchmarks: traces of ten spans of 1.6 KB, of which two call a model.

They are made and compressed before any clock starts. Calls have the names of OpenTelemetry and of
OpenInference, so that every server understands them.
"""

import asyncio
import gzip
import json
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

BATCH, OF_A_TRACE, CALLS_OF_A_TRACE = 200, 10, 2
MODEL = "gpt-4o"
WORDS = ("order", "late", "parcel", "refund", "address", "please", "tomorrow", "invoice")
NOTE_CHARS, TEXT_CHARS = 1_450, 600
ISO = "%Y-%m-%dT%H:%M:%SZ"
HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-protobuf\r\n"
    "Content-Encoding: gzip\r\n{headers}Content-Length: {length}\r\n\r\n"
)


class Exported(NamedTuple):
    """What became of the requests that were sent."""

    answered: int
    """Spans in requests that were answered 200."""
    send_s: float
    latencies_ms: Sequence[float]

    def quantile(self, part: float) -> float:
        """Returns a quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies_ms)
        return ordered[int(len(ordered) * part)]


def last_day() -> str:
    """Returns the range of a question about what has just been sent."""
    now, hour = datetime.now(UTC), timedelta(hours=1)
    return f"date_from={now - 24 * hour:{ISO}}&date_to={now + hour:{ISO}}"


def requests_of(seed: int, count: int) -> list[bytes]:
    """Makes requests, compressed; each has ids of its own."""
    chance = random.Random(seed)
    return [gzip.compress(request(chance), 6) for _ in range(count)]


def request(chance: random.Random, spans: int = BATCH) -> bytes:
    """Makes one."""
    sent = ExportTraceServiceRequest()
    sender = sent.resource_spans.add()
    _put(sender.resource.attributes, {"service.name": "shop", "service.version": "1.4.2"})
    library = sender.scope_spans.add()
    library.scope.name = "benchmark"
    for first in range(0, spans, OF_A_TRACE):
        _trace(library, chance, min(OF_A_TRACE, spans - first))
    body: bytes = sent.SerializeToString()
    return body


async def export(
    port: int, path: str, headers: Mapping[str, str], bodies: Sequence[bytes], connections: int
) -> Exported:
    """Sends all of them on kept connections, as soon as each is free."""
    waiting = list(reversed(bodies))
    told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    latencies: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            body = waiting.pop()
            head = HEAD.format(path=path, headers=told, length=len(body)).encode()
            began = time.perf_counter()
            writer.write(head + body)
            answer = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not answer.startswith(b"http/1.1 200"):
                raise RuntimeError(answer.decode())
            if b"content-length: " in answer:
                await reader.readexactly(
                    int(answer.split(b"content-length: ")[1].split(b"\r\n")[0])
                )
            latencies.append((time.perf_counter() - began) * 1e3)
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(connection() for _ in range(connections)))
    return Exported(len(latencies) * BATCH, time.perf_counter() - started, latencies)


def _trace(library: Any, chance: random.Random, spans: int) -> None:
    trace_id, root = chance.randbytes(16), chance.randbytes(8)
    now = time.time_ns()
    for number in range(spans):
        span = library.spans.add(
            trace_id=trace_id, span_id=root if not number else chance.randbytes(8)
        )
        span.parent_span_id = root if number else b""
        span.kind = 2
        span.start_time_unix_nano = now - 10**9 + number * 10**6
        span.end_time_unix_nano = now - chance.randrange(10**6, 10**8)
        if 0 < number <= CALLS_OF_A_TRACE:
            span.name = f"chat {MODEL}"
            _put(span.attributes, _call(chance, span.span_id.hex()))
        else:
            span.name = "GET /orders/{id}"
            about = {"http.request.method": "GET", "http.route": "/orders/{id}"}
            _put(span.attributes, about | {"app.note": _text(chance, NOTE_CHARS)})


def _call(chance: random.Random, own: str) -> dict[str, Any]:
    into, out = chance.randrange(50, 5_000), chance.randrange(10, 500)
    asked, answered = _text(chance, TEXT_CHARS), _text(chance, TEXT_CHARS)
    return {
        "openinference.span.kind": "LLM",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": MODEL,
        "gen_ai.response.id": f"chatcmpl-{own}",
        "gen_ai.usage.input_tokens": into,
        "gen_ai.usage.output_tokens": out,
        "llm.model_name": MODEL,
        "llm.token_count.prompt": into,
        "llm.token_count.completion": out,
        "input.value": json.dumps({"messages": [{"role": "user", "content": asked}]}),
        "output.value": answered,
    }


def _text(chance: random.Random, chars: int) -> str:
    return " ".join(chance.choices(WORDS, k=chars // 6))[:chars]


def _put(attributes: Any, named: Mapping[str, str | int]) -> None:
    for key, value in named.items():
        held = attributes.add(key=key).value
        if isinstance(value, int):
            held.int_value = value
        else:
            held.string_value = value
