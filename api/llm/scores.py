"""Scores to read: `GET scores`, `scores/{score_id}`, `traces/{trace_id}/scores`."""

import re
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.params import FromPath
from litestar.response import Response
from msgspec import Meta, Raw
from msgspec.structs import asdict

from api.dates import date_range
from api.declared import takes
from api.llm.scored import finite
from api.parameters import NothingFound, Project, Values, invalid, read, values_of
from api.reads import reader_of
from api.rows import one
from api.time_zones import TimeZone, zone_of
from clickhouse.client import Warehouse
from clickhouse.llm.score_filters import ScoreFilter
from clickhouse.llm.scores import ScoreLine, ScorePlace, find_score, has_trace, list_scores
from schemas.described import describes
from schemas.llm.score_answers import ScoreAnswer, ScoreList
from schemas.projects import ProjectContext
from schemas.times import iso_ms

CURSOR = re.compile(r"(-?\d{1,18})_([A-Za-z0-9_.:@=+~-]{1,200})", re.ASCII)
MOST_OF_TRACE = 200
Given = Annotated[str, Meta(min_length=1, max_length=512)]


class ScoreNames(TimeZone, frozen=True, kw_only=True):
    """What scores are narrowed by."""

    name: Given | None = None
    data_type: Literal["numeric", "categorical", "boolean", "text"] | None = None
    source: Given | None = None
    author: Given | None = None
    environment: Given | None = None
    value: Given | None = None
    min_value: str | None = None
    max_value: str | None = None
    trace_id: Given | None = None
    span_id: Given | None = None
    session_id: Given | None = None
    user_id: Given | None = None
    date_from: str | None = None
    date_to: str | None = None


class ScoreQuery(ScoreNames, frozen=True, kw_only=True):
    """Which scores; without a range, of all time."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: Annotated[str, Meta(max_length=240)] | None = None


@get("/scores", opt={**takes(ScoreQuery), **describes(answer=ScoreList)})
async def get_scores(request: Request[Any, Any, Any], project: Project) -> Response[bytes]:
    """Answers scores as they are now, newest first, in pages."""
    values = values_of(request)
    query = read(values, ScoreQuery)
    wanted = score_filter(project, values, query)
    beyond = None if query.cursor is None else _place(query.cursor)

    async def ask(warehouse: Warehouse) -> ScoreList:
        page = await list_scores(warehouse, project, wanted, limit=query.limit, beyond=beyond)
        cursor = None if page.end is None else f"{page.end.at_us}_{page.end.score_id}"
        return ScoreList([score_answer(line) for line in page.lines], cursor)

    return await one(reader_of(request, project), ask)


@get("/scores/{score_id:str}", opt=describes(answer=ScoreAnswer))
async def get_score(
    request: Request[Any, Any, Any], project: Project, score_id: FromPath[str]
) -> Response[bytes]:
    """Answers one score as it is now."""

    async def ask(warehouse: Warehouse) -> ScoreAnswer:
        line = await find_score(warehouse, project, score_id)
        if line is None:
            raise NothingFound("Score not found")
        return score_answer(line)

    return await one(reader_of(request, project), ask)


@get("/traces/{trace_id:str}/scores", opt=describes(answer=ScoreList))
async def get_scores_of_trace(
    request: Request[Any, Any, Any], project: Project, trace_id: FromPath[str]
) -> Response[bytes]:
    """Answers the newest scores of a trace, which need not be there yet."""

    async def ask(warehouse: Warehouse) -> ScoreList:
        wanted = ScoreFilter(trace_id=trace_id)
        lines = (await list_scores(warehouse, project, wanted, limit=MOST_OF_TRACE)).lines
        if not lines and not await has_trace(warehouse, project, trace_id):
            raise NothingFound("Trace not found")
        return ScoreList([score_answer(line) for line in lines])

    return await one(reader_of(request, project), ask)


def score_filter(project: ProjectContext, values: Values, query: ScoreNames) -> ScoreFilter:
    """Returns what a query asks for. Raises `InvalidParameters`."""
    first, last = date_range(query.date_from, query.date_to, zone_of(query, project.time_zone))
    shared = {
        name: value
        for name, value in asdict(query).items()
        if name in ScoreFilter.__struct_fields__
    }
    return ScoreFilter(
        **shared,
        from_us=first,
        to_us=last,
        text=query.value,
        least=finite(values, "min_value"),
        most=finite(values, "max_value"),
    )


def score_answer(line: ScoreLine) -> ScoreAnswer:
    """Returns a score as the API tells of it."""
    return ScoreAnswer(
        id=line.score_id,
        name=line.name,
        value=line.shown,
        data_type=line.data_type,
        source=line.source,
        timestamp=iso_ms(line.at_us),
        updated_at=iso_ms(line.version_us),
        received_at=iso_ms(line.received_at_us),
        trace_id=line.trace_id or None,
        span_id=line.span_id or None,
        session_id=line.session_id or None,
        user_id=line.user_id or None,
        author=line.author or None,
        environment=line.environment or None,
        comment=line.comment or None,
        metadata=Raw(line.metadata.encode()) if line.metadata else None,
    )


def _place(text: str) -> ScorePlace:
    match = CURSOR.fullmatch(text)
    if match is None:
        raise invalid("cursor", "Expected what a page before has given")
    return ScorePlace(int(match[1]), match[2])


HANDLERS = (get_scores, get_score, get_scores_of_trace)
