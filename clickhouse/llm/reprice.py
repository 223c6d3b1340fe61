"""What a reprice run reads and writes: rows, changes of their costs, and the costs set.

A chunk of changes is one insert into `cost_changes`, under a token of its own: its views correct
the rollups once, however often the insert is repeated. Then the rows themselves are set to the new
costs by one mutation, which may be repeated too.

What was written is read back. A copy on another server may have it later, and a server that was
killed may have lost it: then the caller has to come again.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import is_replicated
from clickhouse.tables import encode, money, pico_of_decimal, times
from schemas.llm.reprices import Place
from schemas.llm.wire import Status
from schemas.projects import ProjectId
from schemas.rows import Position

PAGE_ROWS = 5_000
PAGE_BYTES = 16 << 20
MOST_CHANGES = 25_000
"""Of one chunk: a mutation writes the costs of whole parts anew, however few rows it is about."""
MOST_CHANGES_REPLICATED = 3_000
"""There the mutation carries the values themselves, and Keeper takes 1 MB."""

COUNTS = "input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens"
SHARED = """session_id, status::String, toUnixTimestamp64Micro(timestamp), metadata, computed_cost,
    reported_cost, price_id::String, toUInt32(received_date), {told}, log_id::String,
    log_partition, log_offset"""
TRACE_COLUMNS = """trace_id, {shared}, provider::String, model_requested::String,
    model_used::Nullable(String), latency_ms, request_body, response_body, environment::String,
    user_id::String, billing::String, usage_extras, {counts}"""
SPAN_COLUMNS = """span_id, {shared}, source::String, kind::String, event_type::String,
    model::Nullable(String), ifNull(tool_name::Nullable(String), '')"""
AFTER = """project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND (timestamp > fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
        OR {id} > {after_id:String})"""
SIZES = """
SELECT toUnixTimestamp64Micro(timestamp), {id}, {size}
FROM {table}
WHERE {after}
ORDER BY timestamp, {id}
LIMIT {limit:UInt32}
"""
ROWS = """
SELECT {columns}
FROM {table}
WHERE {after}
ORDER BY timestamp, {id}
LIMIT {limit:UInt32}
"""
COUNT = """
SELECT count()
FROM {table}
WHERE project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
"""
OF_CHUNK = """FROM cost_changes
    WHERE project_id = {project_id:String} AND run_id = {run_id:String} AND chunk = {chunk:UInt32}
        AND kind = {kind:String}"""
CHANGES = """
SELECT item_id, toUnixTimestamp64Micro(timestamp), toUInt32(received_date), session_id,
    user_id::String, provider::String, model::String, status::String, environment::String,
    source::String, span_kind::String, tool::String, reported_cost, old_cost, new_cost,
    old_price_id::String, new_price_id::String, billing::String
{of_chunk}
ORDER BY item_id
LIMIT 1000000
"""
# The arrays are worked out once for each part; a list of values in the text, for each block.
ARRAY = "(SELECT groupArray({value}) FROM (SELECT {column} {of_chunk} ORDER BY item_id))"
NEW_COST = "transform({id}, {ids}, {costs}, '-')"
NEW_PRICE_ID = "transform({id}, {ids}, {price_ids}, toString(price_id))"
SET = """
ALTER TABLE {table}
UPDATE
    computed_cost = if({new_cost} = '-', computed_cost, toDecimal128OrNull({new_cost}, 12)),
    price_id = {new_price_id}{more}
WHERE project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
"""
UNSET = """
SELECT
    (SELECT count() {of_chunk}),
    countIf({new_cost} NOT IN ('-', ifNull(toString(computed_cost), ''))
        OR {new_price_id} != toString(price_id))
FROM {table}
WHERE project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
"""
COSTS = """
SELECT {id}, computed_cost, price_id::String
FROM {table}
WHERE project_id = {project_id:String}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND {id} IN {ids:Array(String)}
LIMIT 100000
"""
IDS_AT_ONCE = 100
"""Bound values travel in the address of a request to a server."""
# The provider of a span is the one whose price was found.
SET_PROVIDER = ",\n    provider = nullIf(splitByChar('/', {new_price_id})[2], '')"
SET_SETTINGS = {"mutations_sync": 1, "allow_nondeterministic_mutations": 1}
# Each server of a replicated set mutates for itself, and may not have the changes yet. All are
# waited for: the next run may read the costs from any of them.
SET_SETTINGS_REPLICATED = {
    "mutations_sync": 2,
    "mutations_execute_subqueries_on_initiator": 1,
    "mutations_max_literal_size_to_replace": 1 << 20,
}
READ_BACK_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Copies are behind one another by less than a second, as a rule."""


