"""What the correction of bills reads and writes: marks of calls, changes of verdicts, the calls.

A chunk of changes is one insert into `bill_changes`, under a token of its own: its views correct
the rollups once, however often the insert is repeated. Then the calls themselves are set by one
mutation, which may be repeated too, and are read back.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import is_replicated
from clickhouse.tables import encode, money, pico_of_decimal, times
from schemas.projects import ProjectId
from schemas.rows import Position

QUEUE_ROWS = 10_000
MOST_MARKS = 50_000
"""Read at a time, and of one scope: with what is made of them they take some 50 MB."""
MOST_CHANGES = 2_000
"""Of one chunk: their ids go with a statement, in the address of a request to a server."""
IDS_AT_ONCE = 1_000
KEYS_AT_ONCE = 500
QUEUE = """
SELECT log_offset, project_id::String, key
FROM bill_queue
WHERE log_id = {log_id:String}
    AND log_partition = {partition:UInt16}
    AND log_offset > {after:Int64}
    AND log_offset <= {through:Int64}
ORDER BY log_offset
LIMIT {limit:UInt32}
"""
SCOPES = """
SELECT DISTINCT project_id::String, scope
FROM bill_marks
WHERE project_id IN {projects:Array(String)}
    AND NOT is_link
    AND key IN {keys:Array(String)}
    AND version = 0
LIMIT 1000000
"""
SHARED = """
SELECT project_id::String, key
FROM bill_marks
WHERE project_id IN {projects:Array(String)}
    AND NOT is_link
    AND key IN {keys:Array(String)}
    AND scope = key
    AND version = 0
GROUP BY project_id, key
HAVING count() > 1
LIMIT 1000000
"""
CALLS = """
SELECT
    project_id::String, key, item_id, version, billing::String,
    toUnixTimestamp64Micro(timestamp), parent_id, role::String, is_record, model, response_id,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens
FROM bill_marks
WHERE project_id IN {projects:Array(String)}
    AND NOT is_link
    AND key IN {keys:Array(String)}
    AND scope = key
LIMIT {limit:UInt32}
"""
LINKS = """
SELECT project_id::String, key, item_id, parent_id
FROM bill_marks
WHERE project_id IN {projects:Array(String)}
    AND is_link
    AND key IN {keys:Array(String)}
LIMIT {limit:UInt32}
"""
COUNTS = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    "reasoning_tokens",
)
# By the moment first, which the key finds.
OF_IDS = """project_id IN {projects:Array(String)}
    AND timestamp IN (
        SELECT fromUnixTimestamp64Micro(arrayJoin({moments:Array(Int64)}), 'UTC')
    )
    AND trace_id IN {ids:Array(String)}"""
ROWS = """
SELECT
    project_id::String, trace_id, scope, billing::String, toUnixTimestamp64Micro(timestamp),
    toUInt32(received_date), session_id, user_id::String, provider::String,
    model_requested::String, status::String, environment::String,
    ifNull(input_tokens, 0), ifNull(output_tokens, 0), ifNull(cache_read_tokens, 0),
    ifNull(cache_write_tokens, 0), ifNull(reasoning_tokens, 0), reported_cost, computed_cost,
    latency_ns, log_id::String, log_partition, log_offset
FROM traces
WHERE {of_ids}
LIMIT 100000
""".replace("{of_ids}", OF_IDS)
STORED = """
SELECT project_id::String, item_id
FROM bill_changes
WHERE chunk = {chunk:UInt64}
LIMIT 100000
"""
SET = """
ALTER TABLE traces
UPDATE billing = transform(
    concat(project_id, '/', trace_id), {names:Array(String)}, {verdicts:Array(String)},
    billing::String)
WHERE project_id IN {projects:Array(String)}
    AND timestamp >= fromUnixTimestamp64Micro({from_us:Int64}, 'UTC')
    AND timestamp <= fromUnixTimestamp64Micro({to_us:Int64}, 'UTC')
    AND concat(project_id, '/', trace_id) IN {names:Array(String)}
"""
VERDICTS = """
SELECT project_id::String, trace_id, billing::String
FROM traces
WHERE {of_ids}
LIMIT 100000
""".replace("{of_ids}", OF_IDS)
SYNC = "SYSTEM SYNC REPLICA {table:Identifier} LIGHTWEIGHT"
READ_TABLES = ("traces", "bill_marks", "bill_queue")
READ_BACK_PAUSES_S = (0.0, 0.2, 0.5, 1.0, 2.0)
"""Copies are behind one another by less than a second, as a rule."""


class Keyed(NamedTuple):
    """A key of `bill_marks`; also a scope, which is one."""

    project_id: ProjectId
    key: str


class Queued(NamedTuple):
    """That a record of the log brought something for a key."""

    offset: int
    at: Keyed


class StoredCall(NamedTuple):
    """What the bill sees of a call. `billing` is empty where it is billed now."""

    scope: Keyed
    item_id: str
    billing: str
    at_us: int
    parent_id: str
    role: str
    is_record: bool
    model: str
    response_id: str
    counts: Sequence[int | None]
    """Input, output, read from a cache, written to one."""


class StoredLink(NamedTuple):
    """A span that may lie between two calls of its trace."""

    at: Keyed
    item_id: str
    parent_id: str


class Verdict(NamedTuple):
    """What a call's `billing` is to be."""

    scope: Keyed
    item_id: str
    at_us: int
    billing: str


