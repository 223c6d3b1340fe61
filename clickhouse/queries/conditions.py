"""WHERE clauses with their values, and the one that every kind has: rows of a project, by id."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schemas.ids import spellings
from schemas.projects import ProjectContext


class Condition(NamedTuple):
    """A WHERE clause's text and the values that it binds."""

    sql: str
    values: dict[str, Any]


def by_ids(project: ProjectContext, column: str, ids: Sequence[str]) -> Condition:
    """Returns the condition for rows of these ids; it binds the page's limit and offset too."""
    every = [one for event_id in ids for one in spellings(event_id)]
    values = {"project_id": project.project_id, "ids": every, "limit": len(every), "offset": 0}
    sql = f"project_id = {{project_id:String}} AND {column} IN {{ids:Array(String)}}"
    return Condition(sql, values)
