"""Finds and erases the rows of one person, by what `clickhouse/personal.py` says of each table."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from clickhouse.client import QueryResult, Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import is_replicated
from clickhouse.personal import LEAST_CHARS, PERSONAL, UNDATED, Parent, Personal
from clickhouse.tags import stored_tag, tag_sql
from schemas.persons import session_person
from schemas.projects import ProjectId

KEYS_CHARS = 300_000
"""Of one statement: bound values travel in the address of a request, of which a server takes 1 MB.
As many as that: a mutation rewrites parts of the table, however few rows it is about."""
KEYS_PAGE = 200_000
PATIENT: dict[str, Any] = {"max_execution_time": 600}
"""Of what an erasure reads: nobody waits for it, and to look through bodies takes its time."""
SETTINGS = {"mutations_sync": 1}
SETTINGS_REPLICATED = {"mutations_sync": 2}


class Asked(Protocol):
    """What is asked for rows."""

    async def query(
        self,
        sql: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        as_bytes: Sequence[str] = (),
        **settings: Any,
    ) -> QueryResult:
        """Runs a bounded read: `Warehouse.query`."""
        ...


class Whose(Struct, frozen=True):
    """The rows of one person that came until a moment."""

    project_id: ProjectId
    person: str
    until_us: int

    @property
    def values(self) -> dict[str, Any]:
        """What statements bind."""
        return {
            "project_id": self.project_id,
            "person": self.person,
            "until_us": self.until_us,
            "tag": stored_tag(self.person),
            "hashed": session_person(self.project_id, self.person),
            "inner": msgspec.json.encode(self.person)[1:-1].decode(),
        }


PERSON_FIELDS = ("id", "email", "username", "ip")
"""Of `user` in an event: `schemas.errors.event.Person`."""
SAID = f"""(lengthUTF8({{person:String}}) >= {LEAST_CHARS}
    AND position({{column}}, {{person:String}}) > 0)"""
WITHIN = "project_id = {project_id:String}"
UNTIL = "received_at <= fromUnixTimestamp64Micro({until_us:Int64}, 'UTC')"
COUNT = "SELECT count() FROM {table} WHERE {owned}"
KEYS = """
SELECT DISTINCT {key}
FROM {table}
WHERE {owned} AND {key} > {after:String}
ORDER BY {key}
LIMIT {limit:UInt32}
"""
OF_PARENTS = "SELECT {key} FROM {table} WHERE {owned} AND {key} != ''"
ONLY_THEIRS = """
    AND {key} NOT IN (
        SELECT {key} FROM {table} WHERE project_id = {project_id:String}
            AND {column} NOT IN ('', {person:String}))"""
FINGERPRINTS = "SELECT DISTINCT fingerprint FROM errors WHERE {owned} LIMIT 100000"
CALLS = """
SELECT DISTINCT arrayJoin([trace_id, substring(trace_id, 1, 32)]) AS id
FROM traces
WHERE {owned}
    AND (trace_id IN {ids:Array(String)} OR substring(trace_id, 1, 32) IN {ids:Array(String)})
"""
OWNED = """
SELECT DISTINCT {key}
FROM {table}
WHERE {owned} AND {key} IN {ids:Array(String)}
"""
ERASE = """
ALTER TABLE {table}
UPDATE {changes}
WHERE project_id = {project_id:String} AND {key} IN {keys:Array(String)}
"""
DELETE = ERASE.replace("UPDATE {changes}", "DELETE")


async def count_rows(warehouse: Warehouse, whose: Whose, **settings: Any) -> dict[str, int]:
    """Returns how many rows a person has, by kind; those that would be exported."""
    found = {}
    for one in PERSONAL:
        if one.exported:
            sql = _filled(COUNT, one).replace("{owned}", owned_sql(one))
            found[one.kind] = int((await warehouse.query(sql, whose.values, **settings)).rows[0][0])
    return found


async def erase_rows(store: Warehouse, one: Personal, whose: Whose) -> None:
    """Blanks a person's rows of one table, or deletes them. May be repeated.

    Raises `WarehouseUnavailable` where the rows read back name them still.
    """
    settings = await mutation_settings(store)
    changes = ", ".join(f"{column} = {value}" for column, value in one.erased.items())
    erase = _filled(ERASE if changes else DELETE, one).replace("{changes}", changes)
    async for keys in _keys(store, one, whose):
        values = {"project_id": whose.project_id, "keys": keys}
        await store.command(erase, values, **settings)
    if _named_sql(one):
        count = _filled(COUNT, one).replace("{owned}", _dated(one, _named_sql(one)))
        if (await store.query(count, whose.values, **PATIENT)).rows[0][0]:
            raise WarehouseUnavailable(f"the store erased rows of {one.table} and shows them still")


async def list_fingerprints(warehouse: Warehouse, whose: Whose) -> list[str]:
    """Returns what the errors of a person are grouped by, 100,000 at most."""
    sql = FINGERPRINTS.replace("{owned}", owned_sql(personal_of("errors")))
    return [row[0] for row in (await warehouse.query(sql, whose.values, **PATIENT)).rows]


async def list_calls(warehouse: Asked, whose: Whose, ids: Collection[str]) -> list[str]:
    """Returns which of these calls, or traces of OpenTelemetry, are a person's."""
    sql = CALLS.replace("{owned}", owned_sql(personal_of("traces")))
    found: set[str] = set()
    for some in _portions(sorted(ids)):
        rows = (await warehouse.query(sql, whose.values | {"ids": some}, **PATIENT)).rows
        found |= {row[0] for row in rows} & set(some)
    return sorted(found)


