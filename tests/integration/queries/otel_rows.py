"""Rows of spans of OpenTelemetry, as the real step makes them of what a sender sends."""

import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from clickhouse.client import Warehouse
from clickhouse.tables import encode, times
from processors.columns import SentChunk
from processors.llm.cost.book import PriceBook
from processors.llm.cost.compile import compile_table
from processors.llm.cost.own import Prices
from processors.otel.steps import build_spans
from schemas.kinds import OTEL_SPAN
from schemas.otel.items import Packed, pack
from schemas.projects import ProjectContext

AT_US = 1_780_002_000_000_000
"""A full hour."""
HOUR_US = 3_600_000_000


def trace_id(number: int) -> str:
    return f"{number:032x}"


def span(number: int, parent: int | None = None, **said: Any) -> dict[str, Any]:
    """A span of OTLP as JSON; `trace`, `at_us`, `ms`, `name`, `kind`, `failed`, `attributes`."""
    at_us = said.get("at_us", AT_US + number * 1000)
    sent = {
        "traceId": trace_id(said.get("trace", 1)),
        "spanId": f"{number:016x}",
        "name": said.get("name", f"span {number}"),
        "kind": said.get("kind", 1),
        "startTimeUnixNano": str(at_us * 1000),
        "endTimeUnixNano": str(at_us * 1000 + round(said.get("ms", 5) * 1_000_000)),
        "attributes": [
            {"key": key, "value": _value(value)}
            for key, value in said.get("attributes", {}).items()
        ],
    }
    if parent is not None:
        sent["parentSpanId"] = f"{parent:016x}"
    if said.get("failed"):
        sent["status"] = {"code": 2, "message": said.get("message", "broken")}
    return sent


def call(number: int, parent: int | None = None, **said: Any) -> dict[str, Any]:
    """A call of a model: 1,000 tokens in, 100 out, unless `attributes` say otherwise."""
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }
    said["attributes"] = attributes | said.get("attributes", {})
    return span(number, parent, **({"name": "chat gpt-4o", "kind": 3} | said))


def text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def said(*messages: Mapping[str, Any]) -> str:
    return msgspec.json.encode(messages).decode()


def store_spans(
    warehouse: Warehouse,
    project: ProjectContext,
    spans: Sequence[Mapping[str, Any]],
    service: str = "shop",
    received_us: int = AT_US + HOUR_US,
) -> None:
    """Stores spans of one service as one block."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    around = msgspec.json.encode(resource) if service else b""
    items = [pack(Packed("json", around, "", b"", "", msgspec.json.encode(one))) for one in spans]
    at_us = received_us
    chunk = SentChunk(project.project_id, at_us, items, [""] * len(items))
    built = build_spans(_prices(), [chunk])
    assert not built.dead, built.dead
    columns = {table.name: table.id_column for table in OTEL_SPAN.tables}
    for name in reversed(columns):
        rows = built.tables[name]
        owners = np.arange(len(built.ids)) if rows.items is None else rows.items
        if not len(owners):
            continue
        count = len(owners)
        arrays = dict(rows.arrays) | {
            "project_id": pa.array([project.project_id] * count, pa.string()),
            columns[name]: pa.array([built.ids[owner] for owner in owners], pa.string()),
            "received_at": times([at_us] * count),
            "log_id": pa.array(["log"] * count, pa.string()),
            "log_partition": pa.array([0] * count, pa.uint16()),
            "log_offset": pa.array(list(range(count)), pa.uint64()),
        }
        block = pa.record_batch(list(arrays.values()), names=list(arrays))
        warehouse.insert_now(name, encode(block), uuid.uuid4().hex)


@cache
def _prices() -> Prices:
    return Prices(PriceBook(compile_table()))


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
