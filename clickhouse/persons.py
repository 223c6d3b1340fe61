"""What the store has of one person: which columns name people, what of a row is theirs, and what
stays of it when they are erased.

`PERSONAL` is the one list of it. A table that gets a column about people gets a line here: export,
erasure and the counts of a search follow from it. Its order is that of erasing: rows that are
found through others come before these.

Rows are blanked, not deleted: counts, costs and times of a project stay what they were, in the rows
and in the rollups alike, and nobody is in them any more.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from clickhouse.client import Warehouse
from clickhouse.failures import WarehouseUnavailable
from clickhouse.migrate import is_replicated
from clickhouse.tags import stored_tag, tag_sql
from schemas.errors.hashes import session_person
from schemas.projects import ProjectId

ERASED_NOTE = "erased: a person asked for it"
"""Among the problems of an event of which no more is left."""
KEYS_CHARS = 300_000
"""Of one statement: bound values travel in the address of a request, of which a server takes 1 MB.
As many as that: a mutation rewrites parts of the table, however few rows it is about."""
KEYS_PAGE = 200_000
PATIENT: dict[str, Any] = {"max_execution_time": 600}
"""Of what an erasure reads: nobody waits for it, and to look through bodies takes its time."""
SETTINGS = {"mutations_sync": 1}
SETTINGS_REPLICATED = {"mutations_sync": 2}


class Parent(Struct, frozen=True):
    """Rows that are a person's because others are."""

    table: str
    key: str
    """The column that both have."""
    only_theirs: str = ""
    """A column of the parents: a key counts if no other person is named in it."""


class Personal(Struct, frozen=True, kw_only=True):
    """What is personal in one table."""

    kind: str
    """As people call its rows."""
    table: str
    id_column: str
    moment: str = "timestamp"
    """By this column rows are exported in order."""
    key: str = ""
    """What rows are erased by; empty is the id. Mutations stay on disk: they name no person."""
    names: tuple[str, ...] = ()
    """Columns that hold who it is."""
    body: str = ""
    """A column of JSON whose `user` is looked into."""
    tags: tuple[str, ...] = ()
    """Keys of the column `tags` that hold who it is."""
    hashed: str = ""
    """A column that holds a hash of who it is."""
    parent: Parent | None = None
    erased: Mapping[str, str]
    """What the columns become."""
    exported: tuple[str, ...]
    """What a person is given of a row."""
    json: frozenset[str] = frozenset()
    """Which of these hold JSON."""


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
LEFT_OF_ERROR = """concat(
    '{"eventId":', toJSONString(event_id),
    ',"timestampUs":', toString(toUnixTimestamp64Micro(timestamp)),
    ',"level":', toJSONString(toString(level)),
    ',"platform":', toJSONString(toString(platform)),
    ',"environment":', toJSONString(toString(environment)),
    ',"release":', toJSONString(toString(release)),
    ',"exceptions":[{"type":', toJSONString(type), '}],"problems":["NOTE"]}')"""
LEFT_OF_TRANSACTION = """concat(
    '{"eventId":', toJSONString(event_id),
    ',"startedUs":', toString(toUnixTimestamp64Micro(timestamp)),
    ',"durationNs":', toString(duration_ns),
    ',"name":', toJSONString(name),
    ',"op":', toJSONString(toString(op)),
    ',"status":', toJSONString(toString(status)),
    ',"platform":', toJSONString(toString(platform)),
    ',"environment":', toJSONString(toString(environment)),
    ',"release":', toJSONString(toString(release)),
    ',"problems":["NOTE"]}')"""
NO_TEXT, NO_TAGS, NOTHING = "''", "'{}'", "NULL"

