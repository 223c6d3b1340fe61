"""Single transactions: lists without bodies, in pages, and one of them with its body."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Raw, Struct
from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.errors.span_sources import streamed_of_one
from clickhouse.errors.transaction_filters import TransactionFilter, condition
from clickhouse.queries.conditions import by_ids
from clickhouse.queries.parts import ONE_ROW
from clickhouse.queries.values import raw_or_none
from schemas.projects import ProjectContext

Order = Literal["slowest", "newest"]
ORDERS: tuple[Order, ...] = get_args(Order)
# As plain texts: the engine counts a name of a dictionary as the whole dictionary, which holds
# names of other projects too.
COLUMNS = """event_id, toUnixTimestamp64Micro(timestamp), duration_ns, name, op::String,
    status::String, failed, platform::String, environment::String, release::String,
    server_name::String, user_key, trace_id, spans"""
LINES = """
SELECT {columns}
FROM transactions
WHERE {where}
ORDER BY {order}
LIMIT {limit:UInt32}
"""
ORDERED: Mapping[Order, str] = {
    "slowest": "duration_ns DESC, timestamp DESC, event_id DESC",
    "newest": "timestamp DESC, event_id DESC",
}
BEYOND: Mapping[Order, str] = {
    "slowest": """
        AND duration_ns <= {place_ns:UInt64}
        AND (duration_ns, timestamp, event_id) < (
            {place_ns:UInt64}, fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'),
            {place_id:String})""",
    "newest": """
        AND timestamp <= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
        AND (timestamp, event_id) < (
            fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_id:String})""",
}
ONE = """
SELECT {columns}, parent_span_id, span_id, sdk::String, dist::String,
    toUnixTimestamp64Micro(received_at), body
FROM transactions
WHERE {where}
LIMIT 1
"""


STREAMED = """
SELECT event_id, sum(spans)
FROM streamed_span_sums
WHERE project_id = {project_id:String}
    AND event_id IN {ids:Array(String)}
GROUP BY event_id
"""
UNFINISHED = """
SELECT min(us) AS at_us, max(toInt128(us) * 1000 + duration_ns) - toInt128(at_us) * 1000,
    any(transaction)::String, any(trace_id), count(), min(received_us)
FROM ({source})
GROUP BY event_id
"""
OF_UNFINISHED = """event_id, toUnixTimestamp64Micro(timestamp) AS us, duration_ns, transaction,
    trace_id, toUnixTimestamp64Micro(received_at) AS received_us"""


class Place(NamedTuple):
    """Where a transaction stands in either order."""

    duration_ns: int
    us: int
    event_id: str


class TransactionLine(Struct, frozen=True):
    """One transaction, without its body and its spans."""

    event_id: str
    at_us: int
    duration_ns: int
    name: str
    op: str
    status: str
    failed: bool
    platform: str
    environment: str
    release: str
    server: str
    user: str
    trace_id: str
    spans: int

    @property
    def duration_ms(self) -> float:
        """How long it took."""
        return self.duration_ns / 1_000_000

    @property
    def end_us(self) -> int:
        """When it was over."""
        return self.at_us + -(-self.duration_ns // 1000)

    @property
    def place(self) -> Place:
        """Where the next page begins."""
        return Place(self.duration_ns, self.at_us, self.event_id)


class StoredTransaction(Struct, frozen=True):
    """One transaction as it is stored; its spans are read by `transaction_spans`."""

    line: TransactionLine
    parent_span_id: str
    span_id: str
    sdk: str
    dist: str
    received_at_us: int
    body: Raw | None
    """A `TransactionEvent` without spans, as JSON."""
    has_come: bool = True
    """False where streamed spans of it are here and it is not: it may still run, or never ended."""


async def list_lines(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TransactionFilter,
    *,
    order: Order,
    limit: int,
    beyond: Place | None = None,
) -> list[TransactionLine]:
    """Returns the first matching transactions in an order; `beyond` and what is before are not."""
    where = condition(project, wanted)
    text, values = where.sql, {**where.values, "limit": limit}
    if beyond is not None:
        text += BEYOND[order]
        values |= {
            "place_ns": beyond.duration_ns,
            "place_us": beyond.us,
            "place_id": beyond.event_id,
        }
    sql = LINES.replace("{where}", text).replace("{order}", ORDERED[order])
    answer = await warehouse.query(sql.replace("{columns}", COLUMNS), values)
    return await _with_streamed(warehouse, project, [_line(row) for row in answer.rows])


async def fetch_transaction(
    warehouse: Warehouse, project: ProjectContext, event_id: str
) -> StoredTransaction | None:
    """Returns one transaction, `None` when the project has neither it nor streamed spans of it."""
    where = by_ids(project, "event_id", [plain_id(event_id)])
    sql = ONE.replace("{columns}", COLUMNS).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values, as_bytes=("body",), **ONE_ROW)).rows
    if not rows:
        return await _fetch_unfinished(warehouse, project, plain_id(event_id))
    *line, parent_span_id, span_id, sdk, dist, received_at_us, body = rows[0]
    (counted,) = await _with_streamed(warehouse, project, [_line(line)])
    return StoredTransaction(
        counted, parent_span_id, span_id, sdk, dist, received_at_us, raw_or_none(body)
    )


def plain_id(event_id: str) -> str:
    """Spells an id of an event as it is stored: without dashes, in lower case."""
    plain = event_id.replace("-", "").lower()
    return plain if len(plain) == 32 else event_id


async def _with_streamed(
    warehouse: Warehouse, project: ProjectContext, lines: Sequence[TransactionLine]
) -> list[TransactionLine]:
    """Adds the spans that were streamed: they may come at any time, so no row can count them."""
    if not lines:
        return []
    values = {"project_id": project.project_id, "ids": [line.event_id for line in lines]}
    answer = await warehouse.query(STREAMED, values)
    streamed: dict[str, int] = dict(map(tuple, answer.rows))
    return [replace(line, spans=line.spans + streamed.get(line.event_id, 0)) for line in lines]


async def _fetch_unfinished(
    warehouse: Warehouse, project: ProjectContext, event_id: str
) -> StoredTransaction | None:
    """Returns what the spans of a transaction tell of it."""
    sql = UNFINISHED.replace("{source}", streamed_of_one(OF_UNFINISHED))
    values = {"project_id": project.project_id, "event_id": event_id}
    rows = (await warehouse.query(sql, values)).rows
    if not rows:
        return None
    at_us, duration_ns, name, trace_id, spans, received_at_us = rows[0]
    line = TransactionLine(
        event_id=event_id,
        at_us=at_us,
        duration_ns=duration_ns,
        name=name,
        op="",
        status="unknown",
        failed=False,
        platform="",
        environment="",
        release="",
        server="",
        user="",
        trace_id=trace_id,
        spans=spans,
    )
    return StoredTransaction(line, "", "", "", "", received_at_us, None, has_come=False)


def _line(row: Sequence[Any]) -> TransactionLine:
    values = dict(zip(TransactionLine.__struct_fields__, row, strict=True))
    return TransactionLine(**{**values, "failed": bool(values["failed"])})
