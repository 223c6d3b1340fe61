"""What a block of errors says of issues, and how the control plane learns it.

Which issue an event belongs to is nothing that its row says: the row has a fingerprint, and the
control plane knows whose that is. So it follows once the rows are stored.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import pyarrow as pa
from msgspec import Struct

from controlplane.database import Database
from controlplane.errors.sightings import note_sightings
from processors.blocks import StoredItems
from processors.errors.sip import sip_hashes
from schemas.errors.issues import Named, Sighting
from schemas.kinds import ERROR
from schemas.projects import ProjectId

COLUMNS = (
    "project_id", "fingerprint", "other_fingerprints", "timestamp", "received_at", "release",
)  # fmt: skip
WORDS = ("type", "title", "culprit", "level", "platform")
"""What an issue is known by: read of its newest row alone."""


async def follow(database: Database, stored: StoredItems) -> None:
    """Has the issues follow the errors that are stored. May run twice: a repeat changes nothing."""
    rows = stored.batch.rows(ERROR.tables[0], stored.items)
    await note_sightings(database, await asyncio.to_thread(sightings_of, rows))


def follower(database: Database) -> Callable[[StoredItems], Awaitable[None]]:
    """Returns what `KindStep.follow` takes."""
    return partial(follow, database)


def sightings_of(rows: pa.RecordBatch) -> list[Sighting]:
    """Adds the rows of table `errors` up, by project and fingerprint."""
    groups: dict[tuple[str, str], _Group] = {}
    for row in _rows(rows):
        key = row.project_id, row.fingerprint
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(row, row)
        group.add(row)
    hashes = sip_hashes([fingerprint for _, fingerprint in groups])
    newest = rows.take(pa.array([group.newest.number for group in groups.values()], pa.int64()))
    words = zip(*(_texts(newest.column(name)) for name in WORDS), strict=True)
    return [
        _sighting(group, group_hash, told)
        for group, group_hash, told in zip(groups.values(), hashes, words, strict=True)
    ]


class _Row(NamedTuple):
    """As `COLUMNS`; moments are microseconds since 1970 UTC."""

    project_id: str
    fingerprint: str
    others: list[str]
    at_us: int
    arrived_us: int
    release: str
    number: int
    """Its place among the rows."""


class _Group(Struct):
    """Of the rows of one fingerprint."""

    first: _Row
    newest: _Row
    others: dict[str, None] = {}
    first_release: Named | None = None
    last_release: Named | None = None
    arrivals: dict[str, int] = {}

    def add(self, row: _Row) -> None:
        """Counts one more row in. Of two of one moment the first in the log is the newest."""
        if row.at_us < self.first.at_us:
            self.first = row
        if row.at_us > self.newest.at_us:
            self.newest = row
        for other in row.others:
            self.others[other] = None
        self.arrivals[row.release] = max(row.arrived_us, self.arrivals.get(row.release, 0))
        if row.release:
            if self.first_release is None or row.at_us < self.first_release.at_us:
                self.first_release = Named(row.at_us, row.release)
            if self.last_release is None or row.at_us > self.last_release.at_us:
                self.last_release = Named(row.at_us, row.release)


def _rows(rows: pa.RecordBatch) -> Iterable[_Row]:
    columns = {name: rows.column(name) for name in COLUMNS}
    for name in ("timestamp", "received_at"):
        columns[name] = columns[name].cast(pa.int64())
    return map(_Row, *(_texts(column) for column in columns.values()), range(rows.num_rows))


def _texts(column: Any) -> list[Any]:
    if pa.types.is_binary(column.type):
        column = column.cast(pa.string())
    values: list[Any] = column.to_pylist()
    return values


def _sighting(group: _Group, group_hash: int, words: tuple[str, ...]) -> Sighting:
    newest = group.newest
    type_, title, culprit, level, platform = words
    others: Mapping[str, None] = group.others
    return Sighting(
        project_id=ProjectId(newest.project_id),
        fingerprint=newest.fingerprint,
        group_hash=group_hash,
        others=tuple(other for other in others if other != newest.fingerprint),
        first_us=group.first.at_us,
        last_us=newest.at_us,
        type=type_,
        title=title,
        culprit=culprit,
        level=level,
        platform=platform,
        first_release=group.first_release,
        last_release=group.last_release,
        arrivals=group.arrivals,
    )
