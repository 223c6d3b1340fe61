"""Who calls whom: services among themselves, and what they call that sends no spans.

The calls from service to service are worked out when they are asked for: a span whose parent is of
another service. Both may have come in any order and at any time, so no rollup can know. The newest
spans of a range are looked at, of a bounded number. The rest is from a rollup.
"""

import asyncio
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.otel.services import Hours, list_services, milliseconds
from schemas.otel.answers import MapEdge, Service
from schemas.projects import ProjectContext

MOST_LOOKED_AT = 300_000
MOST_EDGES = 1_000
MOST_SERVICES = 200
ADDRESS = """substring(ifNull(coalesce(attributes.`server=2Eaddress`.:String,
            attributes.`net=2Epeer=2Ename`.:String), ''), 2)"""
WITHIN = """project_id = {project_id:String}
        AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        AND timestamp < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')"""
NEWEST = """
    SELECT {columns}
    FROM otel_spans
    WHERE {within}
    ORDER BY timestamp DESC, item_id DESC
    LIMIT {most:UInt32}""".replace("{within}", WITHIN)
CALLEES = NEWEST.replace(
    "{columns}",
    "if(parent_span_id = '', 0, sipHash64(trace_id, parent_span_id)) AS parent,"
    " service::String AS callee, status::String AS ended, duration_ns",
)
CALLERS = NEWEST.replace(
    "{columns}",
    f"sipHash64(trace_id, span_id) AS id, service::String AS caller, {ADDRESS} AS address",
)
EDGES = """
SELECT caller, callee, count() AS calls, countIf(ended = 'error'),
    quantilesDD(0.01, 0.5, 0.9, 0.95, 0.99)(duration_ns),
    groupUniqArrayIf(20)(address, address != '')
FROM ({callees}) AS called
INNER JOIN ({callers}) AS calling ON called.parent = calling.id
WHERE caller != callee AND caller != '' AND callee != ''
GROUP BY caller, callee
ORDER BY calls DESC, caller, callee
LIMIT {limit:UInt32}
""".replace("{callees}", CALLEES).replace("{callers}", CALLERS)
LOOKED_AT = """
SELECT count(), toUnixTimestamp64Micro(min(timestamp))
FROM ({newest})
""".replace("{newest}", NEWEST.replace("{columns}", "timestamp"))
PEERS = """
SELECT service::String AS caller, peer_kind::String AS sort, peer::String AS callee,
    sum(spans) AS calls, sum(errors), quantilesDDMerge(0.01, 0.5, 0.9, 0.95, 0.99)(duration)
FROM otel_peer_hours
WHERE project_id = {project_id:String}
    AND hour >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND hour < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
GROUP BY caller, sort, callee
ORDER BY calls DESC, caller, sort, callee
LIMIT {limit:UInt32}
"""


class FoundMap(NamedTuple):
    """A map of services."""

    services: list[Service]
    edges: list[MapEdge]
    looked_at: int
    since_us: int | None
    """Since when spans were looked at, where the range has more; `None` where all were."""


async def read_map(warehouse: Warehouse, project: ProjectContext, hours: Hours) -> FoundMap:
    """Returns who calls whom in a range."""
    values: dict[str, Any] = {
        "project_id": project.project_id,
        **hours._asdict(),
        "most": MOST_LOOKED_AT,
        "limit": MOST_EDGES,
    }
    services, edges, peers, looked = await asyncio.gather(
        list_services(warehouse, project, hours, limit=MOST_SERVICES),
        warehouse.query(EDGES, values),
        warehouse.query(PEERS, values),
        warehouse.query(LOOKED_AT, values),
    )
    # The address of what is a service itself is no other host.
    known = {(row[0], address) for row in edges.rows for address in row[5]}
    between = [_edge(row[0], row[1], "service", row[2:5]) for row in edges.rows]
    leaves = [
        _edge(caller, callee, kind, measured)
        for caller, kind, callee, *measured in peers.rows
        if kind != "host" or (caller, callee) not in known
    ]
    count, since_us = looked.rows[0]
    return FoundMap(
        services, between + leaves, count, since_us if count >= MOST_LOOKED_AT else None
    )


def _edge(caller: str, callee: str, kind: str, measured: Any) -> MapEdge:
    count, errors, spread = measured
    p50, _, p95, p99 = map(milliseconds, spread)
    return MapEdge(
        caller=caller,
        callee=callee,
        callee_kind=kind,
        count=count,
        errors=errors,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )
