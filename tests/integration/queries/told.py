"""Spans of OpenTelemetry, built by their own step and put into the one store."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from clickhouse.client import Warehouse
from clickhouse.tables import encode
from eventlog.log import TopicPartition
from eventlog.records import Chunk
from processors.assemble import Arrived, assemble
from processors.blocks import Block
from processors.llm.cost.book import PriceBook
from processors.llm.cost.own import Prices
from processors.llm.cost.table import PriceTable
from processors.otel.steps import steps
from schemas.checkpoints import Intent
from schemas.kinds import OTEL_SPAN
from schemas.otel.items import Packed, pack
from schemas.projects import ProjectContext

START_US = 1_790_000_000_000_000
Message = tuple[str, str]
"""Role and text."""


def chat(
    trace: int,
    span: int,
    second: float,
    said: Sequence[Message] = (),
    answered: str = "",
    **more: Any,
) -> dict[str, Any]:
    """A call of a model; `parent`, `name` and `kind` say otherwise, the rest are attributes."""
    into = [{"role": role, "parts": [{"type": "text", "content": text}]} for role, text in said]
    out = [{"role": "assistant", "parts": [{"type": "text", "content": answered}]}]
    attributes = {
        "gen_ai.operation.name": more.pop("kind", "chat"),
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.input.messages": msgspec.json.encode(into).decode(),
        "gen_ai.output.messages": msgspec.json.encode(out).decode() if answered else None,
        "gen_ai.usage.input_tokens": more.pop("tokens", 10),
        **more.pop("attributes", {}),
    }
    return plain_span(trace, span, second, attributes, **more)


def plain_span(
    trace: int, span: int, second: float, attributes: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    """A span with attributes, as OTLP/JSON has it."""
    start_ns = START_US * 1_000 + round(second * 1e9)
    parent = more.pop("parent", None)
    given = {
        "traceId": f"{trace:032x}",
        "spanId": f"{span:016x}",
        "name": "chat",
        "startTimeUnixNano": str(start_ns),
        "endTimeUnixNano": str(start_ns + round(more.pop("ms", 5) * 1e6)),
        "attributes": _attributes(attributes),
        **({} if parent is None else {"parentSpanId": f"{parent:016x}"}),
    }
    return {**given, **more}


def store_told(
    warehouse: Warehouse,
    project: ProjectContext,
    spans: Sequence[Mapping[str, Any]],
    *,
    resource: Mapping[str, Any] = {},
    received_at_us: int = START_US + 60_000_000,
) -> None:
    """Stores the spans of one request."""
    around = msgspec.json.encode({"attributes": _attributes(resource)})
    bodies = [pack(Packed("json", around, "", b"", "", msgspec.json.encode(one))) for one in spans]
    chunk = Chunk(project.project_id, OTEL_SPAN.wire, received_at_us * 1_000, bodies, ids=[])
    block = Block(TopicPartition("raw.otel", 0), "log", Intent(0, 0), [], repeated=False)
    prices = Prices(PriceBook(PriceTable("none", ())))
    step = steps(lambda: prices, lambda: lambda _: lambda item: item)[OTEL_SPAN.name]
    built = assemble(block, step, [Arrived(chunk, 0, 0)])
    assert not built.dead, built.dead
    assert built.batch is not None
    for table in reversed(built.batch.kind.tables):
        rows = built.batch.tables[table.name].rows
        if rows.num_rows:
            warehouse.insert_now(table.name, encode(rows), uuid.uuid4().hex)


def identity(trace: int, span: int) -> str:
    """The id of the row of a call."""
    return f"{trace:032x}-{span:016x}"


def _attributes(named: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": _value(value)} for key, value in named.items() if value is not None
    ]


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(one) for one in value]}}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
