"""What was said to models and by them: the messages of rows that hold their hashes.

A message is stored once a day, in table `messages`. So who asks for some names the days on which
the rows that ask came in. Hashes are hex here: 32 digits.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext

HASHES = "arrayMap(one -> lower(hex(one)), {column})"
"""Selects a column of hashes as they are named here."""
PREVIEW_CHARS = 300
ANSWER_BYTES = 256 << 20
"""Of all messages of one call, however many."""
FOUND = """
SELECT lower(hex(hash)), {columns}
FROM messages
WHERE project_id = {project_id:String}
    AND received_date IN {days:Array(Date)}
    AND hash IN (SELECT toFixedString(unhex(arrayJoin({hashes:Array(String)})), 16))
LIMIT 1 BY hash
"""
# Of the first part: its text, or else the name of the tool that it calls.
PREVIEW = """role::String, substringUTF8(if(
        JSONExtractString(body, 'parts', 1, 'text') != '',
        JSONExtractString(body, 'parts', 1, 'text'),
        JSONExtractString(body, 'parts', 1, 'name')), 1, {chars:UInt32})"""


class Measured(NamedTuple):
    """Who says a message, and how many bytes it has."""

    role: str
    size: int


class Preview(NamedTuple):
    """The beginning of a message."""

    role: str
    text: str


def hashes_of(column: str) -> str:
    """Returns the expression for the hashes in a column."""
    return HASHES.replace("{column}", column)


async def read_messages(
    warehouse: Warehouse, project: ProjectContext, days: Collection[date], hashes: Collection[str]
) -> Mapping[str, bytes]:
    """Returns bodies by hash: JSON of `schemas.otel.meanings.Message`. Those erased are empty."""
    rows = await _find(
        warehouse, project, days, hashes, "body", as_bytes=("body",), max_result_bytes=ANSWER_BYTES
    )
    return {one: body for one, body in rows}  # noqa: C416 - rows are sequences


async def measure_messages(
    warehouse: Warehouse, project: ProjectContext, days: Collection[date], hashes: Collection[str]
) -> Mapping[str, Measured]:
    """Returns what each is and how large; reads no body."""
    rows = await _find(warehouse, project, days, hashes, "role::String, body.size")
    return {one: Measured(role, size) for one, role, size in rows}


async def preview_messages(
    warehouse: Warehouse, project: ProjectContext, days: Collection[date], hashes: Collection[str]
) -> Mapping[str, Preview]:
    """Returns their beginnings by hash."""
    rows = await _find(warehouse, project, days, hashes, PREVIEW, chars=PREVIEW_CHARS)
    return {one: Preview(role, text) for one, role, text in rows}


async def _find(
    warehouse: Warehouse,
    project: ProjectContext,
    days: Collection[date],
    hashes: Collection[str],
    columns: str,
    **given: Any,
) -> Sequence[Sequence[Any]]:
    if not hashes:
        return ()
    values = {
        "project_id": project.project_id,
        "days": sorted(days),
        "hashes": sorted(set(hashes)),
        "chars": given.pop("chars", 0),
    }
    return (await warehouse.query(FOUND.replace("{columns}", columns), values, **given)).rows
