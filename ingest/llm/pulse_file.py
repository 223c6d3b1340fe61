"""Reads the SQLite file of a Pulse server: its traces and spans, as that server's SDKs sent them.

The tables are those of Pulse's single mode (0.2, db/schema-single.ts). A column that a version does
not have is left out. A row becomes the JSON that an SDK would send, so that it is checked, priced
and stored like any other.
"""

import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw

from schemas.kinds import SPAN, Kind
from schemas.projects import ProjectId

_JSON = frozenset(
    {"request_body", "response_body", "error", "metadata", "tool_input", "tool_response"}
)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - in UTC, for years before it too
_BATCH_BYTES = 8 << 20
_LAST_MS = 32_503_680_000_000  # the year 3000: beyond, no date can be written


class NotPulse(Exception):
    """Raised for a file that is no database of a Pulse server."""


class Row(NamedTuple):
    """A stored event."""

    rowid: int
    project_id: ProjectId
    item_id: str
    received_at_ns: int
    """Pulse keeps one time of an event: it stands for the time of its arrival too."""
    body: bytes


class PulseFile:
    """An open file, read only; the server may go on writing it."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotPulse(f"there is no file {path}")
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self._connection.row_factory = sqlite3.Row
        # A text that is no UTF-8 is one row's fault, not the file's.
        self._connection.text_factory = lambda raw: raw.decode(errors="replace")
        try:
            missing = {"projects", "api_keys", "spans"} - self._tables()
        except sqlite3.DatabaseError as error:
            raise NotPulse(f"{path} is no SQLite file: {error}") from error
        if missing:
            raise NotPulse(f"{path} is no database of Pulse: it has no table {min(missing)}")

    @property
    def source(self) -> str:
        """Names the installation, wherever its file is: by its first project."""
        query = "SELECT id FROM projects ORDER BY created_at, id LIMIT 1"
        row = self._connection.execute(query).fetchone()
        return f"pulse:{row[0] if row else 'empty'}"

    def count(self, kind: Kind, after: int) -> int:
        """Returns how many rows come after a place."""
        table = kind.tables[0].name
        if table not in self._tables():
            return 0
        query = f"SELECT count(*) FROM {table} WHERE rowid > ?"  # noqa: S608 - a name of ours
        return int(self._connection.execute(query, (after,)).fetchone()[0])

    def has(self, kind: Kind, place: int, item_id: str) -> bool:
        """Tells whether this row still stands at this place."""
        table = kind.tables[0].name
        query = f"SELECT 1 FROM {table} WHERE rowid = ? AND {kind.id_field} = ?"  # noqa: S608
        found = table in self._tables() and self._connection.execute(query, (place, item_id))
        return bool(found and found.fetchone())

    def rows(self, kind: Kind, after: int, limit: int) -> list[Row]:
        """Returns the next rows after a place, in the order that they were stored in.

        Fewer than `limit` where they are long.
        """
        table = kind.tables[0].name
        if table not in self._tables():
            return []
        query = f"SELECT rowid AS place, * FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT ?"  # noqa: S608
        rows: list[Row] = []
        size = 0
        for found in self._connection.execute(query, (after, limit)):
            rows.append(_row_of(kind, dict(found)))
            size += len(rows[-1].body)
            if size >= _BATCH_BYTES:
                break
        return rows

    def select(self, table: str) -> Iterator[dict[str, Any]]:
        """Yields the rows of a small table, none where the version does not have it."""
        if table in self._tables():
            for row in self._connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                yield dict(row)

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    def _tables(self) -> set[str]:
        query = "SELECT name FROM sqlite_master WHERE type = 'table'"
        return {row[0] for row in self._connection.execute(query)}


def _row_of(kind: Kind, row: dict[str, Any]) -> Row:
    place, project_id = row.pop("place"), str(row.pop("project_id"))
    timestamp_ms = row.pop("timestamp")
    item: dict[str, Any] = {"timestamp": _iso(timestamp_ms)}
    for name, value in row.items():
        if value is not None:
            item[name] = _json_of(value) if name in _JSON else value
    if kind is SPAN and isinstance(item.get("is_interrupt"), int):
        item["is_interrupt"] = bool(item["is_interrupt"])
    item_id = str(row.get(kind.id_field))
    is_moment = isinstance(timestamp_ms, int)
    # Nothing can have arrived later than now, whatever the time that its sender wrote.
    at_ms = min(max(timestamp_ms, 0), time.time_ns() // 1_000_000) if is_moment else 0
    return Row(place, ProjectId(project_id), item_id, at_ms * 1_000_000, msgspec.json.encode(item))


def _json_of(value: object) -> object:
    """Returns the JSON of a column; what is none stays a text, for the check to reject."""
    text = value if isinstance(value, str) else str(value)
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return Raw(text.encode())


def _iso(timestamp_ms: object) -> str:
    if not isinstance(timestamp_ms, int) or not -_LAST_MS < timestamp_ms < _LAST_MS:
        return str(timestamp_ms)
    seconds, ms = divmod(timestamp_ms, 1_000)
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{ms:03d}Z"
