"""Which traces there are, newest first, in pages: from the rollup of traces.

A list looks back in steps, each longer than the one before, until its page is full. So the newest
traces are found in a few hours of rows, and rare ones in all of them.
"""

import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.llm.filters import COUNTED_COST, dollars
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

HOUR_US = 3_600_000_000
STEPS_US = (6 * HOUR_US, 48 * HOUR_US, 240 * HOUR_US)
LONGEST_PAUSE_US = 6 * HOUR_US
"""Between two spans of a trace: after a longer one it is listed again, as if it were another."""
LATEST_US = 4_000_000_000_000_000
"""In the year 2096: what `DateTime` holds."""
FOUND = """
SELECT trace_id, toUnixTimestamp64Micro(min(started)) AS first_us
FROM otel_traces
WHERE project_id = {project_id:String}
    AND hour >= toStartOfHour(fromUnixTimestamp64Micro({rows_from_us:Int64}, 'UTC'))
    AND hour <= fromUnixTimestamp64Micro({rows_to_us:Int64}, 'UTC'){costing}
GROUP BY trace_id
HAVING first_us >= {from_us:Int64}
    AND first_us <= {to_us:Int64}{conditions}
ORDER BY first_us DESC, trace_id DESC
LIMIT {limit:UInt32}
"""
OF_TRACES = """project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({rows_from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({rows_to_us:Int64}, 'UTC')
    AND trace_id IN (SELECT trace_id FROM ({traces}))"""
BEYOND = "(first_us, trace_id) < ({place_us:Int64}, {place_id:String})"
LASTED = "toUnixTimestamp64Micro(max(ended)) - first_us"
CONDITIONS = {
    "service": "max(has(services, {service:String}))",
    "source": "max(source) = {source:String}",
    "session_id": "max(session_id) = {session_id:String}",
    "min_us": f"{LASTED} >= {{min_us:Int64}}",
    "max_us": f"{LASTED} <= {{max_us:Int64}}",
}
COSTING = """trace_id IN (
        SELECT substring(trace_id, 1, 32) AS of_trace
        FROM traces
        WHERE project_id = {project_id:String}
            AND timestamp >= fromUnixTimestamp64Micro({rows_from_us:Int64}, 'UTC')
            AND timestamp <= fromUnixTimestamp64Micro({rows_to_us:Int64}, 'UTC')
            AND span_id != ''
            AND billing = ''
        GROUP BY of_trace
        HAVING {bounds}
    )"""
"""What is not known is no cost: a trace without a call, or with calls that nobody can price."""
LEAST_COST = "sum({cost}) >= {min_cost:Decimal(38, 12)}"
MOST_COST = "sum({cost}) <= {max_cost:Decimal(38, 12)}"
FAILED = {"error": "sum(errors) > 0", "success": "sum(errors) = 0"}


class TracePlaceInList(NamedTuple):
    """Where a page ends."""

    us: int
    trace_id: str


class OtelTraceFilter(Struct, frozen=True, kw_only=True):
    """Which traces, by when they began. Bounds are inclusive; `None` narrows nothing."""

    from_us: int | None = None
    to_us: int | None = None
    service: str | None = None
    source: str | None = None
    session_id: str | None = None
    status: str | None = None
    """`error` where any span failed, or else `success`."""
    min_us: int | None = None
    max_us: int | None = None
    min_cost_cents: Decimal | None = None
    """Of its billed calls together."""
    max_cost_cents: Decimal | None = None


async def find_traces(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: OtelTraceFilter,
    *,
    limit: int,
    beyond: TracePlaceInList | None,
) -> list[TracePlaceInList]:
    """Returns the newest traces beyond a place, by when they began, ties by id."""
    sql, values = _statement(project, wanted, beyond)
    values["limit"] = limit
    rows: Sequence[Sequence[Any]] = ()
    for from_us in _steps(wanted, beyond):
        within = values | {
            "from_us": from_us,
            "rows_from_us": max(0, from_us - LONGEST_PAUSE_US),
        }
        rows = (await warehouse.query(sql, within)).rows
        if len(rows) >= limit:
            break
    return [TracePlaceInList(first_us, trace_id) for trace_id, first_us in rows]


def spans_of_traces(project: ProjectContext, wanted: OtelTraceFilter) -> Condition:
    """Returns the condition for all spans of the traces that are listed.

    Both ends of the range are set. A span counts where it began within the pauses of a trace.
    """
    assert wanted.from_us is not None
    sql, values = _statement(project, wanted, None)
    traces = sql.partition("ORDER BY")[0]
    values |= {
        "from_us": wanted.from_us,
        "rows_from_us": max(0, wanted.from_us - LONGEST_PAUSE_US),
    }
    return Condition(OF_TRACES.replace("{traces}", traces), values)


def _statement(
    project: ProjectContext, wanted: OtelTraceFilter, beyond: TracePlaceInList | None
) -> tuple[str, dict[str, Any]]:
    given = {name: getattr(wanted, name) for name in CONDITIONS}
    named = {name: value for name, value in given.items() if value is not None}
    parts = [CONDITIONS[name] for name in named]
    if wanted.status is not None:
        parts.append(FAILED[wanted.status])
    to_us = LATEST_US if wanted.to_us is None else min(wanted.to_us, LATEST_US)
    values: dict[str, Any] = {"project_id": project.project_id, **named}
    if beyond is not None:
        parts.append(BEYOND)
        values |= {"place_us": beyond.us, "place_id": beyond.trace_id}
        to_us = min(to_us, beyond.us)
    values |= {"to_us": to_us, "rows_to_us": min(to_us + LONGEST_PAUSE_US, LATEST_US)}
    conditions = "".join(f"\n    AND {part}" for part in parts)
    costing = _costing(project, wanted)
    sql = FOUND.replace("{conditions}", conditions).replace("{costing}", costing.sql)
    return sql, values | costing.values


def _costing(project: ProjectContext, wanted: OtelTraceFilter) -> Condition:
    bounds = (
        ("min_cost", LEAST_COST, wanted.min_cost_cents),
        ("max_cost", MOST_COST, wanted.max_cost_cents),
    )
    given = [(name, sql, cents) for name, sql, cents in bounds if cents is not None]
    if not given:
        return Condition("", {})
    having = " AND ".join(sql for _, sql, _ in given)
    having = having.replace("{cost}", COUNTED_COST[project.cost_preference])
    sql = f"\n    AND {COSTING.replace('{bounds}', having)}"
    return Condition(sql, {name: dollars(cents) for name, _, cents in given})


def _steps(wanted: OtelTraceFilter, beyond: TracePlaceInList | None) -> Iterator[int]:
    """Yields from when on traces are looked for."""
    first_us = max(0, wanted.from_us or 0)
    ends = (time.time_ns() // 1000, wanted.to_us, beyond.us if beyond else None)
    last_us = min(end for end in ends if end is not None)
    for step in STEPS_US:
        if last_us - step > first_us:
            yield last_us - step
    yield first_us
