"""What the store has of the times around a switch, by blocks: errors, transactions, LLM calls.

Three statements, each over two ranges: around the switch, and the same hours a week before. What is
read goes by the time of the events, of one environment.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from schemas.deploys.measured import BLOCKS, BUCKET, Measured
from schemas.deploys.routing import PRODUCTION
from schemas.deploys.windows import Window, Windows
from schemas.projects import ProjectContext

PRODUCTION_NAMES = (PRODUCTION, "prod", "")
"""What names no environment is production's."""
MOST_ROWS = 500_000
WHERE = """project_id = {project_id:String}
    AND (
        (timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
            AND timestamp < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC'))
        OR (timestamp >= fromUnixTimestamp64Micro({week_from_us:Int64}, 'UTC')
            AND timestamp < fromUnixTimestamp64Micro({week_to_us:Int64}, 'UTC'))
    )
    AND environment IN {environments:Array(String)}"""
PLACE = """arrayFirstIndex(
            (start_us, end_us) -> toUnixTimestamp64Micro(timestamp) >= start_us
                AND toUnixTimestamp64Micro(timestamp) < end_us,
            {starts_us:Array(Int64)} AS starts_us, {ends_us:Array(Int64)} AS ends_us
        ) AS time,
        intDiv((toUnixTimestamp64Micro(timestamp) - starts_us[time]) * {blocks:Int64},
            greatest(ends_us[time] - starts_us[time], 1)) AS block"""
ERRORS = """
SELECT time, block, count() AS events
FROM (
    SELECT
        {place}
    FROM errors
    WHERE {where}
        AND level IN ('error', 'fatal')
)
WHERE time > 0
GROUP BY time, block
LIMIT {most:UInt32}
"""
TRANSACTIONS = """
SELECT time, block, toInt32(trunc(log(greatest(duration_ns, 1)) / {step:Float64})) AS bucket,
    count() AS transactions, countIf(failed) AS s_failed
FROM (
    SELECT duration_ns, failed,
        {place}
    FROM transactions
    WHERE {where}
)
WHERE time > 0
GROUP BY time, block, bucket
LIMIT {most:UInt32}
"""
CALLS = """
SELECT time, block, count() AS calls, countIf(status = 'error') AS s_failed,
    countIf(cost IS NOT NULL) AS priced, toFloat64(sum(ifNull(cost, 0))) * 100 AS cost_cents
FROM (
    SELECT status,
        if({computed_first:Bool}, coalesce(computed_cost, reported_cost),
            coalesce(reported_cost, computed_cost)) AS cost,
        {place}
    FROM traces
    WHERE {where}
        AND billing = ''
)
WHERE time > 0
GROUP BY time, block
LIMIT {most:UInt32}
"""


class AroundSwitch(NamedTuple):
    """What was measured before and after a switch, and at the same hours a week ago."""

    before: Measured
    after: Measured
    week_before: Measured
    week_after: Measured


async def read_around(
    warehouse: Warehouse, project: ProjectContext, environment: str, windows: Windows
) -> AroundSwitch:
    """Reads what happened in each block of each of the four times."""
    times = [windows.before, windows.after, windows.week_before, windows.week_after]
    values = _values(project, environment, windows, times)
    errors, transactions, calls = await asyncio.gather(
        warehouse.query(_statement(ERRORS), values),
        warehouse.query(_statement(TRANSACTIONS), values | {"step": log(BUCKET)}),
        warehouse.query(
            _statement(CALLS), values | {"computed_first": project.cost_preference == "computed"}
        ),
    )
    gathered = [_Gathered() for _ in times]
    for time, block, events in errors.rows:
        gathered[time - 1].errors[block] += events
    for time, block, bucket, count, failed in transactions.rows:
        gathered[time - 1].add_transactions(block, bucket, count, failed)
    for time, block, *figures in calls.rows:
        gathered[time - 1].add_calls(block, figures)
    return AroundSwitch(*(one.measured(of) for one, of in zip(gathered, times, strict=True)))


class _Gathered:
    """The rows of one time, by block."""

    def __init__(self) -> None:
        self.errors = [0] * BLOCKS
        self._transactions = [0] * BLOCKS
        self._failed = [0] * BLOCKS
        self._durations: list[Counter[int]] = [Counter() for _ in range(BLOCKS)]
        self._calls = [(0, 0, 0, 0.0)] * BLOCKS

    def add_transactions(self, block: int, bucket: int, count: int, failed: int) -> None:
        """Notes those of one bucket of durations."""
        self._transactions[block] += count
        self._failed[block] += failed
        self._durations[block][bucket] += count

    def add_calls(self, block: int, figures: Sequence[Any]) -> None:
        """Notes calls, those that failed, those with a price, and what these cost."""
        calls, failed, priced, cents = figures
        self._calls[block] = (calls, failed, priced, cents)

    def measured(self, window: Window) -> Measured:
        calls, failed, priced, cents = zip(*self._calls, strict=True)
        return Measured(
            minutes=[window.minutes / BLOCKS] * BLOCKS,
            errors=self.errors,
            transactions=self._transactions,
            failed=self._failed,
            durations=self._durations,
            calls=calls,
            calls_failed=failed,
            calls_priced=priced,
            cost_cents=cents,
        )


def environments_of(environment: str) -> tuple[str, ...]:
    """Returns the names that events have of an environment of deployments."""
    return PRODUCTION_NAMES if environment == PRODUCTION else (environment,)


def _statement(text: str) -> str:
    return text.replace("{place}", PLACE).replace("{where}", WHERE)


def _values(
    project: ProjectContext, environment: str, windows: Windows, times: Sequence[Window]
) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "environments": list(environments_of(environment)),
        "from_us": windows.before.start_us,
        "to_us": windows.after.end_us,
        "week_from_us": windows.week_before.start_us,
        "week_to_us": windows.week_after.end_us,
        "starts_us": [one.start_us for one in times],
        "ends_us": [one.end_us for one in times],
        "blocks": BLOCKS,
        "most": MOST_ROWS,
    }