async def list_owned(
    warehouse: Asked, whose: Whose, parent: Parent, ids: Collection[str]
) -> set[str]:
    """Returns which of these are a person's: keys of rows, as `Parent` tells them."""
    sql = OWNED.replace("{owned}", owned_sql(personal_of(parent.table)))
    if parent.only_theirs:
        sql += ONLY_THEIRS.replace("{column}", parent.only_theirs)
    sql = sql.replace("{key}", parent.key).replace("{table}", parent.table)
    found: set[str] = set()
    for some in _portions(sorted(ids)):
        rows = (await warehouse.query(sql, whose.values | {"ids": some}, **PATIENT)).rows
        found |= {row[0] for row in rows}
    return found


async def mutation_settings(store: Warehouse) -> dict[str, Any]:
    """Returns what has a mutation be waited for, on every copy."""
    return dict(SETTINGS_REPLICATED if await is_replicated(store) else SETTINGS)


def owned_sql(one: Personal) -> str:
    """Returns the condition under which a row is a person's."""
    ways = [_named_sql(one)] if _named_sql(one) else []
    ways += [f"{parent.key} IN ({_of_parents(parent)})" for parent in one.parents]
    return _dated(one, " OR ".join(ways))


def personal_of(table: str) -> Personal:
    """Returns what is personal in a table of the list."""
    return next(one for one in PERSONAL if one.table == table)


async def _keys(store: Warehouse, one: Personal, whose: Whose) -> AsyncIterator[list[str]]:
    sql = _filled(KEYS, one).replace("{owned}", owned_sql(one))
    after: str | None = ""
    while after is not None:
        values = whose.values | {"after": after, "limit": KEYS_PAGE}
        page = [row[0] for row in (await store.query(sql, values, **PATIENT)).rows]
        for some in _portions(page):
            yield some
        after = page[-1] if len(page) == KEYS_PAGE else None


def _portions(keys: Sequence[str]) -> list[list[str]]:
    portions: list[list[str]] = []
    size = KEYS_CHARS
    for key in keys:
        size += len(key) + 9  # quotes and a comma, as an address has them
        if size > KEYS_CHARS:
            portions.append([])
            size = len(key) + 9
        portions[-1].append(key)
    return portions


def _of_parents(parent: Parent) -> str:
    owned = owned_sql(personal_of(parent.table))
    sql = OF_PARENTS.replace("{owned}", owned)
    if parent.only_theirs:
        sql += ONLY_THEIRS.replace("{column}", parent.only_theirs)
    key = parent.parents_key or parent.key
    return sql.replace("{key}", key).replace("{table}", parent.table)


def _filled(template: str, one: Personal) -> str:
    return template.replace("{table}", one.table).replace("{key}", one.key or one.id_column)


def _named_sql(one: Personal) -> str:
    ways = [f"{column} = {{person:String}}" for column in one.names]
    ways += [f"{tag_sql(key)} = {{tag:String}}" for key in one.tags]
    ways += [f"{one.hashed} = {{hashed:UInt64}}"] if one.hashed else []
    ways += [SAID.replace("{column}", column) for column in one.texts]
    if one.body:
        fields = ", ".join(f"JSONExtractString({one.body}, 'user', '{f}')" for f in PERSON_FIELDS)
        # Parsing is a hundred times as dear as looking for a text.
        ways.append(
            f"(position({one.body}, {{inner:String}}) > 0 AND has([{fields}], {{person:String}}))"
        )
    return " OR ".join(ways)


def _dated(one: Personal, owned: str) -> str:
    until = "" if one.table in UNDATED else f" AND {UNTIL}"
    return f"{WITHIN}{until} AND ({owned})"
