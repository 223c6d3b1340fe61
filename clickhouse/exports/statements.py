"""The statements of an export: where its parts end, and the rows of one part in a format."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from clickhouse.exports.columns import Format, expression
from clickhouse.exports.tables import READ, WRITTEN, Exported
from clickhouse.queries.conditions import Condition
from schemas.projects import ProjectContext

Place = tuple[Any, ...]
"""The values of a table's key, as `WRITTEN` writes them: where a row stands among others."""
RECEIVED = "fromUnixTimestamp64Micro({NAME:Int64}, 'UTC')"
# Rows that are wanted, without their texts, in order, as many as a plan may look at.
PLAN = """
SELECT {outer}, count() AS rows, sum(size) AS bytes, any(part) AS part
FROM (
    SELECT
        *, intDiv(sum(size) OVER (ORDER BY {names} ROWS UNBOUNDED PRECEDING), {part_bytes:UInt64})
            AS part
    FROM (
        SELECT {written}, toUInt64({size}) + 200 AS size
        FROM {table} AS t {final}
        WHERE {where}
        ORDER BY {keys}
        LIMIT 1 BY {keys}
        LIMIT {limit:UInt32}
    )
)
GROUP BY part
ORDER BY part
"""
ROWS = """
SELECT {columns}
FROM {table} AS t {final}
WHERE {where}
ORDER BY {keys}
LIMIT 1 BY {keys}
"""
NONE = """
SELECT {columns}
FROM {table} AS t
WHERE {where} AND 0
"""
DAYS = """
SELECT toString(toDate({received}, 'UTC')) AS day, count()
FROM {table} AS t {final}
WHERE {where}
GROUP BY day
ORDER BY day
LIMIT 100000
"""


OF_PROJECT = "t.project_id = {project_id:String}"


class Wanted(Struct, frozen=True, kw_only=True):
    """The rows of an export."""

    project: ProjectContext
    table: Exported
    where: Condition | None = None
    """A list's own filters."""
    received_from_us: int | None = None
    """Only rows that came from then on."""
    received_before_us: int | None = None
    """Only rows that came before then."""
    format: Format = "jsonl"
    raw: bool = False
    """In CSV: leave what a spreadsheet may run as it is."""


class Within(NamedTuple):
    """A stretch of rows: those behind one place, up to another one."""

    after: Place | None = None
    upto: Place | None = None


def plan_sql(wanted: Wanted, within: Within) -> tuple[str, dict[str, Any]]:
    """Returns the statement that tells where parts of a stretch end."""
    keys = wanted.table.key
    names = [f"k{number}" for number in range(len(keys))]
    written = [
        f"{WRITTEN[key.form].replace('KEY', f't.`{key.name}`')} AS {name}"
        for key, name in zip(keys, names, strict=True)
    ]
    sql, values = _filled(PLAN, wanted, within)
    sql = sql.replace("{outer}", f"max(({', '.join(names)},)) AS place")
    sql = sql.replace("{names}", ", ".join(names)).replace("{written}", ", ".join(written))
    paths = [f"byteSize(t.`{one.name}`)" for one in wanted.table.columns if one.form == "paths"]
    return sql.replace("{size}", " + ".join([wanted.table.size, *paths])), values


def rows_sql(wanted: Wanted, within: Within | None) -> tuple[str, dict[str, Any]]:
    """Returns the statement for the rows of a stretch; for none, the one that gives no row."""
    template = NONE if within is None else ROWS
    sql, values = _filled(template, wanted, within or Within())
    return sql.replace("{columns}", columns_sql(wanted)), values


def days_sql(wanted: Wanted) -> tuple[str, dict[str, Any]]:
    """Returns the statement that counts the rows of each day of their receipt."""
    sql, values = _filled(DAYS, wanted, Within())
    return sql.replace("{received}", f"t.`{wanted.table.received}`"), values


def columns_sql(wanted: Wanted) -> str:
    """Returns the columns in the format: for JSONL one, whose text is the line."""
    columns, format = wanted.table.columns, wanted.format
    found = [expression(one, format, raw=wanted.raw) for one in columns]
    if format != "jsonl":
        return ",\n    ".join(found)
    pieces = [
        f"'{',' if number else '{'}\"{one.name}\":', {value}"
        for number, (one, value) in enumerate(zip(columns, found, strict=True))
    ]
    return "concat(" + ",\n    ".join(pieces) + r", '}\n')"


def _filled(template: str, wanted: Wanted, within: Within) -> tuple[str, dict[str, Any]]:
    parts = [OF_PROJECT]
    values: dict[str, Any] = {"project_id": wanted.project.project_id}
    if wanted.where is not None:
        parts.append(wanted.where.sql)
        values |= wanted.where.values
        # Whatever a filter binds, the project is ours.
        values["project_id"] = wanted.project.project_id
    received = f"t.`{wanted.table.received}`"
    for sign, name, moment in (
        (">=", "received_from", wanted.received_from_us),
        ("<", "received_before", wanted.received_before_us),
    ):
        if moment is not None:
            parts.append(f"{received} {sign} {RECEIVED.replace('NAME', name)}")
            values[name] = moment
    for beyond, name, place in ((True, "after", within.after), (False, "upto", within.upto)):
        if place is not None:
            parts.append(_placed(wanted.table, name, is_beyond=beyond))
            values |= {f"{name}_{number}": value for number, value in enumerate(place)}
    sql = template.replace("{table}", wanted.table.name)
    sql = sql.replace("{final}", "FINAL" if wanted.table.final else "")
    sql = sql.replace("{where}", "\n    AND ".join(f"({part})" for part in parts))
    return sql.replace("{keys}", ", ".join(f"t.`{key.name}`" for key in wanted.table.key)), values


def _placed(table: Exported, name: str, *, is_beyond: bool) -> str:
    """Returns the condition for rows behind a place, or up to it.

    Column by column: so the engine finds them by the table's key, as it does not for tuples.
    """
    terms: Sequence[tuple[str, str]] = [
        (f"t.`{key.name}`", READ[key.form].replace("NAME", f"{name}_{number}"))
        for number, key in enumerate(table.key)
    ]
    column, value = terms[-1]
    sql = f"{column} {'>' if is_beyond else '<='} {value}"
    sign = ">" if is_beyond else "<"
    for column, value in reversed(terms[:-1]):
        sql = f"{column} {sign} {value} OR {column} = {value} AND ({sql})"
    return sql
