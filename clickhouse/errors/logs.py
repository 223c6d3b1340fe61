"""Log records: lines in pages, counts over time by level, one record whole, values to filter by."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from clickhouse.attribute_filters import attribute_sql
from clickhouse.client import Warehouse
from clickhouse.errors.log_filters import COLUMNS, LogFilter, condition
from clickhouse.errors.trace_links import AROUND_US, Between
from clickhouse.log_attributes import read_attributes, read_value
from clickhouse.queries.conditions import by_ids
from clickhouse.queries.parts import ONE_ROW
from clickhouse.queries.periods import Period, Periods, period_sql, period_values
from schemas.errors.severities import LogLevel, level_of
from schemas.projects import ProjectContext
from schemas.zones import clock_of

Order = Literal["newest", "oldest"]
MOST_LINES = 1_000
MOST_MOMENTS = 12_000
MOST_VALUES = 12
MOST_COUNTED = 1_000
"""Records of a trace: of more it is only said that they are more."""
MOST_LOOKED_AT = 300_000
"""Records, the newest, whose values are looked at."""
# As plain texts: the engine counts a name of a dictionary as the whole dictionary, which holds
# names of other projects too.
LINE = """record_id, toUnixTimestamp64Micro(timestamp), sequence, severity, severity_text::String,
    body, trace_id, span_id, logger::String, environment::String, release::String, service::String,
    server_name::String"""
REST = """platform::String, sdk::String, user_key, toUnixTimestamp64Micro(observed_at),
    toUnixTimestamp64Micro(received_at), problems, attributes::String"""
LINES = """
SELECT {columns}
FROM logs
WHERE {where}
ORDER BY timestamp {direction}, sequence {direction}, record_id {direction}
LIMIT {limit:UInt32}
"""
DIRECTIONS: Mapping[Order, str] = {"newest": "DESC", "oldest": "ASC"}
BEYOND = """
    AND timestamp {sign}= fromUnixTimestamp64Micro({place_us:Int64}, 'UTC')
    AND (timestamp, sequence, record_id) {sign} (
        fromUnixTimestamp64Micro({place_us:Int64}, 'UTC'), {place_sequence:UInt32},
        {place_id:String})"""
SIGNS: Mapping[Order, str] = {"newest": "<", "oldest": ">"}
COUNTS = """
SELECT {moment} AS moment, intDiv(severity + 3, 4) AS level, count()
FROM logs
WHERE {where}
GROUP BY moment, level
ORDER BY moment, level
LIMIT {limit:UInt32}
"""
OF_TRACE = """
SELECT count()
FROM (
    SELECT 1
    FROM logs
    WHERE {where}
    LIMIT {limit:UInt32}
)
"""
STORED = "SELECT count() FROM logs WHERE project_id = {project_id:String}"
VALUES = """
SELECT value, count() AS found
FROM (
    SELECT {column} AS value
    FROM logs
    WHERE {where}
    ORDER BY timestamp DESC
    LIMIT {most:UInt32}
)
WHERE value != '' AND positionCaseInsensitiveUTF8(value, {begun:String}) > 0
GROUP BY value
ORDER BY found DESC, value
LIMIT {limit:UInt32}
"""


class Place(NamedTuple):
    """Where a record stands among others: the cursor of a page."""

    at_us: int
    sequence: int
    record_id: str


class LogLine(Struct, frozen=True):
    """One record without its attributes. What is unset is the empty text."""

    record_id: str
    at_us: int
    sequence: int
    severity: int
    severity_text: str
    body: str
    trace_id: str
    span_id: str
    logger: str
    environment: str
    release: str
    service: str
    server: str

    @property
    def level(self) -> LogLevel | None:
        """How bad it is; `None` where nobody says."""
        return level_of(self.severity)

    @property
    def place(self) -> Place:
        """Where the next page begins."""
        return Place(self.at_us, self.sequence, self.record_id)


class StoredLog(Struct, frozen=True):
    """One record as it is stored."""

    line: LogLine
    platform: str
    sdk: str
    user: str
    observed_at_us: int
    received_at_us: int
    problems: tuple[str, ...]
    """What was cut or left out."""
    attributes: dict[str, Any]


async def list_lines(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: LogFilter,
    *,
    limit: int,
    order: Order = "newest",
    beyond: Place | None = None,
) -> list[LogLine]:
    """Returns the first matching records in an order; `beyond` and what is before are not."""
    rows = await _read(warehouse, project, wanted, LINE, limit, order, beyond)
    return [LogLine(*row) for row in rows]


async def list_logs(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: LogFilter,
    *,
    limit: int,
    order: Order = "newest",
    beyond: Place | None = None,
) -> list[StoredLog]:
    """Returns the same with their attributes."""
    rows = await _read(warehouse, project, wanted, f"{LINE}, {REST}", limit, order, beyond)
    return [_stored(row) for row in rows]


async def get_log(
    warehouse: Warehouse, project: ProjectContext, record_id: str
) -> StoredLog | None:
    """Returns one record, `None` when the project has none of that id."""
    where = by_ids(project, "record_id", [record_id])
    sql = f"\nSELECT {LINE}, {REST}\nFROM logs\nWHERE {where.sql}\nLIMIT 1\n"
    rows = (await warehouse.query(sql, where.values, as_bytes=(), **ONE_ROW)).rows
    return _stored(rows[0]) if rows else None


async def count_levels(
    warehouse: Warehouse, project: ProjectContext, wanted: LogFilter, period: Period
) -> dict[int, dict[LogLevel | None, int]]:
    """Returns how many records each bucket has by level, by the bucket's first moment."""
    clock = clock_of(project.time_zone, wanted.from_us, wanted.to_us)
    where = condition(project, wanted)
    sql = COUNTS.replace("{where}", where.sql)
    sql = sql.replace("{moment}", period_sql(period, clock, "timestamp"))
    values = {**where.values, **period_values(clock), "limit": MOST_MOMENTS}
    periods, found = Periods(clock, period), dict[int, dict[LogLevel | None, int]]()
    for key, level, count in (await warehouse.query(sql, values)).rows:
        # The number of a level is a fourth of its last severity.
        found.setdefault(periods.begin(key), {})[level_of(level * 4)] = count
    return found


