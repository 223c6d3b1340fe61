"""What reads a sender's bytes takes time in proportion to them: twice as many, 2.5 times at most.

Up to the bounds of a body, in the shapes that are worst for each. What is refused counts as well.
"""

import gzip
import random
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache

import brotli
import pytest
import zstandard

from api.dates import parse_date
from ingest.body import MAX_MEMBERS
from ingest.errors import open_sentry, sentry
from ingest.json_texts import MAX_SURROGATES
from ingest.llm.pulse import frame_array, trace_frame
from ingest.otel.forms import forms as otlp_forms
from ingest.rejections import Rejected
from processors.columns import Unfit
from processors.errors.masking.mask import mask
from processors.llm.cost.answers import find_usage
from processors.llm.cost.call import read_call
from processors.llm.cost.match import Matcher
from processors.llm.cost.usage import SentCounts as SentCounts
from processors.llm.cost.usage import usage_of, usage_of_agent
from processors.llm.fields import read_object, tags_of
from processors.llm.traces import decode_trace
from schemas.errors.masking import MaskRules, OwnPattern
from schemas.errors.open_sentry import MAX_BODY_BYTES
from schemas.inflation import CannotInflate, InflatesTooFar, inflater
from schemas.llm.wire import Counts
from schemas.times import parse_timestamp_us
from tests.unit.processors.cost.compiled import compiled_table
from tests.unit.schemas.otel.hostile import field

pytestmark = pytest.mark.alone

MIB = 1 << 20
MOST = 2.5
TRIES = 4
LEAST_S = 0.02
"""Below it the clock and the machine's other work decide, and no body of its size is a danger."""

TRACES = trace_frame()
ITEM = (
    b'{"trace_id":"3b241101-e2bb-4255-8caf-4136c566a962","timestamp":"2026-11-01T12:00:00Z",'
    b'"provider":"openai","model_requested":"gpt-4o","status":"success","latency_ms":1,'
)


def item(field: bytes, value: bytes) -> bytes:
    return b"[" + ITEM + b'"' + field + b'":' + value + b"}]"


