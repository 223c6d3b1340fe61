"""Rows say with which key their items came."""

from pathlib import Path
from typing import cast

import msgspec

from eventlog.log import TopicPartition
from eventlog.records import Chunk, encode_chunks
from processors.blocks import Block, Delivery
from processors.events import EventStep, Store
from processors.llm.cost.cache import load_book
from processors.llm.cost.own import Prices
from processors.llm.steps import steps
from processors.seen import SeenFilter
from schemas.checkpoints import Intent
from schemas.kinds import SPAN, TRACE
from schemas.projects import ProjectId
from tests.e2e.payloads import span, trace

PROJECT = ProjectId("p")
NOW_NS = 1_790_000_000_000_000_000


async def test_each_row_has_the_key_of_its_chunk_also_beside_items_that_are_none(
    tmp_path: Path,
) -> None:
    calls = [msgspec.json.encode(trace()) for _ in range(4)]
    events = [msgspec.json.encode(span())]
    chunks = [
        Chunk(PROJECT, TRACE.wire, NOW_NS, [calls[0], b"{}", calls[1]], key_id="one"),
        Chunk(PROJECT, TRACE.wire, NOW_NS, [calls[2]]),
        Chunk(PROJECT, SPAN.wire, NOW_NS, events, key_id="two"),
        Chunk(PROJECT, TRACE.wire, NOW_NS, [calls[3]], key_id="two"),
    ]
    record = Delivery(0, encode_chunks(chunks))
    block = Block(TopicPartition("raw.traces", 0), "log", Intent(0, 0), [record], repeated=False)
    kinds = list(steps(lambda: Prices(load_book(tmp_path))).values())
    step = EventStep(kinds, cast("Store", None), lambda: SeenFilter(20, 3600))

    built = await step.build(block)

    keys = {
        name: of.rows["api_key"].to_pylist()
        for one in built
        if one.batch is not None
        for name, of in one.batch.tables.items()
        if "api_key" in of.rows.schema.names
    }
    assert keys == {"traces": ["one", "one", "", "two"], "spans": ["two"]}
    dead = [found.key_id for one in built for found in one.dead]
    assert dead == ["one"]
