"""What belongs to a trace and is no span: errors, log records, the deployments that ran."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import AROUND_US
from clickhouse.otel.bare_spans import OF_TRACE
from clickhouse.otel.trace_places import TracePlace
from schemas.otel.answers import LogStart, TreeDeployment, TreeError
from schemas.projects import ProjectContext
from schemas.times import iso_ms

MOST_ERRORS = 500
MOST_COUNTED = 200_000
"""Spans with log records."""
MOST_LOGS = 1_000
"""Of a page."""
FIRST_LOGS = 3
"""Of each span."""
LABEL_CHARS = 300
MOST_DEPLOYMENTS = 10
LEAST_OF_ERRORS = 17
"""The severity of OpenTelemetry from which a record tells of an error."""
ERRORS = """
SELECT event_id, toUnixTimestamp64Micro(timestamp), level::String, type, title, fingerprint, span_id
FROM errors
WHERE {of_trace}
ORDER BY timestamp, event_id
LIMIT {limit:UInt32}
""".replace("{of_trace}", OF_TRACE)
LOG_COUNTS = """
SELECT span_id, count(), countIf(severity >= {error:UInt8})
FROM logs
WHERE {of_trace}
GROUP BY span_id
LIMIT {limit:UInt32}
""".replace("{of_trace}", OF_TRACE)
LOGS = """
SELECT span_id, record_id, toUnixTimestamp64Micro(timestamp), severity,
    substringUTF8(body, 1, {label:UInt32})
FROM logs
WHERE {of_trace}
    AND span_id IN {spans:Array(String)}
ORDER BY timestamp, sequence, record_id
LIMIT {first:UInt32} BY span_id
LIMIT {limit:UInt32}
""".replace("{of_trace}", OF_TRACE)
RUNNING = """
SELECT deployment_id, environment::String, commit_sha, toUnixTimestamp64Micro(switched_at),
    toUnixTimestamp64Micro(ended_at)
FROM deployments FINAL
WHERE project_id = {project_id:String}
    AND switched_at <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND (ended_at IS NULL OR ended_at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC'))
ORDER BY switched_at DESC, deployment_id
LIMIT {limit:UInt32}
"""
WHOLE = """
SELECT count(), countIf(status = 'error'), arraySort(groupUniqArray(32)(service::String)),
    arraySort(groupUniqArray(10)(release::String))
FROM otel_spans
WHERE {of_trace}
""".replace("{of_trace}", OF_TRACE)


class LogCount(NamedTuple):
    """How many log records a span has, and how many of them tell of errors."""

    records: int
    errors: int


class Whole(NamedTuple):
    """What is of a whole trace, by its spans of OpenTelemetry."""

    spans: int
    failed: int
    services: list[str]
    releases: list[str]


async def describe_whole(warehouse: Warehouse, project: ProjectContext, place: TracePlace) -> Whole:
    """Returns what is of a whole trace."""
    spans, failed, services, releases = (await warehouse.query(WHOLE, place.values(project))).rows[
        0
    ]
    return Whole(spans, failed, [one for one in services if one], [one for one in releases if one])


async def list_errors(
    warehouse: Warehouse, project: ProjectContext, place: TracePlace
) -> list[TreeError]:
    """Returns the errors of a trace as they came about, at most `MOST_ERRORS`."""
    values = _around(project, place) | {"limit": MOST_ERRORS}
    rows = (await warehouse.query(ERRORS, values)).rows
    return [TreeError(row[0], iso_ms(row[1]), *row[2:]) for row in rows]


async def count_logs(
    warehouse: Warehouse, project: ProjectContext, place: TracePlace
) -> Mapping[str, LogCount]:
    """Returns how many log records there are, by the span."""
    values = _around(project, place) | {"limit": MOST_COUNTED, "error": LEAST_OF_ERRORS}
    rows = (await warehouse.query(LOG_COUNTS, values)).rows
    return {span_id: LogCount(count, errors) for span_id, count, errors in rows}


async def first_logs(
    warehouse: Warehouse, project: ProjectContext, place: TracePlace, spans: Sequence[str]
) -> Mapping[str, list[LogStart]]:
    """Returns the first records of some spans, `FIRST_LOGS` of each."""
    if not spans:
        return {}
    values = _around(project, place) | {
        "spans": list(spans),
        "label": LABEL_CHARS,
        "first": FIRST_LOGS,
        "limit": MOST_LOGS,
    }
    found: dict[str, list[LogStart]] = {}
    for span_id, record_id, at_us, severity, body in (await warehouse.query(LOGS, values)).rows:
        record = LogStart(record_id, iso_ms(at_us), severity, body)
        found.setdefault(span_id, []).append(record)
    return found


async def running_deployments(
    warehouse: Warehouse, project: ProjectContext, place: TracePlace
) -> list[TreeDeployment]:
    """Returns the deployments that were in service while the trace was, the newest first."""
    values = place.values(project) | {"limit": MOST_DEPLOYMENTS}
    rows = (await warehouse.query(RUNNING, values)).rows
    return [
        TreeDeployment(
            deployment_id, environment, commit, iso_ms(since), None if end is None else iso_ms(end)
        )
        for deployment_id, environment, commit, since, end in rows
    ]


def _around(project: ProjectContext, place: TracePlace) -> dict[str, Any]:
    """Other clocks may differ, and what is logged of a span may come after its end."""
    return place.values(project) | {
        "from_us": place.first_us - AROUND_US,
        "to_us": place.last_us + AROUND_US,
    }
