"""Which errors are counted: SQL conditions with bound values, on rows and on their hours.

What only rows know is asked of table `errors`; all else of `error_hours`, whose hours count as a
whole where a range touches them. Rows are taken by the same hours, so both give the same numbers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from clickhouse.queries.conditions import Condition
from clickhouse.tags import having_tags, stored_tag, tag_sql
from schemas.errors.issues import ErrorFilter
from schemas.projects import ProjectContext
from schemas.zones import HOUR_US

FROM = "{hour} >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')"
BEFORE = "{hour} < fromUnixTimestamp64Micro({before_us:Int64}, 'UTC')"
HOURS: Mapping[str, str] = {"environment": "environment", "release": "release"}
ROWS: Mapping[str, str] = {
    **HOURS,
    "user": "user_key",
    "transaction": "transaction",
    "server_name": "server_name",
}
"""Filter name to column; what is unset is the empty text."""
MOST_HASHES = 50_000


def hours_condition(
    project: ProjectContext, wanted: ErrorFilter, hashes: Sequence[int] | None
) -> Condition:
    """Returns the condition for hours of a project, of some groups or of all (`None`)."""
    return _condition(project, wanted, hashes, ("hour", HOURS))


def rows_condition(
    project: ProjectContext, wanted: ErrorFilter, hashes: Sequence[int] | None
) -> Condition:
    """Returns the same for rows."""
    parts, values = _condition(project, wanted, hashes, ("timestamp", ROWS))
    more = []
    if wanted.handled is not None:
        more.append("handled = {handled:Bool}")
        values["handled"] = wanted.handled
    tags, bound = having_tags(wanted.tags)
    return Condition("\n    AND ".join([parts, *more, *tags]), values | bound)


def whole_hours(from_us: int | None, to_us: int | None) -> tuple[int | None, int | None]:
    """Returns the hours that a range touches: their first moment, and the first one behind."""
    first = None if from_us is None else from_us - from_us % HOUR_US
    return first, None if to_us is None else to_us - to_us % HOUR_US + HOUR_US


def _condition(
    project: ProjectContext,
    wanted: ErrorFilter,
    hashes: Sequence[int] | None,
    of: tuple[str, Mapping[str, str]],
) -> Condition:
    time, columns = of
    parts = ["project_id = {project_id:String}"]
    values: dict[str, Any] = {"project_id": project.project_id}
    if hashes is not None:
        parts.append("group_hash IN {hashes:Array(UInt64)}")
        values["hashes"] = list(hashes[:MOST_HASHES])
    from_us, before_us = whole_hours(wanted.from_us, wanted.to_us)
    for name, sql, moment in (("from_us", FROM, from_us), ("before_us", BEFORE, before_us)):
        if moment is not None:
            parts.append(sql.replace("{hour}", time))
            values[name] = moment
    for name, column in columns.items():
        value = getattr(wanted, name)
        if value is not None:
            parts.append(f"{column} = {{{name}:String}}")
            values[name] = value
    for number, (name, value) in enumerate(wanted.without):
        if name in columns:
            parts.append(f"{columns[name]} != {{without_{number}:String}}")
            values[f"without_{number}"] = value
        else:
            parts.append(f"{tag_sql(name)} != {{without_{number}:String}}")
            values[f"without_{number}"] = stored_tag(value)
    return Condition("\n    AND ".join(parts), values)
