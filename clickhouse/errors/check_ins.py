"""Runs of scheduled jobs, and their monitors: the last run, how many, how long they took.

A run is all rows with its id. An end counts more than a beginning, whichever came first; of two
ends the newer one counts. What has no id has its row's own: an end of that sort belongs to the
beginning of that sort which comes right before it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors.trace_links import spellings
from schemas.projects import ProjectContext

MOST_MONITORS = 200
MOST_RUNS = 200
RUNS = """
SELECT
    run AS check_in_id,
    monitor_slug::String AS slug,
    environment::String AS place,
    min(timestamp) AS began,
    argMax(status::String, (status != 'in_progress', timestamp, update_id)) AS state,
    ifNull(
        argMax(duration_ns, (status != 'in_progress', timestamp, update_id)),
        if(
            state != 'in_progress' AND count() > 1,
            toUInt64(dateDiff('microsecond', began, max(timestamp))) * 1000,
            NULL
        )
    ) AS took_ns,
    argMax(release::String, timestamp) AS of_release,
    max(trace_id) AS of_trace,
    argMaxIf(monitor_config, timestamp, monitor_config != '') AS config
FROM (
    SELECT
        update_id,
        timestamp,
        monitor_slug,
        status,
        duration_ns,
        environment,
        release,
        trace_id,
        monitor_config,
        if(
            check_in_id = update_id
            AND status != 'in_progress'
            AND lagInFrame(status::String) OVER nameless = 'in_progress',
            lagInFrame(update_id) OVER nameless,
            check_in_id
        ) AS run
    FROM check_ins
    WHERE {where}
    WINDOW nameless AS (
        PARTITION BY monitor_slug, environment, check_in_id = update_id
        ORDER BY timestamp, update_id
        ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
    )
)
GROUP BY run, slug, place
"""
MONITORS = """
SELECT
    slug,
    place,
    count(),
    countIf(state = 'ok'),
    countIf(state NOT IN ('ok', 'in_progress')),
    toUnixTimestamp64Micro(max(began)),
    argMax(state, (began, check_in_id)),
    argMax(tuple(took_ns), (began, check_in_id)),
    if(count(took_ns) = 0, NULL, quantile(0.5)(took_ns)),
    if(count(took_ns) = 0, NULL, quantile(0.95)(took_ns)),
    argMaxIf(config, began, config != ''),
    arrayMap(
        one -> one.2,
        groupArraySorted(30)(
            (-toUnixTimestamp64Micro(began), state NOT IN ('ok', 'in_progress'))
        )
    )
FROM ({runs})
GROUP BY slug, place
ORDER BY slug, place
LIMIT {limit:UInt32}
"""
LISTED = """
SELECT check_in_id, slug, place, toUnixTimestamp64Micro(began), state, took_ns, of_release, of_trace
FROM ({runs})
{beyond}ORDER BY began DESC, check_in_id DESC
LIMIT {limit:UInt32}
"""
BEYOND = """WHERE (began, check_in_id) < (
    fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})
"""


class RunPlace(NamedTuple):
    """Where a page ends."""

    at_us: int
    check_in_id: str


class CheckInFilter(Struct, frozen=True, kw_only=True):
    """Which runs; times are microseconds since 1970 UTC, inclusive."""

    from_us: int
    to_us: int
    monitor: str | None = None
    environment: str | None = None
    trace_id: str | None = None


class Run(Struct, frozen=True):
    """One run of a job."""

    check_in_id: str
    monitor: str
    environment: str
    at_us: int
    """When it was heard of first."""
    status: str
    duration_ns: int | None
    """As the job says, else from its first word to its last; `None` where it has said one alone."""
    release: str
    trace_id: str


class Monitor(Struct, frozen=True):
    """The runs of one job in one environment."""

    monitor: str
    environment: str
    runs: int
    ok: int
    failed: int
    last_us: int
    last_status: str
    last_duration_ns: int | None
    p50_ns: float | None
    p95_ns: float | None
    config: bytes
    """The newest that it sent, as JSON; empty where it sent none."""
    failures: Sequence[bool]
    """Which of the last 30 runs failed, newest first."""


async def list_monitors(
    warehouse: Warehouse, project: ProjectContext, wanted: CheckInFilter
) -> list[Monitor]:
    """Returns the monitors that were heard of in a range, by name."""
    text, values = _runs(project, wanted)
    sql = MONITORS.replace("{runs}", text)
    values["limit"] = MOST_MONITORS
    rows = (await warehouse.query(sql, values)).rows
    return [
        Monitor(*_flat([*row[:10], row[10].encode(), [bool(one) for one in row[11]]]))
        for row in rows
    ]


async def list_runs(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: CheckInFilter,
    *,
    limit: int,
    beyond: RunPlace | None = None,
) -> list[Run]:
    """Returns runs, newest first; `beyond` and what is newer are not."""
    text, values = _runs(project, wanted)
    values["limit"] = min(limit, MOST_RUNS + 1)
    if beyond is not None:
        values |= {"place_us": beyond.at_us, "place_id": beyond.check_in_id}
    sql = LISTED.replace("{runs}", text).replace("{beyond}", BEYOND if beyond else "")
    return [Run(*row) for row in (await warehouse.query(sql, values)).rows]


def _runs(project: ProjectContext, wanted: CheckInFilter) -> tuple[str, dict[str, Any]]:
    parts = [
        "project_id = {project_id:String}",
        "timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')",
        "timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')",
    ]
    values: dict[str, Any] = {
        "project_id": project.project_id,
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
    }
    if wanted.monitor is not None:
        parts.append("monitor_slug = {monitor:String}")
        values["monitor"] = wanted.monitor
    if wanted.environment is not None:
        parts.append("environment = {environment:String}")
        values["environment"] = wanted.environment
    if wanted.trace_id is not None:
        parts.append("trace_id IN {traces:Array(String)}")
        values["traces"] = list(spellings(wanted.trace_id))
    return RUNS.replace("{where}", "\n    AND ".join(parts)), values


def _flat(row: Sequence[Any]) -> list[Any]:
    """Returns a row without the tuple that keeps a NULL from being stepped over."""
    return [value[0] if isinstance(value, tuple) else value for value in row]
