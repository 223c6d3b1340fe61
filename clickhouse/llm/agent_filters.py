"""Which sessions of agents, and the SQL conditions for them.

A condition holds for a session where any of its events in the range fits it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.llm.filters import FROM, TO
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

COLUMNS: Mapping[str, str] = {
    "agent": "source",
    "cwd": "ifNull(cwd, '')",
    "tool": "ifNull(tool_name, '')",
    "status": "status",
    "model": "ifNull(model, '')",
    "subagent": "ifNull(agent_name, '')",
}
"""What an event can be asked for, and where it is kept; unset is the empty text."""
OF_RANGE = f"project_id = {{project_id:String}}\n        AND {FROM}\n        AND {TO}"
OF_SESSIONS = """session_id {sign} (
            SELECT session_id
            FROM spans
            WHERE {range}
                AND {column} = {{named_{number}:String}})"""


class Named(NamedTuple):
    """One condition: a name in `COLUMNS`, and the value that it has or, negated, has not."""

    name: str
    value: str
    is_negated: bool = False


class AgentFilter(Struct, frozen=True, kw_only=True):
    """Which sessions, or which events. Bounds are inclusive, in microseconds since 1970 UTC."""

    from_us: int
    to_us: int
    named: tuple[Named, ...] = ()


def of_range(project: ProjectContext, wanted: AgentFilter) -> Condition:
    """Returns the condition for every event of the range."""
    values = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    return Condition(OF_RANGE, values)


def of_sessions(project: ProjectContext, wanted: AgentFilter) -> Condition:
    """Returns the condition for the events in the range of those sessions that are wanted."""
    where = of_range(project, wanted)
    parts = [where.sql]
    for number, one in enumerate(wanted.named):
        sign = "NOT IN" if one.is_negated else "IN"
        parts.append(
            OF_SESSIONS.format(sign=sign, range=where.sql, column=COLUMNS[one.name], number=number)
        )
    return _bound(where, parts, wanted)


def of_events(project: ProjectContext, wanted: AgentFilter) -> Condition:
    """Returns the condition for the wanted events themselves."""
    where = of_range(project, wanted)
    parts = [where.sql]
    for number, one in enumerate(wanted.named):
        sign = "!=" if one.is_negated else "="
        parts.append(f"{COLUMNS[one.name]} {sign} {{named_{number}:String}}")
    return _bound(where, parts, wanted)


def _bound(where: Condition, parts: list[str], wanted: AgentFilter) -> Condition:
    values: dict[str, Any] = dict(where.values)
    values |= {f"named_{number}": one.value for number, one in enumerate(wanted.named)}
    return Condition("\n        AND ".join(parts), values)
