"""Log records to read: `GET logs`, `logs/counts`, `logs/{id}`."""

import re
import time
from collections import Counter
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta

from api.dates import date_range
from api.declared import takes
from api.parameters import (
    InvalidParameters,
    Project,
    invalid,
    read,
    values_of,
)
from api.reads import reader_of
from api.rows import one
from api.search_terms import ATTRIBUTE, read_attributes
from api.time_zones import TimeZone, zone_of
from clickhouse.attribute_filters import Attribute
from clickhouse.client import Warehouse
from clickhouse.errors.log_filters import LogFilter, Named, Text
from clickhouse.errors.logs import Order, Place, StoredLog, count_levels, get_log, list_logs
from clickhouse.queries.periods import WIDTHS_US, Period, Periods
from clickhouse.queries.values import text_or_none
from schemas.described import describes
from schemas.errors.log_answers import LevelCounts, LogAnswer, LogCounts, LogList, LogMoment
from schemas.errors.severities import UNKNOWN, LogLevel, least_of
from schemas.projects import ProjectContext
from schemas.times import from_us, iso_ms
from schemas.zones import DAY_US, clock_of

USUAL_US = DAY_US
"""How long the range is where none is asked for."""
LONGEST_US = 400 * DAY_US
MOST_BUCKETS = 2_000
NAMED = {
    "environment": "environment",
    "release": "release",
    "logger": "logger",
    "service": "service",
    "server_name": "server",
    "user": "user",
    "span_id": "span",
}
"""Parameters, and what the filter calls them."""
CURSOR = re.compile(r"(-?\d{1,17})_(\d{1,10})_([\w.-]{1,100})", re.ASCII)
CURSOR_RULE = "Expected what a page before has given"
SearchText = Annotated[str, Meta(min_length=2, max_length=200)]


class LogQuery(TimeZone, frozen=True, kw_only=True):
    """Which records, by default those of the last 24 hours; an empty text is none."""

    date_from: str | None = None
    date_to: str | None = None
    level: LogLevel | None = None
    """At least this one."""
    trace_id: Annotated[str, Meta(max_length=128)] | None = None
    span_id: str | None = None
    environment: str | None = None
    release: str | None = None
    logger: str | None = None
    service: str | None = None
    server_name: str | None = None
    user: str | None = None
    q: SearchText | None = None
    """A text that stands in the body."""
    word: SearchText | None = None
    """Words that stand whole in the body."""


class LogPageQuery(LogQuery, frozen=True, kw_only=True):
    """Which page of them."""

    oldest_first: Literal["true", "false"] = "false"
    limit: Annotated[int, Meta(ge=1, le=500)] = 100
    cursor: Annotated[str, Meta(max_length=200)] | None = None


class LogCountQuery(LogQuery, frozen=True, kw_only=True):
    """In which buckets they are counted."""

    interval: Literal["minute", "hour", "day"] = "hour"


