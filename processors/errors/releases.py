"""Which releases a block of transactions or sessions names, and how the control plane learns it."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import pyarrow as pa

from controlplane.database import Database
from controlplane.errors.models import MAX_RELEASE_CHARS
from controlplane.errors.releases import Named, note_arrivals
from controlplane.rules import as_uuid
from processors.blocks import StoredItems


async def follow_releases(database: Database, stored: StoredItems) -> None:
    """Has the releases be known that stored rows name. May run twice: a repeat changes nothing."""
    rows = stored.batch.rows(stored.batch.kind.tables[0], stored.items)
    seen = await asyncio.to_thread(arrivals_of, rows)
    if seen:
        await note_arrivals(database, seen)


def release_follower(database: Database) -> Callable[[StoredItems], Awaitable[None]]:
    """Returns what `KindStep.follow` takes."""
    return partial(follow_releases, database)


def arrivals_of(rows: pa.RecordBatch) -> dict[Named, tuple[int, int]]:
    """Returns the first and the last arrival of each release, by project."""
    columns = {name: rows.column(name) for name in ("project_id", "release", "received_at")}
    columns["received_at"] = columns["received_at"].cast(pa.int64())
    table = pa.table(columns)
    grouped = table.group_by(["project_id", "release"]).aggregate(
        [("received_at", "min"), ("received_at", "max")]
    )
    seen: dict[Named, tuple[int, int]] = {}
    for one in grouped.to_pylist():
        project_id: UUID | None = as_uuid(one["project_id"])
        version = one["release"].replace("\0", "")[:MAX_RELEASE_CHARS]
        if project_id is not None and version:
            seen[project_id, version] = one["received_at_min"], one["received_at_max"]
    return seen