async def count_of_trace(
    warehouse: Warehouse, project: ProjectContext, trace_id: str, between: Between
) -> int:
    """Returns how many records a trace has around a time, `MOST_COUNTED` at most."""
    if not trace_id:
        return 0
    wanted = LogFilter(
        from_us=between.first_us - AROUND_US,
        to_us=between.last_us + AROUND_US,
        trace_id=trace_id,
    )
    where = condition(project, wanted)
    sql = OF_TRACE.replace("{where}", where.sql)
    rows = (await warehouse.query(sql, {**where.values, "limit": MOST_COUNTED})).rows
    return int(rows[0][0])


async def count_stored(warehouse: Warehouse, project: ProjectContext) -> int:
    """Returns how many records a project has: from the index of its key, whatever their number."""
    answer = await warehouse.query(STORED, {"project_id": project.project_id})
    return int(answer.rows[0][0])


async def values_like(
    warehouse: Warehouse, project: ProjectContext, wanted: LogFilter, name: str, begun: str
) -> list[tuple[str, int]]:
    """Returns values that hold a text, and how many of the newest records have each, most first.

    `name` is one of `COLUMNS`, or `attr.<key>`.
    """
    is_attribute = name.startswith("attr.")
    column = attribute_sql(name[5:]) if is_attribute else f"{COLUMNS[name]}::String"
    where = condition(project, wanted)
    values = {**where.values, "begun": begun, "limit": MOST_VALUES, "most": MOST_LOOKED_AT}
    sql = VALUES.replace("{where}", where.sql).replace("{column}", column)
    rows = (await warehouse.query(sql, values)).rows
    if not is_attribute:
        return [(value, count) for value, count in rows]
    return [(as_text(read_value(value)), count) for value, count in rows]


def as_text(value: object) -> str:
    """Returns a value as people write it in a filter."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


async def _read(
    warehouse: Warehouse,
    project: ProjectContext,
    wanted: LogFilter,
    columns: str,
    limit: int,
    order: Order,
    beyond: Place | None,
) -> Sequence[Sequence[Any]]:
    where = condition(project, wanted)
    text, values = where.sql, {**where.values, "limit": min(limit, MOST_LINES)}
    if beyond is not None:
        text += BEYOND.replace("{sign}", SIGNS[order])
        values |= {
            "place_us": beyond.at_us,
            "place_sequence": beyond.sequence,
            "place_id": beyond.record_id,
        }
    sql = LINES.replace("{columns}", columns).replace("{where}", text)
    return (await warehouse.query(sql.replace("{direction}", DIRECTIONS[order]), values)).rows


def _stored(row: Sequence[Any]) -> StoredLog:
    *line, platform, sdk, user, observed, received, problems, attributes = row
    return StoredLog(
        LogLine(*line),
        platform,
        sdk,
        user,
        observed,
        received,
        tuple(problems),
        read_attributes(attributes),
    )
