"""Damaged, cut and swollen requests of OTLP: they are answered, or rejected, and nothing else."""

import random
import sys
import tracemalloc
from typing import Any

import pytest

from ingest.forms import Split
from ingest.otel.forms import TAKEN, forms
from ingest.otel.frames import MAX_PACKED_BYTES
from ingest.rejections import Rejected
from schemas.otel.bounds import STANDARD, Undecodable
from schemas.otel.bounds import Rejected as NotTaken
from schemas.otel.items import ItemDecoder
from tests.unit.schemas.otel.hostile import field, mutated
from tests.unit.schemas.otel.requests import REQUESTS, as_json, as_protobuf, span, traces

pytestmark = pytest.mark.alone

SEED = 14
MUTATIONS = 5_000
MIB = 1 << 20
CONTENT_TYPES = {"protobuf": "application/x-protobuf", "json": "application/json"}


def split(signal: str, body: bytes, encoding: str) -> Split:
    form = forms()[TAKEN[signal].kind.name]
    return form.frame(body, {"content-type": CONTENT_TYPES[encoding]}, 16 * MIB)


@pytest.mark.parametrize("signal", TAKEN)
@pytest.mark.parametrize("encoding", CONTENT_TYPES)
def test_thirty_thousand_damaged_requests_are_taken_or_rejected_and_leave_no_memory_behind(
    signal: str, encoding: str
) -> None:
    kind, request = REQUESTS[signal]
    body = as_json(request) if encoding == "json" else as_protobuf(kind, request)
    chance = random.Random(f"{SEED}/{signal}/{encoding}")
    decoder: ItemDecoder[Any] = ItemDecoder(TAKEN[signal].signal)
    outcomes = {"taken": 0, "rejected": 0}
    tracemalloc.start()
    try:
        before = 0
        for number in range(MUTATIONS):
            if number == MUTATIONS // 5:
                before = tracemalloc.get_traced_memory()[0]
            try:
                items = split(signal, mutated(body, chance), encoding).items[0]
            except Rejected:
                outcomes["rejected"] += 1
                continue
            outcomes["taken"] += 1
            for item in items.bodies:
                _decode(decoder, item)
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    sys.stdout.write(f"seed {SEED}: {outcomes}, {grown} bytes\n")
    assert min(outcomes.values()) > 0, outcomes
    assert grown < 2 * MIB


def _decode(decoder: ItemDecoder[Any], item: bytes) -> None:
    try:
        decoder.decode(item)
    except (Undecodable, NotTaken):
        return


EMPTY = b"\x0a\x00" * (2 * MIB)
OBJECTS = b"{}," * (2 * MIB) + b"{}"
FLOODS = {
    "senders": ("protobuf", EMPTY),
    "libraries": ("protobuf", field(1, b"\x12\x00" * (2 * MIB))),
    "items": ("protobuf", field(1, field(2, b"\x12\x00" * (2 * MIB)))),
    "unknown": ("protobuf", b"\x7a\x00" * (2 * MIB)),
    "numbers": ("protobuf", b"\x78\x01" * (2 * MIB)),
    "heads": ("protobuf", field(1, b"\x0a\x01x" * MIB)),
    "json senders": ("json", b'{"resourceSpans":[%b]}' % OBJECTS),
    "json libraries": ("json", b'{"resourceSpans":[{"scopeSpans":[%b]}]}' % OBJECTS),
    "json items": ("json", b'{"resourceSpans":[{"scopeSpans":[{"spans":[%b]}]}]}' % OBJECTS),
    "json depth": ("json", b'{"resourceSpans":' + b"[" * (4 * MIB)),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_next_to_nothing_takes_little_memory(name: str) -> None:
    encoding, body = FLOODS[name]
    tracemalloc.start()
    try:
        with pytest.raises(Rejected):
            split("traces", body, encoding)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 32 * MIB, f"{peak} bytes"


def test_a_large_resource_does_not_multiply_without_end() -> None:
    """Each span takes it along: a body of 3 MiB would become 20 GiB."""
    around = as_protobuf(REQUESTS["traces"][0], traces(span(attributes=[], events=[], links=[])))
    [sender] = REQUESTS["traces"][0].FromString(around).resource_spans
    sender.resource.attributes.add(key="k").value.string_value = "x" * (MIB - 100)
    for _ in range(20_000):
        sender.scope_spans[0].spans.append(sender.scope_spans[0].spans[0])

    found = split("traces", field(1, sender.SerializeToString()), "protobuf")

    kept = sum(map(len, found.items[0].bodies))
    assert MAX_PACKED_BYTES // 2 < kept <= MAX_PACKED_BYTES + MIB
    assert found.rejected == {"too_many_items": 20_001 - len(found.items[0].bodies)}


def test_more_items_than_a_request_may_have_are_rejected_one_by_one() -> None:
    one = field(2, as_protobuf(_span_class(), span(attributes=[], events=[], links=[])))
    found = split("traces", field(1, field(2, one * (STANDARD.items + 7))), "protobuf")

    assert len(found.items[0].bodies) == STANDARD.items
    assert found.rejected == {"too_many_items": 7}
    [counted] = found.counted
    assert (counted.kind, counted.outcome, counted.items) == ("otel_span", "too_large", 7)


def _span_class() -> Any:
    return TAKEN["traces"].signal.protobuf