class BillChange(Struct, frozen=True, gc=False):
    """That the verdict on a call is another: what `bill_changes` holds of it."""

    project_id: str
    item_id: str
    scope: str
    sign: int
    old_billing: str
    new_billing: str
    at_us: int
    received_day: int
    """Days since 1970."""
    session_id: str
    user_id: str
    provider: str
    model: str
    status: str
    environment: str
    counts: tuple[int, int, int, int, int]
    """In the order of `COUNTS`."""
    reported_pico: int | None
    computed_pico: int | None
    latency_ns: int


class TooMany(Exception):
    """Raised where there are more marks than are read at a time."""


async def catch_up(store: Warehouse) -> None:
    """Has the copy that answers take over what others know already, where there are copies."""
    if await is_replicated(store):
        for table in READ_TABLES:
            await store.command(SYNC, {"table": table})


async def read_queue(
    store: Warehouse, log_id: str, partition: int, after: int, through: int
) -> list[Queued]:
    """Returns what records brought, by their offsets, as far as one page goes: whole records."""
    values: dict[str, Any] = {"log_id": log_id, "partition": partition, "limit": QUEUE_ROWS}
    found = await store.query(QUEUE, values | {"after": after, "through": through})
    rows = found.rows
    if len(rows) == QUEUE_ROWS:
        last = rows[-1][0]
        rows = [row for row in rows if row[0] != last]
        if not rows:
            alone = {"after": last - 1, "through": last, "limit": 1_000_000}
            rows = (await store.query(QUEUE, values | alone)).rows
    return [Queued(row[0], Keyed(*row[1:])) for row in rows]


async def find_scopes(store: Warehouse, keys: Collection[Keyed]) -> list[Keyed]:
    """Returns the scopes that have something under one of the keys, and two calls or more."""
    scopes = await _keyed(store, SCOPES, keys)
    return sorted(await _keyed(store, SHARED, scopes)) if scopes else []


async def read_calls(store: Warehouse, scopes: Collection[Keyed]) -> list[StoredCall]:
    """Returns the calls of scopes, each with its verdict of now. Raises `TooMany`."""
    first: dict[tuple[Keyed, str], Sequence[Any]] = {}
    newest: dict[tuple[Keyed, str], tuple[int, str]] = {}
    for project_id, key, item_id, version, billing, *more in await _marks(store, CALLS, scopes):
        name = Keyed(project_id, key), item_id
        newest[name] = max(newest.get(name, (0, "")), (version, billing))
        if version == 0:
            first[name] = more
    return [
        StoredCall._make((scope, item_id, newest[scope, item_id][1], *more[:6], more[6:]))
        for (scope, item_id), more in first.items()
    ]


async def read_links(store: Warehouse, traces: Collection[Keyed]) -> list[StoredLink]:
    """Returns the spans of traces, by the keys of these. Raises `TooMany`."""
    rows = await _marks(store, LINKS, traces)
    return [StoredLink(Keyed(*row[:2]), *row[2:]) for row in rows]


async def read_changes(
    store: Warehouse, verdicts: Sequence[Verdict]
) -> list[tuple[BillChange, Position]]:
    """Returns how calls change by new verdicts, and where in the log each is from.

    What is not stored, or no longer, and what has its verdict, is left out.
    """
    found = []
    for some in (verdicts[at : at + IDS_AT_ONCE] for at in range(0, len(verdicts), IDS_AT_ONCE)):
        wanted = {(one.scope.project_id, one.item_id): one.billing for one in some}
        for row in (await store.query(ROWS, _of_ids([*wanted], [one.at_us for one in some]))).rows:
            billing = wanted.get((row[0], row[1]))
            if billing is not None and billing != row[3]:
                found.append((_change(row, billing), Position(*row[20:])))
    return found


async def store_changes(
    store: Warehouse, chunk: int, token: str, changes: Sequence[BillChange]
) -> None:
    """Stores a chunk of changes and corrects the rollups by them; the same may be repeated."""
    await store.insert("bill_changes", _encode(chunk, changes), token)
    stored = {tuple(row) for row in (await store.query(STORED, {"chunk": chunk})).rows}
    if lost := [one for one in changes if (one.project_id, one.item_id) not in stored]:
        # The views have them: `clickhouse.lost_rows`.
        await store.insert_past_views("bill_changes", _encode(chunk, lost), f"{token}/lost")


