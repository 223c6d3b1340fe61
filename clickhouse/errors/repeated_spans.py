"""N+1 patterns: one query asked again and again within one span, once for each thing of a list.

A pattern is the same operation and description, without values, at least `LEAST` times under one
parent. They are found in one transaction, and in the newest ones of a name.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.errors.span_shapes import SHAPE, shape_values
from clickhouse.errors.span_sources import of_many
from clickhouse.errors.transaction_filters import TransactionFilter
from clickhouse.errors.transaction_lines import list_lines
from clickhouse.errors.transaction_spans import SpanLine
from schemas.projects import ProjectContext

LEAST = 5
MOST_RECENT = 200
"""Transactions of a name that are looked at."""
MOST_SPANS = 200_000
"""Of these."""
MOST_PATTERNS = 20
READ = "event_id, parent_span_id, op, description, duration_ns"
REPEATED = """
SELECT
    k0,
    shape,
    uniqExact(event_id) AS transactions,
    sum(times) AS spans,
    max(times) AS most,
    sum(total_ns) AS all_ns,
    argMax(event_id, times) AS example
FROM (
    SELECT event_id, parent_span_id, k0, shape, count() AS times,
        sum(toUInt128(duration_ns)) AS total_ns
    FROM (
        SELECT event_id, parent_span_id, op::String AS k0, {shape} AS shape, duration_ns
        FROM ({source})
        LIMIT {most_spans:UInt32}
    )
    WHERE shape != ''
    GROUP BY event_id, parent_span_id, k0, shape
    HAVING times >= {least:UInt32}
)
GROUP BY k0, shape
ORDER BY all_ns DESC, k0, shape
LIMIT {limit:UInt32}
"""


class Repeated(Struct, frozen=True):
    """A pattern in one transaction."""

    op: str
    shape: str
    parent_span_id: str
    count: int
    total_ns: int
    first_span_id: str

    @property
    def total_ms(self) -> float:
        """How long all of its spans took, one after the other or not."""
        return self.total_ns / 1_000_000


class Pattern(Struct, frozen=True):
    """A pattern over some transactions of a name."""

    op: str
    shape: str
    transactions: int
    """How many have it."""
    spans: int
    """How many spans it makes in all of them."""
    most: int
    """How many at most under one parent."""
    total_ms: float
    example: str
    """The transaction that has most of it."""


class Patterns(NamedTuple):
    """The patterns of the newest transactions of a filter."""

    patterns: list[Pattern]
    looked_at: int
    """How many transactions were."""


def repeated(spans: Iterable[SpanLine]) -> list[Repeated]:
    """Returns the patterns of one transaction, those that took longest first."""
    alike: dict[tuple[str, str, str], list[SpanLine]] = defaultdict(list)
    for span in spans:
        if span.shape:
            alike[span.parent_span_id, span.op, span.shape].append(span)
    found = [
        Repeated(
            op=op,
            shape=shape,
            parent_span_id=parent,
            count=len(some),
            total_ns=sum(span.duration_ns for span in some),
            first_span_id=some[0].span_id,
        )
        for (parent, op, shape), some in alike.items()
        if len(some) >= LEAST
    ]
    return sorted(found, key=lambda one: (-one.total_ns, one.op, one.shape))


async def find_patterns(
    warehouse: Warehouse, project: ProjectContext, wanted: TransactionFilter
) -> Patterns:
    """Returns the patterns of the newest `MOST_RECENT` transactions, those that take most first."""
    recent = await list_lines(warehouse, project, wanted, order="newest", limit=MOST_RECENT)
    with_spans = [line for line in recent if line.spans >= LEAST]
    if not with_spans:
        return Patterns([], len(recent))
    values = {
        "project_id": project.project_id,
        "moments": [line.at_us for line in with_spans],
        "ids": [line.event_id for line in with_spans],
        "most_spans": MOST_SPANS,
        "least": LEAST,
        "limit": MOST_PATTERNS,
    }
    sql = REPEATED.replace("{source}", of_many(READ)).replace("{shape}", SHAPE)
    answer = await warehouse.query(sql, {**values, **shape_values()})
    patterns = [
        Pattern(op, shape, transactions, spans, most, all_ns / 1e6, example)
        for op, shape, transactions, spans, most, all_ns, example in answer.rows
    ]
    return Patterns(patterns, len(recent))
