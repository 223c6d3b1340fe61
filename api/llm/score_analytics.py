"""Scores in numbers: `GET scores/analytics`."""

from typing import Annotated, Any

from litestar import Request, get
from litestar.response import Response
from msgspec import Meta
from msgspec.structs import replace

from api.dates import strict_range
from api.declared import takes
from api.llm.scores import ScoreNames, score_filter
from api.parameters import MOST_KEY_CHARS, Project, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import names_a_clock, on_clock_of
from clickhouse.client import Warehouse
from clickhouse.llm.score_sums import (
    DIMENSIONS,
    METADATA,
    MOST_NAMES,
    ScoreGrouping,
    spread_scores,
    sum_scores,
)
from clickhouse.queries.periods import WIDTHS_US
from schemas.described import describes
from schemas.issues import one_of
from schemas.llm.score_answers import ScoreAnalytics

MOST_DIMENSIONS = 4
PERIODS = ("hour", "day", "week", "month")
LONGEST_US = 200 * 366 * WIDTHS_US["day"]
"""Whose changes of the clock are looked up."""


class ScoreAnalyticsQuery(ScoreNames, frozen=True, kw_only=True):
    """Which scores, and how they are grouped."""

    date_from: str
    date_to: str
    group_by: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


@get("/scores/analytics", opt={**takes(ScoreAnalyticsQuery), **describes(answer=ScoreAnalytics)})
async def get_score_analytics(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers averages and distributions of scores by name, and groups where they are asked for."""
    values = values_of(request)
    query = read(values, ScoreAnalyticsQuery)
    clocked = on_clock_of(project, query)
    zone = clocked.time_zone if names_a_clock(clocked, query) else None
    first, last = strict_range(query.date_from, query.date_to, zone)
    if last - first > LONGEST_US:
        raise invalid("date_to", "Expected a range of at most 200 years")
    names = group_names(query.group_by)
    wanted = replace(score_filter(project, values, query), from_us=first, to_us=last)

    async def ask(warehouse: Warehouse) -> ScoreAnalytics:
        by_name = ScoreGrouping(limit=MOST_NAMES)
        every = await sum_scores(warehouse, clocked, wanted, by_name)
        spreads = await spread_scores(warehouse, clocked, wanted, every)
        grouping = ScoreGrouping(names, query.limit)
        groups = await sum_scores(warehouse, clocked, wanted, grouping) if names else []
        return ScoreAnalytics(every, spreads, groups, clocked.time_zone)

    return await one(reader_of(request, project), ask)


def group_names(text: str | None) -> tuple[str, ...]:
    """Reads `group_by`. Raises `InvalidParameters`."""
    if text is None:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if len(names) > MOST_DIMENSIONS:
        raise invalid("group_by", f"Expected at most {MOST_DIMENSIONS} names")
    known = (*PERIODS, *DIMENSIONS)
    for name in names:
        key = name.removeprefix(METADATA)
        if name not in known and (key == name or not key):
            raise invalid("group_by", f"Expected {one_of((*known, METADATA + '<key>'))}")
        if len(key) > MOST_KEY_CHARS:
            raise invalid("group_by", f"Expected a key of at most {MOST_KEY_CHARS} characters")
    return names


HANDLERS = (get_score_analytics,)