async def set_bills(store: Warehouse, changes: Sequence[BillChange]) -> None:
    """Sets the calls to what changes say. May be repeated.

    Raises `WarehouseUnavailable` where the calls read back have other verdicts.
    """
    names = [f"{one.project_id}/{one.item_id}" for one in changes]
    moments = [one.at_us for one in changes]
    values = {
        "projects": sorted({one.project_id for one in changes}),
        "names": names,
        "verdicts": [one.new_billing for one in changes],
        "from_us": min(moments),
        "to_us": max(moments),
    }
    # All copies are waited for: what reads next may read from any of them.
    synced = 2 if await is_replicated(store) else 1
    await store.command(SET, values, mutations_sync=synced)
    for pause_s in READ_BACK_PAUSES_S:
        await asyncio.sleep(pause_s)
        if await _are_set(store, changes):
            return
    raise WarehouseUnavailable("the store took new bills and does not show them")


async def _are_set(store: Warehouse, changes: Sequence[BillChange]) -> bool:
    """Tells whether those calls that are still there have their verdicts."""
    for some in (changes[at : at + IDS_AT_ONCE] for at in range(0, len(changes), IDS_AT_ONCE)):
        new = {(one.project_id, one.item_id): one.new_billing for one in some}
        values = _of_ids([*new], [one.at_us for one in some])
        found = await store.query(VERDICTS, values)
        if any(new.get((row[0], row[1]), row[2]) != row[2] for row in found.rows):
            return False
    return True


async def _keyed(store: Warehouse, sql: str, keys: Collection[Keyed]) -> set[Keyed]:
    found: set[Keyed] = set()
    for some in _some(keys):
        found |= {Keyed(*row) for row in (await store.query(sql, _values(some))).rows}
    return found


async def _marks(store: Warehouse, sql: str, keys: Collection[Keyed]) -> list[Sequence[Any]]:
    """Returns the marks of these keys, and of no key of another project that has the same name."""
    found: list[Sequence[Any]] = []
    for some in _some(keys):
        values = _values(some) | {"limit": MOST_MARKS + 1}
        rows = (await store.query(sql, values)).rows
        meant = set(some)
        found += [row for row in rows if Keyed(row[0], row[1]) in meant]
        if len(rows) > MOST_MARKS or len(found) > MOST_MARKS:
            raise TooMany
    return found


def _some(keys: Collection[Keyed]) -> list[Sequence[Keyed]]:
    ordered = sorted(keys)
    return [ordered[at : at + KEYS_AT_ONCE] for at in range(0, len(ordered), KEYS_AT_ONCE)]


def _values(keys: Sequence[Keyed]) -> dict[str, Any]:
    projects = sorted({one.project_id for one in keys})
    return {"projects": projects, "keys": sorted({one.key for one in keys})}


def _of_ids(names: Sequence[tuple[str, str]], moments: Sequence[int]) -> dict[str, Any]:
    projects = sorted({project_id for project_id, _ in names})
    ids = sorted({item_id for _, item_id in names})
    return {"projects": projects, "ids": ids, "moments": sorted(set(moments))}


def _change(row: Sequence[Any], billing: str) -> BillChange:
    project_id, item_id, scope, old, at_us, day, *more = row
    session_id, user_id, provider, model, status, environment, *figures = more
    one, two, three, four, five, reported, computed, latency_ns, *_ = figures
    return BillChange(
        project_id,
        item_id,
        scope,
        (billing == "") - (old == ""),
        old,
        billing,
        at_us,
        day,
        session_id,
        user_id,
        provider,
        model,
        status,
        environment,
        (one, two, three, four, five),
        pico_of_decimal(reported),
        pico_of_decimal(computed),
        latency_ns,
    )


def _encode(chunk: int, changes: Sequence[BillChange]) -> bytes:
    columns: dict[str, Any] = {
        name: pa.array([getattr(one, name) for one in changes], pa.string())
        for name in (
            *("project_id", "item_id", "scope", "old_billing", "new_billing", "session_id"),
            *("user_id", "provider", "model", "status", "environment"),
        )
    }
    columns["chunk"] = pa.repeat(pa.scalar(chunk, pa.uint64()), len(changes))
    columns["sign"] = pa.array([one.sign for one in changes], pa.int8())
    columns["timestamp"] = times([one.at_us for one in changes])
    days = pa.array([one.received_day for one in changes], pa.int32())
    columns["received_date"] = days.cast(pa.date32())
    for number, name in enumerate(COUNTS):
        columns[name] = pa.array([one.counts[number] for one in changes], pa.uint64())
    columns["reported_cost"] = money([one.reported_pico for one in changes])
    columns["computed_cost"] = money([one.computed_pico for one in changes])
    columns["latency_ns"] = pa.array([one.latency_ns for one in changes], pa.uint64())
    return encode(pa.record_batch(list(columns.values()), names=list(columns)))
