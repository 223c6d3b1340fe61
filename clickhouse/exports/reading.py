"""Reads an export: where its parts end first, then each part as bytes of its format.

A part is one short statement of bounded size, on threads that are nobody else's. So an export of
any length holds some megabytes, and neither readers nor the stream wait for it.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse, for_exports, read_bytes
from clickhouse.exports.columns import FORMATS, Format
from clickhouse.exports.parquet import ParquetFile
from clickhouse.exports.statements import (
    Place,
    Wanted,
    Within,
    days_sql,
    plan_sql,
    rows_sql,
)
from clickhouse.failures import QueryTooExpensive

PART_BYTES = 8 << 20
"""Of the texts of a part, about; a row that is larger is a part of its own."""
SPLIT = 16
"""Into how many a part is cut that the engine has found too large: sizes are estimates."""
PLAN_ROWS = 200_000
"""Rows whose places are looked at together."""
MOST_ROW_BYTES = 1 << 30
SETTINGS: dict[str, Any] = {
    "max_threads": 1,
    # Others' statements come first.
    "priority": 5,
    "session_timezone": "UTC",
    "max_execution_time": 120,
    # A column named as one of the table is the table's, in conditions and orders.
    "prefer_column_name_to_alias": 1,
    "max_result_bytes": MOST_ROW_BYTES,
    "max_result_rows": 0,
    "max_block_size": 8192,
    "date_time_output_format": "iso",
    "format_csv_null_representation": "",
    "output_format_arrow_string_as_string": 1,
    "output_format_arrow_compression_method": "none",
}
ENGINE: dict[tuple[Format, bool], str] = {
    ("jsonl", True): "RawBLOB",
    ("jsonl", False): "RawBLOB",
    ("csv", True): "CSVWithNames",
    ("csv", False): "CSV",
    ("parquet", True): "ArrowStream",
    ("parquet", False): "ArrowStream",
}
"""How the engine writes the first part of a file, and the others."""
assert {format for format, _ in ENGINE} == set(FORMATS)


class Part(NamedTuple):
    """Rows that are read together."""

    within: Within
    rows: int
    size: int


class Plan(NamedTuple):
    """The parts of a file, or of its beginning."""

    parts: Sequence[Part]
    rows: int
    last: Place | None
    """Where it ends, if rows may follow."""


async def plan(
    warehouse: Warehouse, wanted: Wanted, after: Place | None = None, *, rows: int | None = None
) -> Plan:
    """Returns the parts of the next rows behind a place, `rows` or `PLAN_ROWS` at most."""
    rows = PLAN_ROWS if rows is None else rows
    parts = await _parts(warehouse, wanted, Within(after), rows, PART_BYTES)
    total = sum(part.rows for part in parts)
    last = parts[-1].within.upto if parts else after
    return Plan(parts, total, last if total >= rows else None)


async def _parts(
    warehouse: Warehouse, wanted: Wanted, within: Within, rows: int, part_bytes: int
) -> list[Part]:
    sql, values = plan_sql(wanted, within)
    values |= {"limit": rows, "part_bytes": part_bytes}
    found = (await for_exports(warehouse).query(sql, values, **SETTINGS)).rows
    parts: list[Part] = []
    after = within.after
    for place, count, size, _ in found:
        parts.append(Part(Within(after, tuple(place)), count, size))
        after = tuple(place)
    return parts


async def count_days(warehouse: Warehouse, wanted: Wanted) -> dict[str, int]:
    """Returns how many rows came on each day, as `YYYY-MM-DD` in UTC, oldest first."""
    sql, values = days_sql(wanted)
    found = await for_exports(warehouse).query(sql, values, **SETTINGS)
    return {day: int(count) for day, count in found.rows}


async def read_file(
    warehouse: Warehouse, wanted: Wanted, first: Plan, *, goes_on: bool
) -> AsyncGenerator[bytes]:
    """Yields a file with the rows of a plan; if it goes on, with all that follow it too."""
    encoder = ParquetFile() if wanted.format == "parquet" else None
    async for piece in _ahead(_pieces(warehouse, wanted, first, goes_on=goes_on)):
        made = piece if encoder is None else await asyncio.to_thread(encoder.add, piece)
        if made:
            yield made
    if encoder is not None:
        yield await asyncio.to_thread(encoder.end)


async def _ahead(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Yields pieces; the next one is read while one is on its way."""
    coming = asyncio.ensure_future(anext(pieces, None))
    try:
        while (piece := await coming) is not None:
            coming = asyncio.ensure_future(anext(pieces, None))
            yield piece
    finally:
        coming.cancel()


async def _pieces(
    warehouse: Warehouse, wanted: Wanted, first: Plan, *, goes_on: bool
) -> AsyncGenerator[bytes]:
    is_first, now = True, first
    while True:
        # A file without rows has its columns still.
        parts: Sequence[Part | None] = now.parts or ([None] if is_first else [])
        for part in parts:
            async for piece in _part(warehouse, wanted, part, is_first=is_first):
                yield piece
                is_first = False
        if not goes_on or now.last is None:
            return
        now = await plan(warehouse, wanted, now.last)


async def _part(
    warehouse: Warehouse, wanted: Wanted, part: Part | None, *, is_first: bool
) -> AsyncGenerator[bytes]:
    try:
        whole = await _read(warehouse, wanted, part, is_first=is_first)
    except QueryTooExpensive:
        if part is None or part.rows == 1:
            raise
    else:
        yield whole
        return
    size = max(1, part.size // SPLIT)
    for smaller in await _parts(warehouse, wanted, part.within, part.rows, size):
        async for piece in _part(warehouse, wanted, smaller, is_first=is_first):
            yield piece
            is_first = False


async def _read(
    warehouse: Warehouse, wanted: Wanted, part: Part | None, *, is_first: bool
) -> bytes:
    sql, values = rows_sql(wanted, None if part is None else part.within)
    format = ENGINE[wanted.format, is_first]
    if part is None and wanted.format == "jsonl":
        return b""
    size = 0 if part is None else part.size
    memory = (640 << 20) + 8 * size
    bounds = SETTINGS | {"max_memory_usage": memory}
    return await read_bytes(for_exports(warehouse), sql, values, format, **bounds)
