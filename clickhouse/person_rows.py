"""What the store has of one person, row by row as lines of JSON, to be given away.

Which rows these are is found first, then they are read some at a time: a search through bodies
costs as much for one row as for all.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec
from msgspec import Raw

from clickhouse.personal import PERSONAL, Personal
from clickhouse.persons import Asked, Whose, owned_sql

IDS_PAGE = 100_000
"""Some 15 MB in Python."""
ROWS_AT_ONCE = 100
"""Bound values travel in the address of a request to a server."""
BYTES_AT_ONCE = 8 << 20
FOUND = """
SELECT {id}, toUnixTimestamp64Micro({moment}) AS at_us, {size}
FROM {table}
WHERE {owned}
    AND (at_us > {at_us:Int64} OR at_us = {at_us:Int64} AND {id} > {after:String})
ORDER BY at_us, {id}
LIMIT {limit:UInt32}
"""
ROWS = """
SELECT {columns}
FROM {table}
WHERE project_id = {project_id:String} AND {id} IN {ids:Array(String)}
    AND {moment} >= fromUnixTimestamp64Micro({first_us:Int64}, 'UTC')
    AND {moment} <= fromUnixTimestamp64Micro({last_us:Int64}, 'UTC')
    AND ({owned})
ORDER BY {moment}, {id}
"""
EARLIEST_US = -(1 << 62)


Found = tuple[str, int, int]
"""The id of a row, its moment, and its size."""


async def export_lines(warehouse: Asked, whose: Whose) -> AsyncIterator[bytes]:
    """Yields a person's rows, kind by kind, oldest first: a JSON object in each line."""
    for one in PERSONAL:
        if not one.exported:
            continue
        async for some in _found(warehouse, one, whose):
            values = whose.values | {
                "ids": [found[0] for found in some],
                "first_us": some[0][1],
                "last_us": some[-1][1],
            }
            answer = await warehouse.query(_sql(ROWS, one), values, as_bytes=sorted(one.json))
            yield b"".join(_line(one, row) for row in answer.rows)


async def _found(warehouse: Asked, one: Personal, whose: Whose) -> AsyncIterator[Sequence[Found]]:
    """Yields rows in parts of a bounded size."""
    place: tuple[str, int] | None = ("", EARLIEST_US)
    while place is not None:
        values = whose.values | {"after": place[0], "at_us": place[1], "limit": IDS_PAGE}
        page = [
            (row[0], row[1], row[2])
            for row in (await warehouse.query(_sql(FOUND, one), values)).rows
        ]
        for part in _parts(page):
            yield part
        place = page[-1][:2] if len(page) == IDS_PAGE else None


def _parts(page: Sequence[Found]) -> list[list[Found]]:
    parts: list[list[Found]] = []
    size = 0
    for found in page:
        full = parts and (size + found[2] > BYTES_AT_ONCE or len(parts[-1]) == ROWS_AT_ONCE)
        if full or not parts:
            parts.append([])
            size = 0
        parts[-1].append(found)
        size += found[2]
    return parts


def _sql(template: str, one: Personal) -> str:
    size = " + ".join(f"length({column})" for column in sorted(one.json)) or "0"
    return (
        template.replace("{columns}", ", ".join(one.exported))
        .replace("{size}", size)
        .replace("{owned}", owned_sql(one))
        .replace("{table}", one.table)
        .replace("{id}", one.id_column)
        .replace("{moment}", one.moment)
    )


def _line(one: Personal, row: Sequence[Any]) -> bytes:
    values: dict[str, Any] = {"what": one.kind}
    for column, value in zip(one.exported, row, strict=True):
        if column in one.json:
            value = Raw(value) if value else None
        values[column] = value
    return msgspec.json.encode(values) + b"\n"
