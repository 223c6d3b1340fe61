"""Which sessions, or which users, come first: by when they were last seen, or by a figure.

Pages of them follow each other: one goes on behind the place of the last one before it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm import rollups
from clickhouse.llm.filters import TO, TraceFilter, condition
from clickhouse.llm.rollups import RollupColumns, Scope
from schemas.projects import ProjectContext

LAST = "last"
FIRST = "first"
DURATION = "duration"
SESSIONS = "sessions"
BY_TIME: Mapping[str, str] = {
    LAST: "toUnixTimestamp64Micro(max(t.timestamp))",
    FIRST: "toUnixTimestamp64Micro(min(t.timestamp))",
    DURATION: "toUnixTimestamp64Micro(max(t.timestamp)) - toUnixTimestamp64Micro(min(t.timestamp))",
}
"""Figures that no rollup has: of moments it knows the hours."""
SAMPLES = (20_000, 1_000_000)
"""Newest rows that are looked at for those seen last, before all of the range are."""
COUNT, MONEY = "UInt128", "Decimal(38, 12)"
ORDERS: Mapping[str, tuple[tuple[str, ...], str, str]] = {
    "cost": (("counted",), "{counted}", MONEY),
    "calls": (("requests",), "{requests}", COUNT),
    "errors": (("errors",), "{errors}", COUNT),
    "tokens": (("input", "output"), "{input} + {output}", COUNT),
    "latency": (
        ("latency_ns", "requests"),
        "intDiv({latency_ns}, greatest(toUInt128({requests}), 1))",
        COUNT,
    ),
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


class Least(NamedTuple):
    """What a subject must come to, to be listed."""

    cost_usd: Decimal | None = None
    errors: int = 0

    @property
    def values(self) -> dict[str, Any]:
        """What its conditions bind."""
        bound: dict[str, Any] = {} if self.cost_usd is None else {"least_cost": self.cost_usd}
        return bound | ({"least_errors": self.errors} if self.errors else {})

    def conditions(self, scoped: Scope) -> list[str]:
        """Returns conditions over the sums of a subject, which has calls that are billed."""
        found = [] if scoped.table == "base" else [f"{_sum(scoped, 'requests')} != 0"]
        if self.cost_usd is not None:
            found.append(f"{_sum(scoped, 'counted')} >= {{least_cost:{MONEY}}}")
        if self.errors:
            found.append(f"{_sum(scoped, 'errors')} >= {{least_errors:UInt64}}")
        return found

    @property
    def needs(self) -> tuple[str, ...]:
        """The sums that it is about."""
        cost = () if self.cost_usd is None else ("counted",)
        return ("requests", *cost, *(("errors",) if self.errors else ()))


ANY = Least()


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
    least: Least = ANY


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
    if listing.order == LAST and listing.least == ANY:
        return await _rank_by_last(warehouse, project, wanted, listing)
    base_only = base_only or listing.order in BY_TIME
    names = (listing.subject.dimension,)
    scoped = rollups.scope(project, wanted, names=names, base_only=base_only)
    columns, figure, kind = _figure(scoped, listing)
    conditions = listing.least.conditions(scoped)
    if listing.beyond is not None:
        conditions.append(_beyond(listing, figure, kind))
    ending = ENDING.replace("{beyond}", having(conditions)).replace("{figure}", figure)
    sql = subjects_statement(scoped, listing.subject, columns, ending)
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


def having(conditions: Sequence[str]) -> str:
    """Returns the clause of these conditions over sums; none, no clause."""
    return f"HAVING {' AND '.join(conditions)}" if conditions else ""


def _figure(scoped: Scope, listing: Listing) -> tuple[RollupColumns, str, str]:
    """Returns what is added up, with the figure over it first, the name of that, and its type."""
    if figure := BY_TIME.get(listing.order):
        return RollupColumns([f"{figure} AS s_figure"], [], [], []), "s_figure", "Int64"
    if listing.order == SESSIONS:
        session = ["session_hash AS session"]
        distinct = "uniqExactIf(session, session != 0) AS s_figure"
        flat = [f"{rollups.SESSIONS} AS s_figure"]
        more = rollups.sums(scoped, listing.least.needs)
        columns = RollupColumns(
            flat,
            [*session, *more.base],
            [*session, *more.rolled],
            [distinct],
            separate=("session",),
        )
        return columns, "s_figure", COUNT
    needed, template, kind = ORDERS[listing.order]
    columns = rollups.sums(scoped, (*needed, *listing.least.needs))
    # Its parts are no columns of the answer: one figure follows the key.
    figure = template.format_map({name: _sum(scoped, name) for name in needed})
    shown = [f"{figure} AS s_figure"]
    return columns._replace(flat=shown, total=shown), "s_figure", kind


def _sum(scoped: Scope, name: str) -> str:
    """Returns the expression of one sum, over base rows or over both arms."""
    columns = rollups.sums(scoped, (name,))
    (column,) = columns.flat if scoped.table == "base" else columns.total
    return column.rsplit(" AS ", 1)[0]


def _beyond(listing: Listing, figure: str, kind: str) -> str:
    text = BEYOND.replace("{figure}", figure).replace("{type}", kind)
    return text.replace("{key_type}", listing.subject.key_type)


def _values(listing: Listing) -> dict[str, Any]:
    values: dict[str, Any] = {"limit": listing.limit, **listing.least.values}
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