class _Form(NamedTuple):
    """How the rows of a kind are read and set."""

    table: str
    id_column: str
    size: str
    columns: str
    told: str
    """Whether OpenTelemetry told it."""
    more: str


FORMS = {
    "trace": _Form(
        "traces",
        "trace_id",
        "request_body.size + length(response_body) + length(metadata) + length(usage_extras)",
        TRACE_COLUMNS,
        "scope != ''",
        "",
    ),
    "span": _Form(
        *("spans", "span_id", "length(metadata)", SPAN_COLUMNS),
        *("trace_id != '' OR convention != ''", SET_PROVIDER),
    ),
}
BODIES = ("request_body", "response_body", "metadata", "usage_extras")


class RowRange(NamedTuple):
    """The rows of one kind that are looked at: times in microseconds, both included."""

    project_id: ProjectId
    kind: str
    from_us: int
    to_us: int


class Stored(NamedTuple):
    """A stored row. Costs are pico-dollars; `more` is what its kind has in addition."""

    item_id: str
    session_id: str
    status: Status
    at_us: int
    metadata: bytes
    old_pico: int | None
    reported_pico: int | None
    price_id: str
    received_day: int
    is_told: bool
    """Whether OpenTelemetry told it."""
    position: Position
    more: Sequence[Any]


class Change(Struct, frozen=True, gc=False):
    """That the computed cost of a row is another: what `cost_changes` holds of it."""

    item_id: str
    at_us: int
    received_day: int
    """Days since 1970."""
    session_id: str
    user_id: str
    provider: str
    model: str
    status: str
    environment: str
    source: str
    span_kind: str
    tool: str
    reported_pico: int | None
    old_pico: int | None
    new_pico: int | None
    old_price_id: str
    new_price_id: str
    billing: str = ""
    """Why the call is not billed: then its cost is in no sum."""
    is_told: bool = False
    """Whether OpenTelemetry told it: its billing may change."""


class Chunk(NamedTuple):
    """Names the changes that go in together."""

    span: RowRange
    run_id: str
    number: int

    @property
    def token(self) -> str:
        """By it the store knows the chunk when it comes again."""
        return f"reprice/{self.run_id}/{self.number}"

    @property
    def values(self) -> dict[str, Any]:
        """What statements bind."""
        return {
            "project_id": self.span.project_id,
            "kind": self.span.kind,
            "run_id": self.run_id,
            "chunk": self.number,
        }


async def count_rows(store: Warehouse, span: RowRange) -> int:
    """Returns how many rows there are."""
    sql = COUNT.replace("{table}", FORMS[span.kind].table)
    values = {"project_id": span.project_id, "from_us": span.from_us, "to_us": span.to_us}
    return int((await store.query(sql, values)).rows[0][0])


async def read_page(store: Warehouse, span: RowRange, after: Place) -> list[Stored]:
    """Returns rows that come after a place, of bounded size and at least one; none at the end."""
    form = FORMS[span.kind]
    values = {
        "project_id": span.project_id,
        "from_us": max(span.from_us, after.at_us),
        "to_us": span.to_us,
        "after_id": after.item_id if after.at_us >= span.from_us else "",
    }
    sizes = await store.query(_sql(SIZES, form), values | {"limit": PAGE_ROWS})
    if not sizes.rows:
        return []
    rows, size = 0, 0
    for *_, row_size in sizes.rows:
        size += row_size
        if rows and size > PAGE_BYTES:
            break
        rows += 1
    found = await store.query(_sql(ROWS, form), values | {"limit": rows}, as_bytes=BODIES)
    return [_stored(row) for row in found.rows]


async def read_changes(store: Warehouse, chunk: Chunk) -> list[Change]:
    """Returns the changes of a chunk that are stored."""
    found = await store.query(_sql(CHANGES, FORMS[chunk.span.kind]), chunk.values)
    return [Change(*row[:12], *map(pico_of_decimal, row[12:15]), *row[15:]) for row in found.rows]


async def store_changes(store: Warehouse, chunk: Chunk, changes: Sequence[Change]) -> None:
    """Stores the changes of a chunk and corrects the rollups by them; the same may be repeated."""
    await store.insert("cost_changes", _encode(chunk, changes), chunk.token)
    stored = {one.item_id for one in await read_changes(store, chunk)}
    if lost := [one for one in changes if one.item_id not in stored]:
        # The views have them: `clickhouse.lost_rows`. Copies on other servers lose nothing, and
        # this does nothing to them: where one is behind, `set_costs` waits for it.
        data = _encode(chunk, lost)
        await store.insert_past_views("cost_changes", data, f"{chunk.token}/lost")


