"""What an app sends, made in the store by a few statements: an hour of traffic at a known rate.

What varies goes by hashes of the event's name and number: the same in each run.
"""

from typing import Any

from clickhouse.client import Warehouse
from schemas.deploys.windows import MINUTE_US
from schemas.projects import ProjectId

TRANSACTIONS = """
INSERT INTO transactions (project_id, event_id, timestamp, received_at, duration_ns, name, op,
    status, failed, environment, tags, log_id, log_partition, log_offset)
SELECT {project_id:String}, concat({name:String}, toString(number)), at, at,
    toUInt64({ms:Float64} * 1e6 * exp(0.5 * sqrt(-2 * log(one)) * cos(2 * pi() * two))),
    'GET /', 'http.server', '', three * 10000 < {failed_bp:UInt32}, {environment:String}, '{}',
    '', 0, number
FROM (
    SELECT number, fromUnixTimestamp64Micro(
        {from_us:Int64} + number * intDiv({to_us:Int64} - {from_us:Int64}, {count:Int64}), 'UTC'
    ) AS at,
        (sipHash64({name:String}, number, 1) % 1000000 + 1) / 1000001 AS one,
        sipHash64({name:String}, number, 2) % 1000000 / 1000000 AS two,
        sipHash64({name:String}, number, 3) % 1000000 / 1000000 AS three
    FROM numbers({count:UInt64})
)
"""
ERRORS = """
INSERT INTO errors (project_id, event_id, fingerprint, timestamp, received_at, level, environment,
    tags, log_id, log_partition, log_offset)
SELECT {project_id:String}, concat({name:String}, toString(number)), 'one', at, at, 'error',
    {environment:String}, '{}', '', 0, number
FROM (
    SELECT number, fromUnixTimestamp64Micro(
        {from_us:Int64} + number * intDiv({to_us:Int64} - {from_us:Int64}, {count:Int64}), 'UTC'
    ) AS at,
        (sipHash64({name:String}, number, 1) % 1000000 + 1) / 1000001 AS one,
        sipHash64({name:String}, number, 2) % 1000000 / 1000000 AS two,
        sipHash64({name:String}, number, 3) % 1000000 / 1000000 AS three
    FROM numbers({count:UInt64})
)
"""
CALLS = """
INSERT INTO traces (project_id, trace_id, timestamp, received_at, status, computed_cost,
    environment, tags, log_id, log_partition, log_offset)
SELECT {project_id:String}, concat({name:String}, toString(number)), at, at,
    if(three * 10000 < {failed_bp:UInt32}, 'error', 'success'),
    toDecimal128({cents:Float64} / 100 * (0.5 + two), 12),
    {environment:String}, '{}', '', 0, number
FROM (
    SELECT number, fromUnixTimestamp64Micro(
        {from_us:Int64} + number * intDiv({to_us:Int64} - {from_us:Int64}, {count:Int64}), 'UTC'
    ) AS at,
        (sipHash64({name:String}, number, 1) % 1000000 + 1) / 1000001 AS one,
        sipHash64({name:String}, number, 2) % 1000000 / 1000000 AS two,
        sipHash64({name:String}, number, 3) % 1000000 / 1000000 AS three
    FROM numbers({count:UInt64})
)
"""


class Traffic:
    """Puts traffic of a project into the store."""

    def __init__(self, warehouse: Warehouse, project_id: ProjectId) -> None:
        self._warehouse = warehouse
        self._project_id = project_id

    async def send(
        self,
        from_us: int,
        to_us: int,
        *,
        environment: str = "production",
        transactions: int = 3_000,
        ms: float = 100.0,
        failed_bp: int = 200,
        errors: int = 60,
        calls: int = 1_000,
        calls_failed_bp: int = 300,
        cents: float = 1.0,
    ) -> None:
        """Spreads so many events evenly over a time; rates are in hundredths of a percent."""
        more: dict[str, Any] = {"environment": environment, "name": f"{environment} {from_us} "}
        more |= {"project_id": self._project_id, "from_us": from_us, "to_us": to_us}
        for sql, count, own in (
            (TRANSACTIONS, transactions, {"ms": ms, "failed_bp": failed_bp}),
            (ERRORS, errors, {}),
            (CALLS, calls, {"cents": cents, "failed_bp": calls_failed_bp}),
        ):
            if count:
                await self._warehouse.command(sql, more | own | {"count": count})


async def hour(traffic: Traffic, from_us: int, **rates: Any) -> None:
    """Sends an hour of it."""
    await traffic.send(from_us, from_us + 60 * MINUTE_US, **rates)
