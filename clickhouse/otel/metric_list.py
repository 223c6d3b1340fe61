"""The metrics of a range by name, and what a name stands for."""

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.otel.metric_filters import MetricFilter, condition
from schemas.projects import ProjectContext

MOST = 1_000
LIST = """
SELECT told, argMax(kind::String, at), argMax(unit::String, at), argMax(description, at),
    argMax(temporality::String, at), argMax(is_monotonic, at),
    arraySort(groupUniqArray(10)(told_by)), sum(points),
    max(toUnixTimestamp64Micro(at))
FROM (
    SELECT name::String AS told, kind, unit, description, temporality, is_monotonic,
        service::String AS told_by, points, timestamp AS at
    FROM otel_metrics
    WHERE project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
        AND name > {after:String}
        AND ({service:String} = '' OR service = {service:String})
        AND positionCaseInsensitiveUTF8(name, {part:String}) > 0
)
GROUP BY told
ORDER BY told
LIMIT {limit:UInt32}
"""
KIND = """
SELECT kind::String, unit::String, temporality::String, is_monotonic
FROM otel_points
WHERE {where}
ORDER BY timestamp DESC
LIMIT 1
"""


class Wanted(Struct, frozen=True, kw_only=True):
    """Which metrics. Bounds are inclusive, in microseconds since 1970 UTC."""

    from_us: int
    to_us: int
    service: str = ""
    part: str = ""
    """Of the name."""
    after: str = ""


class Listed(Struct, frozen=True):
    """One metric, as its newest export tells it."""

    name: str
    kind: str
    unit: str
    description: str
    temporality: str
    is_monotonic: bool
    services: list[str]
    points: int
    last_us: int


class Told(Struct, frozen=True):
    """What the points of a name are."""

    kind: str
    unit: str
    temporality: str
    is_monotonic: bool


async def list_metrics(
    warehouse: Warehouse, project: ProjectContext, wanted: Wanted, *, limit: int
) -> list[Listed]:
    """Returns metrics in the order of their names."""
    values = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
        "service": wanted.service,
        "part": wanted.part,
        "after": wanted.after,
        "limit": min(limit, MOST),
    }
    return [Listed(*row) for row in (await warehouse.query(LIST, values)).rows]


async def kind_of(
    warehouse: Warehouse, project: ProjectContext, wanted: MetricFilter
) -> Told | None:
    """Returns what the newest point of a range is; `None` where it has none."""
    where = condition(project, wanted)
    rows = (await warehouse.query(KIND.replace("{where}", where.sql), where.values)).rows
    return Told(*rows[0]) if rows else None
