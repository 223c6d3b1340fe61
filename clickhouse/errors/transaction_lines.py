"""Single transactions: lists without bodies, in pages, and one of them with its body."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, get_args

from msgspec import Raw, Struct

from clickhouse.client import Warehouse
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
    return [_line(row) for row in answer.rows]


async def fetch_transaction(
    warehouse: Warehouse, project: ProjectContext, event_id: str
) -> StoredTransaction | None:
    """Returns one transaction, `None` when the project has none of that id."""
    where = by_ids(project, "event_id", [plain_id(event_id)])
    sql = ONE.replace("{columns}", COLUMNS).replace("{where}", where.sql)
    rows = (await warehouse.query(sql, where.values, as_bytes=("body",), **ONE_ROW)).rows
    if not rows:
        return None
    *line, parent_span_id, span_id, sdk, dist, received_at_us, body = rows[0]
    return StoredTransaction(
        _line(line), parent_span_id, span_id, sdk, dist, received_at_us, raw_or_none(body)
    )


def plain_id(event_id: str) -> str:
    """Spells an id of an event as it is stored: without dashes, in lower case."""
    plain = event_id.replace("-", "").lower()
    return plain if len(plain) == 32 else event_id


def _line(row: Sequence[Any]) -> TransactionLine:
    values = dict(zip(TransactionLine.__struct_fields__, row, strict=True))
    return TransactionLine(**{**values, "failed": bool(values["failed"])})
