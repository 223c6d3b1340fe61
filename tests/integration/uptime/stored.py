"""Checks made in the store by one statement, as many as a test needs."""

from typing import Any

from clickhouse.client import Warehouse

CHECKS = """
INSERT INTO checks (
    project_id, check_id, monitor_id, region, slot, attempt, started, received_at, revision,
    outcome, reason, message, dns_ms, connect_ms, tls_ms, first_byte_ms, transfer_ms, total_ms,
    status_code, peer, expires_at, certificate, log_id, log_partition, log_offset
)
SELECT
    {project_id:String}, concat({monitor_id:String}, {region:String}, toString(at_us)),
    {monitor_id:String}, {region:String}, at, 0, at,
    at + toIntervalMicrosecond({late_us:Int64}), 1,
    {outcomes:Array(String)}[number % length({outcomes:Array(String)}) + 1], '', '',
    1, 2, NULL, 3, 4, {times_ms:Array(Float32)}[number % length({times_ms:Array(Float32)}) + 1],
    200, '', NULL, '', '', 0, number
FROM (
    SELECT number, {first_us:Int64} + number * {step_us:Int64} AS at_us,
        fromUnixTimestamp64Micro(at_us, 'UTC') AS at
    FROM numbers({count:UInt64})
)
"""


async def store_checks(
    warehouse: Warehouse,
    project_id: str,
    monitor_id: str,
    *,
    first_us: int,
    step_us: int,
    count: int,
    **more: Any,
) -> None:
    """Stores checks of one region; `outcomes` and `times_ms` come again and again.

    They are received `late_us` after their slots.
    """
    values = {"outcomes": ["ok"], "times_ms": [100.0], "region": "default", "late_us": 0} | more
    values |= {"project_id": project_id, "monitor_id": monitor_id, "first_us": first_us}
    await warehouse.command(CHECKS, {**values, "step_us": step_us, "count": count})
