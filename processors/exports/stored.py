"""Rows of an export as the store has them, for a process that has it open."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from clickhouse.client import Warehouse
from clickhouse.exports.columns import Format
from clickhouse.exports.places import NoPlace, read_place, written
from clickhouse.exports.reading import count_days, plan, read_file
from clickhouse.exports.registry import EXPORTED
from clickhouse.exports.statements import Wanted
from clickhouse.failures import WarehouseError
from processors.exports.slices import Slice
from processors.exports.targets import TargetFailed
from processors.exports.writing import Answered, SourceBusy
from schemas.projects import ProjectContext
from schemas.times import EPOCH, MICROSECOND

ROWS_AT_ONCE = 200_000
"""Of a file."""


class Stored:
    """One project's rows."""

    def __init__(self, warehouse: Warehouse, project: ProjectContext) -> None:
        self._warehouse = warehouse
        self._project = project

    async def days(self, table: str, first_us: int, before_us: int) -> dict[str, int]:
        """Returns how many rows came on each day. Raises `SourceBusy`."""
        wanted = Wanted(
            project=self._project,
            table=EXPORTED[table],
            received_from_us=first_us,
            received_before_us=before_us,
        )
        try:
            return await count_days(self._warehouse, wanted)
        except WarehouseError as error:
            raise SourceBusy(str(error)[:500]) from error

    @asynccontextmanager
    async def open(self, one: Slice, format: Format, cursor: str) -> AsyncIterator[Answered]:
        """Opens the next file of a stretch. Raises `SourceBusy`."""
        table = EXPORTED[one.table]
        wanted = Wanted(
            project=self._project,
            table=table,
            received_from_us=us_of(one.first),
            received_before_us=us_of(one.before),
            format=format,
        )
        try:
            after = read_place(table, cursor) if cursor else None
        except NoPlace as error:
            told = f"the manifest in {one.folder} is of another version: remove that folder"
            raise TargetFailed(told) from error
        try:
            found = await plan(self._warehouse, wanted, after, rows=ROWS_AT_ONCE)
        except WarehouseError as error:
            raise SourceBusy(str(error)[:500]) from error
        pieces = _tried(read_file(self._warehouse, wanted, found, goes_on=False))
        yield Answered(pieces, found.rows, "" if found.last is None else written(table, found.last))


async def _tried(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for piece in pieces:
            yield piece
    except WarehouseError as error:
        raise SourceBusy(str(error)[:500]) from error


def us_of(moment: datetime) -> int:
    """Returns microseconds since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND
