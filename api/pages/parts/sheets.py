"""Tables to take away, as CSV or as Parquet: written piece by piece, so that none is held whole."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from litestar import Response
from litestar.response import Stream

Kind = Literal["text", "count", "number", "time"]
Format = Literal["csv", "jsonl", "parquet"]
Row = Sequence[str | float | datetime | None]

MEDIA: Mapping[Format, str] = {
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
TYPES: Mapping[Kind, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us", tz="UTC"),
}
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet run a cell."""
_encode_lines = msgspec.json.Encoder().encode_lines


class Column(NamedTuple):
    """A column; its unit is in its name."""

    name: str
    kind: Kind


class Sheet(Protocol):
    """Turns rows into the bytes of a file."""

    def write(self, rows: Sequence[Row]) -> bytes:
        """Returns what follows in the file; the first call begins it."""
        ...

    def end(self) -> bytes:
        """Returns the rest of the file."""
        ...


class Csv:
    """As RFC 4180 has it, with a line of names; times in UTC, what is unknown is empty."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._head: list[list[str]] = [[column.name for column in columns]]

    def write(self, rows: Sequence[Row]) -> bytes:
        """Returns the lines of the rows."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerows(self._head)
        self._head = []
        writer.writerows([_cell(value) for value in row] for row in rows)
        return text.getvalue().encode(errors="replace")

    def end(self) -> bytes:
        """Returns nothing: the last line is the end."""
        return b""


class JsonLines:
    """An object in each line; what is unknown is null."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._names = [column.name for column in columns]

    def write(self, rows: Sequence[Row]) -> bytes:
        """Returns a line for each row."""
        objects = [
            {name: _storable(value) for name, value in zip(self._names, row, strict=True)}
            for row in rows
        ]
        return _encode_lines(objects)

    def end(self) -> bytes:
        """Returns nothing: the last line is the end."""
        return b""


class Parquet:
    """Each piece is a row group."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._schema = pa.schema([pa.field(one.name, TYPES[one.kind]) for one in columns])
        self._pieces = _Pieces()
        self._writer = pq.ParquetWriter(self._pieces, self._schema, compression="zstd")

    def write(self, rows: Sequence[Row]) -> bytes:
        """Returns a row group."""
        columns = zip(*rows, strict=True) if rows else [()] * len(self._schema)
        arrays = [
            pa.array([_storable(value) for value in values], field.type)
            for field, values in zip(self._schema, columns, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        return self._pieces.take()

    def end(self) -> bytes:
        """Returns the list of the row groups, with which a Parquet file ends."""
        self._writer.close()
        return self._pieces.take()


SHEETS: Mapping[Format, Callable[[Sequence[Column]], Sheet]] = {
    "csv": Csv,
    "jsonl": JsonLines,
    "parquet": Parquet,
}


async def download(
    name: str, form: Format, columns: Sequence[Column], pages: AsyncIterator[Sequence[Row]]
) -> Response[Any]:
    """Return a file of all pages; what the first of them raises is raised here."""
    sheet = SHEETS[form](columns)
    first = await anext(pages, ())
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    return Stream(_pieces(sheet, first, pages), media_type=MEDIA[form], headers=headers)


async def _pieces(
    sheet: Sheet, first: Sequence[Row], pages: AsyncIterator[Sequence[Row]]
) -> AsyncGenerator[bytes]:
    # In a thread: to write a page takes as long as to answer some requests.
    yield await asyncio.to_thread(sheet.write, first)
    async for rows in pages:
        yield await asyncio.to_thread(sheet.write, rows)
    yield await asyncio.to_thread(sheet.end)


def moment_of(us: int) -> datetime:
    """Returns a time of the store as a cell."""
    return datetime.fromtimestamp(us // 10**6, UTC).replace(microsecond=us % 10**6)


def _cell(value: str | float | datetime | None) -> str | float | None:
    """Returns a value as a cell that a spreadsheet does not run."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULAS):
        return f"'{value}"
    return value


def _storable(value: Any) -> Any:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


class _Pieces:
    """A file that is taken away while it is written."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._at = 0

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        self._at += len(self._pieces[-1])
        return len(self._pieces[-1])

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Does nothing: what is written is there."""

    def close(self) -> None:
        """Does nothing: who writes knows the end."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def take(self) -> bytes:
        taken, self._pieces = b"".join(self._pieces), []
        return taken