PERSONAL = (
    Personal(
        kind="spans of transactions",
        table="transaction_spans",
        id_column="span_id",
        key="event_id",
        parent=Parent("transactions", "event_id"),
        erased={"description": NO_TEXT, "data": NO_TEXT},
        exported=("event_id", "span_id", "started", "op", "description", "data"),
        json=frozenset({"data"}),
    ),
    Personal(
        kind="transactions",
        table="transactions",
        id_column="event_id",
        names=("user_key",),
        body="body",
        # The name is in the rollups' key: it is the route, and stays.
        erased={
            "user_key": NO_TEXT,
            "server_name": NO_TEXT,
            "trace_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": LEFT_OF_TRANSACTION.replace("NOTE", ERASED_NOTE),
        },
        exported=("event_id", "timestamp", "received_at", "name", "op", "status", "body"),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="attachments",
        table="attachments",
        id_column="attachment_id",
        moment="received_at",
        parent=Parent("errors", "event_id"),
        erased={
            "name": NO_TEXT,
            "picture": NO_TEXT,
            "size": "0",
            "sha256": NO_TEXT,
            "body": NO_TEXT,
        },
        exported=("attachment_id", "event_id", "received_at", "name", "content_type", "size"),
    ),
    Personal(
        kind="errors",
        table="errors",
        id_column="event_id",
        names=("user_key",),
        body="body",
        erased={
            "user_key": NO_TEXT,
            "title": "if(type = '', '[erased]', type)",
            "culprit": "if(culprit = transaction, '', culprit)",
            "transaction": NO_TEXT,
            "server_name": NO_TEXT,
            "trace_id": NO_TEXT,
            "span_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": LEFT_OF_ERROR.replace("NOTE", ERASED_NOTE),
        },
        exported=("event_id", "timestamp", "received_at", "level", "type", "title", "body"),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="feedback",
        table="feedback",
        id_column="event_id",
        names=("user_key", "email"),
        body="body",
        erased={
            **dict.fromkeys(("message", "name", "email", "url", "user_key", "trace_id"), NO_TEXT),
            "span_id": NO_TEXT,
            "tags": NO_TAGS,
            "body": NO_TAGS,
        },
        exported=(
            "event_id",
            "timestamp",
            "received_at",
            "message",
            "name",
            "email",
            "url",
            "body",
        ),
        json=frozenset({"body"}),
    ),
    Personal(
        kind="log records",
        table="logs",
        id_column="record_id",
        names=("user_key",),
        erased={
            **dict.fromkeys(("body", "user_key", "server_name", "trace_id", "span_id"), NO_TEXT),
            "attributes": NO_TAGS,
        },
        exported=("record_id", "timestamp", "received_at", "severity", "body", "attributes"),
        json=frozenset({"attributes"}),
    ),
    Personal(
        kind="sessions",
        table="session_updates",
        id_column="update_id",
        moment="started",
        hashed="person",
        erased={"person": "0"},
        exported=("update_id", "started", "received_at", "status", "release", "environment"),
    ),
    Personal(
        kind="agent spans",
        table="spans",
        id_column="span_id",
        tags=("userId", "user_id"),
        # A span names nobody by itself. The calls of its session do.
        parent=Parent("traces", "session_id", only_theirs="user_id"),
        erased={
            "cwd": NOTHING,
            "tool_input": NO_TEXT,
            "tool_response": NO_TEXT,
            "error": NO_TEXT,
            "metadata": NO_TEXT,
            "tags": NO_TAGS,
        },
        exported=(
            *("span_id", "session_id", "timestamp", "received_at", "kind", "event_type"),
            *("tool_name", "cwd", "tool_input", "tool_response", "error", "metadata"),
        ),
        json=frozenset({"tool_input", "tool_response", "error", "metadata"}),
    ),
    Personal(
        kind="changes of costs",
        table="cost_changes",
        id_column="item_id",
        names=("user_id",),
        erased={"user_id": NO_TEXT},
        exported=(),
    ),
    Personal(
        kind="LLM calls",
        table="traces",
        id_column="trace_id",
        names=("user_id",),
        erased={
            "user_id": NO_TEXT,
            "provider_request_id": NOTHING,
            "output_text": NOTHING,
            "request_body": NO_TEXT,
            "response_body": NO_TEXT,
            "error": NO_TEXT,
            "metadata": NO_TEXT,
            "tags": NO_TAGS,
        },
        exported=(
            *("trace_id", "session_id", "timestamp", "received_at", "provider"),
            *("model_requested", "model_used", "status", "input_tokens", "output_tokens"),
            *("request_body", "response_body", "output_text", "error", "metadata"),
        ),
        json=frozenset({"request_body", "response_body", "error", "metadata"}),
    ),
)
"""A line for each table. Tables that have no column `received_at` name no such moment: what they
hold came with rows that are named here."""
UNDATED = frozenset({"cost_changes"})

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
ERASE = """
ALTER TABLE {table}
UPDATE {changes}
WHERE project_id = {project_id:String} AND {key} IN {keys:Array(String)}
"""


async def count_rows(warehouse: Warehouse, whose: Whose, **settings: Any) -> dict[str, int]:
    """Returns how many rows a person has, by kind; those that would be exported."""
    found = {}
    for one in PERSONAL:
        if one.exported:
            sql = _filled(COUNT, one).replace("{owned}", owned_sql(one))
            found[one.kind] = int((await warehouse.query(sql, whose.values, **settings)).rows[0][0])
    return found


async def erase_rows(store: Warehouse, one: Personal, whose: Whose) -> None:
    """Blanks a person's rows of one table. May be repeated.

    Raises `WarehouseUnavailable` where the rows read back name them still.
    """
    settings = await mutation_settings(store)
    changes = ", ".join(f"{column} = {value}" for column, value in one.erased.items())
    erase = _filled(ERASE, one).replace("{changes}", changes)
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


async def mutation_settings(store: Warehouse) -> dict[str, Any]:
    """Returns what has a mutation be waited for, on every copy."""
    return dict(SETTINGS_REPLICATED if await is_replicated(store) else SETTINGS)


def owned_sql(one: Personal) -> str:
    """Returns the condition under which a row is a person's."""
    ways = [_named_sql(one)] if _named_sql(one) else []
    if one.parent is not None:
        ways.append(f"{one.parent.key} IN ({_of_parents(one.parent)})")
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
    return sql.replace("{key}", parent.key).replace("{table}", parent.table)


def _filled(template: str, one: Personal) -> str:
    return template.replace("{table}", one.table).replace("{key}", one.key or one.id_column)


def _named_sql(one: Personal) -> str:
    ways = [f"{column} = {{person:String}}" for column in one.names]
    ways += [f"{tag_sql(key)} = {{tag:String}}" for key in one.tags]
    ways += [f"{one.hashed} = {{hashed:UInt64}}"] if one.hashed else []
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
