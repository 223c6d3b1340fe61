"""Items of OpenTelemetry, built by their steps and put into the one store."""

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from clickhouse.client import Warehouse
from clickhouse.tables import encode
from eventlog.log import TopicPartition
from eventlog.records import Chunk
from processors.assemble import Arrived, assemble
from processors.blocks import Block, KindStep
from schemas.checkpoints import Intent
from schemas.otel.items import Packed, pack
from schemas.projects import ProjectContext, ProjectId

Put = Callable[..., None]


def pairs(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes as JSON of OTLP has them."""
    return [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()]


def packed(body: Any, resource: dict[str, Any] | None = None) -> bytes:
    """One item as the log holds it."""
    around = msgspec.json.encode({"attributes": pairs(resource or {})})
    return pack(Packed("json", around, "", b"", "", msgspec.json.encode(body)))


def put_items(
    warehouse: Warehouse, project: ProjectContext, step: KindStep, bodies: Sequence[bytes]
) -> None:
    """Stores items of a kind, as if one request had brought them."""
    ids = [uuid.uuid4().hex for _ in bodies]
    chunk = Chunk(project.project_id, step.kind.wire, time.time_ns(), list(bodies), ids=ids)
    block = Block(TopicPartition("raw.otel", 0), "log", Intent(0, 0), [], repeated=False)
    built = assemble(block, step, [Arrived(chunk, 0, 0)])
    assert not built.dead
    assert built.batch is not None
    for table in reversed(built.batch.kind.tables):
        rows = built.batch.tables[table.name].rows
        if rows.num_rows:
            warehouse.insert_now(table.name, encode(rows), uuid.uuid4().hex)


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(uuid.uuid4().hex))
