"""What was said to models and by them: the messages of rows that hold their hashes.

A message is stored once a day, in table `messages`. So who asks for some names with each the day on
which the row that asks came in. Hashes are hex here: 32 digits.
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
MOST_BROUGHT = 1_000
"""Of more messages few bodies would be small enough, and all would be read for that."""
SMALL = "if(body.size <= {small:UInt64}, body, '') AS small"
NONE = "'' AS small"
# In pairs, which are the key: days and hashes beside each other match three granules of four.
FOUND = """
SELECT lower(hex(hash)), {columns}
FROM messages
WHERE project_id = {project_id:String}
    AND (received_date, hash) IN (
        SELECT pair.1, toFixedString(unhex(pair.2), 16)
        FROM (SELECT arrayJoin(arrayZip({days:Array(Date)}, {hashes:Array(String)})) AS pair)
    )
LIMIT 1 BY hash
"""
# Of the first part: its text, or else the name of the tool that it calls.
PREVIEW = """role::String, substringUTF8(if(
        JSONExtractString(body, 'parts', 1, 'text') != '',
        JSONExtractString(body, 'parts', 1, 'text'),
        JSONExtractString(body, 'parts', 1, 'name')), 1, {chars:UInt32})"""


class OfDay(NamedTuple):
    """A message of a row that came in on a day."""

    day: date
    hash: str


class Measured(NamedTuple):
    """Who says a message, how many bytes it has, and these, where they are few."""

    role: str
    size: int
    body: bytes | None


class Preview(NamedTuple):
    """The beginning of a message."""

    role: str
    text: str


def hashes_of(column: str) -> str:
    """Returns the expression for the hashes in a column."""
    return HASHES.replace("{column}", column)


async def read_messages(
    warehouse: Warehouse, project: ProjectContext, wanted: Collection[OfDay]
) -> Mapping[str, bytes]:
    """Returns bodies by hash: JSON of `schemas.otel.meanings.Message`. Those erased are empty."""
    rows = await _find(
        warehouse, project, wanted, "body", as_bytes=("body",), max_result_bytes=ANSWER_BYTES
    )
    return {one: body for one, body in rows}  # noqa: C416 - rows are sequences


async def measure_messages(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: Collection[OfDay],
    *,
    most_bytes: int,
) -> Mapping[str, Measured]:
    """Returns what each is and how large. Brings bodies of `most_bytes` together, at most."""
    small = most_bytes // max(1, len(wanted)) if len(wanted) <= MOST_BROUGHT else 0
    columns = f"role::String, body.size, {SMALL if small else NONE}"
    rows = await _find(warehouse, project, wanted, columns, as_bytes=("small",), small=small)
    return {
        one: Measured(role, size, body if size <= small else None) for one, role, size, body in rows
    }


async def preview_messages(
    warehouse: Warehouse, project: ProjectContext, wanted: Collection[OfDay]
) -> Mapping[str, Preview]:
    """Returns their beginnings by hash."""
    rows = await _find(warehouse, project, wanted, PREVIEW, chars=PREVIEW_CHARS)
    return {one: Preview(role, text) for one, role, text in rows}


async def _find(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: Collection[OfDay],
    columns: str,
    **given: Any,
) -> Sequence[Sequence[Any]]:
    if not wanted:
        return ()
    each = sorted(set(wanted))
    values = {
        "project_id": project.project_id,
        "days": [one.day for one in each],
        "hashes": [one.hash for one in each],
        "chars": given.pop("chars", 0),
        "small": given.pop("small", 0),
    }
    return (await warehouse.query(FOUND.replace("{columns}", columns), values, **given)).rows