@get("/logs", opt={**takes(LogPageQuery, prefix=ATTRIBUTE), **describes(answer=LogList)})
async def list_log_records(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers log records with their attributes, newest first, in pages."""
    query = read(values_of(request), LogPageQuery)
    wanted = wanted_of(project, query, read_attributes(request, ATTRIBUTE))
    beyond = read_place(query.cursor, "cursor") if query.cursor else None
    order: Order = "oldest" if query.oldest_first == "true" else "newest"

    async def ask(warehouse: Warehouse) -> LogList:
        found = await list_logs(
            warehouse,
            project,
            wanted,
            limit=query.limit + 1,
            order=order,
            beyond=beyond,
        )
        page = found[: query.limit]
        return LogList(
            [answer_of(log) for log in page],
            iso_ms(wanted.from_us),
            iso_ms(wanted.to_us),
            written(page[-1].line.place) if len(found) > len(page) else None,
        )

    return await one(reader_of(request, project), ask)


@get("/logs/counts", opt={**takes(LogCountQuery, prefix=ATTRIBUTE), **describes(answer=LogCounts)})
async def count_log_records(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers how many log records there are over time, by level."""
    query = read(values_of(request), LogCountQuery)
    wanted = wanted_of(project, query, read_attributes(request, ATTRIBUTE))
    period: Period = query.interval
    if (wanted.to_us - wanted.from_us) // WIDTHS_US[period] >= MOST_BUCKETS:
        rule = f"Expected a range of at most {MOST_BUCKETS} of these, or a longer interval"
        raise invalid("interval", rule)

    async def ask(warehouse: Warehouse) -> LogCounts:
        found = await count_levels(warehouse, project, wanted, period)
        clock = clock_of(project.time_zone, wanted.from_us, wanted.to_us)
        periods = Periods(clock, period)
        moments, totals = [], Counter[str]()
        for key in periods.keys(wanted.from_us, wanted.to_us):
            counts = {level or UNKNOWN: n for level, n in found.get(periods.begin(key), {}).items()}
            totals.update(counts)
            moments.append(LogMoment(start=periods.label(key).start, **counts))
        whole = LevelCounts(**totals)
        return LogCounts(moments, whole, iso_ms(wanted.from_us), iso_ms(wanted.to_us))

    return await one(reader_of(request, project), ask)


@get("/logs/{log_id:str}", opt=describes(answer=LogAnswer))
async def get_log_record(
    request: Request[Any, Any, Any], project: Project, log_id: FromPath[str]
) -> Response[bytes]:
    """Answers one log record."""

    async def ask(warehouse: Warehouse) -> LogAnswer | None:
        found = await get_log(warehouse, project, log_id)
        return None if found is None else answer_of(found)

    return await one(reader_of(request, project), ask, missing="Log record not found")


def wanted_of(
    project: ProjectContext, query: LogQuery, attributes: tuple[Attribute, ...]
) -> LogFilter:
    """Returns the filter that a query names. Raises `InvalidParameters`."""
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    last = time.time_ns() // 1000 if last is None else last
    first = last - USUAL_US + 1 if first is None else first
    if first > last:
        raise InvalidParameters("date_from is after date_to")
    if last - first > LONGEST_US:
        raise invalid("date_from", f"Expected a range of at most {LONGEST_US // DAY_US} days")
    return filter_of(query, attributes, first, last)


def filter_of(
    query: LogQuery, attributes: tuple[Attribute, ...], first: int, last: int
) -> LogFilter:
    """Returns the filter that a query names, within a range."""
    return LogFilter(
        from_us=first,
        to_us=last,
        least_severity=least_of(query.level) if query.level else 0,
        trace_id=query.trace_id or None,
        named=tuple(
            Named(column, value)
            for parameter, column in NAMED.items()
            if (value := getattr(query, parameter))
        ),
        attributes=attributes,
        texts=(Text(query.q),) if query.q else (),
        words=(Text(query.word),) if query.word else (),
    )


def written(place: Place) -> str:
    """Writes where a page ends."""
    return f"{place.at_us}_{place.sequence}_{place.record_id}"


def read_place(text: str, name: str) -> Place:
    """Reads what `written` gave. Raises `InvalidParameters`."""
    match = CURSOR.fullmatch(text)
    if match is None or int(match[2]) >= 1 << 32:
        raise invalid(name, CURSOR_RULE)
    return Place(int(match[1]), int(match[2]), match[3])


def answer_of(log: StoredLog) -> LogAnswer:
    """Returns one record as it is answered."""
    line = log.line
    return LogAnswer(
        id=line.record_id,
        timestamp=_iso_us(line.at_us),
        level=line.level,
        severity=line.severity or None,
        severity_text=text_or_none(line.severity_text),
        body=line.body,
        trace_id=text_or_none(line.trace_id),
        span_id=text_or_none(line.span_id),
        logger=text_or_none(line.logger),
        environment=text_or_none(line.environment),
        release=text_or_none(line.release),
        service=text_or_none(line.service),
        server_name=text_or_none(line.server),
        platform=text_or_none(log.platform),
        sdk=text_or_none(log.sdk),
        user=text_or_none(log.user),
        observed_at=iso_ms(log.observed_at_us),
        received_at=iso_ms(log.received_at_us),
        problems=list(log.problems),
        attributes=log.attributes,
    )


def _iso_us(moment_us: int) -> str:
    return f"{from_us(moment_us):%Y-%m-%dT%H:%M:%S.%f}Z".rjust(27, "0")


HANDLERS = (list_log_records, count_log_records, get_log_record)
