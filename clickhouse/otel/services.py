"""Rate, errors and durations per service and per operation: from the rollup of hours."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.queries.values import number, quotient
from schemas.otel.answers import Figures, Service, ServiceOperation
from schemas.projects import ProjectContext

HOUR_US = 3_600_000_000
WITHIN = """project_id = {project_id:String}
    AND hour >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND hour < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""
SERVICES = """
SELECT service::String AS named, sumIf(spans, is_entry) AS requests, sumIf(errors, is_entry),
    sumIf(duration_ns, is_entry),
    quantilesDDMergeIf(0.01, 0.5, 0.9, 0.95, 0.99)(duration, is_entry), sum(spans), sum(errors)
FROM otel_service_hours
WHERE {within}
GROUP BY named
ORDER BY requests DESC, named
LIMIT {limit:UInt32}
""".replace("{within}", WITHIN)
OPERATIONS = """
SELECT name, span_kind::String AS sort, is_entry, sum(spans) AS found, sum(errors),
    sum(duration_ns), quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(duration)
FROM otel_service_hours
WHERE {within}
    AND service = {service:String}
GROUP BY name, sort, is_entry
ORDER BY found DESC, name, sort, is_entry
LIMIT {limit:UInt32}
""".replace("{within}", WITHIN)


KNOWN = """
SELECT 1
FROM otel_service_hours
WHERE project_id = {project_id:String} AND service = {service:String}
LIMIT 1
"""

COURSES = """
SELECT service::String AS named,
    intDiv((toUnixTimestamp(hour) * 1000000 - {from_us:Int64}) * {parts:UInt16},
        {to_us:Int64} - {from_us:Int64}) AS part,
    sumIf(spans, is_entry)
FROM otel_service_hours
WHERE {within}
    AND service IN {services:Array(String)}
GROUP BY named, part
""".replace("{within}", WITHIN)


class Hours(NamedTuple):
    """A range of whole hours: its begin, and the moment after its end, in microseconds."""

    from_us: int
    to_us: int

    @property
    def seconds(self) -> int:
        """How long it is."""
        return (self.to_us - self.from_us) // 1_000_000


def hours_around(first_us: int, last_us: int) -> Hours:
    """Returns the whole hours that hold a range; its end is inclusive."""
    return Hours(first_us - first_us % HOUR_US, last_us - last_us % HOUR_US + HOUR_US)


async def list_services(
    warehouse: Warehouse, project: ProjectContext, hours: Hours, *, limit: int
) -> list[Service]:
    """Returns the services, those with the most requests first."""
    rows = (await warehouse.query(SERVICES, _values(project, hours, limit))).rows
    return [
        Service(
            service=service,
            requests=figures(hours, requests, errors, duration_ns, spread),
            spans=spans,
            failed_spans=failed,
        )
        for service, requests, errors, duration_ns, spread, spans, failed in rows
    ]


async def read_courses(
    warehouse: Warehouse,
    project: ProjectContext,
    hours: Hours,
    services: Sequence[str],
    *,
    parts: int,
) -> dict[str, list[int]]:
    """Returns how many requests services were asked in each of so many parts of a range."""
    values = {
        "project_id": project.project_id,
        **hours._asdict(),
        "services": list(services),
        "parts": parts,
    }
    found: dict[str, list[int]] = {}
    for service, part, count in (await warehouse.query(COURSES, values)).rows:
        found.setdefault(service, [0] * parts)[part] = count
    return found


async def list_operations(
    warehouse: Warehouse, project: ProjectContext, hours: Hours, service: str, *, limit: int
) -> list[ServiceOperation] | None:
    """Returns the operations of a service, those with the most spans first.

    `None` where the project has no such service, at any time.
    """
    values = _values(project, hours, limit) | {"service": service}
    rows = (await warehouse.query(OPERATIONS, values)).rows
    if not rows and not (await warehouse.query(KNOWN, values)).rows:
        return None
    return [
        ServiceOperation(
            name=name,
            span_kind=kind,
            is_entry=bool(is_entry),
            spans=figures(hours, *measured),
        )
        for name, kind, is_entry, *measured in rows
    ]


def figures(
    hours: Hours, count: int, errors: int, duration_ns: int, spread: Sequence[float]
) -> Figures:
    """Returns the figures of spans; `spread` holds p50, p90, p95 and p99 in nanoseconds."""
    p50, _, p95, p99 = map(milliseconds, spread)
    return Figures(
        count=count,
        per_second=quotient(count, hours.seconds),
        errors=errors,
        error_rate=quotient(errors * 100, count),
        avg_ms=quotient(duration_ns, count * 1_000_000),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def milliseconds(ns: float) -> float | int:
    """Returns a percentile in milliseconds; 0 where nothing was measured."""
    return number(ns / 1e6) if ns == ns else 0  # noqa: PLR0124 - a sketch of nothing says NaN


def _values(project: ProjectContext, hours: Hours, limit: int) -> dict[str, Any]:
    return {"project_id": project.project_id, **hours._asdict(), "limit": limit}
