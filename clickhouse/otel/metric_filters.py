"""Which points of a metric: the SQL conditions, with values bound."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from clickhouse.attribute_filters import Attribute, attribute_sql, with_attributes
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

COLUMNS: Mapping[str, str] = {
    name: f"{name}::String"
    for name in ("service", "environment", "session_id", "model", "type", "temporality")
}
"""What points are filtered and grouped by beside their attributes. As plain texts: the engine
counts a name of a dictionary as the whole dictionary, which has names of other projects too."""
WITHIN = """project_id = {project_id:String}
    AND name = {name:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""


# A resource stands with its metric, once for all points of an export. It is as new as the newest.
OF_RESOURCE = """item_id IN (
        SELECT item_id
        FROM otel_metrics
        WHERE project_id = {project_id:String}
            AND name = {name:String}
            AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
            AND {resource}
    )"""


class MetricFilter(Struct, frozen=True, kw_only=True):
    """Which points. Bounds are inclusive, in microseconds since 1970 UTC."""

    name: str
    from_us: int
    to_us: int
    columns: tuple[tuple[str, str], ...] = ()
    """Names of `COLUMNS`, each with the value that it has."""
    attributes: tuple[Attribute, ...] = ()
    resource: tuple[Attribute, ...] = ()
    """Of what sent them."""
    kinds: tuple[str, ...] = ()
    """Empty is any."""


def condition(
    project: ProjectContext, wanted: MetricFilter, since_us: int | None = None
) -> Condition:
    """Returns the condition that binds the project and everything `wanted` names.

    With `since_us`, from then on: what comes before the range is where differences begin.
    """
    parts = [WITHIN]
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "name": wanted.name,
        "from_us": wanted.from_us if since_us is None else since_us,
        "to_us": wanted.to_us,
    }
    if wanted.kinds:
        parts.append("kind IN {kinds:Array(String)}")
        values["kinds"] = list(wanted.kinds)
    for number, (column, value) in enumerate(wanted.columns):
        parts.append(f"{COLUMNS[column]} = {{column_{number}:String}}")
        values[f"column_{number}"] = value
    for one in with_attributes(wanted.attributes):
        parts.append(one.sql)
        values |= one.values
    of_resource = with_attributes(wanted.resource, "resource")
    if of_resource:
        asked = "\n            AND ".join(one.sql for one in of_resource)
        parts.append(OF_RESOURCE.replace("{resource}", asked))
        values |= {name: value for one in of_resource for name, value in one.values.items()}
    return Condition("\n    AND ".join(parts), values)


def group_sql(group_by: str | None) -> str:
    """Returns the expression for a group: one of `COLUMNS`, `attr.<key>`, or none."""
    if group_by is None:
        return "''"
    if group_by.startswith("attr."):
        return attribute_sql(group_by.removeprefix("attr."))
    return COLUMNS[group_by]
