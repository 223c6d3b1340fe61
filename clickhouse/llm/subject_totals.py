"""What all sessions, or all users, of a list add up to: of the whole of it, not of a page."""

from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.rollups import Scope
from clickhouse.llm.subjects import Least, Subject, having, subjects_statement
from clickhouse.queries.values import cents_sum, quotient

MEASURED = ("requests", "errors", "input", "output", "unpriced", "latency_ns", "counted")
TOTALS = """
SELECT
    count(),
    sum(s_requests),
    sum(s_errors),
    sum(s_input) + sum(s_output),
    sum(s_unpriced),
    sum(s_latency_ns),
    sum(s_counted),
    countIf(s_unpriced < s_requests),
    quantileExactLowIf(0.5)(s_counted, s_unpriced < s_requests),
    quantileExactHighIf(0.5)(s_counted, s_unpriced < s_requests)
FROM (
{subjects}
)
LIMIT 1
"""


class SubjectTotals(NamedTuple):
    """What all subjects of a list add up to; costs are cents, `None` where that of no call is
    known."""

    subjects: int
    calls: int
    errors: int
    tokens: int
    cost_cents: float | None
    median_cents: float | None
    """Of what one of them cost, where that is known."""
    latency_ms: float | None
    """The mean of all calls; `None` where there are none."""


async def total_subjects(
    warehouse: Warehouse, scoped: Scope, subject: Subject, least: Least
) -> SubjectTotals:
    """Returns what those add up to that come to `least`."""
    columns = rollups.sums(scoped, MEASURED)
    ending = f"GROUP BY subject\n{having(least.conditions(scoped))}"
    sql = TOTALS.replace("{subjects}", subjects_statement(scoped, subject, columns, ending))
    found = await warehouse.query(sql, rollups.values_of(scoped) | least.values)
    count, calls, errors, tokens, unpriced, latency_ns, cost, known, low, high = found.rows[0]
    return SubjectTotals(
        subjects=count,
        calls=calls,
        errors=errors,
        tokens=tokens,
        cost_cents=None if unpriced == calls else cents_sum(cost),
        median_cents=quotient((low + high).scaleb(2), 2) if known else None,
        latency_ms=latency_ns / calls / 1e6 if calls else None,
    )