def text_of(piece: bytes, size: int) -> bytes:
    return b'"' + piece * (size // len(piece)) + b'"'


BODIES: dict[str, Callable[[int], bytes]] = {
    "spaces": lambda n: b"[" + b" " * n + b"]",
    "empty objects": lambda n: b"[" + b"{}," * (n // 3) + b"{}]",
    "nested": lambda n: b"[" * n,
    "open objects": lambda n: b'[{"a":' * (n // 6),
    "digits": lambda n: item(b"latency_ms", b"1" * n),
    "fraction": lambda n: item(b"cost_cents", b"1." + b"1" * n),
    "exponent": lambda n: item(b"cost_cents", b"1e" + b"1" * n),
    "long id": lambda n: item(b"trace_id", text_of(b"3", n)),
    "long name": lambda n: item(b"session_id", text_of(b"x", n)),
    "long time": lambda n: item(b"timestamp", text_of(b"1", n)),
    "escapes": lambda n: item(b"output_text", text_of(b"\\\\", n)),
    "quotes": lambda n: item(b"output_text", text_of(b'\\"', n)),
    "emoji": lambda n: item(b"output_text", text_of("😀".encode(), n)),
    "open text": lambda n: b'["' + b"\\" * n,
    "no text": lambda n: b'["' + b"x" * n + b"\xff",
    "members": lambda n: item(b"metadata", b'{"a":1' + b',"a":1' * (n // 6) + b"}"),
    "unknown keys": lambda n: b"[{" + b'"k":0,' * (n // 6) + b'"k":0}]',
}


def surrogates(size: int) -> bytes:
    return item(b"output_text", text_of(rb"\ud83d", 6 * min(size // 6, MAX_SURROGATES)))


ENVELOPES: dict[str, Callable[[int], bytes]] = {
    "items": lambda n: b"{}\n" + b'{"type":"a"}\nx\n' * (n // 15),
    "empty lines": lambda n: b"{}\n" + b"\n" * n,
    "empty lines between": lambda n: b'{}\n{"type":"a"}\nx' + b"\n" * n + b'{"type":"a"}\nx',
    "one line": lambda n: b"{" + b" " * n,
    "no line": lambda n: b'{}\n{"type":"a"}' + b" " * n,
    "payload without a length": lambda n: b'{}\n{"type":"a"}\n' + b"x" * n,
    "payload": lambda n: b'{}\n{"type":"a","length":%d}\n' % n + b"x" * n,
    "cut payload": lambda n: b'{}\n{"type":"a","length":%d}\n' % (n + 1) + b"x" * n,
    "event": lambda n: b'{}\n{"type":"event"}\n{"x":' + text_of(b"{{auto}", n) + b"}",
    "surrogates": lambda n: b'{}\n{"type":"event"}\n{"x":' + text_of(rb"\ud83d", n // 10) + b"}",
    "nested": lambda n: b'{}\n{"type":"event"}\n' + b'{"x":' * (n // 5),
    "no id": lambda n: b'{}\n{"type":"event"}\n{"event_id":' + text_of(b"-", n) + b"}",
    "report": lambda n: b'{}\n{"type":"client_report"}\n{"discarded_events":[' + b"{}," * (n // 3),
    "base64": lambda n: b"A" * n,
    "spans": lambda n: b'{}\n{"type":"span"}\n{"items":[' + b"{}," * (n // 3) + b"{}]}",
    "spans of one segment": lambda n: (
        b'{}\n{"type":"span"}\n{"items":['
        + b'{"trace_id":"a","span_id":"b","start_timestamp":1,"end_timestamp":1,"is_segment":true},'
        * (n // 800)
        + b'{"trace_id":"a","span_id":"c","start_timestamp":1,"end_timestamp":1,"attributes":'
        b'{"sentry.segment.id":{"value":"b"}}},' * (n // 1200) + b"{}]}"
    ),
}
OPEN_SENTRY: dict[str, Callable[[int], bytes]] = {
    "spans": lambda n: (
        b'{"type":"transaction","name":"a","traceId":"b","durationMs":1,"spans":['
        + b",".join([b'{"spanId":"a","op":"b","durationMs":1}'] * (n // 39))
        + b"]}"
    ),
    "items": lambda n: b"[" + b"{}," * (n // 3) + b"{}]",
    "digits": lambda n: (
        b'{"type":"ai_generation","provider":"p","model":"m","inputTokens":1,'
        b'"totalCostUsd":' + b"1" * n + b"}"
    ),
    "metadata": lambda n: (
        b'{"type":"ai_generation","provider":"p","model":"m","inputTokens":1,'
        b'"metadata":{' + b",".join(b'"%d":1' % i for i in range(n // 12)) + b"}}"
    ),
}


def split(body: bytes) -> None:
    for form in (sentry.split_envelope, sentry.split_stored):
        with suppress(Rejected):
            form(body, {}, 64 * MIB)


def frame(body: bytes) -> None:
    with suppress(Rejected):
        frame_array(body, TRACES, max_item_bytes=64 * MIB)


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(data)


def fast_brotli(data: bytes) -> bytes:
    return brotli.compress(data, quality=1)


def noise(size: int) -> bytes:
    return random.Random(7).randbytes(size)


def empty_members(size: int) -> bytes:
    empty = gzip.compress(b"")
    return empty * (size // len(empty))


def members(size: int) -> bytes:
    one = gzip.compress(b"x" * (size // MAX_MEMBERS), 1)
    return one * (MAX_MEMBERS - 1)


def empty_blocks(size: int) -> bytes:
    return b"\x00\x00\x00\xff\xff" * (size // 5)


def inflate(name: str, data: bytes) -> None:
    codec = inflater(name, 64 * MIB, members=MAX_MEMBERS)
    assert codec is not None
    with suppress(CannotInflate, InflatesTooFar):
        for start in range(0, len(data), 65_536):
            codec.feed(data[start : start + 65_536])
            more = True
            while more:
                _, more = codec.step(MIB)
        codec.finish()


INFLATED: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "gzip": ("gzip", lambda n: gzip.compress(bytes(n), 1)),
    "gzip of noise": ("gzip", lambda n: gzip.compress(noise(n // 4), 1)),
    "gzip of empty members": ("gzip", lambda n: empty_members(n // 4)),
    "gzip of members": ("gzip", members),
    "deflate": ("deflate", lambda n: zlib.compress(bytes(n), 1)),
    "deflate of empty blocks": ("deflate", lambda n: empty_blocks(n // 4)),
    "br": ("br", lambda n: fast_brotli(bytes(n))),
    "br of noise": ("br", lambda n: fast_brotli(noise(n // 4))),
    "zstd": ("zstd", lambda n: zstd(bytes(n))),
    "zstd of noise": ("zstd", lambda n: zstd(noise(n // 4))),
}


def read_metadata(text: str) -> None:
    tags_of(read_object(text))


def read_usage(text: str) -> None:
    value = {"usage": read_object(text)}
    usage_of(SentCounts(1, 1), find_usage(value))
    usage_of_agent(value["usage"])


def read_answer(text: str) -> None:
    read_call(Counts(1, 1, None, None, None), b"{}", text.encode())


def read_trace(body: bytes) -> None:
    with suppress(Unfit):
        decode_trace(body)


def read_time(text: str) -> None:
    with suppress(ValueError):
        parse_timestamp_us(text)


def read_date(text: str) -> None:
    with suppress(ValueError):
        parse_date(text, "from")  # type: ignore[arg-type]


@cache
def matcher() -> Matcher:
    return Matcher(compiled_table())


def find_price(name: str) -> None:
    matcher().find("openai", name)
    matcher().find(None, name)


VALUES: dict[str, tuple[Callable[[str], None], Callable[[int], str]]] = {
    "time, long fraction": (read_time, lambda n: "2026-11-01T12:00:00." + "1" * n),
    "time, long year": (read_time, lambda n: "2" * n),
    "time, zone": (read_time, lambda n: "2026-11-01T12:00:00." + "1" * n + "Z"),
    "metadata, keys": (
        read_metadata,
        lambda n: "{" + ",".join(f'"{i}":{i}' for i in range(n // 12)) + "}",
    ),
    "metadata, one key": (read_metadata, lambda n: '{"environment":"' + "x" * n + '"}'),
    "usage, keys": (
        read_usage,
        lambda n: '{"input_tokens":1,' + ",".join(f'"{i}":{i}' for i in range(n // 12)) + "}",
    ),
    "usage, modalities": (
        read_usage,
        lambda n: '{"promptTokenCount":1,"promptTokensDetails":[' + "{}," * (n // 3) + "{}]}",
    ),
    "answer, chunks": (
        read_answer,
        lambda n: '{"chunks":[' + '{"usage":{"a":1}},' * (n // 300) + "{}]}",
    ),
    "answer, tools": (
        read_answer,
        lambda n: '{"usage":{},"output":[' + '{"type":"x_call"},' * (n // 300) + "{}]}",
    ),
    "answer, holders": (read_answer, lambda n: '{"response":' * 500 + "{}" + "}" * 500),
    "answer, headers": (
        read_answer,
        lambda n: '{"headers":{' + ",".join(f'"{i}":"1"' for i in range(n // 300)) + "}}",
    ),
}
NAMES: dict[str, tuple[Callable[[str], None], Callable[[int], str]]] = {
    "model": (find_price, lambda n: "a" * n),
    "model, dates": (find_price, lambda n: "gpt-20251211" * (n // 12)),
    "model, dashes": (find_price, lambda n: "gpt-4o-" + "-" * n),
    "model, claude": (find_price, lambda n: "claude-" * (n // 7)),
    "model, digits": (find_price, lambda n: "1" * n),
    "date": (read_date, lambda n: "2026-01-01T00:00:00." + "1" * n),
    "date, spaces": (read_date, lambda n: "Mon, 01 Jan 2026" + " " * n),
    "date, comments": (read_date, lambda n: "(" * n),
}


SECRET = b'{"password":"x","m":'
MASKED: dict[str, Callable[[int], bytes]] = {
    "digits": lambda n: SECRET + text_of(b"4", n) + b"}",
    "cards": lambda n: SECRET + text_of(b"4111111111111112 ", n) + b"}",
    "names": lambda n: SECRET + text_of(b"token_count=", n) + b"}",
    "one long name": lambda n: SECRET + text_of(b"password", n) + b"}",
    "assigned": lambda n: SECRET + text_of(b"password=", n) + b"}",
    "open quotes": lambda n: SECRET + text_of(b"token_count='", n) + b"}",
    "quotes": lambda n: SECRET + text_of(b"password='x ", n) + b"}",
    "escaped quotes": lambda n: SECRET + text_of(rb"password=\\\" ", n) + b"}",
    "flags": lambda n: SECRET + text_of(b" --token-count ", n) + b"}",
    "addresses": lambda n: SECRET + text_of(b"://a:b", n) + b"}",
    "one address": lambda n: SECRET + b'"://a:' + b"@" * n + b'"}',
    "JWTs": lambda n: SECRET + text_of(b"-eyJaaaaaaaa-AKIAIOSFODNN7EXAMPLE", n) + b"}",
    "dots": lambda n: SECRET + text_of(b"eyJaaaaaa.", n) + b"}",
    "bearers": lambda n: SECRET + text_of(b"bearer ", n) + b"}",
    "private keys": lambda n: SECRET + text_of(b"-----BEGIN PRIVATE KEY", n) + b"}",
    "keys": lambda n: SECRET + text_of(b"-----BEGIN PRIVATE KEY-----", n) + b"}",
    "accounts": lambda n: SECRET + text_of(b"DE89 3704 0044 0532 ", n) + b"}",
    "mails": lambda n: SECRET + text_of(b"a@b.", n) + b"}",
    "at signs": lambda n: SECRET + text_of(b"a@", n) + b"}",
    "colons": lambda n: SECRET + text_of(b"a:", n) + b"}",
    "nested": lambda n: b'{"a":' * (n // 6) + b'{"password":1}' + b"}" * (n // 6),
    "texts in texts": lambda n: SECRET + text_of(rb"{\"a\":", n) + b"}",
    "many": lambda n: b'{"a":[' + b'{"password":"x"},' * (n // 17) + b"1]}",
    "values": lambda n: b'{"a":[' + b'"password=x",' * (n // 13) + b"1]}",
    "fields": lambda n: (
        b"{" + b",".join(b'"a%d":"4111111111111111"' % i for i in range(n // 26)) + b"}"
    ),
    "source": lambda n: b'{"context_line":["token = x"],"a":' + text_of(b"context_line", n) + b"}",
    "own": lambda n: SECRET + text_of(b"xy", n) + b"}",
}
OTLP: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "senders": ("x-protobuf", lambda n: b"\x0a\x00" * (n // 2)),
    "unknown": ("x-protobuf", lambda n: b"\x7a\x00" * (n // 2)),
    "heads": ("x-protobuf", lambda n: field(1, b"\x0a\x01x" * (n // 3))),
    # A resource of nearly as much as it may have, for as many libraries as fit.
    "libraries": (
        "x-protobuf",
        lambda n: field(1, field(1, b"\x7a\x00" * (MIB // 3)) + b"\x12\x02\x12\x00" * (n // 512)),
    ),
    "spans": ("x-protobuf", lambda n: field(1, field(2, b"\x12\x7e" + b"x" * 126) * (n // 130))),
    "JSON spans": (
        "json",
        lambda n: b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b{}]}]}]}' % (b"{}," * (n // 3)),
    ),
    "JSON attributes": (
        "json",
        lambda n: (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b{}]}]}]}'
            % ((b'{"attributes":[%b{}]},' % (b"{}," * 300_000)) * (n // 900_000))
        ),
    ),
    "JSON escapes": (
        "json",
        lambda n: (
            b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b{}]}]}]}'
            % ((b'{"name":"%b"},' % (rb"\ud800" * 160_000)) * (n // 960_000))
        ),
    ),
}
RULES = MaskRules(emails=True, ips=True, own_patterns=(OwnPattern("own", "(x+y?)+z|xy.*q|xy"),))


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def assert_linear(work: Callable[[int], Callable[[], object]], size: int) -> None:
    half, whole = work(size // 2), work(size)
    least, most = seconds(half), seconds(whole)
    for _ in range(TRIES):
        if most <= MOST * max(least, LEAST_S):
            return
        # Another process was in the way, or it is a real fault: that stays.
        least, most = max(least, seconds(half)), min(most, seconds(whole))
    raise AssertionError(f"{size // 2} take {least:.3f} s, {size} take {most:.3f} s")


@pytest.mark.parametrize("shape", BODIES)
def test_framing_takes_time_in_proportion(shape: str) -> None:
    def work(size: int) -> Callable[[], object]:
        body = BODIES[shape](size)
        return lambda: frame(body)

    assert_linear(work, 64 * MIB)


@pytest.mark.parametrize("shape", ENVELOPES)
def test_splitting_an_envelope_takes_time_in_proportion(shape: str) -> None:
    def work(size: int) -> Callable[[], object]:
        body = ENVELOPES[shape](size)
        return lambda: split(body)

    assert_linear(work, 32 * MIB)


@pytest.mark.parametrize("shape", OTLP)
def test_splitting_otlp_takes_time_in_proportion(shape: str) -> None:
    kind, make = OTLP[shape]
    form = otlp_forms()["otel_span"]

    def work(size: int) -> Callable[[], object]:
        body = make(size)

        def run() -> None:
            with suppress(Rejected):
                form.frame(body, {"content-type": f"application/{kind}"}, 16 * MIB)

        return run

    assert_linear(work, 32 * MIB)


@pytest.mark.parametrize("shape", OPEN_SENTRY)
def test_splitting_open_sentrys_items_takes_time_in_proportion(shape: str) -> None:
    def work(size: int) -> Callable[[], object]:
        body = OPEN_SENTRY[shape](size)

        def run() -> None:
            # One is too quick for the clock.
            for _ in range(20):
                with suppress(Rejected):
                    open_sentry.split(body, {}, MIB)

        return run

    assert_linear(work, MAX_BODY_BYTES)


def test_repairing_texts_takes_time_in_proportion() -> None:
    def work(size: int) -> Callable[[], object]:
        body = surrogates(size)
        return lambda: frame(body)

    assert_linear(work, 6 * MAX_SURROGATES)


@pytest.mark.parametrize("shape", INFLATED)
def test_inflating_takes_time_in_proportion(shape: str) -> None:
    name, make = INFLATED[shape]

    def work(size: int) -> Callable[[], object]:
        data = make(size)
        return lambda: inflate(name, data)

    assert_linear(work, 64 * MIB)


@pytest.mark.parametrize("shape", VALUES)
def test_reading_a_value_takes_time_in_proportion(shape: str) -> None:
    read, make = VALUES[shape]

    def work(size: int) -> Callable[[], object]:
        text = make(size)
        return lambda: read(text)

    assert_linear(work, 4 * MIB)


@pytest.mark.parametrize("shape", NAMES)
def test_looking_a_name_up_takes_time_in_proportion(shape: str) -> None:
    read, make = NAMES[shape]
    matcher()

    def work(size: int) -> Callable[[], object]:
        text = make(size)
        return lambda: read(text)

    assert_linear(work, 64 << 10)


@pytest.mark.parametrize("shape", MASKED)
def test_masking_takes_time_in_proportion(shape: str) -> None:
    def work(size: int) -> Callable[[], object]:
        item = MASKED[shape](size)
        return lambda: mask(item, RULES)

    mask(SECRET + b'"x"}', RULES)
    assert_linear(work, MIB // 4)
