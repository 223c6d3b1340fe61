"""Files of events: a list without their bytes, and one of them with its bytes."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.queries.conditions import by_ids
from clickhouse.queries.parts import ONE_ROW
from schemas.projects import ProjectContext

MOST = 100
"""Files that are listed."""
COLUMNS = """attachment_id, event_id, name, content_type::String, type::String, picture::String,
    size, sha256, toUnixTimestamp64Micro(received_at)"""
LISTED = """
SELECT {columns}
FROM attachments
WHERE project_id = {project_id:String}{of_events}
ORDER BY {order}, attachment_id
LIMIT {limit:UInt32}
"""
OF_EVENTS = "\n    AND event_id IN {events:Array(String)}"
ONE = """
SELECT {columns}, body
FROM attachments
WHERE {where}
LIMIT 1
"""


class AttachmentLine(Struct, frozen=True):
    """A file without its bytes."""

    attachment_id: str
    event_id: str
    name: str
    content_type: str
    """As its sender says."""
    type: str
    picture: str
    """`png`, `jpeg`, `gif` or `webp`, by its bytes; empty for all else."""
    size: int
    sha256: str
    received_at_us: int


class StoredAttachment(Struct, frozen=True):
    """A file with its bytes."""

    line: AttachmentLine
    body: bytes


async def list_attachments(warehouse: Warehouse, project: ProjectContext) -> list[AttachmentLine]:
    """Returns the newest files of the project."""
    return await _list(warehouse, project, "", "received_at DESC", [])


async def attachments_of(
    warehouse: Warehouse, project: ProjectContext, event_ids: Sequence[str]
) -> list[AttachmentLine]:
    """Returns the files of some events, by name."""
    if not event_ids:
        return []
    return await _list(warehouse, project, OF_EVENTS, "name", event_ids)


async def _list(
    warehouse: Warehouse, project: ProjectContext, of_events: str, order: str, ids: Sequence[str]
) -> list[AttachmentLine]:
    sql = LISTED.replace("{columns}", COLUMNS).replace("{of_events}", of_events)
    values = {"project_id": project.project_id, "events": list(ids), "limit": MOST}
    answer = await warehouse.query(sql.replace("{order}", order), values)
    return [_line(row) for row in answer.rows]


async def get_attachment(
    warehouse: Warehouse, project: ProjectContext, attachment_id: str
) -> StoredAttachment | None:
    """Returns one file, `None` when the project has none of that id."""
    where = by_ids(project, "attachment_id", [attachment_id])
    sql = ONE.replace("{columns}", COLUMNS).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values, as_bytes=("body",), **ONE_ROW)).rows
    if not rows:
        return None
    *line, body = rows[0]
    return StoredAttachment(_line(line), body)


def _line(row: Sequence[Any]) -> AttachmentLine:
    return AttachmentLine(*row)
