"""Rows of any size, read in parts of bounded size: what lists, sessions and read-backs are made of.

A few rows are read at once, as one statement. Where they are too many or too large for that, a
first statement says where each row is and how large, which reads no body, and then each part is a
short statement of its own: nobody who takes an answer slowly holds a thread of the store. Rows
never change, so the parts fit together; what retention removes on the way is missing.
"""

from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.failures import QueryTooExpensive
from clickhouse.queries.conditions import Condition, by_ids
from schemas.ids import canonical_id
from schemas.projects import ProjectContext

PART_BYTES = 4 << 20
PART_ROWS = 1000
"""Rows of a part: in Python a row of few bytes takes some 4 KB."""
ROW_BYTES = 1000
"""What a row of an answer takes beside its texts."""
FAR = 10_000
"""Beyond so many rows the engine sorts bodies too (query_plan_max_limit_for_lazy_materialization)
unless they are left out."""
ENGINE_BYTES = 8
"""Memory of the engine for each byte of a part, of which it has several copies."""
LEAST_ENGINE_BYTES = 640 << 20
"""For rows that share a granule with others, of up to 256 MB in parts from before migration 6."""
WHOLE_ENGINE_BYTES = 64 << 20
"""What a page of small rows needs, whatever it is filtered by; large rows meet it soon."""
ONE_ROW = {
    "max_result_bytes": 256 << 20,
    "max_memory_usage": LEAST_ENGINE_BYTES,
    "max_threads": 1,
}
"""Bounds of a row that is asked for alone, however large it is."""
IN_ORDER: dict[str, Any] = {"read_in_order_use_buffering": 0}
"""For a page of the newest rows that fit: the engine else reads ahead in every part, before it
knows that the first rows fill the page."""

Direction = Literal["ASC", "DESC"]

PLACES = """
SELECT toUnixTimestamp64Micro(timestamp), sipHash64({id}), {size}
FROM {table}
WHERE {where}
ORDER BY timestamp {direction}, {id} {direction}
LIMIT {limit:UInt32} OFFSET {offset:UInt64}
"""
SIZES = """
SELECT {id}, {size}
FROM {table}
WHERE {where}
LIMIT {limit:UInt32}
"""
# The first two find the rows by the table's key.
AT_PLACES = """project_id = {project_id:String}
    AND toUnixTimestamp64Micro(timestamp) IN {moments:Array(Int64)}
    AND sipHash64({id}) IN {hashes:Array(UInt64)}"""


class Bounds(NamedTuple):
    """How much of an answer is read at a time."""

    bytes: int = PART_BYTES
    rows: int = PART_ROWS


class Table(NamedTuple):
    """How the rows of a table are read."""

    name: str
    id: str
    size: str
    """Expression for the bytes of a row's texts that reads no text (`.size` is a subcolumn)."""
    read: Callable[..., Awaitable[list[Any]]]
    """Warehouse, project, condition, direction, settings by name -> rows in order."""


class Selection(NamedTuple):
    """The rows of an answer, in its order: by time, or that of `ids` where there are any."""

    table: Table
    where: Condition
    """Binds `limit` and `offset` too."""
    direction: Direction = "ASC"
    ids: Sequence[str] | None = None


class Part(NamedTuple):
    """Rows that are read together."""

    selection: Selection
    """These rows alone."""
    rows: int
    size: int
    """Bytes that they take in an answer, about."""


class Run(NamedTuple):
    """Neighbours in the order of an answer, by their first, their end and their bytes."""

    first: int
    end: int
    size: int


class Parts(Struct, frozen=True):
    """A selection cut into parts; each is made when it is asked for."""

    runs: list[Run]
    make: Callable[[Run], Part]

    @property
    def largest(self) -> int:
        """Bytes of the largest part; 0 where there is none."""
        return max((run.size for run in self.runs), default=0)

    def __iter__(self) -> Iterator[Part]:
        return map(self.make, self.runs)


def of_ids(table: Table, project: ProjectContext, ids: Sequence[str]) -> Selection:
    """Selects rows by id, in the order of the ids; those that are not stored are left out."""
    return Selection(table, by_ids(project, table.id, ids), ids=ids)


