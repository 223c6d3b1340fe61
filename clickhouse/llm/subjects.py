"""Which sessions, or which users, come first: by when they were last seen, or by a figure.

Pages of them follow each other: one goes on behind the place of the last one before it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import TO, TraceFilter, condition
from clickhouse.llm.rollups import RollupColumns, Scope
from schemas.projects import ProjectContext

LAST = "last"
DURATION = "duration"
SESSIONS = "sessions"
SAMPLES = (20_000, 1_000_000)
"""Newest rows that are looked at for those seen last, before all of the range are."""
COUNT, MONEY = "UInt128", "Decimal(38, 12)"
ORDERS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "cost": (("counted",), "s_counted", MONEY),
    "calls": (("requests",), "s_requests", COUNT),
    "errors": (("errors",), "s_errors", COUNT),
    "tokens": (("input", "output"), "s_input + s_output", COUNT),
}
"""Name to the sums that it needs, the figure over them, and the type of that."""
# What has been seen since the place has stood on a page before, or came meanwhile.
SEEN_SINCE = """
        AND {key} NOT IN (
            SELECT {key}
            FROM traces
            WHERE {where}
                AND timestamp > fromUnixTimestamp64Micro({place:Int64}, 'UTC')
        )"""
NEWEST = """
SELECT subject, s_last, least_us, looked_at
FROM (
    SELECT
        subject,
        max(at_us) AS s_last,
        min(min(at_us)) OVER () AS least_us,
        sum(count()) OVER () AS looked_at
    FROM (
        SELECT {key} AS subject, toUnixTimestamp64Micro(timestamp) AS at_us
        FROM traces
        WHERE {where}
            AND {is_set}{since}
        {sample}
    )
    GROUP BY subject
)
{beyond}
ORDER BY s_last DESC, subject DESC
LIMIT {limit:UInt32}
"""
SAMPLE = "ORDER BY timestamp DESC\n        LIMIT {sample:UInt64}"
ENDING = """GROUP BY subject
{beyond}
ORDER BY {figure} DESC, subject DESC
LIMIT {limit:UInt32}"""
BEYOND = "({figure}, subject) < ({place:{type}}, {place_key:{key_type}})"


class Subject(NamedTuple):
    """What traces are listed by: a dimension of `rollups`, and the column that finds it."""

    dimension: str
    key: str
    key_type: str
    is_set: str


SESSION = Subject("session_id", "session_hash", "UInt64", "session_hash != 0")
USER = Subject("user", "user_id", "String", "user_id != ''")


class Place(NamedTuple):
    """Where one stands in an order: its figure (of `LAST` in microseconds), and its key."""

    figure: Any
    key: Any


class Listing(NamedTuple):
    """Which part of which order: a name in `ORDERS`, `LAST`, `DURATION`, of users `SESSIONS`."""

    subject: Subject
    order: str
    limit: int
    beyond: Place | None = None


async def rank(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: TraceFilter,
    listing: Listing,
    *,
    base_only: bool = False,
) -> list[Place]:
    """Returns the first ones, the largest figure first, ties by key.

    `wanted` has both ends of its range; only its traces count.
    """
    if listing.order == LAST:
        return await _rank_by_last(warehouse, project, wanted, listing)
    base_only = base_only or listing.order == DURATION
    names = (listing.subject.dimension,)
    scoped = rollups.scope(project, wanted, names=names, base_only=base_only)
    columns, figure, kind = _figure(scoped, listing)
    sql = subjects_statement(scoped, listing.subject, columns, _ending(listing, figure, kind))
    answer = await warehouse.query(sql, rollups.values_of(scoped) | _values(listing))
    return [Place(row[1], row[0]) for row in answer.rows]


def subjects_statement(
    scoped: Scope, subject: Subject, columns: RollupColumns, ending: str = "GROUP BY subject"
) -> str:
    """Returns a statement that yields the key of each subject, and the columns."""
    key = f"{subject.key} AS subject"
    keyed = RollupColumns(
        flat=[key, *columns.flat],
        base=[key, *columns.base],
        rolled=[key, *columns.rolled],
        total=["subject", *columns.total],
        separate=("subject", *columns.separate),
    )
    scoped = scoped._replace(only=f"{scoped.only} AND {subject.is_set}")
    return rollups.statement(scoped, (), keyed, ending=ending)


def _figure(scoped: Scope, listing: Listing) -> tuple[RollupColumns, str, str]:
    """Returns what is added up, the figure over it with a name of its own last, and its type."""
    if listing.order == DURATION:
        first, last = (f"toUnixTimestamp64Micro({way}(t.timestamp))" for way in ("min", "max"))
        return RollupColumns([f"{last} - {first} AS s_figure"], [], [], []), "s_figure", "Int64"
    if listing.order == SESSIONS:
        session = ["session_hash AS session"]
        distinct = "uniqExactIf(session, session != 0) AS s_figure"
        flat = [f"{rollups.SESSIONS} AS s_figure"]
        columns = RollupColumns(flat, session, session, [distinct], separate=("session",))
        return columns, "s_figure", COUNT
    needed, figure, kind = ORDERS[listing.order]
    columns = rollups.sums(scoped, needed)
    if len(needed) == 1:
        return columns, figure, kind
    # Its parts are no columns of the answer: one figure follows the key.
    flat = [f"({' + '.join(part.rsplit(' AS ', 1)[0] for part in columns.flat)}) AS s_figure"]
    total = [f"({' + '.join(part.rsplit(' AS ', 1)[0] for part in columns.total)}) AS s_figure"]
    return columns._replace(flat=flat, total=total), "s_figure", kind


def _ending(listing: Listing, figure: str, kind: str) -> str:
    beyond = "" if listing.beyond is None else f"HAVING {_beyond(listing, figure, kind)}"
    return ENDING.replace("{beyond}", beyond).replace("{figure}", figure)


def _beyond(listing: Listing, figure: str, kind: str) -> str:
    text = BEYOND.replace("{figure}", figure).replace("{type}", kind)
    return text.replace("{key_type}", listing.subject.key_type)


def _values(listing: Listing) -> dict[str, Any]:
    values: dict[str, Any] = {"limit": listing.limit}
    if listing.beyond is not None:
        values |= {"place": listing.beyond.figure, "place_key": listing.beyond.key}
    return values


async def _rank_by_last(
    warehouse: Warehouse, project: ProjectContext, wanted: TraceFilter, listing: Listing
) -> list[Place]:
    """Looks at the newest rows first: those seen last are among them, and no rollup says when."""
    values = condition(project, wanted).values | _values(listing)
    for sample in SAMPLES:
        sql = _newest(project, wanted, listing, sample=SAMPLE)
        rows = (await warehouse.query(sql, values | {"sample": sample})).rows
        if not rows and listing.beyond is None:
            return []
        if rows and rows[0][3] < sample:
            return [Place(row[1], row[0]) for row in rows]
        # Of the last moment that was looked at there may be more.
        known = [row for row in rows if row[1] > row[2]]
        if len(known) == listing.limit:
            return [Place(row[1], row[0]) for row in known]
    rows = (await warehouse.query(_newest(project, wanted, listing, sample=""), values)).rows
    return [Place(row[1], row[0]) for row in rows]


def _newest(project: ProjectContext, wanted: TraceFilter, listing: Listing, *, sample: str) -> str:
    where, since, beyond, subject = condition(project, wanted).sql, "", "", listing.subject
    if listing.beyond is not None:
        since = f"{SEEN_SINCE}\n            AND {TO.replace('to_us', 'place')}"
        beyond = f"WHERE {_beyond(listing, 's_last', 'Int64')}"
    sql = NEWEST.replace("{since}", since).replace("{sample}", sample)
    sql = sql.replace("{beyond}", beyond).replace("{is_set}", subject.is_set)
    return sql.replace("{where}", where).replace("{key}", subject.key)
