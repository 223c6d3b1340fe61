"""A block that tells one session by spans, by records and by metrics bills each call once."""

from typing import Any, cast

import pytest

from eventlog.log import TopicPartition
from eventlog.records import Chunk, encode_chunks
from processors.blocks import Block, Delivery
from processors.columns import SentChunk
from processors.events import EventStep, Store
from processors.llm.cost.book import PriceBook
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.otel.steps import build_spans, steps
from processors.seen import SeenFilter
from schemas.checkpoints import Intent
from schemas.kinds import OTEL_METRIC, OTEL_RECORD, OTEL_SPAN
from schemas.projects import ProjectId
from tests.unit.processors.otel.test_record_rows import (
    AT_NS,
    NOW_US,
    SESSION,
    SONNET,
    TRACE,
    api_request,
    item,
    pairs,
    unmasked,
)

PROJECT = ProjectId("p")


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> PriceBook:
    return load_book(tmp_path_factory.mktemp("prices"))


def llm_span(span_id: str, request_id: str, **changed: Any) -> bytes:
    told = {
        "session.id": SESSION,
        "model": SONNET,
        "input_tokens": 1000,
        "output_tokens": 50,
        "cache_read_tokens": 0,
        "cache_creation_tokens": 0,
        "request_id": request_id,
        **changed,
    }
    times = {"startTimeUnixNano": str(AT_NS - 500_000_000), "endTimeUnixNano": str(AT_NS)}
    named = {"traceId": TRACE, "spanId": span_id, "name": "claude_code.llm_request"}
    scope = "com.anthropic.claude_code.tracing"
    return item({**named, **times, "attributes": pairs(told)}, scope=scope)


def usage_metric() -> bytes:
    attributes = pairs({"session.id": SESSION, "model": SONNET, "type": "input"})
    point = {"timeUnixNano": str(AT_NS), "asInt": "1000", "attributes": attributes}
    data = {"dataPoints": [point], "aggregationTemporality": 1, "isMonotonic": True}
    return item({"name": "claude_code.token.usage", "unit": "tokens", "sum": data})


def block_of(*chunks: tuple[str, list[bytes]], project: ProjectId = PROJECT) -> Block:
    sent = [
        Chunk(project, wire, NOW_US * 1_000, items, ids=[f"{n:032x}" for n in range(len(items))])
        for wire, items in chunks
    ]
    record = Delivery(0, encode_chunks(sent))
    return Block(TopicPartition("raw.otel", 0), "log", Intent(0, 0), [record], repeated=False)


async def billing(book: PriceBook, block: Block) -> dict[str, list[str]]:
    kinds = list(steps(lambda: Prices(book), lambda: unmasked).values())
    step = EventStep(kinds, cast("Store", None), lambda: SeenFilter(20, 3600))
    found: dict[str, list[str]] = {}
    for built in await step.build(block):
        assert not built.dead
        if built.batch is not None and "traces" in built.batch.tables:
            rows = built.batch.tables["traces"].rows
            found[built.batch.kind.name] = rows["billing"].to_pylist()
    return found


async def test_a_call_told_by_a_span_a_record_and_a_metric_is_billed_once(book: PriceBook) -> None:
    block = block_of(
        (OTEL_RECORD.wire, [api_request("req_A"), api_request("req_B")]),
        (OTEL_SPAN.wire, [llm_span("aa" * 8, "req_A")]),
        (OTEL_METRIC.wire, [usage_metric()]),
    )

    assert await billing(book, block) == {
        OTEL_SPAN.name: [""],
        OTEL_RECORD.name: ["told_twice", ""],
    }


async def test_a_record_with_the_counts_of_a_span_is_that_call(book: PriceBook) -> None:
    span = llm_span("aa" * 8, "")

    found = await billing(
        book, block_of((OTEL_SPAN.wire, [span]), (OTEL_RECORD.wire, [api_request("")]))
    )

    assert found == {OTEL_SPAN.name: [""], OTEL_RECORD.name: ["told_twice"]}


async def test_spans_of_another_project_bill_nothing_here(book: PriceBook) -> None:
    theirs = Chunk(ProjectId("q"), OTEL_SPAN.wire, NOW_US * 1_000, [llm_span("aa" * 8, "req_A")])
    ours = Chunk(PROJECT, OTEL_RECORD.wire, NOW_US * 1_000, [api_request("req_A")], ids=["0" * 32])
    record = Delivery(0, encode_chunks([theirs, ours]))
    partition = TopicPartition("raw.otel", 0)

    found = await billing(book, Block(partition, "log", Intent(0, 0), [record], repeated=False))

    assert found == {OTEL_SPAN.name: [""], OTEL_RECORD.name: [""]}


async def test_a_span_that_cannot_be_read_is_dead_by_itself(book: PriceBook) -> None:
    block = block_of(
        (OTEL_SPAN.wire, [b"\xff no span"]), (OTEL_RECORD.wire, [api_request("req_A")])
    )
    kinds = list(steps(lambda: Prices(book), lambda: unmasked).values())
    step = EventStep(kinds, cast("Store", None), lambda: SeenFilter(20, 3600))

    built = await step.build(block)

    assert sum(len(one.dead) for one in built) == 1
    assert [one.batch.kind.name for one in built if one.batch is not None] == [OTEL_RECORD.name]


def test_of_many_items_those_that_cannot_be_read_are_told_by_their_numbers(book: PriceBook) -> None:
    wrong = {0, 63, 64, 130, 199, 201}
    items = [
        b"\xff no span" if number in wrong else llm_span(f"{number + 1:016x}", f"req_{number}")
        for number in range(202)
    ]

    found = build_spans(
        Prices(book),
        [SentChunk(PROJECT, NOW_US, items[:200], ()), SentChunk(PROJECT, NOW_US, items[200:], ())],
    )

    assert set(found.dead) == wrong
    kept = [f"{TRACE}-{number + 1:016x}" for number in range(202) if number not in wrong]
    assert list(found.ids) == kept
    assert found.tables["traces"].arrays["span_id"].to_pylist() == [one[33:] for one in kept]
