"""A file of rows on its way: how many there may be at a time, and what its connection is told.

The first part of a file is read before its answer begins: what goes wrong there is answered as
ever. What goes wrong later breaks the connection off, so that nobody takes a piece for a file.
"""

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

from litestar import Response

from api.auth import AnyRequest
from api.outgoing import Share, Streamed, Texts
from api.reads import Reader, TooManyQueries
from clickhouse.exports.columns import Format
from clickhouse.exports.places import written
from clickhouse.exports.reading import PART_BYTES, plan, read_file
from clickhouse.exports.statements import Place, Wanted
from schemas.projects import ProjectId

HELD_BYTES = 3 * PART_BYTES
"""Of one file: a part as it came, as it goes, and the next one."""
MOST_OF_A_PROJECT = 2
"""Files at a time. One more is put off (429), so that a project leaves turns to others."""
ROWS = "Sluice-Export-Rows"
NEXT = "Sluice-Export-Next"
MEDIA: Mapping[Format, str] = {
    "parquet": "application/vnd.apache.parquet",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
}


class Running:
    """How many files each project has on its way; one per process."""

    def __init__(self) -> None:
        self._files: Counter[ProjectId] = Counter()

    def begin(self, project_id: ProjectId) -> None:
        """Counts one. Raises `TooManyQueries`."""
        if self._files[project_id] >= MOST_OF_A_PROJECT:
            raise TooManyQueries
        self._files[project_id] += 1

    def end(self, project_id: ProjectId) -> None:
        """Takes it off."""
        self._files[project_id] -= 1
        if not self._files[project_id]:
            del self._files[project_id]


class File(Texts):
    """A file in pieces. Close it at the end."""

    def __init__(
        self, pieces: AsyncIterator[bytes], share: Share, running: Running, project_id: ProjectId
    ) -> None:
        self._pieces = pieces
        self._share = share
        self._running = running
        self._project_id = project_id
        self._is_over = self._is_closed = False

    @property
    def is_last(self) -> bool:
        """Whether no piece comes after the one that was taken last."""
        return self._is_over

    async def take(self) -> bytes:
        """Returns the next piece, nothing at the end. Raises the store's errors."""
        async for piece in self._pieces:
            return piece
        self._is_over = True
        return b""

    def close(self) -> None:
        """Gives back what it holds."""
        if not self._is_closed:
            self._is_closed = True
            self._running.end(self._project_id)
            self._share.give_back()


async def send_file(
    request: AnyRequest,
    reader: Reader,
    wanted: Wanted,
    *,
    after: Place | None = None,
    rows: int | None = None,
) -> Response[bytes]:
    """Answers a file of all rows behind a place, or of so many of them.

    Raises `TooManyQueries`, `TooManyAnswers` and the store's errors.
    """
    project_id, running = reader.project.project_id, running_of(request)
    running.begin(project_id)
    try:
        async with reader.outgoing.taken(project_id, HELD_BYTES) as share:
            first = await plan(reader.warehouse, wanted, after, rows=rows)
            pieces = read_file(reader.warehouse, wanted, first, goes_on=rows is None)
            file = File(pieces, share, running, project_id)
            begun = await file.take()
    except BaseException:
        running.end(project_id)
        raise
    name = f"{wanted.table.name}.{wanted.format}"
    headers = {
        "content-type": MEDIA[wanted.format],
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
    }
    if rows is not None:
        headers[ROWS] = str(first.rows)
        if first.last is not None:
            headers[NEXT] = written(wanted.table, first.last)
    own = [(key.lower().encode(), value.encode()) for key, value in headers.items()]
    return Streamed(begun, file, b"", status_code=200, own_headers=own)


def running_of(request: AnyRequest) -> Running:
    """Returns the files of this process."""
    state: Any = request.app.state
    if state.get("exports") is None:
        state["exports"] = Running()
    found: Running = state.exports
    return found