async def set_costs(store: Warehouse, chunk: Chunk, changes: Sequence[Change]) -> None:
    """Sets the rows to what the stored changes of a chunk say. May be repeated.

    Raises `WarehouseUnavailable` where the rows read back have other costs.
    """
    form = FORMS[chunk.span.kind]
    moments = [change.at_us for change in changes]
    values = chunk.values | {"from_us": min(moments), "to_us": max(moments)}
    settings: dict[str, Any] = dict(SET_SETTINGS)
    if await is_replicated(store):
        settings |= SET_SETTINGS_REPLICATED
    await store.command(_sql(SET, form), values, **settings)
    for pause_s in READ_BACK_PAUSES_S:
        await asyncio.sleep(pause_s)
        seen, unset = (await store.query(_sql(UNSET, form), values)).rows[0]
        # Changes that are not seen: not here yet, or deleted, and their rows with them.
        if not unset and (seen == len(changes) or await _rows_are_set(store, chunk, changes)):
            return
    raise WarehouseUnavailable("the store took new costs and does not show them")


async def _rows_are_set(store: Warehouse, chunk: Chunk, changes: Sequence[Change]) -> bool:
    """Tells whether those rows that are still there have their new costs, change by change."""
    sql = _sql(COSTS, FORMS[chunk.span.kind])
    for some in (changes[at : at + IDS_AT_ONCE] for at in range(0, len(changes), IDS_AT_ONCE)):
        new = {one.item_id: (one.new_pico, one.new_price_id) for one in some}
        moments = [one.at_us for one in some]
        values = {"ids": list(new), "from_us": min(moments), "to_us": max(moments)}
        found = await store.query(sql, chunk.values | values)
        if any(
            new[item_id] != (pico_of_decimal(cost), price) for item_id, cost, price in found.rows
        ):
            return False
    return True


def _array(column: str, value: str) -> str:
    return ARRAY.replace("{value}", value).replace("{column}", column)


PLACES = {
    "{new_cost}": NEW_COST,
    "{new_price_id}": NEW_PRICE_ID,
    "{ids}": _array("item_id", "item_id"),
    "{costs}": _array("new_cost", "ifNull(toString(new_cost), '')"),
    "{price_ids}": _array("new_price_id", "toString(new_price_id)"),
    "{of_chunk}": OF_CHUNK,
    "{shared}": SHARED,
    "{counts}": COUNTS,
    "{after}": AFTER,
}
"""What stands in the texts above; each may name those that follow."""


def _sql(template: str, form: _Form) -> str:
    text = template.replace("{more}", form.more).replace("{columns}", form.columns)
    for place, meaning in PLACES.items():
        text = text.replace(place, meaning)
    text = text.replace("{size}", form.size).replace("{table}", form.table)
    text = text.replace("{told}", form.told)
    return text.replace("{id}", form.id_column)


def _stored(row: Sequence[Any]) -> Stored:
    item_id, session_id, status, at_us, metadata, old, reported, price_id, day, told, *rest = row
    return Stored(
        item_id,
        session_id,
        status,
        at_us,
        metadata,
        pico_of_decimal(old),
        pico_of_decimal(reported),
        price_id,
        day,
        bool(told),
        Position(*rest[:3]),
        rest[3:],
    )


def _encode(chunk: Chunk, changes: Sequence[Change]) -> bytes:
    count = len(changes)
    columns: dict[str, Any] = {
        name: pa.array([getattr(change, name) for change in changes], pa.string())
        for name in (
            *("item_id", "session_id", "user_id", "provider", "model", "status", "environment"),
            *("source", "span_kind", "tool", "old_price_id", "new_price_id"),
            "billing",
        )
    }
    for name in ("reported", "old", "new"):
        columns[f"{name}_cost"] = money([getattr(change, f"{name}_pico") for change in changes])
    columns["timestamp"] = times([change.at_us for change in changes])
    days = pa.array([change.received_day for change in changes], pa.int32())
    columns["received_date"] = days.cast(pa.date32())
    for name, value in (("project_id", chunk.span.project_id), ("run_id", chunk.run_id)):
        columns[name] = pa.repeat(value, count)
    columns["kind"] = pa.repeat(chunk.span.kind, count)
    columns["chunk"] = pa.repeat(pa.scalar(chunk.number, pa.uint32()), count)
    return encode(pa.record_batch(list(columns.values()), names=list(columns)))
