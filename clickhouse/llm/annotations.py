"""What people said of the items of an annotation queue, as it is now."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import counting
from schemas.llm.annotation import id_prefix
from schemas.projects import ProjectContext

SKEW_US = 3_600_000_000
"""How far the clock of who takes a score may be behind that of who made the queue."""
MOST_READ = 200_000
"""Values of one queue; those of the ids after them are left out, and that is told."""
# Nothing is said in a queue before it is there: by that the key leaves out what is older.
WHERE = """project_id = {project_id:String}
    AND NOT deleted
    AND source = 'annotation'
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND name IN {names:Array(String)}
    AND startsWith(score_id, {prefix:String})"""
SAID = """
SELECT score_id, name::String, author, data_type::String, value, text
FROM {counting}
ORDER BY score_id
LIMIT {limit:UInt32}
"""
OWN = """
SELECT score_id, item_id, data_type::String, value, text, comment
FROM {counting}
LIMIT {limit:UInt32}
"""
OF_IDS = "project_id = {project_id:String} AND NOT deleted"


class Said(NamedTuple):
    """One value that a person gave."""

    item_id: str
    name: str
    author: str
    data_type: str
    value: float | None
    text: str


class SaidBefore(NamedTuple):
    """What the same person said of an item when they saved it."""

    score_id: str
    sending: str
    """Which saving it is."""
    value: bool | float | str
    comment: str


class AllSaid(NamedTuple):
    """All that was said in a queue."""

    said: list[Said]
    is_cut: bool
    """Whether there is more than one look reads."""


async def read_said(
    warehouse: Warehouse,
    project: ProjectContext,
    queue_id: str,
    names: Sequence[str],
    *,
    from_us: int,
) -> AllSaid:
    """Returns what people gave to the items of a queue under these names, since a moment."""
    values = {
        "project_id": project.project_id,
        "names": list(names),
        "prefix": id_prefix(queue_id),
        "from_us": from_us - SKEW_US,
        "limit": MOST_READ + 1,
    }
    rows = (await warehouse.query(SAID.replace("{counting}", counting(WHERE)), values)).rows
    said = [Said(score_id.split(".")[2], *rest) for score_id, *rest in rows[:MOST_READ]]
    return AllSaid(said, len(rows) > MOST_READ)


async def read_own(
    warehouse: Warehouse, project: ProjectContext, score_ids: Sequence[str]
) -> list[SaidBefore]:
    """Returns what stands under these ids now, without what was taken away."""
    values = {
        "project_id": project.project_id,
        "ids": list(score_ids),
        "limit": len(score_ids),
    }
    sql = OWN.replace("{counting}", counting(OF_IDS, of_ids=True))
    rows = (await warehouse.query(sql, values)).rows
    return [
        SaidBefore(
            score_id,
            item_id.rpartition(":")[2],
            _value(data_type, value, text),
            comment,
        )
        for score_id, item_id, data_type, value, text, comment in rows
    ]


def _value(data_type: str, value: float | None, text: str) -> bool | float | str:
    if data_type == "boolean":
        return bool(value)
    return text if value is None else value
