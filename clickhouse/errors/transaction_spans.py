"""The spans within transactions: those of one, and the slowest sorts of spans of many."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Raw, Struct

from clickhouse.client import Warehouse
from clickhouse.errors.span_shapes import SHAPE, shape_values
from clickhouse.errors.span_sources import newest, of_one
from clickhouse.errors.transaction_filters import SpanFilter, span_condition
from clickhouse.errors.transaction_lines import TransactionLine
from clickhouse.queries.parts import ONE_ROW
from clickhouse.queries.values import raw_or_none
from schemas.errors.transaction import MAX_SPANS
from schemas.projects import ProjectContext

MOST_LOOKED_AT = 300_000
"""Spans of a range, the newest, that are put into sorts: a second on one core."""
LABEL_CHARS = 300
NARROW = "span_id, parent_span_id, op, description, status, started, duration_ns"
LOOKED_AT = "op, description, event_id, span_id, duration_ns, timestamp"
COLUMNS = """span_id, parent_span_id, op::String, substringUTF8(description, 1, {label:UInt32}),
    status::String, toUnixTimestamp64Micro(started), duration_ns, {shape}"""
SPANS = """
SELECT {columns}
FROM ({source})
ORDER BY started, span_id
LIMIT {limit:UInt32}
"""
ONE = """
SELECT span_id, parent_span_id, op::String, description, status::String,
    toUnixTimestamp64Micro(started), duration_ns, '' AS shape, data
FROM ({source})
WHERE span_id = {span_id:String}
LIMIT 1
"""
SLOWEST = """
SELECT
    k0,
    shape,
    count() AS times,
    uniqExact(event_id) AS transactions,
    sum(toUInt128(duration_ns)) AS total_ns,
    max(duration_ns) AS longest_ns,
    quantilesDD(0.01, 0.5, 0.95)(duration_ns) AS spread,
    argMax(event_id, duration_ns) AS slowest,
    argMax(span_id, duration_ns) AS slowest_span,
    sum(sum(toUInt128(duration_ns))) OVER () AS whole_ns,
    sum(count()) OVER () AS looked_at,
    min(min(at_us)) OVER () AS since_us,
    count() OVER () AS sorts
