"""Items of errors and transactions, built by their steps and put into the one store."""

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import pytest
from msgspec import Raw

from clickhouse.client import Warehouse
from clickhouse.tables import encode
from eventlog.log import TopicPartition
from eventlog.records import Chunk
from processors.assemble import Arrived, assemble
from processors.blocks import Batch, Block, KindStep
from processors.errors.steps import Meaning, steps
from schemas.checkpoints import Intent
from schemas.errors.event import ErrorEvent
from schemas.errors.sent import Head, Protocol, SentItem, encode_sent
from schemas.projects import ProjectContext, ProjectId

Store = Callable[..., list[str]]


class PlainGroup(NamedTuple):
    """A group by type and message: enough where grouping is not what is tested."""

    version: str
    fingerprint: str
    others: tuple[str, ...]
    type: str
    title: str
    culprit: str


def plain_group(event: ErrorEvent) -> PlainGroup:
    type_ = event.exceptions[-1].type if event.exceptions else ""
    title = f"{type_}: {event.message}"
    fingerprint = hashlib.sha256(title.encode()).hexdigest()
    return PlainGroup("plain", fingerprint, ("other",), type_, title, event.transaction)


def plain_steps() -> dict[str, KindStep]:
    meaning = Meaning(lambda item: item, plain_group)
    return dict(steps(lambda: lambda _: meaning))


@pytest.fixture
def project() -> ProjectContext:
    return ProjectContext(ProjectId(uuid.uuid4().hex))


@pytest.fixture
def store(warehouse: Warehouse, project: ProjectContext) -> Store:
    """Stores items of a kind, received now; returns their ids."""

    def put(
        kind: str,
        items: Sequence[Any],
        *,
        protocol: Protocol = "sentry",
        received_at_us: int | None = None,
    ) -> list[str]:
        bodies = [
            encode_sent(SentItem(protocol, Head(), Raw(msgspec.json.encode(item))))
            for item in items
        ]
        at_ns = time.time_ns() if received_at_us is None else received_at_us * 1_000
        ids = [uuid.uuid4().hex for _ in bodies]
        batch = batch_of(kind, project.project_id, bodies, ids, at_ns)
        for table in reversed(batch.kind.tables):
            rows = batch.tables[table.name].rows
            if rows.num_rows:
                warehouse.insert_now(table.name, encode(rows), uuid.uuid4().hex)
        return ids

    return put


def batch_of(
    kind: str, project_id: ProjectId, bodies: Sequence[bytes], ids: Sequence[str], at_ns: int
) -> Batch:
    """Returns the rows of items that arrived in one request."""
    step = plain_steps()[kind]
    chunk = Chunk(project_id, step.kind.wire, at_ns, list(bodies), ids=list(ids))
    block = Block(TopicPartition("raw.errors", 0), "log", Intent(0, 0), [], repeated=False)
    built = assemble(block, step, [Arrived(chunk, 0, 0)])
    assert not built.dead
    assert built.batch is not None
    return built.batch