async def read_whole(
    warehouse: Warehouse, project: ProjectContext, selection: Selection, bounds: Bounds
) -> list[Any] | None:
    """Returns all rows, or `None` where they are more than a part."""
    values = selection.where.values
    if values["offset"] + min(values["limit"], bounds.rows) > FAR:
        return None
    try:
        return await _read(
            warehouse,
            project,
            selection,
            max_result_rows=bounds.rows,
            max_result_bytes=bounds.bytes,
            max_memory_usage=WHOLE_ENGINE_BYTES,
        )
    except QueryTooExpensive:
        return None


async def find_parts(
    warehouse: Warehouse, project: ProjectContext, selection: Selection, bounds: Bounds
) -> Parts:
    """Returns a selection in parts, in its order."""
    if selection.ids is not None:
        return await _parts_of_ids(warehouse, project, selection, bounds)
    moments, hashes, sizes = array("q"), array("Q"), array("Q")
    answer = await warehouse.query(_filled(PLACES, selection), selection.where.values)
    for moment, key, size in answer.rows:
        moments.append(moment)
        hashes.append(key)
        sizes.append(size + ROW_BYTES)

    def part(run: Run) -> Part:
        rows = slice(run.first, run.end)
        where = _at(selection.table, project, moments[rows].tolist(), hashes[rows].tolist())
        return Part(selection._replace(where=where), run.end - run.first, run.size)

    return Parts(list(_runs(sizes, bounds)), part)


async def read_part(warehouse: Warehouse, project: ProjectContext, part: Part) -> list[Any]:
    """Returns the rows of a part. Raises `QueryTooExpensive` for one that the engine cannot."""
    rows = await _read(
        warehouse,
        project,
        part.selection,
        max_result_bytes=2 * part.size + PART_BYTES,
        max_memory_usage=max(LEAST_ENGINE_BYTES, ENGINE_BYTES * part.size),
    )
    if part.selection.ids is None and len(rows) > part.rows:
        return list({getattr(row, part.selection.table.id): row for row in rows}.values())
    return rows


async def _read(
    warehouse: Warehouse, project: ProjectContext, selection: Selection, **settings: int
) -> list[Any]:
    table = selection.table
    rows = await table.read(warehouse, project, selection.where, selection.direction, **settings)
    if selection.ids is None:
        return rows
    by_id = {canonical_id(getattr(row, table.id)): row for row in rows}
    return [by_id[item] for item in selection.ids if item in by_id]


async def _parts_of_ids(
    warehouse: Warehouse, project: ProjectContext, selection: Selection, bounds: Bounds
) -> Parts:
    answer = await warehouse.query(_filled(SIZES, selection), selection.where.values)
    sizes = {canonical_id(item): size + ROW_BYTES for item, size in answer.rows}
    ids = [item for item in selection.ids or () if item in sizes]

    def part(run: Run) -> Part:
        rows = of_ids(selection.table, project, ids[run.first : run.end])
        return Part(rows, run.end - run.first, run.size)

    return Parts(list(_runs([sizes[item] for item in ids], bounds)), part)


def _runs(sizes: Sequence[int], bounds: Bounds) -> Iterator[Run]:
    """Yields neighbours that are within the bounds together, one row at least."""
    first = total = 0
    for number, size in enumerate(sizes):
        if number > first and (total + size > bounds.bytes or number - first >= bounds.rows):
            yield Run(first, number, total)
            first, total = number, 0
        total += size
    if sizes:
        yield Run(first, len(sizes), total)


def _at(
    table: Table, project: ProjectContext, moments: Sequence[int], hashes: Sequence[int]
) -> Condition:
    values = {
        "project_id": project.project_id,
        "moments": moments,
        "hashes": hashes,
        # A row that is stored twice may be in two parts; each finds it twice.
        "limit": 2 * len(hashes),
        "offset": 0,
    }
    return Condition(AT_PLACES.replace("{id}", table.id), values)


def _filled(sql: str, selection: Selection) -> str:
    table = selection.table
    return (
        sql.replace("{id}", table.id)
        .replace("{size}", table.size)
        .replace("{table}", table.name)
        .replace("{where}", selection.where.sql)
        .replace("{direction}", selection.direction)
    )