FROM (
    SELECT op::String AS k0, {shape} AS shape, event_id, span_id, duration_ns,
        toUnixTimestamp64Micro(timestamp) AS at_us
    FROM ({source})
)
GROUP BY k0, shape
ORDER BY {order} DESC, k0, shape
LIMIT {limit:UInt32} OFFSET {offset:UInt32}
"""
ORDERS: Mapping[str, str] = {
    "total": "total_ns",
    "count": "times",
    "avg": "total_ns / times",
    "p95": "spread[2]",
    "max": "longest_ns",
}


class SpanLine(Struct, frozen=True):
    """One span of a transaction."""

    span_id: str
    parent_span_id: str
    op: str
    description: str
    status: str
    started_us: int
    duration_ns: int
    shape: str
    """The description without its values."""

    @property
    def end_us(self) -> int:
        """When it was over."""
        return self.started_us + -(-self.duration_ns // 1000)


class SpanWithData(NamedTuple):
    """One span of a transaction, with what came with it."""

    span: SpanLine
    data: Raw | None


class SpanSort(Struct, frozen=True):
    """The spans of one operation whose descriptions differ by values alone."""

    op: str
    shape: str
    count: int
    transactions: int
    """How many have one."""
    total_ms: float
    avg_ms: float
    p50_ms: float
    p95_ms: float
    """Within 1 %, as all percentiles of a sketch."""
    max_ms: float
    share: float
    """Of the time of all spans that were looked at, in percent."""
    slowest: str
    """The transaction that has the longest one."""
    slowest_span: str


class SlowSpans(NamedTuple):
    """Sorts of spans, of a bounded number that were looked at."""

    sorts: list[SpanSort]
    whole: int
    """How many sorts there are."""
    looked_at: int
    since_us: int
    """Where `looked_at` is `MOST_LOOKED_AT`: the transactions since then were looked at."""

    @property
    def is_cut(self) -> bool:
        """Whether older spans of the range were not looked at."""
        return self.looked_at >= MOST_LOOKED_AT


async def list_spans(
    warehouse: Warehouse, project: ProjectContext, transaction: TransactionLine
) -> list[SpanLine]:
    """Returns the spans of a transaction as they began, `MAX_SPANS` at most, without their data."""
    values = _of_one(project, transaction) | shape_values() | {"label": LABEL_CHARS}
    answer = await warehouse.query(_listed(COLUMNS, NARROW), values)
    return [SpanLine(*row) for row in answer.rows]


async def list_with_data(
    warehouse: Warehouse, project: ProjectContext, transaction: TransactionLine
) -> list[SpanWithData]:
    """Returns what `list_spans` does, each with what came with it.

    With one statement: more of them may come between two.
    """
    values = _of_one(project, transaction) | shape_values() | {"label": LABEL_CHARS}
    sql = _listed(f"{COLUMNS}, data", f"{NARROW}, data")
    answer = await warehouse.query(sql, values, as_bytes=("data",), **ONE_ROW)
    return [SpanWithData(SpanLine(*row[:-1]), raw_or_none(row[-1])) for row in answer.rows]


async def fetch_span(
    warehouse: Warehouse, project: ProjectContext, transaction: TransactionLine, span_id: str
) -> tuple[SpanLine, Raw | None] | None:
    """Returns one span with its whole description and its data."""
    sql = ONE.replace("{source}", of_one(f"{NARROW}, data"))
    values = _of_one(project, transaction) | {"span_id": span_id}
    rows = (await warehouse.query(sql, values, as_bytes=("data",), **ONE_ROW)).rows
    return (SpanLine(*rows[0][:-1]), raw_or_none(rows[0][-1])) if rows else None


async def slowest_spans(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: SpanFilter,
    *,
    order: str,
    limit: int,
    offset: int = 0,
) -> SlowSpans:
    """Returns the sorts of spans that come first in an order, a name in `ORDERS`.

    Of the newest `MOST_LOOKED_AT` spans of the range.
    """
    where = span_condition(project, wanted)
    sql = (
        SLOWEST.replace("{shape}", SHAPE)
        .replace("{source}", newest(LOOKED_AT, where.sql))
        .replace("{order}", ORDERS[order])
    )
    bounds = {"limit": limit, "offset": offset, "most": MOST_LOOKED_AT}
    answer = await warehouse.query(sql, {**where.values, **shape_values(), **bounds})
    if not answer.rows:
        return SlowSpans([], 0, 0, wanted.within.from_us)
    whole_ns, looked_at, since_us, sorts = answer.rows[0][-4:]
    return SlowSpans([_sort(row, whole_ns) for row in answer.rows], sorts, looked_at, since_us)


def _listed(columns: str, read: str) -> str:
    sql = SPANS.replace("{columns}", columns).replace("{source}", of_one(read))
    return sql.replace("{shape}", SHAPE)


def _of_one(project: ProjectContext, transaction: TransactionLine) -> dict[str, Any]:
    return {
        "project_id": project.project_id,
        "at_us": transaction.at_us,
        "event_id": transaction.event_id,
        "limit": MAX_SPANS,
    }


def _sort(row: Sequence[Any], whole_ns: int) -> SpanSort:
    op, shape, times, transactions, total_ns, longest_ns, spread, slowest, span_id = row[:9]
    return SpanSort(
        op=op,
        shape=shape,
        count=times,
        transactions=transactions,
        total_ms=total_ns / 1e6,
        avg_ms=total_ns / times / 1e6,
        p50_ms=spread[0] / 1e6,
        p95_ms=spread[1] / 1e6,
        max_ms=longest_ns / 1e6,
        share=total_ns / whole_ns * 100 if whole_ns else 0.0,
        slowest=slowest,
        slowest_span=span_id,
    )
