"""When sessions or users were first and last seen: hours from a rollup, moments from rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from clickhouse.llm.filters import condition
from clickhouse.llm.rollups import RollupColumns, Scope
from clickhouse.llm.subjects import Subject
from clickhouse.llm.trace_lines import Place
from clickhouse.queries.hours import SPLIT, split_values
from schemas.zones import HOUR_US

ONLY = " AND {key} IN {subjects:Array({key_type})}"
# Only the hours of a first or a last call are read: one session may have millions of them.
SEEN = """
SELECT
    {key} AS subject,
    min(toUnixTimestamp64Micro(timestamp)),
    max(toUnixTimestamp64Micro(timestamp)),
    argMin(trace_id, (timestamp, trace_id))
FROM traces
WHERE {where}
    AND {hours}{only}
GROUP BY subject
LIMIT {limit:UInt32}
"""


class Sighting(NamedTuple):
    """Its first call, and when its last one began, in microseconds."""

    first: Place
    last_us: int


def restricted(scoped: Scope, subject: Subject) -> Scope:
    """Returns a scope of some subjects alone: `subjects` is to be bound to their keys."""
    only = ONLY.replace("{key_type}", subject.key_type).replace("{key}", subject.key)
    return scoped._replace(only=scoped.only + only)


def with_moments(columns: RollupColumns) -> RollupColumns:
    """Returns columns with two more, first and last moment; a rollup's are those of its hours."""
    for name, way in (("first", "min"), ("last", "max")):
        columns = columns._replace(
            flat=[*columns.flat, f"{way}(toUnixTimestamp64Micro(t.timestamp))"],
            base=[*columns.base, f"{way}(toUnixTimestamp64Micro(t.timestamp)) AS m_{name}"],
            rolled=[*columns.rolled, f"toUnixTimestamp64Micro(bucket) AS m_{name}"],
            total=[*columns.total, f"{way}(m_{name})"],
        )
    return columns


async def read_sightings(
    warehouse: Warehouse,
    scoped: Scope,
    subject: Subject,
    keys: Sequence[int] | Sequence[str],
    moments: Collection[int],
) -> Mapping[int | str, Sighting]:
    """Returns the first call and the last moment of each key.

    `moments` are those of `with_moments`, of all keys.
    """
    hours = tuple({moment - moment % HOUR_US for moment in moments})
    where = condition(scoped.project, scoped.wanted)
    only = ONLY.replace("{key_type}", subject.key_type).replace("{key}", subject.key)
    sql = SEEN.replace("{where}", where.sql).replace("{only}", only)
    sql = sql.replace("{hours}", SPLIT.replace("{time}", "timestamp"))
    values = where.values | split_values(hours)
    values |= {"subjects": keys, "limit": len(keys)}
    answer = await warehouse.query(sql.replace("{key}", subject.key), values)
    return {row[0]: Sighting(Place(row[1], row[3]), row[2]) for row in answer.rows}
