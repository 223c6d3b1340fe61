"""What is stored already: for the sink, which must never store an id twice."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from clickhouse.client import Warehouse
from schemas.ids import canonical_id, spellings
from schemas.kinds import Table
from schemas.projects import ProjectId
from schemas.rows import Source

WINDOW_US = 300_000_000
HASHES_AT_ONCE = 1_000_000
# Ids asked for at once; keeps the statement short.
CHUNK = 5_000
POSITION = ("log_id", "log_partition", "log_offset")
"""As `Position` has them."""

STORED = """
SELECT project_id, {id:Identifier}, {columns}
FROM {table:Identifier}
WHERE project_id IN {projects:Array(String)} AND {id:Identifier} IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""
# Hashes travel as one hexadecimal text a window: a Python integer each would cost ten times more.
# Older versions stored ids in capitals too, in the partition of that spelling.
HASHES = """
SELECT groupConcat(hex(reinterpretAsFixedString(xxh3(concat(
    project_id, '\\0', arrayJoin(arrayDistinct([{id:Identifier}, lower({id:Identifier})]))
)))))
FROM {table:Identifier}
WHERE received_at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND received_at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND (
        {partition:Int32} < 0 OR log_partition = {partition:Int32} OR log_id != {log_id:String}
        OR {id:Identifier} != lower({id:Identifier})
    )
LIMIT 1
"""
WINDOWS = """
SELECT toStartOfFiveMinutes(received_at) AS window, count() AS items
FROM {table:Identifier}
WHERE received_at >= fromUnixTimestamp64Micro({since_us:Int64}, 'UTC')
    AND (
        {partition:Int32} < 0 OR log_partition = {partition:Int32} OR log_id != {log_id:String}
        OR {id:Identifier} != lower({id:Identifier})
    )
GROUP BY window
ORDER BY window
LIMIT 500000
"""
NEWEST = "SELECT toUnixTimestamp64Micro(max(received_at)) FROM {table:Identifier} LIMIT 1"


class Pair(NamedTuple):
    """What makes a stored row unique."""

    project_id: ProjectId
    item_id: str


async def stored_rows(
    warehouse: Warehouse, table: Table, pairs: Sequence[Pair], columns: Sequence[str] = POSITION
) -> dict[Pair, tuple[Any, ...]]:
    """Says, of these pairs, which are stored, and what some columns of their rows hold.

    By default, which log record each row came from.
    """
    names = {f"column_{place}": name for place, name in enumerate(columns)}
    sql = STORED.replace("{columns}", ", ".join(f"{{{name}:Identifier}}" for name in names))
    found: dict[Pair, tuple[Any, ...]] = {}
    named = {"table": table.name, "id": table.id_column, **names}
    for first in range(0, len(pairs), CHUNK):
        chunk = pairs[first : first + CHUNK]
        projects = sorted({pair.project_id for pair in chunk})
        ids = [one for pair in chunk for one in spellings(pair.item_id)]
        # The same id may be stored in each of the projects.
        values = {"projects": projects, "ids": ids, "limit": len(projects) * len(ids)}
        answer = await warehouse.query(sql, named | values)
        asked = set(chunk)
        for project_id, item_id, *rest in answer.rows:
            pair = Pair(project_id, canonical_id(item_id))
            if pair in asked:
                found[pair] = tuple(rest)
    return found


async def recent_hashes(
    warehouse: Warehouse,
    table: Table,
    *,
    now_us: int,
    window_us: int,
    source: Source | None = None,
) -> AsyncIterator[npt.NDArray[np.uint64]]:
    """Yields the `event_hash` of every row of the last window, in blocks of bounded size.

    The window ends now, or with the newest row where that is older: a clock that jumped, or a long
    pause, must not make all of them unknown. With a source, of rows that came through it, and of
    those that any other log has brought: an embedded one before, or a topic of other partitions,
    where an id met another partition.
    """
    named = {"table": table.name, "id": table.id_column}
    newest_us = (await warehouse.query(NEWEST, named)).rows[0][0]
    since_us = min(now_us, newest_us) - window_us
    own = named | {"partition": -1, "log_id": ""}
    if source is not None:
        own = named | {"partition": source.partition, "log_id": source.log_id}
    answer = await warehouse.query(WINDOWS, {"since_us": since_us, **own})
    for window, items in answer.rows:
        start_us = int(window.timestamp()) * 1_000_000
        step_us = WINDOW_US // (items // HASHES_AT_ONCE + 1) + 1
        for from_us in range(start_us, start_us + WINDOW_US, step_us):
            to_us = min(from_us + step_us, start_us + WINDOW_US)
            values = {"from_us": max(from_us, since_us), "to_us": to_us, **own}
            text = (await warehouse.query(HASHES, values)).rows[0][0]
            yield np.frombuffer(bytes.fromhex(text), dtype="<u8")
