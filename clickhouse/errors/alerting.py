"""The figures of alert rules: what arrived in a window, and whether an issue's events match.

A window is of arrivals, not of the events' own times: what a client sends late is counted once.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.queries.conditions import Condition
from clickhouse.tags import stored_tag, tag_sql
from schemas.errors.alerts import RuleQuery
from schemas.projects import ProjectContext

NS_PER_MS = 1_000_000
COUNTS = """
SELECT {counts}
FROM errors
WHERE {where}
LIMIT 1
"""
IN_WINDOW = (
    "received_at >= fromUnixTimestamp64Micro({from_%d:Int64}, 'UTC')"
    " AND received_at < fromUnixTimestamp64Micro({to_%d:Int64}, 'UTC')"
)
MATCHES = """
SELECT 1
FROM errors
WHERE {where}
    AND group_hash IN {hashes:Array(UInt64)}
    AND received_at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
LIMIT 1
"""
TRANSACTIONS = """
SELECT count() AS transactions, countIf(failed) AS failed,
    quantileTDigest(0.95)(duration_ns) AS p95
FROM transactions
WHERE {where}
    AND received_at >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND received_at < fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
LIMIT 1
"""


class Window(NamedTuple):
    """A time in microseconds since 1970 UTC; its end is not in it."""

    from_us: int
    to_us: int


class TransactionFigures(NamedTuple):
    """How the transactions of a window did; the percentile is `None` where there are none."""

    transactions: int
    failed: int
    p95_ms: float | None


async def count_errors(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: RuleQuery,
    environments: Sequence[str] | None,
    windows: Sequence[Window],
) -> list[int]:
    """Returns how many errors arrived in each window, read in one go."""
    where = _condition(project, wanted, environments, "transaction")
    tests = [IN_WINDOW % (number, number) for number in range(len(windows))]
    counts = ", ".join(f"countIf({test})" for test in tests)
    values = dict(where.values)
    for number, (from_us, to_us) in enumerate(windows):
        values |= {f"from_{number}": from_us, f"to_{number}": to_us}
    only = f"{where.sql}\n    AND ({' OR '.join(tests)})"
    sql = COUNTS.replace("{counts}", counts).replace("{where}", only)
    return list((await warehouse.query(sql, values)).rows[0])


async def matches(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: RuleQuery,
    environments: Sequence[str] | None,
    since: tuple[Sequence[int], int],
) -> bool:
    """Tells whether an event that arrived since then, of some groups, is what a rule is for."""
    hashes, from_us = since
    where = _condition(project, wanted, environments, "transaction")
    sql = MATCHES.replace("{where}", where.sql)
    values = where.values | {"hashes": list(hashes), "from_us": from_us}
    return bool((await warehouse.query(sql, values)).rows)


async def read_transactions(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: RuleQuery,
    environments: Sequence[str] | None,
    window: Window,
) -> TransactionFigures:
    """Returns the figures of the transactions that arrived in a window."""
    where = _condition(project, wanted, environments, "name")
    sql = TRANSACTIONS.replace("{where}", where.sql)
    row = (await warehouse.query(sql, where.values | window._asdict())).rows[0]
    count, failed, p95_ns = row
    return TransactionFigures(count, failed, float(p95_ns) / NS_PER_MS if count else None)


def _condition(
    project: ProjectContext, wanted: RuleQuery, environments: Sequence[str] | None, name: str
) -> Condition:
    parts = ["project_id = {project_id:String}"]
    values: dict[str, Any] = {"project_id": project.project_id}
    if environments is not None:
        parts.append("environment IN {environments:Array(String)}")
        values["environments"] = list(environments)
    if wanted.levels:
        parts.append("level IN {levels:Array(String)}")
        values["levels"] = list(wanted.levels)
    if wanted.transaction_name is not None:
        parts.append(f"{name} = {{transaction_name:String}}")
        values["transaction_name"] = wanted.transaction_name
    for number, (key, value) in enumerate(wanted.tags.items()):
        parts.append(f"{tag_sql(key)} = {{tag_{number}:String}}")
        values[f"tag_{number}"] = stored_tag(value)
    return Condition("\n    AND ".join(parts), values)
